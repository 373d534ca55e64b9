"""The task group of ``HexExposures``: one task for each Hex project."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_hex.airflow_compat import EmptyOperator, TaskGroup, XComArg
from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import to_choice
from airflow_provider_hex.dbt.exposures import DBT_SUCCEEDED
from airflow_provider_hex.dbt.graph import Node, short_name, walk
from airflow_provider_hex.dbt.operator import HexRefreshOperator
from airflow_provider_hex.dbt.verdict import WhenModelsFail
from airflow_provider_hex.operators.hex import HexRunProjectOperator

if TYPE_CHECKING:
    from airflow_provider_hex.dbt.exposures import HexExposure

log = logging.getLogger(__name__)


@airflow_errors()
def new_task_group(
    exposures: Sequence[HexExposure],
    group_id: str,
    *,
    run_results: Any,
    after: Any,
    when_models_fail: Any,
    arguments: Mapping[str, Any],
) -> TaskGroup:
    """Return the task group of some projects. The parameters are those of ``HexExposures.task_group``.

    :raises HexInvalidInput: an argument is invalid.
    """
    if (run_results is None) == (after is None):
        raise HexInvalidInput("Pass either run_results or after.")
    if after is not None:
        if when_models_fail is not None:
            raise HexInvalidInput("Pass when_models_fail only with run_results: with after, Airflow decides.")
        return _after_models(exposures, group_id, getattr(after, "tasks_map", after), arguments)
    when = to_choice(when_models_fail or "fail", "when_models_fail", get_args(WhenModelsFail))
    of_dbt = {"run_results": run_results, "when_models_fail": when, "trigger_rule": "all_done"}
    group = _after_dbt(exposures, group_id, {**of_dbt, **arguments})
    if when == "fail":
        _fail_with_dbt(group, run_results)
    return group


def argument_problem(exposure: HexExposure) -> str | None:
    """Return what is wrong with the arguments in an exposure's ``meta.hex``, None if nothing is.

    :param exposure: the exposure. Its task is made for this, so do not call this where a DAG is defined.
    """
    try:
        HexRunProjectOperator(task_id=exposure.name, project_id=exposure.project, **exposure.arguments)
    except Exception as error:
        return str(error)
    return None


def _after_dbt(exposures: Sequence[HexExposure], group_id: str, arguments: Mapping[str, Any]) -> TaskGroup:
    with TaskGroup(group_id) as group:
        for exposure in exposures:
            _new_task(HexRefreshOperator, exposure, group, {"exposure": exposure, **arguments})
    return group


def _fail_with_dbt(group: TaskGroup, run_results: Any) -> None:
    """Add a task that does nothing, but follows dbt with Airflow's usual trigger rule.

    Airflow derives the state of a DAG run from its last tasks only. Those of the projects run although dbt failed, so
    without this one the DAG run would be a success if no project read the model that failed.
    """
    last = EmptyOperator(task_id=DBT_SUCCEEDED, task_group=group, trigger_rule="all_success")
    XComArg.apply_upstream_relationship(last, run_results)


def _after_models(
    exposures: Sequence[HexExposure], group_id: str, tasks: Mapping[str, Any], arguments: Mapping[str, Any]
) -> TaskGroup:
    with TaskGroup(group_id) as group:
        for exposure in exposures:
            own = _tasks_of(exposure, tasks)
            if not own:
                log.info("%s has no task, because none of its models has one.", exposure.name)
            elif task := _new_task(
                HexRunProjectOperator, exposure, group, {"project_id": exposure.project, **arguments}
            ):
                task.set_upstream(own)
    return group


def _tasks_of(exposure: HexExposure, tasks: Mapping[str, Any]) -> list[Any]:
    """Return the tasks of a project's models and their tests, and of the parents of a view or the like without a task.

    Cosmos may have one task for all tests of dbt, with the name of the dbt project in the place of an id.
    """

    def passes_on(node: Node) -> bool:
        return node.passes_on and tasks.get(node.unique_id) is None

    found = walk(exposure.models, exposure.nodes.__getitem__, passes_on)
    own = [tasks[each] for each in found if tasks.get(each) is not None]
    if own:
        tests = [test.unique_id for each in found for test in exposure.nodes[each].tests]
        tests += [each for each in tasks if each.endswith("_test") and "." not in each]
        own += [tasks[each] for each in tests if tasks.get(each) is not None]
    return list({id(task): task for task in own}.values())


def _new_task(
    cls: type[HexRunProjectOperator], exposure: HexExposure, group: TaskGroup, arguments: Mapping[str, Any]
) -> HexRunProjectOperator | None:
    """Return a project's task, None if arguments of the exposure are invalid."""
    shown = {"task_display_name": exposure.label, "doc_md": _doc(exposure)}
    owner = {"owner": exposure.owner} if exposure.owner else {}
    arguments = {**shown, **owner, **arguments}
    try:
        return cls(task_id=exposure.name, **{**arguments, **exposure.arguments})
    except Exception as error:
        if not exposure.arguments:
            raise
        _remove(exposure.name, group)
        cls(task_id=exposure.name, **arguments)  # what is wrong in the DAG file is raised
        _remove(exposure.name, group)
        log.error("%s has no task, because its meta.hex is invalid: %s", exposure.unique_id, error)  # noqa: TRY400
        return None


def _remove(name: str, group: TaskGroup) -> None:
    """Remove a task from its DAG, also if it is incomplete."""
    task_id = str(group.child_id(name))  # type: ignore[no-untyped-call]
    group.dag.task_dict.pop(task_id, None)
    group.children.pop(task_id, None)
    group.used_group_ids.discard(task_id)
    for task in group.dag.tasks:
        task.downstream_task_ids.discard(task_id)


def _doc(exposure: HexExposure) -> str:
    link = f"[{exposure.label}]({exposure.url})" if exposure.url else exposure.label
    models = ", ".join(f"`{short_name(model)}`" for model in exposure.models)
    return "\n\n".join(part for part in (link, exposure.description, f"dbt: {models}") if part)
