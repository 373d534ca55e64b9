"""What happens to a run, against the table in ``docs/reliability.md``, row by row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition, decide

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
TABLE = PAGE.split("\n## What happens to the run")[1].split("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in TABLE.splitlines() if line[:1] == "|"][2:]
NOT_ALLOWED = ", not allowed"
FINDS = {"yes": [True], "no": [False], "yes or no": [True, False]}

Case = tuple[Cause, AttemptStatus, bool, bool]
"""A cause, an attempt's status, whether a retry finds the run, and whether the cause allows a cancel."""


def values(cell: str) -> list[str]:
    return cell.replace(" or ", ", ").split(", ")


def cases(row: list[str]) -> Iterator[Case]:
    """The cases that a row stands for."""
    _, cause, attempt, finds, _ = row
    causes = [Cause(word) for word in values(cause.removesuffix(NOT_ALLOWED))]
    statuses = list(AttemptStatus) if attempt == "any" else [AttemptStatus(word) for word in values(attempt)]
    yield from itertools.product(causes, statuses, FINDS[finds], [not cause.endswith(NOT_ALLOWED)])


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_of_the_table_holds(row: list[str]) -> None:
    for cause, status, finds, allowed in cases(row):
        cancel_on = set(Cause) if allowed else set(Cause) - {cause}
        disposition = decide(cause, status, retry_finds_run=finds, cancel_on=cancel_on)
        assert disposition is Disposition(row[-1]), (cause, status, finds, allowed)


def test_the_table_has_a_row_for_each_case_in_which_a_cancel_is_allowed() -> None:
    covered = {case for row in ROWS for case in cases(row)}
    every = set(itertools.product(Cause, AttemptStatus, [True, False], [True]))
    assert every - covered == set()


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("status", AttemptStatus)
@pytest.mark.parametrize("finds", [True, False])
def test_a_cause_for_which_no_cancel_is_allowed_leaves_the_run_running(
    cause: Cause, status: AttemptStatus, finds: bool
) -> None:
    others = set(Cause) - {cause}
    assert decide(cause, status, retry_finds_run=finds, cancel_on=others) is Disposition.LEAVE_RUNNING
