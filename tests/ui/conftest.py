"""A real Airflow with the example DAGs and an emulator, and Debian's Chromium to see them with."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from demo.emulator import token_for_airflow
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports
from demo.shop import EXAMPLE_DAGS, dbt_environment
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.server import running
from tests.ui.pages import WITHIN, AirflowPages, TaskRun

NO_CHROMIUM = "There is no chromium on the PATH. On Debian and Ubuntu, install it with: apt install chromium"
A_DAY = 24 * 60 * 60.0
# Airflow keeps in the browser how wide a user has made the grid. By default it has no room for three DAG runs.
GRID_IS_WIDE = """
const layout = {"details-panel,main-panel": {expandToSizes: {}, layout: [27, 73]}};
localStorage.setItem("react-resizable-panels:grid-ltr", JSON.stringify(layout));
"""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium. Playwright's own browsers are downloads that are not needed."""
    found = shutil.which("chromium")
    if found is None:
        pytest.exit(NO_CHROMIUM, returncode=1)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Airflow is on this machine: a proxy from the environment cannot reach it.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-proxy-server"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page(browser: Browser) -> Page:
    """One tab for all tests, so that Airflow's scripts are loaded once."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720},
        color_scheme="light",
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
    )
    context.set_default_timeout(WITHIN * 1000)
    context.add_init_script(GRID_IS_WIDE)
    return context.new_page()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    """An emulator in which all runs go on until a test sets their status."""
    with running() as control:
        control.next_run(pending=2, running=A_DAY, times=100)
        yield control


@pytest.fixture(scope="session")
def airflow(chromium: str, emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """An Airflow with the example DAGs, connected to the emulator."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dbt").mkdir()
    with local_airflow(folder / "home", [EXAMPLE_DAGS], Ports.free(), dbt_environment(folder / "dbt")) as airflow:
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=token_for_airflow())
        airflow.api.create_pool("hex_kernels", 25)
        yield airflow


@pytest.fixture(scope="session")
def pages(airflow: LocalAirflow, page: Page) -> AirflowPages:
    return AirflowPages(page, airflow.url)


@dataclass(frozen=True)
class Runs:
    """Starts DAG runs, and ends their Hex runs."""

    airflow: LocalAirflow
    hex: Control

    def start(self, dag_id: str, dag_run_id: str, task_id: str, state: str = "deferred") -> TaskRun:
        """Trigger the DAG, and wait until the task, which waits for a run, is in this state."""
        self.airflow.wait_for_dag(dag_id)
        earlier = {run["runId"] for run in self.hex.runs()}
        self.airflow.api.trigger(dag_id, dag_run_id)
        self.wait_for_state(dag_id, dag_run_id, task_id, state)
        (run,) = (run for run in self.hex.runs() if run["runId"] not in earlier)
        return TaskRun(dag_id, dag_run_id, task_id, run["runId"], run["runUrl"])

    def start_mapped(self, dag_id: str, dag_run_id: str, task_id: str, regions: Sequence[str]) -> dict[str, TaskRun]:
        """Trigger the DAG, and wait until each instance of the task is deferred. Returns those of each region."""
        self.airflow.wait_for_dag(dag_id)
        self.airflow.api.trigger(dag_id, dag_run_id)
        for index in range(len(regions)):
            self.wait_for_state(dag_id, dag_run_id, f"{task_id}[{index}]", "deferred")
        found = {run["inputs"]["region"]: run for run in self.hex.runs() if "region" in run["inputs"]}
        return {
            region: TaskRun(dag_id, dag_run_id, task_id, found[region]["runId"], found[region]["runUrl"], index)
            for index, region in enumerate(regions)
        }

    def end(self, task: TaskRun, status: str, state: str) -> None:
        """End the task's Hex run, and wait until the task is in this state."""
        self.hex.set_status(task.hex_run_id, status)
        self.wait_for_state(task.dag_id, task.dag_run_id, task.task_id, state)

    def wait_for_state(self, dag_id: str, dag_run_id: str, task_id: str, state: str) -> None:
        def reached() -> bool | None:
            self.airflow.processes.check()
            return self.airflow.api.task_states(dag_id, dag_run_id).get(task_id) == state or None

        wait_for(f"{task_id} of {dag_id}: {state}", reached, WITHIN)


@pytest.fixture(scope="session")
def runs(airflow: LocalAirflow, emulator: Control) -> Runs:
    return Runs(airflow, emulator)


@pytest.fixture(scope="session")
def failed_sensor(runs: Runs) -> TaskRun:
    """The sensor of the demo's DAG, whose Hex run has failed; another DAG run has succeeded before."""
    for name, status, state, report in (
        ("demo_1", "COMPLETED", "success", "success"),
        ("demo_2", "ERRORED", "failed", "upstream_failed"),
    ):
        task = runs.start("hex_after_dbt", name, "wait_for_hex_run")
        runs.end(task, status, state)
        runs.wait_for_state(task.dag_id, task.dag_run_id, "report", report)
    return task


@pytest.fixture(scope="session")
def deferred_sensor(runs: Runs, failed_sensor: TaskRun) -> TaskRun:
    """The same sensor in a third DAG run, deferred."""
    return runs.start(failed_sensor.dag_id, "demo_3", failed_sensor.task_id)


@pytest.fixture(scope="session")
def deferred_operator(runs: Runs) -> TaskRun:
    return runs.start("hex_refresh", "deferred", "refresh_dashboard")


@pytest.fixture(scope="session")
def completed_operator(runs: Runs) -> TaskRun:
    """An operator that has waited in the triggerer for a run that has completed."""
    task = runs.start("hex_refresh", "completed", "refresh_dashboard")
    runs.end(task, "COMPLETED", "success")
    return task
