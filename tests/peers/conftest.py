"""The emulator with published clients of the Hex API, each unmodified and in a separate environment.

`make peers` builds `.envs/peers/` and runs these tests; `make test` does not. What each client can do:

| client | starts with inputs | polls | lists | cancels | paths |
| --- | --- | --- | --- | --- | --- |
| airflow-provider-hex 0.1.9 | yes | yes | no | yes | older |
| dagster-hex | yes | yes | projects, not runs | yes, but reports a failure | older; `projects` for projects |
| hex-api | yes | yes, but does not know ERRORED | runs and projects | yes | plural |
| paradime-io | text inputs | yes | projects, not runs | no | plural |
| prefect-hex | yes | yes, but cannot read a PENDING run | runs | yes | older; https only |

Schemathesis is not a client of Hex: it sends what `tests/openapi.yaml` allows, and what it forbids.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hex_emulator.client import Control
from hex_emulator.server import running
from tests.conftest import PROJECT
from tests.contract import check_request

ENVIRONMENTS = Path(__file__).parents[2] / ".envs" / "peers"

Process = subprocess.CompletedProcess[str]
Peer = Callable[..., Process]  # the fixture `peer`
Client = Callable[..., Process]  # the fixture `client`: the same for one peer and one emulator


@pytest.fixture(scope="session")
def _fast_emulator() -> Iterator[Control]:
    with running(speed=2) as control:
        yield control


@pytest.fixture
def emulator(_fast_emulator: Control) -> Iterator[Control]:
    """Return an emulator without runs, where a run takes 2.5 seconds, and check all requests against the reference."""
    _fast_emulator.reset()
    yield _fast_emulator
    for request in _fast_emulator.requests():
        path = _newer_path(request["path"])
        check_request(request["method"], path, request["query"], request["body"], request["headers"])


def _newer_path(path: str) -> str:
    """Return the path of the reference; older clients have ``/project/{id}/run``."""
    return re.sub(r"/project/([^/]+)/runs?\b", r"/projects/\1/runs", path)


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """Return a function that runs a program of a peer's environment in an empty folder."""

    def run(name: str, program: str, *arguments: str | Path, **variables: str) -> Process:
        folder = tmp_path_factory.mktemp(name)
        programs = ENVIRONMENTS / name / "bin"
        return subprocess.run(
            [programs / program, *arguments],
            cwd=folder,
            env={"PATH": f"{programs}{os.pathsep}{os.defpath}", "HOME": str(folder), "COLUMNS": "300", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


def output_of(process: Process) -> Any:
    """Return the JSON of a program's last line; fail if the program failed."""
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def next_run_never_ends(emulator: Control) -> None:
    """Make the next run go on until it is cancelled."""
    emulator.next_run(timeline=[("RUNNING", None)])


def ended_and_running(emulator: Control) -> tuple[str, str]:
    """Start two runs, one of which ends, and return their ids."""
    ended = emulator.start_run(PROJECT)
    emulator.clock(advance=60)
    next_run_never_ends(emulator)
    return ended["runId"], emulator.start_run(PROJECT)["runId"]


def assert_cancelled(emulator: Control) -> None:
    """Check that one run was started and cancelled, without any other request."""
    assert [request["call"] for request in emulator.requests()] == ["RunProject", "CancelRun"]
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]


def assert_run_and_polled(emulator: Control, inputs: dict[str, Any], status: str) -> None:
    """Check that one run of the project was started with these inputs, and polled until it had this status."""
    [run] = emulator.runs()
    assert (run["projectId"], run["inputs"], run["status"]) == (PROJECT, inputs, status)
    first, *polls = emulator.requests()
    assert (first["call"], first["status"], first["token"]) == ("RunProject", 201, "full")
    assert len(polls) >= 2
    assert {(poll["call"], poll["status"]) for poll in polls} == {("GetRunStatus", 200)}
    assert {poll["path"].rpartition("/")[2] for poll in polls} == {run["runId"]}
