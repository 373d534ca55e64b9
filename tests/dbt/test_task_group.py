"""The tasks of Hex projects, as a DAG file defines them."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.airflow_compat import BaseOperator, TaskGroup
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.dbt import HexExposures
from airflow_provider_hex.dbt.operator import HexRefreshOperator
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.dbt.manifests import OTHER_URL, URL, exposure, manifest

DEFAULT_ARGS = {"owner": "data", "retries": 3}


def new_dag() -> Any:
    return DAG("shop", schedule=None, default_args=DEFAULT_ARGS)


def exposures(**fields: dict[str, Any]) -> HexExposures:
    """Exposures, by default on the model of their name."""
    return HexExposures(manifest({name: exposure(name) | of for name, of in fields.items()}))


@pytest.fixture
def revenue() -> HexExposures:
    return HexExposures(
        manifest(
            {
                "revenue": exposure(
                    "daily",
                    "a_view",
                    hex={"input_params": {"region": "EMEA"}, "pool": "large", "retries": 1},
                    label="Revenue: by day",
                    owner={"name": "Ann"},
                    description="What we *earn*.",
                )
            },
            {"a_view": ["an_ephemeral"], "an_ephemeral": ["orders"], "daily": ["orders"]},
            materialized={"a_view": "view", "an_ephemeral": "ephemeral"},
            tests={"unique": ["daily"]},
        )
    )


def test_a_task_has_what_the_exposure_says(revenue: HexExposures) -> None:
    with new_dag() as dag:
        before = BaseOperator(task_id="dbt")
        before >> revenue.task_group("hex", run_results="/dbt/{{ run_id }}/run_results.json", deferrable=True)
    task = dag.get_task("hex.revenue")
    assert type(task) is HexRefreshOperator
    assert (task.task_display_name, task.owner) == ("Revenue: by day", "Ann")
    assert task.doc_md == f"[Revenue: by day]({URL})\n\nWhat we *earn*.\n\ndbt: `daily`, `a_view`"
    assert (task.project_id, task.input_params) == (URL, {"region": "EMEA"})
    assert (task.deferrable, task.pool, task.retries) == (True, "large", 1)
    assert task.upstream_task_ids == {"dbt"}
    assert task.trigger_rule == "all_done"
    assert "run_results" in task.template_fields


def test_arguments_of_the_dag_file_override_what_the_task_shows_and_the_exposure_overrides_them() -> None:
    found = exposures(revenue={"owner": {"name": "Ann"}, "config": {"meta": {"hex": {"timeout": 60}}}}, orders={})
    with new_dag() as dag:
        found.task_group("hex", run_results="r", owner="ops", timeout=30, trigger_rule="all_success")
    tasks = [task for task in dag.tasks if isinstance(task, HexRefreshOperator)]
    found_arguments = {task.task_id: (task.owner, task.timeout, task.trigger_rule) for task in tasks}
    assert found_arguments == {"hex.orders": ("ops", 30, "all_success"), "hex.revenue": ("ops", 60, "all_success")}


def test_without_an_owner_the_task_has_that_of_the_dag() -> None:
    with new_dag() as dag:
        exposures(revenue={}).task_group("hex", run_results="r")
    assert (dag.get_task("hex.revenue").owner, dag.get_task("hex.revenue").retries) == ("data", 3)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"no_such_argument": 1}, "no_such_argument"),
        ({"poll_interval": -1}, "poll_interval is -1"),
        ({"trigger_rule": "sometimes"}, "sometimes"),
        ({"update_published_results": True}, "Pass either input_params or update_published_results"),
        ({"task_id": "mine"}, "task_id"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_an_exposure_with_invalid_arguments_has_no_task_and_the_others_have(
    meta: dict[str, Any], message: str, after: bool, caplog: pytest.LogCaptureFixture
) -> None:
    found = exposures(bad={"config": {"meta": {"hex": meta}}}, good={})
    with new_dag() as dag, caplog.at_level(logging.ERROR, "airflow_provider_hex"):
        before = HexRunProjectOperator(task_id="before", project_id=URL)
        how = {"after": {"model.shop.bad": before, "model.shop.good": before}} if after else {"run_results": "r"}
        group = found.task_group("hex", **how, input_params={"order": before.output})
    last = set() if after else {"hex.dbt_succeeded"}
    assert set(dag.task_ids) == {"before", "hex.good", *last}
    assert set(group.children) == {"hex.good", *last}
    assert before.downstream_task_ids == {"hex.good"}
    assert "exposure.shop.bad has no task" in caplog.text
    assert message in caplog.text


@pytest.mark.parametrize(("results", "rendered"), [(Path("/dbt/r.json"), "/dbt/r.json"), (lambda context: {}, None)])
def test_airflow_gets_no_template_that_it_would_call_or_could_not_render(results: Any, rendered: str | None) -> None:
    with new_dag() as dag:
        exposures(revenue={}).task_group("hex", run_results=results)
    assert dag.get_task("hex.revenue").run_results == rendered


@pytest.mark.parametrize("meta", [{}, {"timeout": 60}])
@pytest.mark.parametrize("arguments", [{"deferable": True}, {"when_models_fail": "retry"}, {"poll_interval": 0}])
def test_an_invalid_argument_in_the_dag_file_is_an_error_there(meta: dict[str, Any], arguments: dict[str, Any]) -> None:
    found = exposures(revenue={"config": {"meta": {"hex": meta}}})
    with new_dag(), pytest.raises(Exception, match=next(iter(arguments))):
        found.task_group("hex", run_results="r", **arguments)


@pytest.mark.parametrize("how", [{}, {"run_results": "r", "after": {}}])
def test_either_results_or_tasks_must_be_passed(how: dict[str, Any], revenue: HexExposures) -> None:
    with new_dag(), pytest.raises(HexInvalidInput, match="Pass either run_results or after"):
        revenue.task_group("hex", **how)


def test_a_group_without_projects_can_stand_behind_dbt() -> None:
    with new_dag() as dag:
        BaseOperator(task_id="dbt") >> exposures().task_group("hex", run_results="r")
    assert dag.get_task("dbt").downstream_task_ids == {"hex.dbt_succeeded"}


@pytest.mark.parametrize("default", [{}, {"trigger_rule": "all_done"}])
def test_a_task_that_does_nothing_fails_the_dag_run_if_dbt_failed(default: dict[str, str]) -> None:
    with DAG("shop", schedule=None, default_args=default) as dag:
        dbt = BaseOperator(task_id="dbt")
        found = exposures(revenue={})
        found.task_group("hex", run_results=[dbt.output])
        dbt >> found.task_group("other", run_results="r")
        found.task_group("skipping", run_results=dbt.output, when_models_fail="skip")
    for task_id in ("hex.dbt_succeeded", "other.dbt_succeeded"):
        task = dag.get_task(task_id)
        assert (task.trigger_rule, task.upstream_task_ids) == ("all_success", {"dbt"})
        assert task.inherits_from_empty_operator  # so that no worker runs it
    assert "skipping.dbt_succeeded" not in dag.task_ids


@pytest.mark.parametrize("after", [False, True])
def test_what_a_task_does_that_is_held_back_is_validated_and_is_not_for_tasks_behind_models(after: bool) -> None:
    how: dict[str, Any] = {"when_models_fail": "retry", **({"after": {}} if after else {"run_results": "r"})}
    with new_dag(), pytest.raises(HexInvalidInput, match="only with run_results" if after else "must be one of"):
        exposures().task_group("hex", **how)


def test_a_task_follows_the_tasks_of_its_models_and_of_what_an_ephemeral_model_reads(revenue: HexExposures) -> None:
    with new_dag() as dag:
        with TaskGroup("daily") as daily:
            BaseOperator(task_id="run") >> BaseOperator(task_id="test")
        tasks = {name: BaseOperator(task_id=name) for name in ("a_view", "other")}
        cosmos = SimpleNamespace(tasks_map={"model.shop.daily": daily, "model.shop.a_view": tasks["a_view"]})
        revenue.task_group("of_models", after=cosmos)
        revenue.task_group("of_tables", after={"model.shop.orders": tasks["other"]})
        revenue.task_group("of_none", after={"model.shop.customers": tasks["other"], "model.shop.daily": None})
    task = dag.get_task("of_models.revenue")
    assert type(task) is HexRunProjectOperator
    assert task.upstream_task_ids == {"daily.test", "a_view"}
    assert task.trigger_rule == "all_success"
    assert dag.get_task("of_tables.revenue").upstream_task_ids == {"other"}
    assert "of_none.revenue" not in dag.task_ids


def test_the_id_of_a_project_may_stand_in_meta_without_a_link() -> None:
    project = OTHER_URL.split("/")[5]
    found = exposures(revenue={"url": None, "config": {"meta": {"hex": {"project_id": project}}}})
    with new_dag() as dag:
        found.task_group("hex", run_results="r")
    assert dag.get_task("hex.revenue").project_id == project
    assert dag.get_task("hex.revenue").doc_md == "revenue\n\ndbt: `revenue`"
