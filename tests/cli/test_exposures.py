"""The commands about dbt exposures that are Hex projects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_hex.dbt.exposures import read_exposures
from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import default_workspace
from tests.api.project_urls import titled
from tests.cli.conftest import ROOT, Result
from tests.conftest import PROJECT, PROJECTS, connect

Cli = Callable[..., Result]
UNKNOWN = "019eb848-2e32-77f8-991b-aaa5018c75b4"
NODES = {
    "model.shop.orders": '"analytics"."finance"."orders"',
    "model.shop.regions": '"analytics"."core"."regions"',
    "model.shop.unused": '"analytics"."core"."unused"',
}


def manifest(**exposures: str | dict[str, Any]) -> dict[str, Any]:
    """Return dbt's manifest, with exposures of the model ``orders``, by name: their URL, or more of them."""
    content: dict[str, Any] = {
        "metadata": {"project_name": "shop", "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
        "nodes": {
            unique_id: {
                "resource_type": "model",
                "package_name": "shop",
                "name": unique_id.split(".")[-1],
                "relation_name": relation,
                "config": {"materialized": "table"},
                "raw_code": "select 1" * 100,
            }
            for unique_id, relation in NODES.items()
        },
        "sources": {},
        "exposures": {},
        "parent_map": {unique_id: [] for unique_id in NODES},
    }
    for name, fields in exposures.items():
        unique_id = f"exposure.shop.{name}"
        url = {"url": fields} if isinstance(fields, str) else fields
        content["exposures"][unique_id] = {"name": name, "owner": {"name": "Ada"}, "config": {"meta": {}}, **url}
        content["parent_map"][unique_id] = ["model.shop.orders"]
    return content


def url(title: str) -> str:
    return f"https://app.hex.tech/acme/app/{PROJECTS[title]}/latest"


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Writes a manifest, and returns the file's path."""

    def write(**exposures: str | dict[str, Any]) -> str:
        file = tmp_path / "manifest.json"
        file.write_text(json.dumps(manifest(**exposures)))
        return str(file)

    return write


def test_the_projects_are_shown_with_the_models_that_they_depend_on(
    hex_cli: Cli, emulator: Control, written: Callable[..., str]
) -> None:
    file = written(revenue={"url": titled(PROJECT), "label": "Daily revenue"}, other="https://tableau.example.com/1")
    head, _, row = hex_cli("exposures", "show", file).out.splitlines()
    assert head.split(" | ")[0].strip() == "exposure"
    assert [cell.strip() for cell in row.split("|")] == ["revenue", "Daily revenue", "orders", titled(PROJECT)]
    (shown,) = hex_cli("exposures", "show", file, "-o", "json").json
    assert shown == {
        "exposure": "revenue",
        "label": "Daily revenue",
        "models": ["model.shop.orders"],
        "project": titled(PROJECT),
        "project_id": PROJECT,
    }
    assert emulator.requests() == []


def test_a_diagram_has_an_arrow_from_each_model_to_its_projects(hex_cli: Cli, written: Callable[..., str]) -> None:
    file = written(churn={"url": url("Churn forecast"), "label": 'Churn "2026" #1'}, revenue=url("Daily revenue"))
    assert hex_cli("exposures", "show", file, "--mermaid").out.splitlines() == [
        "flowchart LR",
        '    m0["orders"]',
        '    p0(["Churn #quot;2026#quot; #35;1"])',
        "    m0 --> p0",
        '    p1(["revenue"])',
        "    m0 --> p1",
    ]


@pytest.mark.parametrize("command", ["show", "trim"])
def test_an_exposure_that_cannot_be_used_is_a_warning(command: str, hex_cli: Cli, written: Callable[..., str]) -> None:
    result = hex_cli("exposures", command, written(draft="https://app.hex.tech/acme/home"))
    assert result.code == 0
    assert "Warning: exposure.shop.draft: " in result.err


def test_show_and_trim_need_neither_a_token_nor_airflow(written: Callable[..., str]) -> None:
    file = written(revenue=url("Daily revenue"))
    script = (
        "import sys\nfrom airflow_provider_hex.cli.main import main\n"
        f"assert main(['exposures', 'show', {file!r}]) == 0\nassert main(['exposures', 'trim', {file!r}]) == 0\n"
        "print('airflow' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "False False"


def test_all_is_well_if_each_project_can_be_run(hex_cli: Cli, emulator: Control, written: Callable[..., str]) -> None:
    result = hex_cli("exposures", "check", written(revenue=url("Daily revenue"), health=url("Warehouse health")))
    assert result.code == 0
    assert "Daily revenue" in result.out
    assert [request["call"] for request in emulator.requests()] == ["GetProject", "GetProject"]


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (url("Pricing draft"), "It was never published. Publish it in Hex."),
        (url("Revenue 2024"), "It is archived."),
        (url("Scratchpad"), "It is in the trash."),
        (titled(UNKNOWN), "was derived from its URL"),
        ("https://app.hex.tech/acme/home", "Its url is not that of a project."),
        ({"config": {"meta": {"hex": {"input_params": {}}}}}, "It has neither a url nor meta.hex.project_id."),
        ({"url": url("Daily revenue"), "config": {"meta": {"hex": {"input_parms": {}}}}}, "input_parms"),
    ],
)
def test_each_problem_is_shown_and_fails_the_check(
    found: str | dict[str, Any], problem: str, hex_cli: Cli, written: Callable[..., str]
) -> None:
    result = hex_cli("exposures", "check", written(bad=found, revenue=url("Daily revenue")), "-o", "json")
    assert result.code == 7
    problems = {row["exposure"].removeprefix("exposure.shop."): row["problem"] for row in result.json}
    assert problems["revenue"] is None
    assert problem in problems["bad"]


