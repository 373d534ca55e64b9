"""What Airflow gives a task: its task instance, and the task state store."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.simulation.airflow_rules import Attempt

if TYPE_CHECKING:
    from tests.simulation.airflow_model import Airflow


class TaskInstance:
    """The task instance, as one process sees it."""

    task_id, map_index, dag_id, run_id = "run", -1, "dag", "manual"

    def __init__(self, airflow: Airflow, attempt: Attempt, io: Callable[..., Any]) -> None:
        self._airflow = airflow
        self._attempt = attempt
        self._io = io
        self.try_number, self.max_tries = attempt.number, attempt.max_tries

    def xcom_push(self, key: str, value: Any) -> None:
        self._airflow.seen.append(str(value))
        self._io(f"push XCom {key}", lambda: self._airflow.xcoms.__setitem__(key, value))

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.xcom_of(key)

    def xcom_of(self, key: str) -> Any:
        return self._io(f"get XCom {key}", lambda: self._airflow.xcoms.get(key))

    def state_of(self) -> str | None:
        """A task that is cleared and waits to be scheduled has no state or ``up_for_retry``."""
        self._attempt.asks_since = self._airflow.world.now
        return str(self._io("get the task's state", self._state))

    def _state(self) -> str:
        self._attempt.asked_at = self._airflow.world.now
        return self._airflow.state


class Store:
    """The task state store. It shows the record to the latest attempt only, and rejects writes of others (observed)."""

    def __init__(self, airflow: Airflow, attempt: Attempt, io: Callable[..., Any]) -> None:
        self._airflow = airflow
        self._attempt = attempt
        self._io = io

    def get(self, key: str, default: Any = None) -> Any:
        text = self._io("get the record", lambda: self._airflow.records.get(key) if self._is_latest else None)
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        text = json.dumps(value, allow_nan=False)
        self._airflow.seen.append(text)
        what = next(name for name in ("failure", "run", "request") if name in value)
        self._io(f"record the {what}", lambda: self._set(key, text))

    def delete(self, key: str) -> None:
        self._io("delete the record", lambda: self._set(key, None))

    @property
    def _is_latest(self) -> bool:
        return self._airflow.current is self._attempt

    def _set(self, key: str, text: str | None) -> None:
        if not self._is_latest:
            raise RuntimeError("This attempt is not the latest one.")
        if text is None:
            self._airflow.records.pop(key, None)
        else:
            self._airflow.records[key] = text
            self._attempt.recorded_at = self._airflow.world.now
            if "failure" in json.loads(text):
                self._attempt.gave_up = self._attempt.recorded_run
            self._attempt.recorded_run = (json.loads(text).get("run") or {}).get("runId") or self._attempt.recorded_run
