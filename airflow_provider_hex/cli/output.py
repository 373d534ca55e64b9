"""What commands print on stdout: tables for people, JSON and YAML for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Columns = Mapping[str, Callable[[Any], Any]]
"""How a table shows an object: the value of each column, by the column's name."""


def print_list(items: Sequence[Mapping[str, Any]], columns: Columns, form: str) -> None:
    """Print a list.

    :param items: the objects, as Hex returns them.
    :param columns: what a table shows.
    :param form: ``table``, ``plain``, ``json`` or ``yaml``.
    """
    if not _print_data(list(items), form):
        _print_table(list(columns), [[read(item) for read in columns.values()] for item in items], form)


def print_object(item: Mapping[str, Any], form: str) -> None:
    """Print one object. A table has a row for each field.

    :param item: the object, as Hex returns it.
    :param form: ``table``, ``plain``, ``json`` or ``yaml``.
    """
    if not _print_data(item, form):
        _print_table(["field", "value"], [list(field) for field in item.items()], form)


def _print_data(data: Any, form: str) -> bool:
    """Print as JSON or YAML. Return whether it is one of these."""
    if form == "json":
        print(json.dumps(data, indent=2))
    elif form == "yaml":
        import yaml

        yaml.safe_dump(data, sys.stdout, sort_keys=False, allow_unicode=False)
    return form in ("json", "yaml")


def _print_table(names: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> None:
    if not rows:
        print("No data found")
        return
    table = [list(names), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    between = "  " if form == "plain" else " | "
    lines = [between.join(map(str.ljust, row, widths)).rstrip() for row in table]
    if form == "table":
        lines.insert(1, "=+=".join("=" * width for width in widths))
    print("\n".join(lines))


def _cell(value: Any) -> str:
    """Return a value in a line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def printable(text: str) -> str:
    """Return a text that stdout can show: neither what could control the terminal, nor what its encoding lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown.encode(encoding, "replace").decode(encoding)
