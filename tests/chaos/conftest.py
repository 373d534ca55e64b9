"""A real Airflow with retries, an emulator whose projects are one for each scenario, and a table of how they went."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports
from demo.postgres import postgres
from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import Project, Token, Workspace
from tests.chaos.scenario import Scenario

DAGS = Path(__file__).with_name("dags")
PROJECTS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(400)]
TOKENS = [
    Token(name=name, token=f"hxtw_{name}", owner="ada@example.com", scopes=("read", "run")) for name in ("old", "new")
]
SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "12",
    # What takes minutes by default takes seconds here.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "12",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
}
_rows: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how often each scenario of tests/chaos runs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenarios" in metafunc.fixturenames:
        metafunc.parametrize("round_", range(1, metafunc.config.getoption("--rounds") + 1))


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    projects = [Project(id=project, title=project[:8], version=1) for project in PROJECTS]
    with running(Workspace(projects=tuple(projects), tokens=tuple(TOKENS))) as control:
        control.no_limits()
        yield control


@pytest.fixture(scope="session")
def airflow(emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    folder = tmp_path_factory.mktemp("airflow")
    home = folder / "home"
    with (
        postgres(folder / "postgres") as database,
        local_airflow(home, [DAGS], Ports.free(), SETTINGS, database) as airflow,
    ):
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
    """Makes scenarios, each with a project of its own. Nothing may be left going in them that nobody watches."""
    emulator.clear_faults()
    made: list[Scenario] = []

    def make(*words: str) -> Scenario:
        name = re.sub(r"\W+", "-", "-".join([request.node.name.removeprefix("test_"), *words])).strip("-")
        made.append(Scenario(airflow, emulator, project=next(projects), name=name))
        return made[-1]

    yield make
    emulator.clear_faults()
    for scenario in made:
        scenario.let_go()
    for scenario in made:
        if scenario.dag_id:
            scenario.end()
            _rows.append(scenario.row())


@pytest.fixture
def scenario(scenarios: Callable[..., Scenario]) -> Scenario:
    return scenarios()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _rows:
        terminalreporter.section("scenarios")
        terminalreporter.write_line(
            "| scenario | attempts | runs started | left going | task | green without COMPLETED |"
        )
        terminalreporter.write_line("| --- | --- | --- | --- | --- | --- |")
        for row in _rows:
            terminalreporter.write_line(row)
