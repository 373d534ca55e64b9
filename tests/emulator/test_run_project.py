"""RunProject."""

from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project, default_workspace
from tests.emulator.conftest import Start, error_text


def run_project(api: httpx.Client, project: Project, body: Any = None, **more: Any) -> httpx.Response:
    return api.post(f"/projects/{project.id}/runs", json=body, **more)


def test_a_run_starts_with_no_body_at_all(api: httpx.Client, revenue: Project, emulator: Control) -> None:
    response = run_project(api, revenue)
    assert response.status_code == 201
    assert emulator.runs()[0]["runId"] == response.json()["runId"]
    assert emulator.runs()[0]["inputs"] == {}


def test_the_response_has_the_urls_of_the_run(
    start: Start, api: httpx.Client, emulator: Control, revenue: Project
) -> None:
    run = start()
    assert run.keys() == {
        "projectId", "runId", "runUrl", "runStatusUrl", "traceId", "projectVersion", "notifications",
    }  # fmt: skip
    assert run["projectVersion"] == revenue.version
    assert run["runUrl"] == f"{emulator.url}/emulator/app/{revenue.id}/latest?runId={run['runId']}"
    assert api.get(run["runStatusUrl"]).json()["runId"] == run["runId"]


def test_the_run_has_the_inputs_of_the_request(start: Start, emulator: Control) -> None:
    inputs = {"as_of": "2026-03-31", "order_count": 12.5, "region": "Österreich"}
    start(inputParams=inputs)
    assert emulator.runs()[0]["inputs"] == inputs


def test_the_run_has_the_options_of_the_request(start: Start, emulator: Control) -> None:
    notification = {"type": "FAILURE", "includeSuccessScreenshot": False, "slackChannelIds": ["C1"]}
    start(notifications=[notification], useCachedSqlResults=False, viewId="view")
    kept = emulator.runs()[0]
    assert kept["notifications"] == [notification]
    assert (kept["useCachedSqlResults"], kept["updatePublishedResults"], kept["viewId"]) == (
        False,
        False,
        "view",
    )


def test_custom_inputs_are_silently_ignored_when_the_published_results_are_updated(
    start: Start, emulator: Control
) -> None:
    start(inputParams={"region": "EMEA", "unheard_of": 1}, updatePublishedResults=True)
    assert emulator.runs()[0]["inputs"] == {}
    assert emulator.runs()[0]["updatePublishedResults"] is True


def test_update_cache_means_fresh_sql_and_updated_results(start: Start, emulator: Control) -> None:
    start(updateCache=True)
    assert emulator.runs()[0]["useCachedSqlResults"] is False
    assert emulator.runs()[0]["updatePublishedResults"] is True


def test_with_custom_inputs_update_cache_does_not_update_results(start: Start, emulator: Control) -> None:
    start(updateCache=True, inputParams={"region": "EMEA"})
    assert emulator.runs()[0]["inputs"] == {"region": "EMEA"}
    assert emulator.runs()[0]["updatePublishedResults"] is False


def test_a_dry_run_has_the_same_response_but_makes_no_run(start: Start, api: httpx.Client, emulator: Control) -> None:
    run = start(dryRun=True)
    assert api.get(run["runStatusUrl"]).status_code == 404
    assert emulator.runs() == []


def test_a_dry_run_checks_the_inputs(api: httpx.Client, revenue: Project) -> None:
    body = {"dryRun": True, "inputParams": {"order_count": "many"}}
    assert run_project(api, revenue, body).status_code == 422


BAD_INPUTS = {"as_of": "soon", "order_count": ["many"], "region": "EMEA", "colour": "red"}


def test_rejected_inputs_are_named_in_the_older_form(api: httpx.Client, revenue: Project, emulator: Control) -> None:
    emulator.set_api("2025")
    response = run_project(api, revenue, {"inputParams": BAD_INPUTS})
    assert response.status_code == 422
    assert response.json().keys() == {"traceId", "invalid", "notFound"}
    assert response.json()["notFound"] == ["colour"]
    assert response.json()["invalid"] == [
        {"paramName": "as_of", "paramValue": '"soon"', "dataType": "DATE", "inputCellType": "DATE_INPUT"},
        {
            "paramName": "order_count",
            "paramValue": '["many"]',
            "dataType": "NUMBER",
            "inputCellType": "NUMERIC_INPUT",
        },
    ]
    assert emulator.runs() == []


def test_rejected_inputs_are_named_in_message_and_issues_of_the_moved_call(
    api: httpx.Client, revenue: Project, emulator: Control
) -> None:
    response = run_project(api, revenue, {"inputParams": BAD_INPUTS})
    assert response.status_code == 422
    assert response.json() == {
        "code": "UNPROCESSABLE_CONTENT",
        "message": "Invalid input parameters: as_of, order_count, colour",
        "issues": [
            {"message": 'as_of: "soon" is no DATE'},
            {"message": 'order_count: ["many"] is no NUMBER'},
            {"message": "colour: the project has no such input parameter"},
        ],
    }
    assert emulator.runs() == []


