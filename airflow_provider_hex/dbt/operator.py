"""``HexRefreshOperator``: runs a Hex project if the models that it reads were built in this DAG run."""

from __future__ import annotations

import logging
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_hex.airflow_compat import AirflowSkipException
from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.validation import to_choice
from airflow_provider_hex.dbt.dag_run_results import statuses_of_dag_run
from airflow_provider_hex.dbt.verdict import HeldBack, NothingBuilt, WhenModelsFail, verdict
from airflow_provider_hex.operators.hex import HexRunProjectOperator

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.api.models import Run, StartedRun
    from airflow_provider_hex.dbt.exposures import HexExposure

log = logging.getLogger(__name__)


class DbtModelsFailed(HexError):
    """A model that the project reads failed or was skipped, or one of its tests failed. The project was not run."""

    retry_helps = False


class HexRefreshOperator(HexRunProjectOperator):
    """Runs a Hex project that is a dbt exposure, if its models were built in this DAG run.

    Before it starts a run, it finds the project's models in dbt's results. If none was built, the task is skipped. If
    one failed or was skipped, or one of its tests failed, the task fails without retries. A retry that re-attaches to
    the run of the previous attempt does not read the results again.

    :param exposure: the project, and the models that it reads.
    :param run_results: where dbt's results are, see ``HexExposures.task_group``. (templated)
    :param when_models_fail: ``fail`` or ``skip`` the task if a model or a test failed. Default: ``fail``.
    :param kwargs: arguments of ``HexRunProjectOperator``. Default of ``project_id``: that of the exposure.
    :raises DbtResultsMissing: there are no results of this DAG run.
    :raises DbtModelsFailed: a model failed or was skipped, or one of its tests failed.
    """

    template_fields = [*HexRunProjectOperator.template_fields, "run_results"]  # noqa: RUF012

    def __init__(
        self,
        *,
        exposure: HexExposure,
        run_results: Any,
        when_models_fail: WhenModelsFail = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"project_id": exposure.project, **kwargs})
        with airflow_errors():
            to_choice(when_models_fail, "when_models_fail", get_args(WhenModelsFail))
        self.exposure = exposure
        self.when_models_fail = when_models_fail
        self.run_results = _templates(run_results)
        self._read_results = None
        if callable(run_results):  # Airflow would call it as a template
            self._read_results, self.run_results = run_results, None
        self._context: Context = {}

    def _execute(self, context: Context, began: float, *, requeued: bool) -> StartedRun | Run:
        self._context = context
        return super()._execute(context, began, requeued=requeued)

    def _before_start(self) -> None:
        """Find out whether the project is to be run.

        :raises AirflowSkipException: it is not.
        :raises DbtResultsMissing: there are no results of this DAG run.
        :raises DbtModelsFailed: a model failed or was skipped, or one of its tests failed.
        """
        statuses = statuses_of_dag_run(self._read_results or self.run_results, self._context)
        found = verdict(self.exposure, statuses)
        if isinstance(found, NothingBuilt):
            raise AirflowSkipException(f"not refreshed: dbt built none of its models ({', '.join(found.models)})")
        if isinstance(found, HeldBack):
            message = f"not refreshed: {found.why}"
            raise AirflowSkipException(message) if self.when_models_fail == "skip" else DbtModelsFailed(message)
        log.info("Running the project, because dbt built %s.", ", ".join(found.built))


def _templates(run_results: Any) -> Any:
    """Return paths as texts, because Airflow renders no others."""
    if isinstance(run_results, (list, tuple)):
        return [_templates(each) for each in run_results]
    return str(run_results) if isinstance(run_results, PurePath) else run_results
