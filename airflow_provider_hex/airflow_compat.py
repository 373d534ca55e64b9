"""Airflow's names that moved between versions. Each is imported from where it is when it is first used.

>>> from airflow_provider_hex.airflow_compat import BaseHook
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow import __version__

if TYPE_CHECKING:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import (
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        Context,
        ObjectStoragePath,
        PokeReturnValue,
        TaskGroup,
        XComArg,
        get_current_context,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferralTimeout,
        TaskDeferred,
    )
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.sdk.log import mask_secret

__all__ = [
    "AIRFLOW_V_3_0_PLUS",
    "AIRFLOW_V_3_2_PLUS",
    "AIRFLOW_V_3_3_PLUS",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "EmptyOperator",
    "ObjectStoragePath",
    "PokeReturnValue",
    "TaskDeferralTimeout",
    "TaskDeferred",
    "TaskGroup",
    "XCom",
    "XComArg",
    "conf",
    "get_current_context",
    "mask_secret",
]

_VERSION = tuple(int(part) for part in __version__.split(".")[:2])
AIRFLOW_V_3_0_PLUS = _VERSION >= (3, 0)
AIRFLOW_V_3_2_PLUS = _VERSION >= (3, 2)
AIRFLOW_V_3_3_PLUS = _VERSION >= (3, 3)

_EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")
_MODULES = {  # the newest first
    "AirflowException": _EXCEPTIONS,
    "AirflowFailException": _EXCEPTIONS,
    "AirflowNotFoundException": _EXCEPTIONS,
    "AirflowSensorTimeout": _EXCEPTIONS,
    "AirflowSkipException": _EXCEPTIONS,
    "AirflowTaskTimeout": _EXCEPTIONS,
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "Connection": ("airflow.sdk", "airflow.models.connection"),
    "Context": ("airflow.sdk", "airflow.utils.context"),
    "EmptyOperator": ("airflow.providers.standard.operators.empty", "airflow.operators.empty"),
    "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    "TaskDeferralTimeout": _EXCEPTIONS,  # since Airflow 3.0
    "TaskDeferred": _EXCEPTIONS,
    "TaskGroup": ("airflow.sdk", "airflow.utils.task_group"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "XComArg": ("airflow.sdk", "airflow.models.xcom_arg"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
    "get_current_context": ("airflow.sdk", "airflow.operators.python"),
    "mask_secret": ("airflow.sdk.log", "airflow.utils.log.secrets_masker"),
}

if not TYPE_CHECKING:  # so that mypy does not take every name for one of this module

    def __getattr__(name: str) -> Any:
        for module in _MODULES.get(name, ()):
            try:
                found = getattr(import_module(module), name)
            except (ImportError, AttributeError):
                continue
            return globals().setdefault(name, found)
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}, or Airflow {__version__} does not have it"
        )
