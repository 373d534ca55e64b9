"""The ids in URLs of Hex's pages, as a browser shows them. No I/O."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

ID = "(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
"""A regular expression for an id: a UUID in any letter case."""

_HOST = r"(?:(?i:https?)://)?[^/?#\s]*"
_PAGE = re.compile(rf"{_HOST}/[^/?#\s]+/(?:app|hex)/(?P<project>[^/?#\s]+)(?:[/?#]\S*)?")
"""The page of a project: ``https://app.hex.tech/<workspace>/app/<project>/…``, or ``hex`` instead of ``app``."""
_TITLE_AND_ID = re.compile(r"(?:.*-)?([0-9A-Za-z]{22})")
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
"""Hex's digits of base 62."""


@dataclass(frozen=True)
class ProjectId:
    """A project's id.

    :param id: the id.
    :param note: a sentence for the message if Hex has no such project; empty if Hex itself wrote the id.
    """

    id: str
    note: str = ""


def project_in_url(url: Any) -> ProjectId | None:
    """Return the project whose page has this URL, None for anything else.

    The project is in the URL as its id, or, in newer URLs, as its title with 22 characters: the id in base 62. Hex does
    not document the latter.

    :param url: the URL. Its scheme and host may be missing. The page may be any of the project, or one of its runs.
    """
    page = _PAGE.fullmatch(url) if isinstance(url, str) else None
    if page is None:
        return None
    if re.fullmatch(ID, page["project"]):
        return ProjectId(page["project"])
    name = _TITLE_AND_ID.fullmatch(page["project"])
    found = _from_base_62(name[1]) if name else None
    return ProjectId(found, _NOTE.format(found)) if found else None


def run_in_url(url: str) -> str | None:
    """Return the id of the run whose page has this URL, None for any other text.

    :param url: the URL, such as a run's ``runUrl``. :func:`project_in_url` returns the project.
    """
    if not _PAGE.fullmatch(url):
        return None
    (run_id,) = parse_qs(url.partition("#")[0].partition("?")[2]).get("runId", [""])[:1]
    return run_id if re.fullmatch(ID, run_id) else None


_NOTE = (
    "The project's id {} was derived from its URL, in a way that Hex does not document. If the URL is right, use the "
    "id under Variables in the project's sidebar."
)


def _from_base_62(text: str) -> str | None:
    """Return the UUID that is a number in base 62, None if the number is too large."""
    number = 0
    for digit in text:
        number = number * 62 + _DIGITS.index(digit)
    return str(UUID(int=number)) if number < 1 << 128 else None
