"""The commands as ``python -m airflow_provider_hex …``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from airflow_provider_hex.cli.arguments import COMMANDS, EPILOG, GROUPS, HELP
from airflow_provider_hex.cli.execution import execute

PROGRAM = "python -m airflow_provider_hex"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line, and return its exit code.

    :param arguments: the arguments. Default: those of the process.
    """
    parser = _parser()
    try:
        import argcomplete  # Airflow has it, but a token in the environment needs no Airflow
    except ImportError:
        pass
    else:
        argcomplete.autocomplete(parser)
    args = parser.parse_args(arguments)
    return execute(args.command, args, PROGRAM)


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog=PROGRAM, description=HELP, epilog=EPILOG, formatter_class=form)
    groups = parser.add_subparsers(metavar="GROUP", required=True)
    for name, text in GROUPS.items():
        group = groups.add_parser(name, help=text, description=text, epilog=EPILOG, formatter_class=form)
        commands = group.add_subparsers(metavar="COMMAND", required=True)
        for command in COMMANDS:
            if command.group == name:
                own = commands.add_parser(
                    command.name,
                    help=command.help,
                    description=command.help,
                    epilog=command.epilog,
                    formatter_class=form,
                )
                for argument in command.all_arguments:
                    own.add_argument(*argument.flags, **argument.options)
                own.set_defaults(command=command)
    return parser
