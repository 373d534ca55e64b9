"""Carrying out a command: what all commands share."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable

from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.cli import exit_codes
from airflow_provider_hex.cli.arguments import Command
from airflow_provider_hex.cli.interruption import exit_code, terminable
from airflow_provider_hex.cli.progress import log_lines
from airflow_provider_hex.cli.session import Session, UsageError


def execute(command: Command, args: Namespace, program: str) -> int:
    """Carry out a command, and return its exit code.

    :param program: how the program was called.
    """
    from airflow_provider_hex.cli import commands

    session = Session(args, program)
    function: Callable[[Session], int] = getattr(commands, command.function)
    with log_lines(session.progress, verbose=args.verbose), terminable():
        try:
            return _flushed(function(session))
        except UsageError as error:
            message, code = f"Error: {error}", exit_codes.USAGE
        except HexError as error:
            session.source.explain(error)
            message, code = f"Error: {error}", exit_codes.ERROR
        except BrokenPipeError:  # the reader of stdout has what it needs, as head has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails when it flushes stdout
            return exit_codes.ERROR
        except OSError as error:  # stdout cannot be written
            message, code = f"Error: {error}", exit_codes.ERROR
        except KeyboardInterrupt as interruption:
            message, code = "Interrupted.", exit_code(interruption)
        session.progress.show("")
        session.say(message)
        return code


def _flushed(code: int) -> int:
    if sys.stdout is not None:  # it is closed
        sys.stdout.flush()
    return code
