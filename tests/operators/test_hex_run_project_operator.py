"""What shows when a DAG is parsed. How the operator runs is in ``tests/dag_runs``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, XComArg

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.conftest import PROJECT


def operator(**options: Any) -> HexRunProjectOperator:
    return HexRunProjectOperator(task_id="run", project_id=PROJECT, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_params": {"a": 1}, "view_id": "v"}, "either input_params or a view_id"),
        ({"input_params": {"a": 1}, "update_published_results": True}, "Hex ignores input_params"),
        ({"input_params": {"a": {1, 2}}}, r"input_params\['a'\] is a set"),
        ({"input_params": {"a": float("nan")}}, "is nan"),
        ({"notifications": [{"type": b"ALL"}]}, r"notifications\[0\]\['type'\] is a bytes"),
    ],
)
def test_what_hex_would_refuse_or_ignore_shows_when_the_dag_is_parsed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HexInvalidInput, match=message):
        operator(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"input_params": {"a": 1}, "update_published_results": "{{ params.publish }}"},
        {"input_params": {}, "view_id": "v"},
        {"input_params": "{{ params.inputs }}", "view_id": "{{ params.view }}"},
        {"view_id": "v", "update_published_results": True},
    ],
)
def test_what_may_turn_out_well_waits_until_it_is_rendered(options: dict[str, Any]) -> None:
    operator(**options)


def test_xcoms_may_stand_anywhere_in_the_inputs() -> None:
    with DAG("dag", schedule=None):
        first = operator()
        second = HexRunProjectOperator(
            task_id="second", project_id=PROJECT, input_params={"run": first.output, "more": [first.output]}
        )
        assert isinstance(first.output, XComArg)
        assert second.upstream_task_ids == {"run"}


def test_a_timeout_may_be_a_timedelta() -> None:
    assert operator(timeout=timedelta(minutes=2)).timeout == 120
    assert operator(timeout=None).timeout is None
    assert operator().timeout == 3600
