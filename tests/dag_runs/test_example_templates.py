"""The templates of the example DAGs, in every kind of DAG run. In Airflow 3, most kinds have no logical date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS
from demo.shop import EXAMPLE_DAGS
from tests.dag_runs.conftest import dags_of

DAY = datetime(2026, 11, 20, tzinfo=UTC)
RUN = "78c33d18-170c-44d3-a227-b3194f134f73"
KINDS: dict[str, tuple[str, datetime | None]] = {  # how the run was triggered: its type, and its logical date
    "scheduled": ("scheduled", DAY),
    "by hand for a date": ("manual", DAY),
    "by hand or by API": ("manual", None),
    "by an asset": ("asset_triggered", None),
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


@EACH_KIND
@pytest.mark.parametrize("file", sorted(EXAMPLE_DAGS.glob("*.py")), ids=lambda file: file.stem)
@pytest.mark.usefixtures("_database")
def test_an_example_renders_in_each_kind_of_dag_run(file: Path, kind: str) -> None:
    for rendered in rendered_templates(file, kind):
        assert rendered
        assert "None" not in rendered


@EACH_KIND
@pytest.mark.parametrize("name", ["hex_refresh", "hex_after_dbt"])
@pytest.mark.usefixtures("_database")
def test_the_day_is_that_of_the_dag_run(name: str, kind: str) -> None:
    assert rendered_templates(EXAMPLE_DAGS / f"{name}.py", kind) == ["2026-11-20"]


def rendered_templates(file: Path, kind: str) -> list[str]:
    """What the templates of a DAG's tasks become. What comes from other tasks is none of them."""
    (dag,) = dags_of(file).values()
    context_of = context_of_airflow_3 if AIRFLOW_V_3_0_PLUS else context_of_airflow_2
    return [
        dag.get_template_env().from_string(text).render(context_of(task, *KINDS[kind]))
        for task in dag.tasks
        for text in templates_of(task)
    ]


def templates_of(task: Any) -> list[str]:
    """The templates in a task's arguments; a mapped task has them in two places."""
    mapped = {**getattr(task, "partial_kwargs", {}), **getattr(getattr(task, "expand_input", None), "value", {})}
    arguments = [mapped.get(name, getattr(task, name, None)) for name in task.template_fields]
    return [text for text in texts_in(arguments) if "{{" in text or "{%" in text]


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_in(item)


def context_of_airflow_3(task: Any, run_type: str, date: datetime | None) -> Any:
    from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dates = {"logical_date": date, "data_interval_start": date, "data_interval_end": date, "run_after": DAY}
    more = {"partition_key": None} if "partition_key" in DagRun.model_fields else {}
    dag_run: dict[str, Any] = {"dag_id": task.dag_id, "run_id": "run", "run_type": run_type, "conf": {"run_id": RUN}}
    dag_run |= {"state": "running", "start_date": DAY, "end_date": None, "consumed_asset_events": [], **dates, **more}
    ti = RuntimeTaskInstance.model_construct(
        id=None,
        dag_id=task.dag_id,
        task_id=task.task_id,
        run_id="run",
        map_index=-1,
        task=task,
        _ti_context_from_server=TIRunContext(dag_run=DagRun(**dag_run), max_tries=0),
    )
    return ti.get_template_context()


def context_of_airflow_2(task: Any, run_type: str, date: datetime | None) -> Any:
    """The context, in which every DAG run has a logical date."""
    from airflow import models

    run_type = run_type.replace("asset", "dataset")
    of_airflow_2: Any = models
    ti = of_airflow_2.TaskInstance(task, run_id="run")
    ti.dag_run = of_airflow_2.DagRun(
        task.dag_id, "run", execution_date=date or DAY, run_type=run_type, conf={"run_id": RUN}
    )
    ti.dag_run.data_interval_start = ti.dag_run.data_interval_end = date or DAY
    return ti.get_template_context()
