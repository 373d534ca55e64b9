"""What the operator checks when a DAG is parsed. What it does when a task runs is in ``tests/runs``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

try:
    from airflow.sdk import DAG, XComArg
except ImportError:  # Airflow 2
    from airflow import DAG, XComArg

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.conftest import PROJECT


def new_operator(**options: Any) -> HexRunProjectOperator:
    return HexRunProjectOperator(**{"task_id": "run", "project_id": PROJECT, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_params": {"a": 1}, "view_id": "v"}, "Pass either input_params or view_id"),
        ({"input_params": {"a": 1}, "update_published_results": True}, "Hex ignores input_params"),
        ({"input_params": {"a": {1, 2}}}, r"input_params\['a'\] is of type set"),
        ({"input_params": {"a": float("nan")}}, "is nan"),
        ({"input_params": [{"a": 1}]}, "input_params is of type list, but must be a dict"),
        ({"input_params": "[1]"}, "input_params is of type list, but must be a dict"),
        ({"project_id": f"https://app.hex.tech/hex/{PROJECT}/draft"}, f"Use only the id in it: {PROJECT}"),
        ({"on_ambiguous_start": "guess"}, "on_ambiguous_start is 'guess', but must be one of reconcile, adopt, fail"),
        ({"notifications": [{"type": b"ALL"}]}, r"notifications\[0\]\['type'\] is of type bytes"),
    ],
)
def test_arguments_that_hex_would_reject_or_ignore_are_rejected_when_the_dag_is_parsed(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(HexInvalidInput, match=message):
        new_operator(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"input_params": {"a": 1}, "update_published_results": "{{ params.publish }}"},
        {"input_params": {}, "view_id": "v"},
        {"input_params": "{{ params.inputs }}", "view_id": "{{ params.view }}"},
        {"view_id": "v", "update_published_results": True},
    ],
)
def test_arguments_that_may_be_valid_are_accepted_when_the_dag_is_parsed(options: dict[str, Any]) -> None:
    new_operator(**options)


def test_xcoms_may_be_anywhere_in_the_inputs() -> None:
    with DAG("dag", schedule=None):
        first = new_operator()
        second = HexRunProjectOperator(
            task_id="second", project_id=PROJECT, input_params={"run": first.output, "more": [first.output]}
        )
        assert isinstance(first.output, XComArg)
        assert second.upstream_task_ids == {"run"}


def test_a_time_may_be_a_timedelta() -> None:
    assert new_operator(timeout=timedelta(minutes=2)).timeout == 120
    assert new_operator(timeout=None).timeout is None
    assert new_operator(poll_interval=timedelta(seconds=5)).poll_interval == 5
    assert new_operator().timeout == 3600


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("poll_interval", 0),  # a timeout of 0 is none, as in 0.1
        *(
            (name, value)
            for name in ("timeout", "poll_interval")
            for value in (-1, float("nan"), float("inf"), True, "60", timedelta(0))
        ),
    ],
)
def test_an_invalid_time_is_rejected_when_the_dag_is_parsed(name: str, value: Any) -> None:
    with pytest.raises(HexInvalidInput, match=f"{name} is "):
        new_operator(**{name: value})
