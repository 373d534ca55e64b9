"""The web pages."""

from collections.abc import Iterator

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=False) as client:
        yield client


def test_a_run_url_leads_to_a_page_that_needs_no_token(
    browser: httpx.Client, start: Start, emulator: Control, revenue: Project
) -> None:
    run = start(inputParams={"region": "Nordics"})
    emulator.clock(advance=2)
    page = browser.get(run["runUrl"])
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    for text in (revenue.title, run["runId"], run["traceId"], "RUNNING", "PENDING", "Nordics", "order_count"):
        assert text in page.text
    assert "COMPLETED" not in page.text.partition("<main>")[2]


def test_the_page_refreshes_itself_until_the_run_has_ended(
    browser: httpx.Client, start: Start, emulator: Control
) -> None:
    url = start()["runUrl"]
    assert 'http-equiv="refresh"' in browser.get(url).text
    emulator.clock(advance=60)
    assert 'http-equiv="refresh"' not in browser.get(url).text


def test_the_page_loads_nothing_from_elsewhere(browser: httpx.Client, start: Start) -> None:
    text = browser.get(start()["runUrl"]).text
    assert not [word for word in ("src=", "<link", "<script", "url(", "@import") if word in text]


def test_all_values_on_a_page_are_escaped(
    browser: httpx.Client, start: Start, emulator: Control, revenue: Project
) -> None:
    evil = "<script>alert('1')</script>"
    run = start(inputParams={"region": evil})
    emulator.set_status(run["runId"], evil)
    url = f"{emulator.url}/emulator/app/{revenue.id}/latest"
    for page in (
        browser.get(run["runUrl"]),
        browser.get(emulator.url),
        browser.get(url, params={"runId": evil}),
    ):
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text


def test_an_unknown_run_has_no_page(browser: httpx.Client, start: Start, health: Project) -> None:
    run = start()
    assert browser.get(run["runUrl"].replace(run["runId"], "x")).status_code == 404
    assert browser.get(run["runUrl"].replace(run["projectId"], health.id)).status_code == 404


def test_the_first_page_links_to_the_runs(browser: httpx.Client, start: Start, emulator: Control) -> None:
    run = start()
    text = browser.get(emulator.url).text
    assert f'href="{run["runUrl"]}"' in text
    for project in emulator.workspace().projects:
        assert project.title in text


def test_urls_have_the_host_of_the_request(
    browser: httpx.Client, start: Start, api: httpx.Client, revenue: Project
) -> None:
    response = api.post(f"/projects/{revenue.id}/runs", headers={"Host": "hex.internal:99"})
    assert response.json()["runUrl"].startswith("http://hex.internal:99/emulator/app/")
    assert response.json()["runStatusUrl"].startswith("http://hex.internal:99/api/v1/projects/")
