from __future__ import annotations

import pytest

from airflow_provider_hex.api.connection_name import name_connection, naming_connection, with_name
from airflow_provider_hex.api.errors import HexNotFound, HexUnauthorized

CHECK = "Check API token and Base URL of the Hex connection{}. Trace id: t."


@pytest.mark.parametrize("earlier", ["", " 'hex_other'"])
@pytest.mark.parametrize(("name", "shown"), [("hex_default", " 'hex_default'"), (r"a\1", r" 'a\1'"), ("", "")])
def test_a_message_about_the_connection_has_its_id(name: str, shown: str, earlier: str) -> None:
    assert with_name(CHECK.format(earlier), name) == CHECK.format(shown)
    assert with_name(f"The Hex connection{earlier} has no token.", name) == f"The Hex connection{shown} has no token."


def test_a_message_about_anything_else_stays_as_it_is() -> None:
    assert with_name("Hex run ERRORED after 3 s.", "hex_default") == "Hex run ERRORED after 3 s."


def test_an_error_is_named_in_place() -> None:
    error = HexUnauthorized(CHECK.format(""), status=401)
    name_connection(error, "hex_default")
    assert (str(error), error.status) == (CHECK.format(" 'hex_default'"), 401)


def test_the_errors_of_a_block_are_named() -> None:
    with pytest.raises(HexNotFound, match=r"^The Hex connection 'hex_eu' is wrong\.$"), naming_connection("hex_eu"):
        raise HexNotFound("The Hex connection is wrong.")
