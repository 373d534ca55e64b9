"""The ports that the demo and the tests use on this machine."""

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"


class PortInUseError(Exception):
    """A port is in use, or its variable is invalid; the message says what to do."""


@dataclass(frozen=True)
class PortSetting:
    """One of the demo's ports, and the environment variable that changes it."""

    purpose: str
    variable: str
    default: int

    def number(self, environ: Mapping[str, str]) -> int:
        """The port to use. Raises PortInUseError if the variable is no port."""
        value = environ.get(self.variable, "") or str(self.default)
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise PortInUseError(f"{self.variable} is {value!r}, but must be a port from 1 to 65535.")
        return int(value)


PORT_SETTINGS = (
    PortSetting("Airflow's UI and API", "DEMO_AIRFLOW_PORT", 28080),
    PortSetting("the Hex emulator", "DEMO_HEX_PORT", 28765),
    PortSetting("the logs of Airflow's workers", "DEMO_WORKER_LOG_PORT", 28793),
    PortSetting("the logs of Airflow's triggerer", "DEMO_TRIGGER_LOG_PORT", 28794),
)


@dataclass(frozen=True)
class Ports:
    """One port for each service that listens."""

    airflow: int
    hex: int
    worker_logs: int
    trigger_logs: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The demo's ports. Raises PortInUseError for the first that is in use."""
        numbers = [setting.number(environ) for setting in PORT_SETTINGS]
        for setting, number in zip(PORT_SETTINGS, numbers, strict=True):
            if is_in_use(number):
                raise PortInUseError(
                    f"Port {number} ({setting.purpose}) is in use.\n"
                    f"Stop the program that listens on it, or choose another port with {setting.variable}."
                )
        return cls(*numbers)

    @classmethod
    def free(cls) -> Self:
        """Ports that were free a moment ago."""
        with ExitStack() as open_at_once:
            sockets = [open_at_once.enter_context(socket.socket()) for _ in PORT_SETTINGS]
            for each in sockets:
                each.bind((HOST, 0))
            return cls(*(each.getsockname()[1] for each in sockets))


def is_in_use(port: int) -> bool:
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as probe:
        # Connections of an earlier run that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
