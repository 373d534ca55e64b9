from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_hex.api import inputs
from airflow_provider_hex.api.errors import HexInvalidInput
from tests.api.calls import PROJECT, UNRESOLVED

ALL = {"project_id": PROJECT, "input_params": None, "view_id": None, "notifications": None}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"project_id": "{{ params.project }}"},
        {"input_params": {"a": UNRESOLVED, "b": ["{{ c }}"]}, "notifications": [{"userIds": UNRESOLVED}]},
        {"input_params": UNRESOLVED, "notifications": UNRESOLVED},
        {"input_params": "{{ a }}", "view_id": "v"},
        {"input_params": "[{{ a }}]"},
        {"input_params": "{% if a %}{}{% endif %}"},
        {"input_params": '{"a": [1]}'},
        {"input_params": " "},
        {"input_params": {"a": None, "b": Decimal("1.5")}},
        {"input_params": {"a": 1}, "view_id": "{{ v }}"},
        {"input_params": {"a": 1}, "update_published_results": "{{ b }}"},
        {"view_id": "v", "update_published_results": True},
    ],
)
def test_arguments_that_may_be_valid_after_rendering_are_accepted(options: dict[str, Any]) -> None:
    inputs.check_unrendered(**{**ALL, "update_published_results": False, **options})


BOTH = "Pass either input_params or view_id: a saved view already has inputs."
IGNORED = (
    "Pass either input_params or update_published_results: to update the published results, Hex ignores input_params "
    "and runs with the published defaults."
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project_id": "x"}, "project_id is 'x', which is not an id. Use the project's URL, or the id in it, after"),
        ({"input_params": {"a": {1}}}, "input_params['a'] is of type set"),
        ({"input_params": {"a": [Decimal("NaN")]}}, "input_params['a'][0] is NaN"),
        ({"input_params": [1]}, "input_params is of type list, but must be a dict."),
        ({"input_params": [UNRESOLVED]}, "input_params is of type list, but must be a dict."),
        ({"input_params": ("{{ a }}",)}, "input_params is of type tuple, but must be a dict."),
        ({"input_params": []}, "input_params is of type list, but must be a dict."),
        ({"input_params": "[1]"}, "input_params is of type list, but must be a dict."),
        ({"input_params": "a=1"}, "input_params is a string that is not JSON: Expecting value"),
        ({"input_params": 7}, "input_params is of type int, but must be a dict."),
        ({"input_params": {UNRESOLVED: 1}}, "input_params has the key"),
        ({"notifications": [{"subject": b""}]}, "notifications[0]['subject'] is of type bytes"),
        ({"input_params": {"a": UNRESOLVED}, "view_id": "v"}, BOTH),
        ({"input_params": {"a": 1}, "update_published_results": True}, IGNORED),
    ],
)
def test_arguments_that_no_rendering_makes_valid_are_rejected_before(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HexInvalidInput, match=f"^{re.escape(message)}"):
        inputs.check_unrendered(**{**ALL, "update_published_results": False, **options})


def test_options_that_hex_does_not_accept_together_are_rejected() -> None:
    inputs.check_combination({}, "v", True)
    inputs.check_combination({"a": 1}, None, False)
    for view_id, update, message in (("v", False, BOTH), ("v", True, BOTH), (None, True, IGNORED)):
        with pytest.raises(HexInvalidInput) as raised:
            inputs.check_combination({"a": 1}, view_id, update)
        assert str(raised.value) == message
