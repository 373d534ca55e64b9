"""What names a run."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.run_reference import check_unrendered_run, to_run
from tests.api.calls import PROJECT, RUN, UNRESOLVED
from tests.api.project_urls import titled

URL = f"https://app.hex.tech/acme/app/{PROJECT}/latest?runId={RUN}"
OTHER = "019eb848-2e32-77f8-991b-aaa5018c75b4"


@pytest.mark.parametrize(
    ("project_id", "run", "project"),
    [
        (PROJECT, RUN, PROJECT),
        (titled(PROJECT), RUN, titled(PROJECT)),
        (None, URL, URL),
        (OTHER, URL, URL),
        (None, {"projectId": PROJECT, "runId": RUN, "runUrl": URL}, PROJECT),
        (OTHER, {"projectId": PROJECT, "runId": RUN}, PROJECT),
        (OTHER, {"runId": RUN}, OTHER),
    ],
)
def test_a_run_is_named_by_ids_or_its_url_or_what_hex_returned(project_id: Any, run: Any, project: str) -> None:
    assert to_run(project_id, run) == (project, RUN)
    check_unrendered_run(project_id, run)


@pytest.mark.parametrize(
    ("project_id", "run", "message"),
    [
        (None, RUN, "project_id is missing. It is needed with a run_id"),
        (None, {"runId": RUN}, "project_id is missing. It is needed with a run_id"),
        (None, {"projectId": PROJECT}, "run_id is None, which is not an id"),
        (PROJECT, "latest", "run_id is 'latest', which is not an id"),
        (PROJECT, titled(PROJECT), "run_id is 'https"),
        (PROJECT, None, "run_id is None"),
        ("revenue", RUN, "project_id is 'revenue'"),
    ],
)
def test_what_names_no_run_is_rejected(project_id: Any, run: Any, message: str) -> None:
    for check in (to_run, check_unrendered_run):
        with pytest.raises(HexInvalidInput, match=f"^{re.escape(message)}"):
            check(project_id, run)


@pytest.mark.parametrize("template", ["{{ params.x }}", UNRESOLVED])
def test_what_airflow_has_yet_to_resolve_is_not_checked_before(template: Any) -> None:
    for project_id, run in ((None, template), (PROJECT, template), (template, RUN), (template, URL), (template, {})):
        check_unrendered_run(project_id, run)
    with pytest.raises(HexInvalidInput, match="project_id is 'revenue'"):
        check_unrendered_run("revenue", template)
    with pytest.raises(HexInvalidInput, match="run_id is 'latest'"):
        check_unrendered_run(template, "latest")
