"""What to do about the previous attempt's run: every combination of what the decision depends on."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.runs.recovery import Recovery, decide

REATTACH, CANCEL_AND_START, START = Recovery.REATTACH, Recovery.CANCEL_AND_START, Recovery.START

RUNS: dict[str, dict[str, Any] | None] = {
    **{status: {"runId": "r", "status": status} for status in RunStatus if status is not RunStatus.UNKNOWN},
    "unknown to the provider": {"runId": "r", "status": "PONDERING"},
    "not known, because Hex does not respond": {"runId": "r"},
    "gone": None,
}
NOT_ENDED = {"PENDING", "RUNNING", "unknown to the provider", "not known, because Hex does not respond"}
FAILED = {"ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"}
COLUMNS = [NOT_ENDED, {"COMPLETED"}, FAILED, {"gone"}]

TABLE = {
    # is_retry, same_project, wait_for_completion: if it has not ended, has completed, has failed, is gone
    (True, True, True): (REATTACH, REATTACH, START, CANCEL_AND_START),
    (True, True, False): (REATTACH, REATTACH, START, CANCEL_AND_START),
    (True, False, True): (CANCEL_AND_START, START, START, CANCEL_AND_START),
    (True, False, False): (START, START, START, START),
    (False, True, True): (CANCEL_AND_START, START, START, CANCEL_AND_START),
    (False, True, False): (START, START, START, START),
    (False, False, True): (CANCEL_AND_START, START, START, CANCEL_AND_START),
    (False, False, False): (START, START, START, START),
}


@pytest.mark.parametrize(("is_retry", "same_project", "wait_for_completion"), TABLE)
@pytest.mark.parametrize("status", RUNS)
def test_the_decision(status: str, is_retry: bool, same_project: bool, wait_for_completion: bool) -> None:
    (column,) = (number for number, statuses in enumerate(COLUMNS) if status in statuses)
    action = decide(RUNS[status], is_retry=is_retry, same_project=same_project, wait_for_completion=wait_for_completion)
    assert action is TABLE[is_retry, same_project, wait_for_completion][column]


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(product([True, False], repeat=3))
    assert set(RUNS) == set().union(*COLUMNS)
