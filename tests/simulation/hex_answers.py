"""How Hex may answer a request, or fail to."""

from __future__ import annotations

from dataclasses import dataclass

LATE_RESPONSE = 20.0
ANSWERS = [
    "Hex responds",
    "lost before it reaches Hex",
    "the response is lost",
    "the response is late",
    "429",
    "500, nothing done",
]
START_ANSWERS = [*ANSWERS, "503, no kernel", "500, but done", "lost, and takes effect late"]
CANCEL_ANSWERS = [*ANSWERS, "500, but done"]
LIST_ANSWERS = [*ANSWERS, "the newest runs are missing"]
REJECTED = "401, as the token was revoked for a moment"
POLL_ANSWERS = [*ANSWERS, REJECTED]
NOT_SHOWN = "404, as Hex does not show it yet"
HIDDEN_FOR = 20.0
"""Seconds for which Hex may not show a new run to GetRunStatus and CancelRun."""
REFUSALS: dict[str, tuple[int, dict[str, str], dict[str, str]]] = {
    "429": (429, {"reason": "slow down"}, {"Retry-After": "7"}),
    "503, no kernel": (503, {"reason": "no kernel"}, {}),
    "500, nothing done": (500, {"reason": "sorry"}, {}),
    REJECTED: (401, {"reason": "no such token"}, {}),
    NOT_SHOWN: (404, {"reason": "no such run"}, {}),
}


@dataclass(frozen=True)
class Answer:
    """How Hex answered a request.

    :param at: when.
    :param by: the attempt that sent the request.
    :param name: the operation.
    :param path: the request's path.
    :param answer: the answer.
    """

    at: float
    by: int
    name: str
    path: str
    answer: str

    @property
    def is_bad(self) -> bool:
        return self.answer != ANSWERS[0]

    @property
    def lasts(self) -> float:
        """Seconds until the answer arrives, beyond the usual."""
        return LATE_RESPONSE if self.answer == "the response is late" else 0.0
