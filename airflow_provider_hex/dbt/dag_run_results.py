"""The results of dbt for a task: read when it runs, and of its DAG run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.dbt.json_files import read_json, shown
from airflow_provider_hex.dbt.run_results import merge_results


def statuses_of_dag_run(run_results: Any, context: Any) -> dict[str, str]:
    """Return dbt's status of each node in a task's DAG run, by the node's id.

    :param run_results: the path of ``run_results.json``, its URL for ``ObjectStoragePath``, an ``ObjectStoragePath``,
        the content as a dict, a list of those; or a function that is called with the context and returns one of these.
    :param context: the task's context.
    :raises DbtResultsMissing: there are no results of this DAG run.
    """
    found = run_results(context) if callable(run_results) else run_results
    documents = found if isinstance(found, (list, tuple)) else [found]
    return merge_results([(shown(each), _read(each)) for each in documents], since=_began(context.get("dag_run")))


def _read(source: Any) -> Any:
    """Return the content of a file, None if there is no such file, a text if it is not JSON."""
    try:
        return read_json(source)
    except HexInvalidInput as error:
        return str(error)


def _began(dag_run: Any) -> datetime | None:
    """Return when a DAG run began, None if that is unknown.

    When a DAG run is cleared, Airflow sets its start anew, and dbt's task may not be cleared with it. Then this is the
    time from which on the DAG run could start.
    """
    if dag_run is None:
        return None
    began: datetime | None = dag_run.start_date
    if dag_run.clear_number:
        began = getattr(dag_run, "run_after", dag_run.data_interval_end)  # Airflow 2 has only the latter
    return began
