"""The commands as ``airflow hex …``: Airflow 3.2 and later call ``get_commands`` whenever ``airflow`` is called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.cli.arguments import COMMANDS, EPILOG, GROUPS, HELP, Command

if TYPE_CHECKING:
    from airflow.cli.cli_config import GroupCommand


def get_commands() -> list[GroupCommand]:
    """Return the commands in Airflow's form."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    make: Any = Arg  # it has no types

    def action(command: Command) -> ActionCommand:
        return ActionCommand(
            name=command.name,
            help=command.help,
            func=_function(command),
            args=[make(argument.flags, **argument.options) for argument in command.all_arguments],
            epilog=command.epilog,
        )

    groups = [
        GroupCommand(name, text, [action(command) for command in COMMANDS if command.group == name], epilog=EPILOG)
        for name, text in GROUPS.items()
    ]
    return [GroupCommand("hex", HELP, groups, epilog=EPILOG)]


def _function(command: Command) -> Callable[[Any], None]:
    def call(args: Any) -> None:
        from airflow_provider_hex.cli.execution import execute  # other commands of Airflow do not need it

        sys.exit(execute(command, args, "airflow hex"))

    return call
