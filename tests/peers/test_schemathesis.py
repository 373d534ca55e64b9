"""Schemathesis sends what Hex's reference allows, and what it forbids, to an emulator without limits."""

from pathlib import Path

from hex_emulator.server import running
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Peer

HERE = Path(__file__).parent
REFERENCE = HERE.parent / "openapi.yaml"


def test_schemathesis_finds_no_failure(peer: Peer) -> None:
    with running(speed=10) as emulator:
        emulator.no_limits()
        completed = emulator.start_run(PROJECT)["runId"]
        emulator.clock(advance=60)
        emulator.next_run(timeline=[("RUNNING", None)], times=1_000_000)  # so that it can be cancelled at any time
        sent = peer(
            "schemathesis",
            "schemathesis",
            *("--config-file", HERE / "schemathesis.toml", "run", REFERENCE),
            *("--url", f"{emulator.url}/api", "--header", f"Authorization: Bearer {TOKENS['full']}"),
            *("--max-examples", "100", "--seed", "1", "--generation-database", "none"),
            COMPLETED_RUN=completed,
            PYTHONPATH=str(HERE),
            SCHEMATHESIS_HOOKS="schemathesis_hooks",
        )
        assert sent.returncode == 0, sent.stdout + sent.stderr
        # A call whose responses were all errors would not have been tested.
        assert {request["call"] for request in emulator.requests() if request["status"] in (200, 201, 204)} == {
            "Me",
            "ListProjects",
            "GetProject",
            "GetQueriedTables",
            "RunProject",
            "GetProjectRuns",
            "GetRunStatus",
            "CancelRun",
            "GetChartImageFromRun",
            "ListCells",
        }
