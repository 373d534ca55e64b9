"""What an exposure's ``meta.hex`` may have: arguments of the operator, and some of Airflow's. No Airflow, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.inputs import check_unrendered
from airflow_provider_hex.api.validation import invalid, to_count, to_text


def _to_switch(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(value, name, "true or false")
    return value


def _unchecked(value: Any, name: str) -> Any:
    return value


ARGUMENTS: Mapping[str, Callable[[Any, str], Any]] = {
    "project_id": _unchecked,  # those without a check here are checked by the operator
    "input_params": _unchecked,
    "view_id": _unchecked,
    "notifications": _unchecked,
    "update_published_results": _unchecked,
    "use_cached_sql_results": _unchecked,
    "wait_for_completion": _to_switch,
    "deferrable": _to_switch,
    "poll_interval": _unchecked,
    "timeout": _unchecked,
    "cancel_on_timeout": _to_switch,
    "on_ambiguous_start": _unchecked,
    "durable": _to_switch,
    "hex_conn_id": to_text,
    "doc_md": to_text,
    "owner": to_text,
    "pool": to_text,
    "pool_slots": to_count,
    "priority_weight": to_count,
    "queue": to_text,
    "retries": partial(to_count, least=0),
}
"""The arguments, and what checks each. Others, such as a trigger rule, could break the DAG that has the task."""


def check_meta(arguments: Any) -> None:
    """Check an exposure's ``meta.hex`` as far as that is possible without Airflow.

    :param arguments: the content.
    :raises HexInvalidInput: it is no mapping, has an argument that is not allowed, or an invalid value.
    """
    if not isinstance(arguments, Mapping):
        raise invalid(arguments, "meta.hex", "a mapping with arguments of the operator")
    if unknown := sorted(map(str, arguments.keys() - ARGUMENTS.keys())):
        raise HexInvalidInput(f"meta.hex may not have {', '.join(unknown)}. It may have: {', '.join(ARGUMENTS)}.")
    for name, value in arguments.items():
        ARGUMENTS[name](value, name)
    check_unrendered(
        None, *map(arguments.get, ("input_params", "view_id", "notifications", "update_published_results"))
    )
