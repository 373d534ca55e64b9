from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api.models import RunStatus

KNOWN = ["PENDING", "RUNNING", "COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]


def test_the_statuses_have_hexs_names() -> None:
    assert [*RunStatus] == [*KNOWN, "UNKNOWN"]
    assert [RunStatus.of({"status": name}) for name in KNOWN] == KNOWN


@pytest.mark.parametrize("run", [{}, {"status": None}, {"status": "completed"}, {"status": "PONDERING"}, {"status": 1}])
def test_any_other_status_is_unknown_and_neither_terminal_nor_a_success(run: dict[str, Any]) -> None:
    status = RunStatus.of(run)
    assert status is RunStatus.UNKNOWN
    assert not status.is_terminal
    assert not status.is_success
