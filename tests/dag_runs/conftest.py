"""DAG runs in this process: real tasks, with ``dag.test()`` as the scheduler."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_2_PLUS, AIRFLOW_V_3_3_PLUS
from tests.links import broken_links
from tests.runs.conftest import no_run_is_new  # noqa: F401  # a fixture

DAGS = Path(__file__).parent / "dags"


@dataclass
class DagRunOutcome:
    """By task: its state, its XComs, and the error that it failed with."""

    states: dict[str, str] = field(default_factory=dict)
    xcoms: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def returned(self) -> dict[str, Any]:
        return {task_id: xcoms.get("return_value") for task_id, xcoms in self.xcoms.items()}

    def record(self, context: Any) -> None:
        """An Airflow callback at the end of a task."""
        ti = context["ti"]
        keys = ("return_value", "run_id", "run_url")
        self.xcoms[ti.task_id] = {key: ti.xcom_pull(task_ids=ti.task_id, key=key) for key in keys}
        if context.get("exception"):
            self.errors[ti.task_id] = str(context["exception"])
            assert not broken_links(self.errors[ti.task_id])


RunDag = Callable[..., DagRunOutcome]


def dags_of(file: Path) -> dict[str, Any]:
    """The DAGs that a file defines, by their ids."""
    if AIRFLOW_V_3_2_PLUS:
        from airflow.dag_processing.dagbag import DagBag
    else:
        from airflow.models import DagBag

    return dict(DagBag(file).dags)


@pytest.fixture(autouse=True)
def _exception_in_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give callbacks the task's exception, as a worker does. ``dag.test()`` does not before Airflow 3.3."""
    if not AIRFLOW_V_3_0_PLUS or AIRFLOW_V_3_3_PLUS:
        return
    from airflow.sdk.execution_time import task_runner

    run = task_runner.run

    def run_as_in_a_worker(ti: Any, context: Any, log: Any) -> Any:
        state, message, context["exception"] = run(ti, context, log)
        return state, message, context["exception"]

    monkeypatch.setattr(task_runner, "run", run_as_in_a_worker)


@pytest.fixture
def run_dag(_database: None) -> RunDag:
    """Runs a DAG to its end. ``file``: where it is defined."""

    def run(
        dag_id: str, file: Path = DAGS / "waiting_for_runs.py", conf: dict[str, Any] | None = None
    ) -> DagRunOutcome:
        from airflow.models.dagrun import DagRun

        from airflow_provider_hex.airflow_compat import AirflowTaskTimeout

        dag = dags_of(file)[dag_id]
        outcome = DagRunOutcome()
        for task in dag.tasks:
            task.on_success_callback = task.on_failure_callback = [outcome.record]
        with contextlib.suppress(AirflowTaskTimeout):  # Airflow 2 fails the task, and raises it too
            dag.test(run_conf=conf)
        dag_run = max(DagRun.find(dag_id=dag_id), key=lambda dag_run: dag_run.id)
        for ti in dag_run.get_task_instances():
            name = ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"
            outcome.states[name] = str(ti.state)
        return outcome

    return run