@pytest.mark.parametrize(
    ("title", "name", "good", "bad"),
    [
        ("Daily revenue", "as_of", "2026-01-31", "31/01/2026"),
        ("Daily revenue", "as_of", "2026-01-31T12:00:00Z", 20260131),
        ("Daily revenue", "order_count", 0, True),
        ("Daily revenue", "order_count", -1.5, "1"),
        ("Daily revenue", "region", "", None),
        ("Churn forecast", "model", "boosted", "guessed"),
        ("Churn forecast", "segments", [], "smb"),
        ("Churn forecast", "segments", ["smb", "mid"], ["smb", "tiny"]),
        ("Churn forecast", "refit", True, 1),
    ],
)
def test_each_input_accepts_only_its_kind_of_value(
    api: httpx.Client, title: str, name: str, good: Any, bad: Any
) -> None:
    project = default_workspace().project(title)
    assert run_project(api, project, {"inputParams": {name: good}}).status_code == 201
    response = run_project(api, project, {"inputParams": {name: bad}})
    assert response.status_code == 422
    assert [issue["message"].partition(":")[0] for issue in response.json()["issues"]] == [name]


def test_a_project_that_was_never_published_cannot_run(api: httpx.Client, draft: Project) -> None:
    response = run_project(api, draft)
    assert response.status_code == 422
    assert "published" in error_text(response)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"inputParams": {"order_count": NaN}}', "no JSON"),
        (b'{"inputParams": {"order_count": 1e999}}', "no JSON"),
        (b'{"inputParams": {"region": "\\ud800"}}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'"text"', "body"),
        (b'{"inputParams": []}', "inputParams"),
        (b'{"inputParams": null}', "inputParams"),
        (b'{"dryRun": 1}', "dryRun"),
        (b'{"useCachedSqlResults": null}', "useCachedSqlResults"),
        (b'{"viewId": 7}', "viewId"),
        (b'{"notifications": {}}', "notifications"),
        (b'{"notifications": [{"type": "ALL"}]}', "notifications.0.includeSuccessScreenshot"),
        (b'{"notifications": [{"type": "NEVER", "includeSuccessScreenshot": true}]}', "notifications.0.type"),
        (b'{"viewId": "view", "inputParams": {"region": "EMEA"}}', "viewId and inputParams"),
    ],
)
def test_a_malformed_body_is_rejected(
    api: httpx.Client, revenue: Project, emulator: Control, body: bytes, message: str
) -> None:
    path = f"/projects/{revenue.id}/runs"
    response = api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert message in error_text(response)
    assert emulator.runs() == []
    assert emulator.requests()[0]["status"] == 400


def test_a_body_without_the_content_type_of_json_is_rejected(api: httpx.Client, revenue: Project) -> None:
    response = api.post(f"/projects/{revenue.id}/runs", content=b"{}")
    assert response.status_code == 400
    assert "Content-Type" in error_text(response)


@pytest.mark.parametrize(
    "flag", ["dryRun", "updateCache", "updatePublishedResults", "useCachedSqlResults", "includeSuccessScreenshot"]
)
def test_only_the_older_call_takes_text_for_a_boolean(
    api: httpx.Client, revenue: Project, emulator: Control, flag: str
) -> None:
    body: dict[str, Any] = {flag: "false"}
    if flag == "includeSuccessScreenshot":
        body = {"notifications": [{"type": "ALL", flag: "false"}]}
    response = run_project(api, revenue, body)
    assert response.status_code == 400
    assert flag in error_text(response)
    emulator.set_api("2025")
    assert run_project(api, revenue, body).status_code == 201
    assert run_project(api, revenue, {"dryRun": "no"}).status_code == 400


def test_text_for_a_boolean_has_its_meaning(start: Start, emulator: Control) -> None:
    emulator.set_api("2025")
    start(dryRun="true")
    assert emulator.runs() == []
    start(dryRun="false", updatePublishedResults="true", useCachedSqlResults="false")
    [run] = emulator.runs()
    assert (run["updatePublishedResults"], run["useCachedSqlResults"]) == (True, False)


@pytest.mark.parametrize("field", ["inputs", "input_params"])
def test_only_the_older_call_rejects_a_field_that_it_does_not_know(
    api: httpx.Client, revenue: Project, emulator: Control, field: str
) -> None:
    assert run_project(api, revenue, {field: {"region": "EMEA"}}).status_code == 201
    assert emulator.runs()[0]["inputs"] == {}
    emulator.set_api("2025")
    response = run_project(api, revenue, {field: {"region": "EMEA"}})
    assert response.status_code == 400
    assert field in error_text(response)
