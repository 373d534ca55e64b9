"""A real Airflow, an emulator with a project for each scenario, and a table of the scenarios' outcomes."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import HOST, Ports
from demo.postgres import postgres
from hex_emulator.client import Control
from hex_emulator.inputs import Input
from hex_emulator.server import running
from hex_emulator.workspace import Project, Token, Workspace
from tests.chaos.airflow_2 import local_airflow_2
from tests.chaos.gate import EXECUTION_API, Gate
from tests.chaos.scenario import Scenario
from tests.transports.servers import serving

if AIRFLOW_V_3_3_PLUS:
    from tests.chaos.replay import environment
    from tests.chaos.sample import sample

DAGS = Path(__file__).with_name("dags")
PROJECTS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(400)]
STORIES = 200
TOKENS = [
    Token(name=name, token=f"hxtw_{name}", owner="ada@example.com", scopes=("read", "run"))
    for name in ("old", "new", *(f"story-{number}-{attempt}" for number in range(STORIES) for attempt in range(1, 6)))
]
SETTINGS_3 = {
    "AIRFLOW__CORE__PARALLELISM": "12",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # after 5 s, the default, a busy machine fails tasks by itself
    # What takes minutes by default takes seconds here, though more than a busy machine delays a heartbeat.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
}
_summaries: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how often each scenario of tests/chaos runs")
    parser.addoption("--stories", type=int, default=20, help="how many stories of the simulation are replayed")
    parser.addoption("--seed", type=int, default=1, help="chooses those stories")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenarios" in metafunc.fixturenames:
        metafunc.parametrize("round_", range(1, metafunc.config.getoption("--rounds") + 1))
    if "story" in metafunc.fixturenames:
        stories = sample(metafunc.config.getoption("--seed"), metafunc.config.getoption("--stories"))
        metafunc.parametrize("story", stories, ids=str)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    inputs = (Input(name="a", cell="NUMERIC_INPUT", default=0),)
    projects = [Project(id=project, title=project[:8], version=1, inputs=inputs) for project in PROJECTS]
    with running(Workspace(projects=tuple(projects), tokens=tuple(TOKENS))) as control:
        control.no_limits()
        yield control


@pytest.fixture(scope="session")
def ports() -> Ports:
    return Ports.free()


@pytest.fixture(scope="session")
def gate(emulator: Control, ports: Ports) -> Iterator[Gate]:
    with serving(Gate(f"http://{HOST}:{ports.airflow}", emulator.url)) as gate:
        yield gate


@pytest.fixture(scope="session")
def airflow(
    emulator: Control, ports: Ports, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """The Airflow that is installed here: 3, whose workers send their requests to the gate, or 2.11."""
    folder = tmp_path_factory.mktemp("airflow")
    home = folder / "home"
    with ExitStack() as stack:
        database = stack.enter_context(postgres(folder / "postgres"))
        if AIRFLOW_V_3_0_PLUS:
            settings = SETTINGS_3 | {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{gate.url}{EXECUTION_API}"}
            if AIRFLOW_V_3_3_PLUS:
                settings |= environment()
            airflow = stack.enter_context(local_airflow(home, [DAGS], ports, settings, database))
        else:
            airflow = stack.enter_context(local_airflow_2(home, DAGS, ports, database))
        (home / "holds").mkdir()
        extra = '{"requests_per_minute": 600, "start_grace": 2}'
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=TOKENS[0].token, extra=extra)
        yield airflow


@pytest.fixture(scope="session")
def projects() -> Iterator[str]:
    return iter(PROJECTS)


@pytest.fixture
def scenarios(
    airflow: LocalAirflow, emulator: Control, projects: Iterator[str], round_: int, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Scenario]]:
    """Creates scenarios, each with a new project, and checks at the end what holds for all of them."""
    emulator.clear_faults()
    created: list[Scenario] = []

    def create(*words: str) -> Scenario:
        name = re.sub(r"\W+", "-", "-".join([request.node.name.removeprefix("test_"), *words])).strip("-")
        created.append(Scenario(airflow, emulator, project=next(projects), name=name))
        return created[-1]

    yield create
    emulator.clear_faults()
    for scenario in created:
        scenario.unhold()
    for scenario in created:
        if scenario.dag_id:
            scenario.check_end()
            _summaries.append(scenario.summary())


@pytest.fixture
def scenario(scenarios: Callable[..., Scenario]) -> Scenario:
    return scenarios()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _summaries:
        terminalreporter.section("scenarios")
        terminalreporter.write_line(
            "| scenario | attempts | runs started | left running | task | succeeded without COMPLETED |"
        )
        terminalreporter.write_line("| --- | --- | --- | --- | --- | --- |")
        for summary in _summaries:
            terminalreporter.write_line(summary)
