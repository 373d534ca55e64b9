"""URLs of Hex's pages, as a browser shows them, for tests."""

from __future__ import annotations

import string
from uuid import UUID

from hypothesis import strategies as st

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def base_62(uuid: str) -> str:
    """Return an id as Hex's newer URLs have it: 22 digits of base 62."""
    number, digits = UUID(uuid).int, ""
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits


def titled(project_id: str, title: str = "Daily-revenue--EMEA") -> str:
    """Return the URL of a project's published app, in the newer form."""
    return f"https://app.hex.tech/acme/app/{title}-{base_62(project_id)}/latest"


ids = st.uuids().map(str)
_names = st.text(st.characters(exclude_characters="/?#", exclude_categories=["Z", "C"]), min_size=1)
workspaces = st.sampled_from(["acme", "hex", "app", "019eb848-2e32-77f8-991b-aaa5018c75b4"]) | _names
titles = (
    st.just("")
    | st.sampled_from(["app-", "a--b-", "-", "hex-app-", "%E2%82%AC-", "x" * 22 + "-"])
    | _names.map("{}-".format)
)
hosts = st.sampled_from(["https://app.hex.tech", "HTTPS://eu.hex.tech", "http://localhost:8765", "hc.hex.tech", ""])
rests = st.sampled_from(["", "/", "/latest", "/draft/logic", "?a=/app/b", "/latest?view=x#hex", "#/hex/c", "/latest?"])
