"""A program with prefect-hex: ``run PROJECT INPUTS``, ``cancel PROJECT`` or ``list PROJECT [STATUS]``.

It prints JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from prefect import flow
from prefect_hex import HexCredentials
from prefect_hex import project as hex_project
from prefect_hex.models.project import ProjectRunStatus

CREDENTIALS = HexCredentials(domain=os.environ["HEX_DOMAIN"], token=os.environ["HEX_TOKEN"])


async def run(project: str, inputs: str) -> str:
    ended = await hex_project.trigger_project_run_and_wait_for_completion(
        project_id=project,
        hex_credentials=CREDENTIALS,
        input_params=json.loads(inputs),
        poll_frequency_seconds=1,
    )
    return str(ended.json(by_alias=True))


@flow
async def cancel(project: str) -> str:
    run = await hex_project.run_project(project, CREDENTIALS)
    await hex_project.cancel_run(project, run.run_id, CREDENTIALS)
    return json.dumps(run.run_id)


@flow
async def list_runs(project: str, status: str | None = None) -> str:
    wanted = ProjectRunStatus(status) if status else None
    page = await hex_project.get_project_runs(project, CREDENTIALS, status_filter=wanted)
    return str(page.json(by_alias=True))


if __name__ == "__main__":
    commands: dict[str, Callable[..., Any]] = {"run": run, "cancel": cancel, "list": list_runs}
    print(asyncio.run(commands[sys.argv[1]](*sys.argv[2:])))
