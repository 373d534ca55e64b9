"""DAG runs in this process: real task execution, with Airflow's own ``dag.test()`` as the scheduler."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parent / "dags"


@dataclass
class Outcome:
    """How a DAG run went: the tasks' states, what they returned, and the errors of those that failed."""

    states: dict[str, str] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def _database() -> None:
    from airflow.utils import db

    db.upgradedb()


@pytest.fixture
def run_dag(_database: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a DAG of a file in ``dags/`` (or elsewhere) from its start to its end."""

    def run(dag_id: str, file: Path = DAGS / "waiting_for_runs.py", conf: dict[str, Any] | None = None) -> Outcome:
        from airflow.models.dagrun import DagRun
        from airflow.providers.common.compat.sdk import AirflowTaskTimeout

        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        dag = next(value for value in vars(module).values() if getattr(value, "dag_id", None) == dag_id)

        outcome = Outcome()
        for task in dag.tasks:
            task.on_failure_callback = [
                lambda context: outcome.errors.update({context["ti"].task_id: str(context.get("exception"))})
            ]
            task.on_success_callback = [
                lambda context: outcome.returned.update(
                    {context["ti"].task_id: context["ti"].xcom_pull(task_ids=context["ti"].task_id)}
                )
            ]
        with contextlib.suppress(AirflowTaskTimeout):  # Airflow 2 fails the task, and lets it through
            dag.test(run_conf=conf)
        dag_run = max(DagRun.find(dag_id=dag_id), key=lambda dag_run: dag_run.id)
        outcome.states = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}
        return outcome

    return run
