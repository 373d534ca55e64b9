"""The warning that a user's code uses an old name."""

from __future__ import annotations

import re
import sys
from types import FrameType
from warnings import warn_explicit

_OURS = re.compile(r"airflow_provider_hex\.compat_0_1\.|functools$|importlib\._bootstrap")
_BETWEEN = re.compile(rf"{_OURS.pattern}|airflow_provider_hex\.|airflow\.(sdk|models|utils|serialization|decorators)\b")
"""The modules that may be between the user's code and this one."""


def deprecated(message: str, *, direct: bool = False) -> None:
    """Warn at the line of the user's code that uses an old name.

    :param message: names the old name and the new one.
    :param direct: warn only if the user's code itself uses the name, and not if Airflow does so on the way.
    """
    from airflow.exceptions import AirflowProviderDeprecationWarning as Category

    frame = sys._getframe(1)
    while frame.f_back is not None and (_OURS.match(_module(frame)) or frame.f_code.co_name == "__setattr__"):
        frame = frame.f_back  # Airflow's operators have a __setattr__
    if direct and _BETWEEN.match(_module(frame)):
        return
    while _BETWEEN.match(_module(frame)) and frame.f_back is not None:
        frame = frame.f_back
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warn_explicit(message, Category, frame.f_code.co_filename, frame.f_lineno, _module(frame), registry)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