def test_a_token_that_does_not_work_is_an_error_and_no_problem_of_a_project(
    hex_cli: Cli, emulator: Control, written: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, password="wrong")
    result = hex_cli("exposures", "check", written(revenue=url("Daily revenue")))
    assert (result.code, result.out) == (1, "")


@pytest.mark.parametrize("to_file", [False, True])
def test_a_trimmed_manifest_has_the_same_exposures(
    to_file: bool, hex_cli: Cli, written: Callable[..., str], tmp_path: Path
) -> None:
    file, small = written(revenue=url("Daily revenue")), tmp_path / "small.json"
    result = hex_cli("exposures", "trim", file, *(["--to", str(small)] if to_file else []))
    text = small.read_text() if to_file else result.out
    assert (result.code, result.err) == (0, "")
    assert not to_file or {each.name for each in tmp_path.iterdir()} == {"manifest.json", "small.json"}
    assert read_exposures(json.loads(text)) == read_exposures(json.loads(Path(file).read_text()))
    assert "raw_code" not in text
    assert "unused" not in text


def test_exposures_are_proposed_for_published_projects_that_have_none(
    hex_cli: Cli, emulator: Control, written: Callable[..., str]
) -> None:
    result = hex_cli("exposures", "propose", written(daily_revenue=url("Churn forecast")))
    assert result.code == 0
    assert yaml.safe_load(result.out) == {
        "exposures": [
            {
                "name": "daily_revenue_2",
                "label": "Daily revenue",
                "type": "dashboard",
                "owner": {"email": "ada@example.com"},
                "depends_on": ["ref('orders')", "ref('regions')"],
                "config": {"meta": {"hex": {"project_id": PROJECT}}},
            }
        ]
    }
    assert "Daily revenue: not of this dbt project: analytics.finance.refunds\n" in result.err
    assert "Warehouse health: no exposure, because it queries no table of this dbt project.\n" in result.err
    asked = {request["path"].split("/")[4] for request in emulator.requests("GetQueriedTables")}
    assert asked == {PROJECT, PROJECTS["Warehouse health"]}


def test_an_exposure_is_proposed_for_a_project_that_is_named(
    hex_cli: Cli, emulator: Control, written: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "hex.yml"
    result = hex_cli("exposures", "propose", written(), titled(PROJECT), "--to", str(file))
    assert (result.code, result.out) == (0, "")
    assert [exposure["label"] for exposure in yaml.safe_load(file.read_text())["exposures"]] == ["Daily revenue"]
    assert emulator.requests("ListProjects") == []


@pytest.fixture
def team_plan() -> Iterator[Control]:
    with running(workspace=default_workspace().model_copy(update={"plan": "TEAM"})) as control:
        yield control


def test_without_the_enterprise_plan_the_error_says_so(
    hex_cli: Cli, team_plan: Control, written: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=team_plan.url)
    result = hex_cli("exposures", "propose", written(), PROJECT)
    assert (result.code, result.out) == (1, "")
    assert "Enterprise" in result.err


@pytest.mark.parametrize("command", ["show", "check", "trim", "propose"])
def test_a_file_that_is_no_manifest_is_an_error(command: str, hex_cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert "is not the manifest of a dbt project" in hex_cli("exposures", command, str(other)).err
    missing = hex_cli("exposures", command, str(tmp_path / "missing.json"))
    assert (missing.code, missing.out) == (1, "")
    assert "There is no dbt manifest at" in missing.err
    folder = hex_cli("exposures", command, str(tmp_path))
    assert (folder.code, folder.out) == (2, "")
    assert "cannot be read: Is a directory." in folder.err


def test_a_file_is_replaced_as_a_whole_so_that_a_reader_has_the_old_or_the_new_one(
    hex_cli: Cli, written: Callable[..., str], tmp_path: Path
) -> None:
    small, link = tmp_path / "small.json", tmp_path / "link.json"
    small.write_text("old")
    link.symlink_to(small)
    with small.open() as reader:
        assert hex_cli("exposures", "trim", written(revenue=url("Daily revenue")), "--to", str(link)).code == 0
        assert reader.read() == "old"
    assert link.is_symlink()
    assert url("Daily revenue") in link.read_text()
    assert hex_cli("exposures", "trim", written(), "--to", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


def test_a_file_that_cannot_be_written_is_wrong_usage(
    hex_cli: Cli, written: Callable[..., str], tmp_path: Path
) -> None:
    result = hex_cli("exposures", "trim", written(), "--to", str(tmp_path / "none" / "small.json"))
    assert result.code == 2
    assert "cannot be written: No such file or directory." in result.err
