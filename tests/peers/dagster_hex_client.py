"""A program with dagster-hex: ``run PROJECT INPUTS``, ``cancel PROJECT``, ``projects`` or ``details PROJECT``.

It prints JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from dagster import job
from dagster_hex.ops import hex_project_op
from dagster_hex.resources import HexResource, hex_resource

ACCESS = {"api_key": os.environ["HEX_TOKEN"], "base_url": os.environ["HEX_URL"]}


def run(project: str, inputs: str) -> dict[str, Any]:
    """Run the example of the package's README: a job with the op and the resource."""
    run_hex = hex_project_op.configured(
        {"project_id": project, "inputs": json.loads(inputs), "poll_interval": 0.5}, name="run_hex"
    )

    @job(resource_defs={"hex": hex_resource.configured(ACCESS)})
    def refresh() -> None:
        run_hex()

    output = refresh.execute_in_process().output_for_node("run_hex")
    return dict(output.status_response)


def cancel(project: str) -> Any:
    resource = HexResource(**ACCESS)
    run = resource.run_project(project)
    return resource.cancel_run(project, run["runId"])


def projects() -> Any:
    return HexResource(**ACCESS).get_all_projects()


def details(project: str) -> Any:
    return HexResource(**ACCESS).get_project_details(project)


if __name__ == "__main__":
    commands: dict[str, Callable[..., Any]] = {"run": run, "cancel": cancel, "projects": projects, "details": details}
    print(json.dumps(commands[sys.argv[1]](*sys.argv[2:])))
