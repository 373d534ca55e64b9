"""How arguments of the command line are read. The functions are argparse's ``type``: what is wrong is a usage error."""

from __future__ import annotations

import json
import re
from argparse import ArgumentTypeError
from typing import Any

from airflow_provider_hex.api import ids
from airflow_provider_hex.api.errors import HexInvalidInput

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def project(text: str) -> str:
    """Return a project's id or URL, unchanged."""
    _check_id(text, "project_id")
    return text


def run(text: str) -> str:
    """Return a run's id, unchanged."""
    _check_id(text, "run_id")
    return text


def duration(text: str) -> float:
    """Return the seconds of a duration such as ``90``, ``90s``, ``60m`` or ``1.5h``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not seconds:
        raise ArgumentTypeError(f"{text!r} is not a duration. Write it like 90s, 60m or 1.5h.")
    return seconds


def limit(text: str) -> int:
    """Return a whole number of at least 1."""
    if not re.fullmatch("0*[1-9][0-9]*", text):
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1.")
    return int(text)


def project_input(text: str) -> tuple[str, Any]:
    """Return the name and value of a project's input: ``NAME=TEXT``, or ``NAME:=JSON``."""
    name, equals, value = text.partition("=")
    if not equals or not name.removesuffix(":"):
        raise ArgumentTypeError(f"{text!r} is not an input. Write it as NAME=TEXT or NAME:=JSON.")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value, parse_constant=_no_number)
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: {value!r} is not JSON. Write NAME=TEXT for a text.") from None


def _no_number(name: str) -> Any:
    raise ValueError(name)  # JSON has neither NaN nor an infinity


def _check_id(text: str, name: str) -> None:
    try:
        ids.to_id(text, name)
    except HexInvalidInput as error:
        raise ArgumentTypeError(str(error)) from None
