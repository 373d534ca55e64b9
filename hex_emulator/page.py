"""Web pages: an overview of projects and runs (``/``), and one run (the target of a ``runUrl``)."""

import json
from datetime import datetime
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hex_emulator.api import run_url
from hex_emulator.emulator import CurrentEmulator, Emulator
from hex_emulator.runs import Run
from hex_emulator.workspace import Project

pages = APIRouter(default_response_class=HTMLResponse)

STYLE = """
:root { color-scheme: light dark; --ink: #1d1b2e; --soft: #6d6a80; --line: #e4e2ee;
  --card: #fff; --back: #f6f5fb }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceaf6; --soft: #a09cb5; --line: #37344a; --card: #232033; --back: #181624 }
}
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 44rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 0 .25rem } h2 { font-size: 1rem; margin: 0 0 .75rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem; margin: 1.25rem 0 }
table { border-collapse: collapse; width: 100% }
td, th { padding: .4rem 0; text-align: left; font-weight: 400 }
tr + tr > * { border-top: 1px solid var(--line) } td:last-child { text-align: right }
th, small, footer { color: var(--soft) }
a { color: inherit } code { font-size: .875em; overflow-wrap: anywhere }
.status { display: inline-block; border-radius: 99px; padding: .1rem .75rem;
  font-size: .8rem; font-weight: 600; color: #fff; background: #6b5fb5 }
.PENDING { background: #7b7890 } .RUNNING { background: #2563c9 } .COMPLETED { background: #1a7f4b }
.ERRORED, .UNABLE_TO_ALLOCATE_KERNEL { background: #c0303a } .KILLED { background: #9a5b12 }
"""


@pages.get("/", name="Index")
async def index(request: Request, emulator: CurrentEmulator) -> str:
    """Show the projects, each with its latest runs."""
    projects = "".join(_project(project, request, emulator) for project in emulator.workspace.projects)
    api_url = escape(f"{request.base_url}api/v1")
    return _page(
        "Hex emulator",
        f"<h1>Hex emulator</h1><small>API at <code>{api_url}</code></small>{projects}",
        refresh=2,
    )


@pages.get("/emulator/app/{project_id}/latest", name="RunPage", response_model=None)
async def run_page(
    project_id: str, emulator: CurrentEmulator, run_id: Annotated[str, Query(alias="runId")] = ""
) -> HTMLResponse:
    """Show a run: its status, input parameters and timeline."""
    run = emulator.runs.get(run_id)
    if run is None or run.project.id != project_id:
        title = "Run not found"
        return HTMLResponse(_page(title, f"<h1>{title}</h1><code>{escape(run_id)}</code>"), 404)
    now = emulator.clock.now()
    title = f"{run.project.title}: {run.status(now)}"
    return HTMLResponse(_page(title, _run(run, now), refresh=None if run.has_ended(now) else 1))


def _page(title: str, body: str, refresh: int | None = None) -> str:
    refresh_tag = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"{refresh_tag}<title>{escape(title)}</title><style>{STYLE}</style>"
        f"<main>{body}<footer><small>This is an emulator: nothing here has run in Hex.</small></footer></main></html>"
    )


def _run(run: Run, now: datetime) -> str:
    elapsed = run.elapsed(now)
    word = "after" if run.has_ended(now) else "for"
    duration = f" {word} {elapsed.total_seconds():.1f} s" if elapsed is not None else ""
    facts = {"Run": run.id, "Version": run.project.version, "Trigger": run.trigger, "Trace id": run.trace_id}
    timeline = [(_status(status), f"{at:%Y-%m-%d %H:%M:%S} UTC") for status, at in run.history(now)]
    return (
        f"<h1>{escape(run.project.title)}</h1>{_status(run.status(now))}<small>{duration}</small>"
        f"{_section('Run', [(name, _code(value)) for name, value in facts.items()])}"
        f"{_section('Input parameters', _inputs(run)) if run.project.inputs else ''}"
        f"{_section('Timeline', timeline)}"
    )


def _inputs(run: Run) -> list[tuple[str, str]]:
    rows = []
    for param in run.project.inputs:
        is_set = param.name in run.inputs
        value = _code(json.dumps(run.inputs[param.name] if is_set else param.default, ensure_ascii=False))
        rows.append((escape(param.name), value if is_set else f"<small>default</small> {value}"))
    return rows


def _project(project: Project, request: Request, emulator: Emulator) -> str:
    now = emulator.clock.now()
    runs = [run for run in reversed(emulator.runs.values()) if run.project.id == project.id]
    latest = [
        (f'<a href="{escape(run_url(run, request))}"><code>{run.id}</code></a>', _status(run.status(now)))
        for run in runs[:5]
    ]
    names = ", ".join(param.name for param in project.inputs)
    facts = [("Id", _code(project.id)), ("Version", _code(project.version or "never published"))]
    inputs = [("Input parameters", _code(names))] if names else []
    return _section(project.title, [*facts, *inputs, *latest])


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    """Return a section of the page. Its title is text, its rows are HTML."""
    cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<section><h2>{escape(title)}</h2><table>{cells}</table></section>"


def _status(status: str) -> str:
    return f'<span class="status {escape(status)}">{escape(status)}</span>'


def _code(value: Any) -> str:
    return f"<code>{escape(str(value))}</code>"
