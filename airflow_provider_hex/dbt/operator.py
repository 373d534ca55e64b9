"""``HexRefreshOperator``: runs a Hex project if the models that it reads were built in this DAG run."""

from __future__ import annotations

import logging
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_provider_hex.airflow_compat import AirflowSkipException
from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.validation import to_choice
from airflow_provider_hex.operators.hex import HexRunProjectOperator

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.dbt.exposures import HexExposure

log = logging.getLogger(__name__)

WhenModelsFail = Literal["fail", "skip"]


class DbtModelsFailed(HexError):
    """A model that the Hex project reads failed or was skipped, or one of its tests failed. The project was not run."""

    retry_helps = False


class HexRefreshOperator(HexRunProjectOperator):
    """Runs a Hex project that is a dbt exposure, if its models were built in this DAG run.

    It looks up the project's models in dbt's results before it starts a run. If none was built, the task is skipped. If
    one failed or was skipped, or one of its tests failed, the task fails without retries. A retry re-attaches to the
    run of the previous attempt without looking them up, as
    :class:`~airflow_provider_hex.operators.hex.HexRunProjectOperator` does.

    :param exposure: the project, and the models that it reads.
    :param run_results: where dbt's results are, see ``HexExposures.task_group``. (templated)
    :param when_models_fail: ``fail`` or ``skip`` the task if a model or a test failed. Default: ``fail``.
    :param kwargs: arguments of ``HexRunProjectOperator``. Default ``project_id``: that of the exposure.
    :raises DbtResultsMissing: there are no results of this DAG run.
    :raises DbtModelsFailed: a model failed or was skipped, or one of its tests failed.
    """
