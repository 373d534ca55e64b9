"""The emulator, tried by clients of the Hex API that others wrote, each unmodified and in an environment of its own.

`make peers` builds `.envs/peers/` and runs these tests; `make test` does not. What each client can do:

| client | starts with inputs | follows | lists | cancels | paths |
| --- | --- | --- | --- | --- | --- |
| airflow-provider-hex 0.1.9 | yes | yes | no | yes | older |
| dagster-hex | yes | yes | projects, not runs | yes, but sees a failure | older; `projects` for projects |
| hex-api | yes | yes, but never sees ERRORED | runs and projects | yes | plural |
| paradime-io | text inputs | yes | projects, not runs | no | plural |
| prefect-hex | yes | yes, but cannot read a PENDING run | runs | yes | older; https only |

Schemathesis is no client of Hex: it sends whatever `tests/openapi.yaml` allows and forbids.
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
Peer = Callable[..., Process]  # what the fixture `peer` is
Ask = Callable[..., Process]  # the same for one peer and one emulator


@pytest.fixture(scope="session")
def _fast_emulator() -> Iterator[Control]:
    with running(speed=2) as control:
        yield control


@pytest.fixture
def emulator(_fast_emulator: Control) -> Iterator[Control]:
    """The emulator, fresh; a run takes two seconds. What the clients send must be in the reference."""
    _fast_emulator.reset()
    yield _fast_emulator
    for request in _fast_emulator.requests():
        check_request(request["method"], _in_plural(request["path"]), request["query"], request["body"])


def _in_plural(path: str) -> str:
    """The path by which the reference knows it; older clients say `/project/{id}/run`."""
    return re.sub(r"/project/([^/]+)/runs?\b", r"/projects/\1/runs", path)


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """Runs a program of the peer's environment to its end, in an empty folder, with few variables but these."""

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
            timeout=120,
        )

    return run


def answer(process: Process) -> Any:
    """What a program says in its last line, in JSON, when all is well."""
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def never_ending(emulator: Control) -> None:
    """The next run goes on until somebody cancels it."""
    emulator.next_run(timeline=[("RUNNING", None)])


def ended_and_running(emulator: Control) -> tuple[str, str]:
    """The ids of two runs of the project that somebody else started, one of which has ended."""
    ended = emulator.start_run(PROJECT)
    emulator.clock(advance=60)
    never_ending(emulator)
    return ended["runId"], emulator.start_run(PROJECT)["runId"]


def assert_cancelled(emulator: Control) -> None:
    """One run was started and cancelled, and nothing else asked."""
    assert [request["call"] for request in emulator.requests()] == ["RunProject", "CancelRun"]
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]


def assert_followed(emulator: Control, inputs: dict[str, Any], status: str) -> None:
    """One run of the project was started with these inputs, and asked for until it was seen to end so."""
    [run] = emulator.runs()
    assert (run["projectId"], run["inputs"], run["status"]) == (PROJECT, inputs, status)
    first, *looks = emulator.requests()
    assert (first["call"], first["status"], first["token"]) == ("RunProject", 201, "full")
    assert len(looks) >= 2
    assert {(look["call"], look["status"]) for look in looks} == {("GetRunStatus", 200)}
    assert {look["path"].rpartition("/")[2] for look in looks} == {run["runId"]}
