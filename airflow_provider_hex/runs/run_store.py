"""What an attempt of a task leaves for the next one: its run, in Airflow's task state store (3.3 and later).

Before RunProject goes out, that it does; then the run, from the moment that it is known; then that it is over, if it
ended badly, or nothing. So whatever attempt comes next finds the run, however this one ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api.start import StartRequest
from airflow_provider_hex.version_compat import state_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

KEY = "hex_run"
_NAMES_OF_A_RUN = ("projectId", "runId", "runUrl", "traceId")
_KILLED = {"failed", "success", "skipped", "upstream_failed", "removed", "restarting"}
"""The states of a task whose process a user ends; ``restarting`` is that of one that is cleared while it runs."""
_ASK_WITHIN = 1.5
"""Seconds that Airflow has to answer; 5 s after asking a process to end it ends it."""


@dataclass(frozen=True)
class Left:
    """What the attempt before left: a run, or that it asked for one, or how its run ended.

    :param retried: whether the present attempt is a retry of it. After a clear it is not, and shares nothing with it.
    :param asked_for: the project that it asked to run.
    """

    retried: bool
    run: dict[str, Any] | None
    asked: StartRequest | None
    asked_for: str | None
    over: str | None


class RunStore:
    """The present attempt's note of its run. Without a store it keeps nothing, and finds nothing.

    :param context: the task's.
    :param durable: whether to use the store, where Airflow has one.
    :param has_run: whether this attempt has noted its run already, before it was deferred.
    """

    def __init__(self, context: Context, durable: bool, has_run: bool = False) -> None:
        self._ti: Any = context["ti"]
        self._store: Any = context.get("task_state_store") if durable else None
        self._has_run = has_run

    @property
    def is_kept(self) -> bool:
        """Whether there is a store."""
        return self._store is not None

    @property
    def has_next_attempt(self) -> bool:
        """Whether the task has an attempt left if this one fails, and that finds what is noted here."""
        return self.is_kept and bool(self._ti.try_number <= self._ti.max_tries)

    @property
    def will_be_found(self) -> bool:
        """Whether a next attempt finds the run."""
        return self._has_run and self.has_next_attempt

    def left(self) -> Left | None:
        """Return what the attempt before left, None if nothing."""
        note = self._store.get(KEY) if self.is_kept else None
        if not isinstance(note, Mapping):
            return None
        run, asked = note.get("run"), note.get("asked")
        self._has_run = run is not None
        return Left(
            # A clear raises max_tries, a retry does not.
            retried=note.get("max_tries") == self._ti.max_tries,
            run=run,
            asked=None if asked is None else StartRequest(asked["at"], asked["default_options"]),
            asked_for=None if asked is None else asked.get("project_id"),
            over=note.get("over"),
        )

    def asks(self, project_id: str, asked: StartRequest | None) -> None:
        """Note that a RunProject goes out; None when it is certain that it started no run."""
        if asked is None:
            self.drop()
        else:
            self._note(asked={"project_id": project_id, "at": asked.at, "default_options": asked.default_options})
            self._has_run = False

    def took(self, run: Mapping[str, Any]) -> None:
        """Note that this run is the task's own."""
        self._note(run={name: run[name] for name in _NAMES_OF_A_RUN if run.get(name) is not None})
        self._has_run = True

    def ended(self, how: str) -> None:
        """Note that the run is over, and not well. If that fails, the next attempt finds out by itself."""
        with self._forgiving():
            self._note(over=how)

    def drop(self) -> None:
        """Note nothing more, so that the task's next attempt starts afresh. If that fails, it finds out by itself."""
        with self._forgiving():
            if self.is_kept:
                self._store.delete(KEY)

    def is_wanted(self) -> bool:
        """Whether the task is still this attempt's, as far as can be known: nobody has ended or cleared it."""
        try:
            return state_of(self._ti) not in _KILLED and (not self.is_kept or self._is_mine())
        except Exception as error:
            log.warning("Whether the task is still wanted is not known: %s", error)
            return True

    def is_another_attempts(self, *, timed_out: bool = False, at_once: bool = False) -> bool:
        """Whether another attempt watches the run, or will, though this one has to let go of it.

        :param timed_out: whether that is why: then a next attempt that is yet to come does not count.
        :param at_once: whether to raise if Airflow is slow, instead of saying that none does.
        :raises TimeoutError: it is.
        """
        if not self._has_run or not self.is_kept:
            return False
        try:
            state, is_mine = _in_time(lambda: (state_of(self._ti), self._is_mine()))
        except TimeoutError:
            if at_once:
                raise
            return False
        except Exception:  # Airflow does not answer, so nobody has ended the task through it
            state, is_mine = None, True
        if state in _KILLED:
            return False
        return not is_mine or (self.has_next_attempt and not timed_out)

    def _is_mine(self) -> bool:
        # Airflow gives each attempt an id of its own, and shows the store's notes to the present one alone.
        return self._store.get(KEY) is not None

    def _note(self, **what: Any) -> None:
        if self.is_kept:
            self._store.set(KEY, {"max_tries": self._ti.max_tries, **what})

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            log.warning("Airflow's task state store does not take a note: %s", error)


def _in_time(ask: Callable[[], tuple[str | None, bool]]) -> tuple[str | None, bool]:
    """Return what ``ask`` returns, from another thread: a signal may have interrupted this one while it asked Airflow.

    :raises TimeoutError: it did, or Airflow is slow.
    """
    answers: list[tuple[str | None, bool]] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_ASK_WITHIN)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]
