"""What may be asked of RunProject: refused here if Hex would refuse or ignore it."""

from __future__ import annotations

from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.ids import check_unrendered_id
from airflow_provider_hex.api.validation import is_template, to_json


def check_unrendered(
    project_id: Any, input_params: Any, view_id: Any, notifications: Any, update_published_results: Any
) -> None:
    """Refuse what is wrong whatever its templates render to, so that it shows when the DAG is parsed.

    :raises HexInvalidInput: as the functions for each argument.
    """
    check_unrendered_id(project_id, "project_id")
    check_combination(
        *(None if is_template(option) else option for option in (input_params, view_id, update_published_results))
    )
    to_json(input_params, "input_params", unrendered=True)
    to_json(notifications, "notifications", unrendered=True)


def check_combination(input_params: Any, view_id: Any, update_published_results: Any) -> None:
    """Refuse options that Hex does not take together.

    Only whether they are given counts, so templates can be checked before they are rendered.

    :raises HexInvalidInput: ``view_id`` together with ``input_params`` is an error to Hex; with
        ``update_published_results`` Hex ignores the ``input_params`` and shows numbers nobody asked for.
    """
    if input_params and view_id:
        raise HexInvalidInput("A run takes either input_params or a view_id: a saved view has inputs of its own.")
    if input_params and update_published_results:
        raise HexInvalidInput(
            "With update_published_results Hex ignores input_params and runs with the published defaults. "
            "Leave one of them out."
        )
