"""Ports on this machine: which ones the demo wants, and which ones are free."""

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"


class PortTakenError(Exception):
    """Something else listens where the demo wants to; the message says what to do about it."""


@dataclass(frozen=True)
class Wanted:
    purpose: str
    variable: str
    default: int

    def number(self, environ: Mapping[str, str]) -> int:
        value = environ.get(self.variable, "") or str(self.default)
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise PortTakenError(f"{self.variable} is {value!r}: wanted is a port, 1 to 65535.")
        return int(value)


WANTED = (
    Wanted("Airflow's UI and API", "DEMO_AIRFLOW_PORT", 28080),
    Wanted("the Hex emulator", "DEMO_HEX_PORT", 28765),
    Wanted("the logs of Airflow's workers", "DEMO_WORKER_LOG_PORT", 28793),
    Wanted("the logs of Airflow's triggerer", "DEMO_TRIGGER_LOG_PORT", 28794),
)


@dataclass(frozen=True)
class Ports:
    airflow: int
    hex: int
    worker_logs: int
    trigger_logs: int

    @classmethod
    def wanted(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The demo's ports. Raises PortTakenError for the first that is in use."""
        numbers = [wanted.number(environ) for wanted in WANTED]
        for wanted, number in zip(WANTED, numbers, strict=True):
            if is_taken(number):
                raise PortTakenError(
                    f"Port {number} ({wanted.purpose}) is taken.\n"
                    f"Stop what listens there, or choose another port by setting {wanted.variable}."
                )
        return cls(*numbers)

    @classmethod
    def free(cls) -> Self:
        """Ports that nothing listened on a moment ago."""
        with ExitStack() as open_at_once:
            sockets = [open_at_once.enter_context(socket.socket()) for _ in WANTED]
            for each in sockets:
                each.bind((HOST, 0))
            return cls(*(each.getsockname()[1] for each in sockets))


def is_taken(port: int) -> bool:
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
