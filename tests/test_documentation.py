"""Every code block of README, CONTRIBUTING and ``docs`` is an example DAG, or is run here, or is run by CI."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import pytest

from airflow_provider_hex.compat_0_1.operators import _OLD_NAMES as OLD_NAMES
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor
from demo.shop import CHECKOUT, DBT_PROJECT, EXAMPLE_DAGS
from hex_emulator.client import Control
from tests.conftest import TOKENS

PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<kind>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
DOCSTRING_BLOCK = re.compile(r"::\n\n(?P<text>(?:(?: {4}.*)?\n)+)")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
MAKE = re.compile(r"(?:(?:^|`|run: )make|- target:) (?P<target>[a-z][a-z0-9-]*)", re.MULTILINE)
# They import packages that only the environment of `make cosmos` has.
DAGS_OF_COSMOS = [file.read_text() for file in sorted((CHECKOUT / "tests" / "cosmos" / "dags").glob("*.py"))]
EXAMPLES = {file.name: file.read_text() for file in sorted(EXAMPLE_DAGS.glob("*.py"))}

# These build environments. So CI runs them, and no test: make in .ci/run or .ci/check-clone, the others in a file.
BUILDS = ("make ", "pip ")
RUN_BY_CI = {'pip install "airflow-provider-hex>=1.0.0rc1"': CHECKOUT / ".ci" / "check-dist"}


@dataclass(frozen=True)
class Block:
    """A code block: where it is, the words after the fence, and its text."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"

    @property
    def is_example(self) -> bool:
        return any(self.text in example for example in (*EXAMPLES.values(), *DAGS_OF_COSMOS))


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text()
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(page, line, match["kind"].strip(), match["text"])


BLOCKS = list(_blocks())


def _of(*kinds: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind.split(" ")[0] in kinds]


def _param(blocks: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks, ids=str)


def test_every_block_is_of_a_kind_that_is_run_or_is_no_code() -> None:
    known = _of("python", "bash", "console", "sh", "{literalinclude}", "{toctree}", "text", "yaml")
    assert [str(block) for block in BLOCKS if block not in known] == []


@_param(_of("console", "sh"))
def test_a_session_and_a_script_are_run_by_the_tests_of_the_command_line(block: Block) -> None:
    assert block.page.name == "cli.md"


@_param(_of("text"))
def test_a_block_of_text_is_a_drawing(block: Block) -> None:
    assert set("─│") <= set(block.text)


@_param(_of("yaml"))
def test_yaml_is_a_part_of_the_dbt_project(block: Block) -> None:
    assert block.text in (DBT_PROJECT / "models" / "exposures.yml").read_text()


@_param(_of("{literalinclude}"))
def test_an_included_file_is_an_example_dag(block: Block) -> None:
    included = (block.page.parent / block.kind.split(" ")[1]).resolve()
    assert included.parent == EXAMPLE_DAGS
    assert included.name in EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_dag_is_run_by_a_test_and_shown_on_a_page(name: str) -> None:
    tests = "".join(file.read_text() for file in (CHECKOUT / "tests" / "dag_runs").glob("test_example_dag*.py"))
    assert f'("{name.removesuffix(".py")}"' in tests
    assert any(block.kind.endswith(f"/{name}") for block in _of("{literalinclude}"))


@_param([block for block in _of("python") if not block.is_example])
def test_python_runs(block: Block, emulator: Control) -> None:
    names: dict[str, object] = {"__name__": "page"}
    code = compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    asyncio.run(_run(code, names))
    assert emulator.requests()


async def _run(code: CodeType, names: dict[str, object]) -> None:
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result


def _is_run_by_ci(command: str) -> bool:
    if (make := MAKE.match(command)) is not None:
        return make["target"] in _targets_that_ci_runs()
    return command in RUN_BY_CI and RUN_BY_CI[command].exists()


def _targets_that_ci_runs() -> set[str]:
    scripts = (CHECKOUT / ".ci" / name for name in ("run", "check-clone"))
    return {
        name for script in scripts for name in re.findall(r'(?:\bmake|"\$@") ([a-z][a-z0-9-]*)', script.read_text())
    }


def _commands(block: Block) -> list[str]:
    return [line.partition("  #")[0].strip() for line in block.text.splitlines() if line.strip()]


@_param(_of("bash"))
@pytest.mark.usefixtures("_database")
def test_commands_run(block: Block) -> None:
    """They run in a shell in which Airflow is installed, and a connection that they make is valid."""
    commands = _commands(block)
    if any(command.startswith(BUILDS) for command in commands):
        assert [command for command in commands if not _is_run_by_ci(command)] == []
        return
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_CONN_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["_AIRFLOW_PROCESS_CONTEXT"] = "server"  # so that Airflow 3 reads connections from its database
    script = block.text
    if "hex_default" in script.lower():
        script += "python -c 'from airflow_provider_hex.hooks.hex import HexHook; print(HexHook().config.token)'\n"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "hex_default" in script.lower():
        assert done.stdout.splitlines()[-1] == TOKENS["read-only"]


def test_code_in_a_docstring_is_part_of_a_page() -> None:
    pages = [block.text for block in _of("python")]
    blocks = [textwrap.dedent(match["text"]) for text in _docstrings() for match in DOCSTRING_BLOCK.finditer(text)]
    assert blocks
    assert [block for block in blocks if not any(block.strip() in page for page in pages)] == []


def _docstrings() -> Iterator[str]:
    for file in sorted((CHECKOUT / "airflow_provider_hex").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, DOCUMENTED):
                yield (ast.get_docstring(node) or "") + "\n"


@pytest.mark.parametrize("page", [*PAGES, *sorted((CHECKOUT / ".github").rglob("*.y*ml"))], ids=lambda page: page.name)
def test_a_make_target_that_a_page_names_exists(page: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(MAKE.findall(page.read_text()))
    assert {target for target in targets if f"\n{target}: " not in makefile} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_a_file_finds_it(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("page", "task", "airflows"),
    [("operator.md", HexRunProjectOperator, set()), ("sensor.md", HexRunSensor, {"timeout"})],
)
def test_a_table_has_each_argument_with_its_default(page: str, task: type, airflows: set[str]) -> None:
    section = (CHECKOUT / "docs" / page).read_text().partition("## Arguments")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.MULTILINE))
    old = set(OLD_NAMES) if task is HexRunProjectOperator else set()
    own = {
        parameter.name: parameter.default
        for parameter in inspect.signature(task.__init__).parameters.values()  # type: ignore[misc]
        if parameter.name not in {"self", "kwargs", *old}
    }
    assert set(rows) == {*own, *airflows}
    shown = {name: text.strip("`").strip('"') for name, text in rows.items() if text.startswith("`")}
    assert {name: str(own[name]) for name in shown} == shown


def test_contributing_names_each_make_target() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*##", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    named = (CHECKOUT / "CONTRIBUTING.md").read_text()
    assert [name for name in targets if name not in ("help", "clean") and f"`make {name}`" not in named] == []
