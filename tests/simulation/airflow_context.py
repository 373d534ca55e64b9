"""What Airflow gives a process: its task instance, the task state store, and responses to its questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.comms import GetTaskStates, GetXCom, TaskStatesResult, XComResult

from airflow_provider_hex.triggers.run_xcom import RUN_ID
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
        self.next_method: str | None = None
        self.trigger_timeout: datetime | None = None

    def xcom_push(self, key: str, value: Any) -> None:
        self._airflow.seen.append(str(value))
        self._io(f"push XCom {key}", lambda: self._push(key, value))

    def _push(self, key: str, value: Any) -> None:
        self._airflow.xcoms[key] = value
        if key == RUN_ID and self._attempt.recorded_run is None:
            self._attempt.recorded_run, self._attempt.recorded_at = value, self._airflow.world.now

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self._io(f"get XCom {key}", lambda: self._airflow.xcoms.get(key))

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        """Return when a sensor was first rescheduled, or None (``task_reschedules.get_start_date``)."""
        first = self._attempt.rescheduled_at
        return None if first is None else datetime.fromtimestamp(first, UTC)

    @property
    def start_date(self) -> datetime:
        """When a process of the attempt first began. Airflow 2 keeps it over deferrals and reschedules."""
        return datetime.fromtimestamp(self._attempt.began, UTC)


class Supervisor:
    """What a process asks Airflow for: ``SUPERVISOR_COMMS``, the seam that Airflow's own tests use."""

    def __init__(self, airflow: Airflow, attempt: Attempt, io: Callable[..., Any]) -> None:
        self._airflow = airflow
        self._attempt = attempt
        self._io = io

    def send(self, msg: Any) -> Any:
        """Return the response to a message."""
        if isinstance(msg, GetTaskStates):
            return TaskStatesResult(task_states={TaskInstance.run_id: {TaskInstance.task_id: self.state()}})
        assert isinstance(msg, GetXCom)
        return XComResult(key=msg.key, value=self._io(f"get XCom {msg.key}", lambda: self._airflow.xcoms.get(msg.key)))

    def state(self) -> str:
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
            self._attempt.deleted_record = True
        else:
            self._airflow.records[key] = text
            self._attempt.recorded_at = self._airflow.world.now
            if "failure" in json.loads(text):
                self._attempt.gave_up = self._attempt.recorded_run
            self._attempt.recorded_run = (json.loads(text).get("run") or {}).get("runId") or self._attempt.recorded_run
