from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex.api import inputs
from airflow_provider_hex.api.errors import HexInvalidInput
from tests.api.calls import LATER, PROJECT

ALL = {"project_id": PROJECT, "input_params": None, "view_id": None, "notifications": None}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"project_id": "{{ params.project }}"},
        {"input_params": {"a": LATER, "b": ["{{ c }}"]}, "notifications": [{"userIds": LATER}]},
        {"input_params": LATER, "notifications": LATER},
        {"input_params": "{{ a }}", "view_id": "v"},
        {"input_params": {"a": 1}, "view_id": "{{ v }}"},
        {"input_params": {"a": 1}, "update_published_results": "{{ b }}"},
        {"view_id": "v", "update_published_results": True},
    ],
)
def test_what_may_be_right_once_it_is_rendered_is_let_through(options: dict[str, Any]) -> None:
    inputs.check_unrendered(**{**ALL, "update_published_results": False, **options})


BOTH = "A run takes either input_params or a view_id: a saved view has inputs of its own."
IGNORED = (
    "With update_published_results Hex ignores input_params and runs with the published defaults. Leave one of them "
    "out."
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project_id": "x"}, "project_id is 'x', which is no id of Hex's. Use the one in the project's URL, after"),
        ({"input_params": {"a": {1}}}, "input_params['a'] is a set"),
        ({"input_params": {LATER: 1}}, "input_params has the name"),
        ({"notifications": [{"subject": b""}]}, "notifications[0]['subject'] is a bytes"),
        ({"input_params": {"a": LATER}, "view_id": "v"}, BOTH),
        ({"input_params": {"a": 1}, "update_published_results": True}, IGNORED),
    ],
)
def test_what_cannot_be_right_shows_before_it_is_rendered(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HexInvalidInput, match=f"^{re.escape(message)}"):
        inputs.check_unrendered(**{**ALL, "update_published_results": False, **options})


def test_options_that_hex_does_not_take_together_are_refused() -> None:
    inputs.check_combination({}, "v", True)
    inputs.check_combination({"a": 1}, None, False)
    for view_id, update, message in (("v", False, BOTH), ("v", True, BOTH), (None, True, IGNORED)):
        with pytest.raises(HexInvalidInput) as refusal:
            inputs.check_combination({"a": 1}, view_id, update)
        assert str(refusal.value) == message
