"""A project's input parameters, and the values that they accept."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, model_validator


def _is_text(value: Any, options: tuple[str, ...]) -> bool:
    return isinstance(value, str)


def _is_number(value: Any, options: tuple[str, ...]) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_date(value: Any, options: tuple[str, ...]) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def _is_bool(value: Any, options: tuple[str, ...]) -> bool:
    return isinstance(value, bool)


def _is_option(value: Any, options: tuple[str, ...]) -> bool:
    return value in options


def _is_list_of_options(value: Any, options: tuple[str, ...]) -> bool:
    return isinstance(value, list) and all(_is_option(item, options) for item in value)


class Kind(NamedTuple):
    """What a kind of input cell is for: Hex's ``dataType``, and a check of (value, options)."""

    data_type: str
    accepts: Callable[[Any, tuple[str, ...]], bool]


Cell = Literal["TEXT_INPUT", "NUMERIC_INPUT", "DATE_INPUT", "CHECKBOX", "DROPDOWN", "MULTISELECT"]

# Hex does not document the values of inputCellType and dataType: the emulator has made up these.
KINDS: dict[Cell, Kind] = {
    "TEXT_INPUT": Kind("STRING", _is_text),
    "NUMERIC_INPUT": Kind("NUMBER", _is_number),
    "DATE_INPUT": Kind("DATE", _is_date),
    "CHECKBOX": Kind("BOOLEAN", _is_bool),
    "DROPDOWN": Kind("STRING", _is_option),
    "MULTISELECT": Kind("ARRAY", _is_list_of_options),
}


class Input(BaseModel):
    """One input parameter; ``options`` are for a DROPDOWN and a MULTISELECT."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    cell: Cell
    default: Any
    options: tuple[str, ...] = ()

    @property
    def data_type(self) -> str:
        """What Hex calls ``dataType``."""
        return KINDS[self.cell].data_type

    def accepts(self, value: Any) -> bool:
        """Return whether a run may have this value.

        :param value: the value from the request's JSON.
        :returns: whether it fits the cell.
        """
        return KINDS[self.cell].accepts(value, self.options)

    @model_validator(mode="after")
    def _accepts_its_default(self) -> Self:
        if not self.accepts(self.default):
            raise ValueError(f"the default of {self.name} is no value for a {self.cell}: {self.default!r}")
        return self
