"""``HexExposures``: the Hex projects that are exposures of a dbt project, as tasks of a DAG."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.dbt.dag_run_results import statuses_of_dag_run
from airflow_provider_hex.dbt.manifest import exposures_in
from airflow_provider_hex.dbt.verdict import HeldBack, Refresh, WhenModelsFail, verdict

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import TaskGroup
    from airflow_provider_hex.dbt.exposures import ExposureProblem, HexExposure

log = logging.getLogger(__name__)


class HexExposures:
    """The Hex projects that are exposures of a dbt project.

    An exposure is a Hex project if its ``url`` is one of Hex's, or if its ``meta`` has ``hex``: a mapping with
    arguments of ``HexRunProjectOperator``, where ``project_id`` overrides the URL. Exposures of one project with the
    same ``meta.hex`` are one task. An exposure that cannot be used is logged as an error, and has no task.

    :param manifest: dbt's ``manifest.json``, or the smaller file that ``airflow hex exposures trim`` writes: its path,
        its URL for ``ObjectStoragePath``, an ``ObjectStoragePath``, or its content as a dict.
    :raises HexInvalidInput: there is no such file, or it is not the manifest of a dbt project.
    """

    def __init__(self, manifest: Any) -> None:
        reading = exposures_in(manifest)
        self.exposures: tuple[HexExposure, ...] = reading.exposures
        """The Hex projects."""
        self.problems: tuple[ExposureProblem, ...] = reading.problems
        """The exposures that cannot be used."""
        for problem in self.problems:
            log.error("%s has no task: %s", problem.unique_id, problem.message)

    def task_group(
        self,
        group_id: str = "hex",
        *,
        run_results: Any = None,
        after: Any = None,
        when_models_fail: WhenModelsFail | None = None,
        **arguments: Any,
    ) -> TaskGroup:
        """Return a task group with a task for each project, which runs it if its models were built.

        Pass either ``run_results`` or ``after``.

        :param group_id: the id of the group. Default: ``hex``.
        :param run_results: where dbt's results are when the tasks run. The tasks then run although dbt failed, and each
            looks up its own models. A path, a URL for ``ObjectStoragePath``, the content as a dict; a list of those,
            where later ones replace results of earlier ones, and may be missing; or a function that is called with the
            task's context and returns one of these. (templated) The group also has the task ``dbt_succeeded``, which
            does nothing, but fails the DAG run if dbt failed.
        :param after: the tasks that build the models: the ``DbtTaskGroup`` or ``DbtDag`` of Cosmos, or a dict with
            dbt's ids of models and their tasks. Each project's task then follows those of its models. A project none
            of whose models is there has no task.
        :param when_models_fail: with ``run_results``, ``fail`` or ``skip`` the task, without retries, if a model or a
            test failed. With ``skip``, the group has no task ``dbt_succeeded``, so the DAG run may be a success
            although dbt failed. Default: ``fail``.
        :param arguments: arguments of ``HexRunProjectOperator`` for all tasks. Those of an exposure override them.
        :return: the task group.
        :raises HexInvalidInput: an argument is invalid.
        """
        from airflow_provider_hex.dbt.task_group import new_task_group

        return new_task_group(
            self.exposures,
            group_id,
            run_results=run_results,
            after=after,
            when_models_fail=when_models_fail,
            arguments=arguments,
        )

    def to_refresh(self, run_results: Any) -> list[dict[str, Any]]:
        """Return the projects to refresh, as arguments for ``HexRunProjectOperator.partial(…).expand_kwargs(…)``.

        Call it in a task. Projects that are held back, because a model or test failed, are logged as errors.

        :param run_results: as for :meth:`task_group`.
        :return: for each project whose models were built, its ``project_id`` and the arguments of its ``meta.hex``.
        :raises DbtResultsMissing: there are no results of this DAG run.
        """
        from airflow_provider_hex.airflow_compat import get_current_context
        from airflow_provider_hex.airflow_errors import airflow_errors

        with airflow_errors():
            statuses = statuses_of_dag_run(run_results, get_current_context())
        arguments = []
        for exposure in self.exposures:
            found = verdict(exposure, statuses)
            if isinstance(found, Refresh):
                arguments.append({"project_id": exposure.project, **exposure.arguments})
            elif isinstance(found, HeldBack):
                log.error("%s is not refreshed: %s", exposure.name, found.why)
        return arguments
