"""The record of a task's run in Airflow's task state store (3.3 and later), where the next attempt finds it.

The record is written before RunProject is sent, and updated when the run id is known, and when the run has ended.
See https://airflow.apache.org/docs/apache-airflow/stable/.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.api.start import StartRequest

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context

log = logging.getLogger(__name__)

KEY = "hex_run"
_EVEN_TIMEOUTS = (Exception, AirflowTaskTimeout)
"""What does not matter in an update of the record of a run that has ended: the task ends anyhow, and says how."""
_RUN_FIELDS = ("projectId", "runId", "runUrl", "traceId")


@dataclass(frozen=True)
class Record:
    """What an earlier attempt recorded: a request, then a run, then its success or failure.

    :param is_retry: whether this attempt is a retry of that one. If not, the task was cleared in between.
    :param project_id: the project that the request was for.
    :param request: the RunProject whose response was not recorded.
    :param run: the run.
    :param earlier_run_id: the run that was recorded before the request. It is not the run of the request.
    :param success: whether the attempt succeeded with the run.
    :param failure: how the run ended, if it did not complete.
    :param started_at: when the run was started, in epoch seconds; 0 if that is unknown.
    """

    is_retry: bool
    project_id: str | None = None
    request: StartRequest | None = None
    run: dict[str, Any] | None = None
    earlier_run_id: str | None = None
    success: bool = False
    failure: str | None = None
    started_at: float = 0.0


class RunStore:
    """This attempt's access to the record. Without a task state store, nothing is recorded or found.

    :param context: the task's context.
    :param durable: whether to use the task state store.
    :param has_run: whether the run is recorded already, as it is when a deferred task resumes.
    """

    def __init__(self, context: Context, *, durable: bool, has_run: bool = False) -> None:
        self._store: Any = context.get("task_state_store") if durable else None
        self._ti: Any = context["ti"]
        self._has_run = has_run
        self.earlier_run_id: str | None = None
        """The run that was recorded before this attempt's request. It is not the run of the request."""

    @property
    def is_available(self) -> bool:
        """Whether there is a task state store, and the task uses it."""
        return self._store is not None

    @property
    def has_run(self) -> bool:
        """Whether the record leads to the attempt's run: it names the run, or the request that started it."""
        return self.is_available and self._has_run

    def load(self) -> Record | None:
        """Return what an earlier attempt recorded, None if there is nothing."""
        data = self._get()
        if not isinstance(data, Mapping):
            return None
        request, run = data.get("request"), data.get("run")
        self._has_run = run is not None or request is not None
        earlier_run_id = request and request.get("earlier_run_id")
        self.earlier_run_id = run["runId"] if run else earlier_run_id
        return Record(
            is_retry=data.get("max_tries") == self._ti.max_tries,  # Airflow raises it on a clear, not on a retry
            project_id=request and request["project_id"],
            request=request and StartRequest(request["sent_at"], request["default_options"]),
            run=run,
            earlier_run_id=earlier_run_id,
            success=data.get("success", False),
            failure=data.get("failure"),
            started_at=data.get("started_at") or (request["sent_at"] if request else 0.0),
        )

    def record_request(self, project_id: str, request: StartRequest) -> None:
        """Record that a RunProject is about to be sent."""
        self._has_run = False
        values = {"sent_at": request.sent_at, "default_options": request.default_options}
        self._set(request={"project_id": project_id, **values, "earlier_run_id": self.earlier_run_id})

    def record_run(self, run: Mapping[str, Any], started_at: float = 0.0) -> None:
        """Record the task's run.

        :param run: the run.
        :param started_at: when it was started, in epoch seconds. Default: unknown.
        """
        self._set(run=_identity(run), started_at=started_at)
        self._has_run = True

    def record_success(self, run: Mapping[str, Any], started_at: float = 0.0) -> None:
        """Record that the attempt succeeds with its run: a retry takes its result if Airflow does not see the success.

        If that fails, the next attempt polls the run in any case.

        :param run: the run.
        :param started_at: when it was started, in epoch seconds. Default: unknown.
        """
        with self._logging_errors(_EVEN_TIMEOUTS):
            self._set(run=_identity(run), started_at=started_at, success=True)

    def record_failure(self, message: str) -> None:
        """Record that the run did not complete, and why. If that fails, the next attempt polls the run instead."""
        with self._logging_errors(_EVEN_TIMEOUTS):
            self._set(failure=message)

    def delete(self) -> None:
        """Delete the record, because no run was started, or none that the next attempt could find."""
        with self._logging_errors():
            if self.is_available:
                self._store.delete(KEY)

    def is_visible(self) -> bool:
        """Whether Airflow still shows the record to this attempt, as it does to a task's latest attempt only."""
        return self._get() is not None

    def _get(self) -> Any:
        return self._store.get(KEY) if self.is_available else None

    def _set(self, **what: Any) -> None:
        if self.is_available:
            self._store.set(KEY, {"max_tries": self._ti.max_tries, **what})

    @contextmanager
    def _logging_errors(self, errors: tuple[type[BaseException], ...] = (Exception,)) -> Iterator[None]:
        try:
            yield
        except errors as error:
            log.warning("The record of the Hex run could not be updated in Airflow's task state store: %s", error)


def _identity(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a run that are recorded."""
    return {name: run[name] for name in _RUN_FIELDS if run.get(name) is not None}
