"""The connection form and the link *Hex run* in the UI of Airflow 2.11."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from demo.emulator import token_for_airflow
from demo.local_airflow import LocalAirflow
from demo.ports import Ports
from demo.postgres import postgres
from demo.shop import CHECKOUT, EXAMPLE_DAGS
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.chaos.airflow_2 import USER, AirflowApi2, local_airflow_2
from tests.ui.pages import WITHIN

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

PYTHON = CHECKOUT / ".envs" / "airflow-2.11" / "bin" / "python"
DAG, TASK = "hex_refresh", "refresh_dashboard"
AUTH_BACKENDS = (
    "airflow.api.auth.backend.session",  # Airflow's default. The form calls the REST API with it.
    "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
)
VARIABLES = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled", "AIRFLOW__API__AUTH_BACKENDS": ",".join(AUTH_BACKENDS)}


@pytest.fixture(scope="module")
def airflow_2(chromium: str, emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    folder = tmp_path_factory.mktemp("airflow_2")
    (folder / "dags").mkdir()
    shutil.copy(EXAMPLE_DAGS / f"{DAG}.py", folder / "dags")
    with (
        postgres(folder / "postgres") as database,
        local_airflow_2(folder / "home", folder / "dags", Ports.free(), database, VARIABLES, str(PYTHON)) as airflow,
    ):
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=token_for_airflow())
        yield airflow


@pytest.fixture(scope="module")
def page_2(airflow_2: LocalAirflow, page: Page) -> Page:
    """The tab, with a user who has logged in."""
    assert isinstance(airflow_2.api, AirflowApi2)
    page.goto(f"{airflow_2.url}/login/")
    page.locator("input[name=username]").fill(USER)
    page.locator("input[name=password]").fill(airflow_2.api.password)
    page.locator("input[type=submit]").click()
    expect(page.get_by_text("DAGs", exact=True).first).to_be_visible()
    return page


def test_the_form_has_only_the_fields_that_mean_something_to_hex(airflow_2: LocalAirflow, page_2: Page) -> None:
    page_2.goto(f"{airflow_2.url}/connection/add")
    page_2.evaluate("$('#conn_type').val('hex').trigger('change')")
    expect(page_2.locator("label[for=password]")).to_have_text("API token")
    expect(page_2.locator("label[for=host]")).to_have_text("Base URL")
    expect(page_2.locator("#host")).to_have_attribute("placeholder", "https://app.hex.tech")
    expect(page_2.locator("#extra__hex__read_timeout")).to_be_visible()
    for hidden in ("login", "schema", "extra"):
        expect(page_2.locator(f"#{hidden}")).to_be_hidden()


def test_a_connection_can_be_tested_in_the_form(airflow_2: LocalAirflow, page_2: Page, emulator: Control) -> None:
    page_2.goto(f"{airflow_2.url}/connection/add")
    page_2.evaluate("$('#conn_type').val('hex').trigger('change')")
    fields = {"conn_id": "hex_form", "host": emulator.url, "password": token_for_airflow()}
    for name, value in fields.items():
        page_2.locator(f"#{name}").fill(value)
    page_2.locator("#extra__hex__read_timeout").fill("20")
    page_2.locator("#test-connection").click()
    expect(page_2.get_by_text("belongs to ada@example.com").first).to_be_visible()


def test_a_deferred_operator_links_to_its_run(airflow_2: LocalAirflow, page_2: Page, emulator: Control) -> None:
    airflow_2.wait_for_dag(DAG)
    airflow_2.api.trigger(DAG, "by_hand")

    def url() -> str | None:
        airflow_2.processes.check()
        deferred = airflow_2.api.task_states(DAG, "by_hand").get(TASK) == "deferred"
        return airflow_2.api.xcom(DAG, "by_hand", TASK, "run_url") if deferred else None

    expected = wait_for("a deferred task", url, WITHIN)
    page_2.goto(f"{airflow_2.url}/dags/{DAG}/grid?dag_run_id=by_hand&task_id={TASK}")
    expect(page_2.get_by_role("link", name="Hex run")).to_have_attribute("href", expected)
