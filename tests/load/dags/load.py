"""Mapped tasks that start all at once. The projects' ids come from the environment.

Workers run 16 tasks of a DAG at once, Airflow's default. With 32 on two cores, the scheduler is so slow that it takes a
task that resumes after a short deferral for a killed one, and fails it.
"""

import os
from collections.abc import Sequence

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

PROJECTS = os.environ["LOAD_PROJECTS"].split(",")


def load(dag_id: str, projects: Sequence[str], deferrable: bool = True, in_workers: int = 16) -> DAG:
    """A DAG with a task for each of `projects`, which may contain a project several times."""
    with DAG(dag_id, schedule=None, max_active_tasks=in_workers) as dag:
        HexRunProjectOperator.partial(task_id="run", deferrable=deferrable, retries=0).expand(project_id=projects)
    return dag


projects_25 = load("projects_25", PROJECTS[:25])
one_project_25 = load("one_project_25", PROJECTS[:1] * 25)
workers_25 = load("workers_25", PROJECTS[:25], deferrable=False, in_workers=25)
projects_100 = load("projects_100", PROJECTS[:100])
