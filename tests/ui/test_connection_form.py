"""The form of a connection of type Hex, and *Test*, as a user sees them."""

import pytest
from playwright.sync_api import Locator, expect

from airflow_provider_hex.get_provider_info import get_provider_info
from demo.emulator import token_for_airflow
from hex_emulator.client import Control
from tests.ui.pages import AirflowPages, picture

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

(CONNECTION_TYPE,) = get_provider_info()["connection-types"]
OPTIONS = [field["label"] for field in CONNECTION_TYPE["conn-fields"].values()]


@pytest.fixture(scope="module")
def form(pages: AirflowPages) -> Locator:
    """The form, as it is when a user has chosen the type."""
    form = pages.connection_form()
    form.locator("input[name=connection_id]").fill("hex_default")
    return form


def test_the_form_has_only_the_fields_that_mean_something_to_hex(form: Locator) -> None:
    picture(form, "connection-form.png", height=860)
    labels = form.locator("label").filter(visible=True).all_inner_texts()
    assert [label.rstrip("\n*") for label in labels] == [
        "Connection ID",
        "Connection Type",
        "Description",
        "Base URL",
        "API token",
        "Port",
    ]


@pytest.mark.parametrize(("field", "placeholder"), [("host", "https://app.hex.tech"), ("password", "hxtw_…")])
def test_a_placeholder_shows_what_to_enter(form: Locator, field: str, placeholder: str) -> None:
    assert (form.locator(f"input[name={field}]").get_attribute("placeholder") or "").startswith(placeholder)


def test_each_option_has_a_field_with_a_label(form: Locator) -> None:
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    for label in OPTIONS:
        expect(form.get_by_text(label, exact=True)).to_be_visible()


def test_a_connection_that_was_saved_with_the_form_can_be_tested(pages: AirflowPages, emulator: Control) -> None:
    form = pages.connection_form()
    fields = {"connection_id": "hex_saved", "host": emulator.url, "port": "443", "password": token_for_airflow()}
    for name, value in fields.items():
        form.locator(f"input[name={name}]").fill(value)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    pages.connections()  # without the message that the connection was saved
    row = pages.connection_row("hex_saved")
    row.get_by_role("button", name="Test Connection").click()
    result = pages.page.get_by_text("belongs to ada@example.com")
    expect(result.first).to_be_visible()
    picture(pages.page, "connection-test.png", height=440)
