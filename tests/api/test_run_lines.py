from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.run_lines import in_seconds, is_named_in, link_to, name_run, status_line

URL = "https://app.hex.tech/acme/app/p/latest?runId=r"
RUN = {"projectId": "p", "runId": "r", "runUrl": URL, "traceId": "t"}


@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
@pytest.mark.parametrize("waited", [None, 70.0])
def test_the_last_line_of_a_wait_ends_with_the_url(status: str, waited: float | None) -> None:
    assert (
        status_line({**RUN, "status": status, "elapsedTime": 63_512}, waited) == f"Hex run {status} after 63.5 s: {URL}"
    )
    assert status_line({**RUN, "status": status}, waited) == f"Hex run {status}: {URL}"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_the_first_line_of_a_wait_ends_with_the_url_and_those_after_it_are_short(status: str) -> None:
    assert status_line({**RUN, "status": status}, None) == f"Hex run {status}: {URL}"
    assert status_line({**RUN, "status": status}, 60.4) == f"Hex run {status} after 60 s of waiting"


def test_a_run_without_a_url_is_named_by_its_ids() -> None:
    assert link_to({"projectId": "p", "runId": "r", "runUrl": None}) == "r of project p"


@pytest.mark.parametrize(("seconds", "text"), [(3, "3 s"), (17.26, "17.3 s"), (1_234_567.8, "1234567.8 s")])
def test_durations_are_in_seconds(seconds: float, text: str) -> None:
    assert in_seconds(seconds) == text


@pytest.mark.parametrize(
    ("message", "run", "named"),
    [
        ("It failed.", RUN, f"It failed. Trace id: t. Run: {URL}"),
        ("It failed. Trace id: u.", RUN, f"It failed. Trace id: u. Run: {URL}"),
        ("", {"projectId": "p", "runId": "r"}, "Run: r of project p"),
        ("It failed. Run: r of project p", RUN, f"It failed. Trace id: t. Run: {URL}"),
    ],
)
def test_a_run_is_named_at_the_end_of_a_message(message: str, run: dict[str, Any], named: str) -> None:
    error = HexError(message)
    name_run(error, run)
    assert str(error) == named


@pytest.mark.parametrize("run_id", ["r-1", "R-1"])
def test_a_message_names_a_run_by_its_url_or_by_its_id_if_the_url_is_not_known(run_id: str) -> None:
    url = "https://app.hex.tech/acme/app/p/latest?runId=r-1"
    by_path = "No response to GetRunStatus (GET /projects/p/runs/r-1)."
    assert is_named_in(f"It failed. Run: {url}", {"runId": run_id})
    assert is_named_in(f"It failed. Run: {url}", {"runId": run_id, "runUrl": url})
    assert is_named_in(by_path, {"runId": run_id})
    assert not is_named_in(by_path, {"runId": run_id, "runUrl": url})
