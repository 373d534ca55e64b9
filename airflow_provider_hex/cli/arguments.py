"""The commands and their arguments, without argparse or Airflow, each of which has its own parser for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from airflow_provider_hex.api.models import RunStatus, RunTriggerFilter
from airflow_provider_hex.cli import exit_codes, values

HELP = "Run Hex projects (hex.tech), and see their runs"
GROUPS = {
    "connection": "Check the connection to Hex",
    "projects": "List and show projects",
    "runs": "List, show, start, cancel and wait for runs of a project",
    "exposures": "Hex projects that are exposures of a dbt project",
}
EPILOG = """\
The token is that of the Airflow connection --conn-id. Without --conn-id it is that of the environment: HEX_API_TOKEN,
with HEX_BASE_URL if Hex is not at https://app.hex.tech. If that is not set, it is that of the connection hex_default.
"""


@dataclass(frozen=True)
class Argument:
    """An argument of a command.

    :param flags: its flags, or the name of a positional argument.
    :param options: further arguments of argparse's ``add_argument``.
    """

    flags: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """A command: ``hex GROUP NAME``.

    :param group: the group, one of :data:`GROUPS`.
    :param name: its name in the group.
    :param help: what it does, in a line.
    :param arguments: its arguments, beside those of many commands.
    :param epilog: what else its help says.
    :param calls_hex: whether it needs a token.
    :param has_formats: whether its output is a list or an object, in the form that ``-o`` names.
    """

    group: str
    name: str
    help: str
    arguments: tuple[Argument, ...] = ()
    epilog: str = EPILOG
    calls_hex: bool = True
    has_formats: bool = True

    @property
    def function(self) -> str:
        """The name of the function in :mod:`airflow_provider_hex.cli.commands`."""
        return f"{self.group}_{self.name}"

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """Its arguments, with those of many commands."""
        output = (_OUTPUT,) if self.has_formats else ()
        conn_id = (_CONN_ID,) if self.calls_hex else ()
        return (*self.arguments, *output, *conn_id, _VERBOSE)


def _argument(*flags: str, **options: Any) -> Argument:
    return Argument(flags, options)


_OUTPUT = _argument(
    "-o",
    "--output",
    help="Output format. Allowed values: json, yaml, plain, table (default: table).\n"
    "json and yaml have all that Hex returns.",
    metavar="(table, json, yaml, plain)",
    choices=("table", "json", "yaml", "plain"),
    default="table",
)
_CONN_ID = _argument("--conn-id", help="The Airflow connection of type hex", metavar="CONN_ID")
_VERBOSE = _argument("-v", "--verbose", help="Also show each step on stderr", action="store_true")

_PROJECT = _argument("project", help="The project: its id, or its URL", metavar="PROJECT", type=values.project)
_PROJECT_OF_RUN = _argument(
    "project",
    help="The project: its id, or its URL. Or the URL of the run,\nwhich makes RUN unnecessary.",
    metavar="PROJECT",
    type=values.project,
)
_RUN = _argument("run", help="The run's id", metavar="RUN", nargs="?", type=values.run)
_MANIFEST = _argument("manifest", help="dbt's manifest.json, or a trimmed one", metavar="MANIFEST")
_TO = _argument("--to", help="The file to write (default: stdout)", metavar="FILE")
_NO_TOKEN = "No token is needed."
_WAITS = f"{exit_codes.HELP}\n{EPILOG}"

COMMANDS = (
    Command("connection", "test", "Check that the token works, and say whose it is and when it expires"),
    Command(
        "projects",
        "list",
        "List the projects that the token's owner can see",
        (
            _argument("--limit", help="How many to list (default: all)", metavar="N", type=values.limit),
            _argument("--include-archived", help="List archived projects, too", action="store_true"),
            _argument("--include-trashed", help="List projects in the trash, too", action="store_true"),
        ),
    ),
    Command("projects", "show", "Show a project", (_PROJECT,)),
    Command(
        "runs",
        "list",
        "List the latest runs of a project",
        (
            _PROJECT,
            _argument("--limit", help="How many to list (default: 25)", metavar="N", type=values.limit, default=25),
            _argument(
                "--status",
                help="List only runs with this status",
                choices=tuple(str(status) for status in RunStatus if status is not RunStatus.UNKNOWN),
            ),
            _argument("--trigger", help="List only runs that were started so", choices=get_args(RunTriggerFilter)),
        ),
    ),
    Command("runs", "show", "Show a run", (_PROJECT_OF_RUN, _RUN)),
    Command(
        "runs",
        "start",
        "Start a run of the latest published version of a project",
        (
            _PROJECT,
            _argument(
                "--input",
                dest="inputs",
                help="A value for an input: NAME=TEXT, or NAME:=JSON for a\n"
                "number, a boolean or a list. May be given several times.",
                metavar="NAME=TEXT",
                action="append",
                type=values.project_input,
                default=[],
            ),
            _argument(
                "--inputs-json", help="A file with inputs as a JSON object, - for stdin", metavar="FILE", default=None
            ),
            _argument("--view", help="A saved view to run, instead of inputs", metavar="ID"),
            _argument("--wait", help="Wait until the run has ended", action="store_true"),
            _argument(
                "--timeout",
                help="How long to wait for Hex's limits, and with --wait for\n"
                "the run: 90s, 60m, 1.5h (default: no timeout).\n"
                "The run goes on.",
                metavar="DURATION",
                type=values.duration,
            ),
            _argument(
                "--update-published-results",
                help="Show the results to viewers of the published app",
                action="store_true",
            ),
            _argument("--no-sql-cache", help="Take no SQL results from Hex's cache", action="store_true"),
        ),
        _WAITS,
    ),
    Command("runs", "cancel", "Cancel a run", (_PROJECT_OF_RUN, _RUN)),
    Command(
        "runs",
        "wait",
        "Wait until a run has ended",
        (
            _PROJECT_OF_RUN,
            _RUN,
            _argument(
                "--timeout",
                help="How long to wait: 90s, 60m, 1.5h (default: no timeout).\nThe run goes on.",
                metavar="DURATION",
                type=values.duration,
            ),
        ),
        _WAITS,
    ),
    Command(
        "exposures",
        "show",
        "Show which Hex projects depend on which models",
        (_MANIFEST, _argument("--mermaid", help="Print a Mermaid diagram", action="store_true")),
        _NO_TOKEN,
        calls_hex=False,
    ),
    Command(
        "exposures",
        "check",
        "Check that each exposure can be used, and its project run",
        (_MANIFEST,),
        f"The exit code is {exit_codes.CHECK_FAILED} if an exposure cannot be used.\n{EPILOG}",
    ),
    Command(
        "exposures",
        "trim",
        "Write a small manifest with only what HexExposures reads",
        (_MANIFEST, _TO),
        _NO_TOKEN,
        calls_hex=False,
        has_formats=False,
    ),
    Command(
        "exposures",
        "propose",
        "Write exposures, in YAML, for projects that query tables of dbt (Hex's Enterprise plan)",
        (
            _argument("manifest", help="dbt's manifest.json, whole", metavar="MANIFEST"),
            _argument(
                "projects",
                help="The projects: their ids, or URLs (default: all\npublished ones that are no exposure yet)",
                metavar="PROJECT",
                nargs="*",
                type=values.project,
            ),
            _TO,
        ),
        has_formats=False,
    ),
)
