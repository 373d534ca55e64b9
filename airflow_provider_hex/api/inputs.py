"""Checks of RunProject's arguments that concern several of them, or are made before templates are rendered."""

from __future__ import annotations

from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.ids import check_unrendered_id
from airflow_provider_hex.api.validation import is_template, to_json, to_json_object


def check_unrendered(
    project_id: Any, input_params: Any, view_id: Any, notifications: Any, update_published_results: Any
) -> None:
    """Check arguments before templates are rendered, so that an error shows when the DAG is parsed.

    The parameters are those of :func:`airflow_provider_hex.api.protocol.run_project`.

    :raises HexInvalidInput: an argument is invalid, whatever its templates render to.
    """
    check_unrendered_id(project_id, "project_id")
    check_combination(
        *(None if is_template(option) else option for option in (input_params, view_id, update_published_results))
    )
    if is_template(input_params):
        to_json(input_params, "input_params", unrendered=True)
    else:
        to_json_object(input_params, "input_params", unrendered=True)
    to_json(notifications, "notifications", unrendered=True)


def check_combination(input_params: Any, view_id: Any, update_published_results: Any) -> None:
    """Check that options are not combined that Hex does not accept together.

    See https://learn.hex.tech/docs/api/api-reference#operation/RunProject.

    :param input_params: the inputs, empty or None for none.
    :param view_id: the saved view, empty or None for none.
    :param update_published_results: whether the run updates the published results.
    :raises HexInvalidInput: there are inputs and a saved view, which Hex rejects, or inputs and an update of the
        published results, where Hex ignores the inputs.
    """
    if input_params and view_id:
        raise HexInvalidInput("Pass either input_params or view_id: a saved view already has inputs.")
    if input_params and update_published_results:
        raise HexInvalidInput(
            "Pass either input_params or update_published_results: to update the published results, Hex ignores "
            "input_params and runs with the published defaults."
        )
