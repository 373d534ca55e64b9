"""The hook calls Hex's API from ordinary Python tasks: which projects failed, and a chart of a completed run.

The hook waits for Hex's rate limits by itself, and its errors fail the task with what to do in the message.
"""

from pathlib import Path

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task

from airflow_provider_hex.hooks.hex import HexHook

HEX_PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"


@dag(schedule=None, tags=["hex"], doc_md=__doc__)
def hex_report() -> None:
    @task
    def failed_projects(category: str) -> list[str]:
        hook = HexHook()
        failed = []
        for project in hook.list_projects(categories=[category]):
            newest = next(hook.get_project_runs(project["id"], page_size=1), None)
            if newest and newest["status"] == "ERRORED":
                failed.append(f"{project['title']}: {newest['runUrl']}")
        return failed

    @task
    def save_chart(label: str) -> str:
        hook = HexHook()
        run = next(hook.get_project_runs(HEX_PROJECT, status="COMPLETED", page_size=1))
        file = Path("/tmp", f"{run['runId']}.png")
        file.write_bytes(hook.get_chart_image(HEX_PROJECT, run["runId"], label=label, width=1200, height=600))
        return str(file)

    failed_projects("Finance")
    save_chart("Revenue by region")


hex_report()
