"""What a command works with."""

from __future__ import annotations

import io
import shlex
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.cli import output
from airflow_provider_hex.cli.connection import Source
from airflow_provider_hex.cli.progress import Progress

if TYPE_CHECKING:
    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.api.config import HexConfig


class UsageError(Exception):
    """Arguments do not fit together."""


class Session:
    """The connection and the output of a command.

    :param args: the command's arguments.
    :param program: how the program was called: ``airflow hex``, for example.
    """

    def __init__(self, args: Namespace, program: str) -> None:
        self.args: Any = args
        self.progress = Progress(sys.stderr or io.StringIO())  # stderr may be closed
        self.source = Source.chosen_by(getattr(args, "conn_id", None))  # some commands need no token
        self._program = program

    @cached_property
    def config(self) -> HexConfig:
        """The configuration. What is questionable about it is shown.

        :raises HexError: it is invalid, or cannot be read.
        """
        config, warnings = self.source.config()
        for warning in warnings:
            self.say(f"Warning: {warning}")
        timeout = getattr(self.args, "timeout", None)  # no request is retried for longer
        return config if timeout is None else replace(config, retry_for=min(config.retry_for, timeout))

    @cached_property
    def client(self) -> HexClient:
        """The client, which shows the progress while it sleeps.

        :raises HexError: the configuration is invalid, or cannot be read.
        """
        from airflow_provider_hex.api.client import HexClient  # imports requests, which wrong usage does not need

        return HexClient(self.config, sleep=self.progress.sleep)

    def say(self, message: str) -> None:
        """Print a message on stderr."""
        self.progress.say(message)

    def print(self, item: Mapping[str, Any]) -> None:
        """Print the command's result on stdout."""
        self.progress.show("")
        output.print_object(item, self.args.output)

    def command_line(self, *words: str) -> str:
        """Return a command line that a user can copy, with the same connection.

        :param words: the command and its arguments.
        """
        connection = ["--conn-id", self.args.conn_id] if self.args.conn_id else []
        return f"{self._program} {shlex.join([*words, *connection])}"
