"""What Airflow finds out about the provider, asked of Airflow itself."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from airflow.providers_manager import ProvidersManager

from airflow_provider_hex import __version__
from airflow_provider_hex.get_provider_info import get_provider_info
from airflow_provider_hex.hooks.hex import HexHook


@pytest.fixture(scope="module")
def manager() -> ProvidersManager:
    return ProvidersManager()


def test_airflow_lists_the_provider(manager: Any) -> None:
    assert manager.providers["airflow-provider-hex"].version == __version__


def test_airflow_knows_the_connection_type_and_its_hook(manager: Any) -> None:
    hook = manager.hooks["hex"]
    assert hook.hook_name == "Hex"
    assert hook.hook_class_name == "airflow_provider_hex.hooks.hex.HexHook"


def test_the_form_asks_for_a_token_and_hides_what_hex_has_no_use_for(manager: Any) -> None:
    form = manager.field_behaviours["hex"]
    assert form["relabeling"] == {"password": "API token", "host": "Base URL"}
    assert set(form["hidden_fields"]) == {"login", "port", "schema", "extra"}
    assert form["placeholders"]["host"] == "https://app.hex.tech"


def test_the_form_has_a_field_for_each_extra(manager: Any) -> None:
    assert "extra__hex__allow_http" in manager.connection_form_widgets


@pytest.mark.skipif(AIRFLOW_V_3_2_PLUS, reason="Airflow reads the form from the provider info")
def test_the_hooks_form_is_the_provider_infos() -> None:
    entry = get_provider_info()["connection-types"][0]
    assert set(HexHook.get_connection_form_widgets()) == set(entry["conn-fields"])
    assert HexHook.get_ui_field_behaviour()["relabeling"] == entry["ui-field-behaviour"]["relabeling"]
