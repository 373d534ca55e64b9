from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api.models import RunStatus

KNOWN = ["PENDING", "RUNNING", "COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]


def test_the_states_of_a_run_are_named_as_hex_names_them() -> None:
    assert [*RunStatus] == [*KNOWN, "UNKNOWN"]
    assert [RunStatus.of({"status": name}) for name in KNOWN] == KNOWN


@pytest.mark.parametrize("run", [{}, {"status": None}, {"status": "completed"}, {"status": "PONDERING"}, {"status": 1}])
def test_any_other_state_is_unknown_which_is_neither_an_end_nor_a_success(run: dict[str, Any]) -> None:
    status = RunStatus.of(run)
    assert status is RunStatus.UNKNOWN
    assert not status.is_terminal
    assert not status.is_success
