"""What Airflow's providers manager reports about the provider."""

from __future__ import annotations

import dataclasses
from importlib.metadata import metadata
from typing import Any

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_hex import __version__
from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_2_PLUS
from airflow_provider_hex.api.config import HexConfig, options
from airflow_provider_hex.get_provider_info import get_provider_info
from airflow_provider_hex.hooks.hex import HexHook


@pytest.fixture(scope="module")
def manager() -> ProvidersManager:
    return ProvidersManager()  # type: ignore[no-untyped-call]


def test_airflow_lists_the_provider(manager: Any) -> None:
    assert manager.providers["airflow-provider-hex"].version == __version__


def test_airflow_shows_the_address_of_the_documentation(manager: Any) -> None:
    urls = dict(url.split(", ") for url in metadata("airflow-provider-hex").get_all("Project-URL") or ())
    shown = manager.providers["airflow-provider-hex"].data["documentation-url"]
    assert shown.strip() == urls["Documentation"]  # Airflow 3.1 and 3.2 keep the space before it
    assert get_provider_info()["documentation-url"] == urls["Documentation"]


def test_airflow_knows_the_link_of_task_instances(manager: Any) -> None:
    assert "airflow_provider_hex.links.hex.HexRunLink" in manager.extra_links_class_names


def test_airflow_knows_the_connection_type_and_its_hook(manager: Any) -> None:
    hook = manager.hooks["hex"]
    assert hook.hook_name == "Hex"
    assert hook.hook_class_name == "airflow_provider_hex.hooks.hex.HexHook"


def test_the_form_asks_for_a_token_and_hides_fields_that_hex_does_not_use(manager: Any) -> None:
    form = manager.field_behaviours["hex"]
    assert form["relabeling"] == {"password": "API token", "host": "Base URL"}
    assert set(form["hidden_fields"]) == {"login", "schema", "extra"}
    assert form["placeholders"]["host"] == "https://app.hex.tech"


FIELDS = get_provider_info()["connection-types"][0]["conn-fields"]


def test_the_form_has_a_field_for_each_extra(manager: Any) -> None:
    shown = {name.removeprefix("extra__hex__") for name in manager.connection_form_widgets if "__hex__" in name}
    taken = {field.name for field in dataclasses.fields(HexConfig)} - {"base_url", "token", "name"}
    assert shown == set(FIELDS) == taken | {"allow_http"}


@pytest.mark.parametrize("field", dataclasses.fields(HexConfig), ids=lambda field: field.name)
def test_the_form_shows_the_default(field: Any) -> None:
    if isinstance(field.default, bool):
        assert FIELDS[field.name]["schema"]["default"] is field.default
    elif isinstance(field.default, (int, float)):
        assert f"Default: {field.default:g}." in FIELDS[field.name]["description"]


def test_the_form_names_the_stricter_limit_of_hex_and_that_it_may_change() -> None:
    description = FIELDS["requests_per_minute"]["description"]
    assert "30 status requests per minute in 2026, which may change" in description
    assert "60" not in description


@pytest.mark.parametrize(("name", "kind"), [(name, field["schema"]["type"][0]) for name, field in FIELDS.items()])
def test_the_hook_accepts_what_the_form_saves(name: str, kind: str) -> None:
    """An empty field is None or an empty string; any other has the type that its schema names, or is a string."""
    given = {"number": 7.5, "integer": 7, "boolean": False, "string": '{"X-Team": "data"}'}[kind]
    value = "http://proxy:3128" if name == "proxy" else given
    assert options({name: None}) == options({name: ""}) == {}
    taken = [] if name == "allow_http" else [name]
    assert list(options({name: value})) == list(options({name: str(value)})) == taken


@pytest.mark.skipif(AIRFLOW_V_3_2_PLUS, reason="Airflow reads the form from the provider info")
def test_the_hooks_form_equals_the_one_in_the_provider_info() -> None:
    entry = get_provider_info()["connection-types"][0]
    assert set(HexHook.get_connection_form_widgets()) == set(entry["conn-fields"])
    assert HexHook.get_ui_field_behaviour()["relabeling"] == entry["ui-field-behaviour"]["relabeling"]
