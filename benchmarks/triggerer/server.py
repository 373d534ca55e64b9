"""Both APIs over https in one process: the Hex emulator, and the call that the dbt Cloud provider's trigger needs.

``python -m benchmarks.triggerer`` starts it as a process. It prints one line, a :class:`Served` as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from hex_emulator.app import create_app
from hex_emulator.emulator import Emulator
from hex_emulator.run_plan import RunPlan
from hex_emulator.server import listen
from hex_emulator.workspace import Project, Token, Workspace

CONNECTIONS = 40
RUNS_EACH = 25
"""Hex's kernel limit of a user."""
COUNT = "/benchmark/requests"
_ENDLESS = RunPlan(timeline=(("RUNNING", None),))
_SUCCESS, _RUNNING = 10, 3
"""dbt Cloud's statuses of a run that has completed, and of one that is running."""


@dataclass
class Served:
    """The server's port and runs. Each run is ``(connection, project, run)``; only ``ended`` has ended."""

    port: int
    runs: list[tuple[int, str, str]]
    ended: tuple[int, str, str]


def token(connection: int) -> str:
    """Return the token of a connection. Its owner has no other token, so connections share no rate limit."""
    return f"hxtw_{connection:04d}"


def _workspace() -> Workspace:
    tokens = [
        Token(name=str(number), token=token(number), owner=f"{number}@example.com", scopes=("read", "run"))
        for number in range(CONNECTIONS)
    ]
    projects = [
        Project(id=f"{number:08x}-0000-4000-8000-000000000000", title=str(number), version=1, run_plan=_ENDLESS)
        for number in range(CONNECTIONS * RUNS_EACH)
    ]
    return Workspace(projects=tuple(projects), tokens=tuple(tokens))


def _start_runs(emulator: Emulator, same_project: bool) -> tuple[list[tuple[int, str, str]], tuple[int, str, str]]:
    """Start every connection's runs: all of one project, or each of another."""
    projects = emulator.workspace.projects
    runs = []
    for number in range(CONNECTIONS * RUNS_EACH):
        connection = number % CONNECTIONS
        project = projects[connection if same_project else number]
        runs.append((connection, project.id, emulator.start_run(project).id))
    ended = emulator.start_run(projects[0])
    ended.set_status("COMPLETED", emulator.clock.now())
    return runs, (0, projects[0].id, ended.id)


def _count(app: FastAPI) -> None:
    """Record the time, the client's port and the status of every request, and serve the counts of a time span."""
    seen: list[tuple[float, int, int]] = []

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        if request.client and request.url.path != COUNT:
            seen.append((time.time(), request.client.port, response.status_code))
        return response

    @app.get(COUNT)
    async def counted(since: float, until: float) -> dict[str, int]:
        found = [(port, status) for at, port, status in seen if since <= at < until]
        return {
            "requests": len(found),
            "sockets": len({port for port, _ in found}),
            "refused": sum(status != 200 for _, status in found),
        }


def main() -> None:
    certificate, same_project = Path(sys.argv[1]), sys.argv[2] == "one"
    emulator = create_app(_workspace())
    runs, ended = _start_runs(emulator.state.emulator, same_project)
    app = FastAPI()

    @app.get("/api/v2/accounts/{account_id}/runs/{run_id}/")
    async def dbt_run(account_id: int, run_id: int) -> dict[str, Any]:
        return {"data": {"id": run_id, "account_id": account_id, "status": _RUNNING if run_id else _SUCCESS}}

    _count(app)
    app.mount("", emulator)
    listening = listen("127.0.0.1", 0)
    print(json.dumps(asdict(Served(listening.getsockname()[1], runs, ended))), flush=True)
    config = uvicorn.Config(app, ssl_certfile=certificate, log_level="warning", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
