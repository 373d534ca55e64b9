"""Write ``docs/public_api.txt``, the list of all that is public: ``python -m docs.public_api``.

A change of what users rely on shows there when it is reviewed. Everything else in the package may change at any time.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from airflow_provider_hex.api import errors, models
from airflow_provider_hex.api.config import OPTIONS
from airflow_provider_hex.api.start import OnAmbiguousStart
from airflow_provider_hex.compat_0_1 import hooks as old_hooks
from airflow_provider_hex.dbt import HexExposures
from airflow_provider_hex.dbt.operator import DbtModelsFailed, HexRefreshOperator
from airflow_provider_hex.dbt.run_results import DbtResultsMissing
from airflow_provider_hex.get_provider_info import get_provider_info
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor
from airflow_provider_hex.triggers.hex import HexRunTrigger, HexStartTrigger
from airflow_provider_hex.triggers.run_xcom import RUN_ID, RUN_URL

FILE = Path(__file__).with_name("public_api.txt")

_INTRODUCTION = "What is public, written by: make public-api. The values of arguments are their defaults."
_OLD_TYPES = ("NotificationDetails", "NotificationResponse", "RunResponse", "StatusResponse")


def text() -> str:
    """Return the list."""
    parts = [_operators(), _dbt(), _hook(), _constants(), _connection(), _errors(), _models(), _triggers()]
    return "\n\n".join([_INTRODUCTION, *("\n".join(part) for part in parts)]) + "\n"


def _operators() -> Iterator[str]:
    for cls in (HexRunProjectOperator, HexRunSensor):
        yield f"{cls.__module__}.{cls.__qualname__}"
        yield from _arguments(cls.__init__)
        yield f"    template_fields: {', '.join(cls.template_fields)}"
        yield f"    template_fields_renderers: {dict(cls.template_fields_renderers)}"
        names = [name for name in _names(cls) if name not in inspect.signature(cls.__init__).parameters]
        yield f"    attributes and methods: {', '.join(names)}"
    yield f"XComs of the operator: return_value, {RUN_ID}, {RUN_URL}"


def _dbt() -> Iterator[str]:
    yield f"airflow_provider_hex.dbt.HexExposures{_signature(HexExposures.__init__)}"
    yield "    attributes: exposures, problems"
    yield from (f"    {name}{_signature(getattr(HexExposures, name))}" for name in _names(HexExposures))
    yield f"{HexRefreshOperator.__module__}.HexRefreshOperator(HexRunProjectOperator)"
    yield from _arguments(HexRefreshOperator.__init__)
    yield f"    template_fields: {', '.join(HexRefreshOperator.template_fields)}"
    for cls in (DbtModelsFailed, DbtResultsMissing):
        yield f"{cls.__module__}.{cls.__qualname__}(HexError): retry_helps={cls.retry_helps}"


def _hook() -> Iterator[str]:
    yield f"{HexHook.__module__}.HexHook{_signature(HexHook.__init__)}"
    for name in _names(HexHook):
        value = inspect.getattr_static(HexHook, name)
        value = getattr(HexHook, name) if isinstance(value, classmethod) else value
        if callable(value):
            yield f"    {name}{_signature(value)}"
        else:
            yield f"    {name}{f' = {value!r}' if isinstance(value, str) else ''}"


def _constants() -> Iterator[str]:
    yield f"{HexHook.__module__}: {', '.join(sorted(old_hooks.CONSTANTS))}"
    yield f"airflow_provider_hex.types: {', '.join(_OLD_TYPES)}"
    yield f"airflow_provider_hex.api.start.OnAmbiguousStart = {OnAmbiguousStart}"


def _connection() -> Iterator[str]:
    (connection,) = get_provider_info()["connection-types"]
    yield f"connection type {connection['connection-type']}"
    yield f"    extra: {', '.join(sorted(OPTIONS))}"
    yield from (f"    field {name}: {field['schema']['type'][0]}" for name, field in connection["conn-fields"].items())


def _errors() -> Iterator[str]:
    yield errors.__name__
    for cls in errors.all_classes():
        bases = ", ".join(base.__name__ for base in cls.__bases__)
        yield f"    {cls.__name__}({bases}): retry_helps={cls.retry_helps}, transient={cls.transient}"
    yield from _arguments(errors.HexError.__init__)


def _models() -> Iterator[str]:
    yield models.__name__
    for name, value in vars(models).items():
        if getattr(value, "__module__", None) != models.__name__ or name.startswith("_"):
            continue
        if isinstance(value, type) and issubclass(value, Enum):
            yield f"    {name}: {', '.join(value)}"
        elif isinstance(value, type):
            yield f"    {name}"
            yield from (f"        {field}: {kind.__forward_arg__}" for field, kind in value.__annotations__.items())


def _triggers() -> Iterator[str]:
    yield "what Airflow stores of a deferred task, which a newer version must read"
    for cls in (HexRunTrigger, HexStartTrigger):
        yield f"{cls.__module__}.{cls.__qualname__}"
        yield from _arguments(cls.__init__)
    yield "methods that resume a task: execute_complete, retry_start"


def _names(cls: type[Any]) -> list[str]:
    """Return the public names that a class has from this package."""
    own = [base for base in cls.__mro__ if base.__module__.startswith("airflow_provider_hex.")]
    return sorted({name for base in own for name in vars(base) if not name.startswith("_")})


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    kept = [parameter for parameter in signature.parameters.values() if parameter.name not in ("self", "cls")]
    return str(signature.replace(parameters=kept)).replace("'", "")


def _arguments(function: Any) -> Iterator[str]:
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        yield f"    {str(parameter).replace(chr(39), '')}"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
