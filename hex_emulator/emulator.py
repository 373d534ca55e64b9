"""Everything that the emulator knows at one moment. Only the server's event loop touches it."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from hex_emulator.clock import Clock
from hex_emulator.course import Course
from hex_emulator.faults import Faults
from hex_emulator.runs import Run, plan
from hex_emulator.workspace import Project, Workspace


@dataclass
class NextRuns:
    """How the next `times` runs go, of one project or of any."""

    changes: Course
    project_id: str | None
    times: int


@dataclass
class Emulator:
    workspace: Workspace
    clock: Clock
    runs: dict[str, Run] = field(default_factory=dict)
    next_runs: list[NextRuns] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def reset(self) -> None:
        self.runs = {}
        self.next_runs = []
        self.faults = Faults()
        self.requests = []
        self.clock.reset()

    def start_run(self, project: Project, **details: Any) -> Run:
        """A new run of the project, on the course that was set for it; `details` are fields of `Run`."""
        run = Run(project, plan(self._course(project), self.clock.now()), **details)
        self.runs[run.id] = run
        return run

    def _course(self, project: Project) -> Course:
        for waiting in self.next_runs:
            if waiting.project_id in (None, project.id):
                waiting.times -= 1
                if not waiting.times:
                    self.next_runs.remove(waiting)
                return project.course.changed(waiting.changes)
        return project.course


async def _current(connection: HTTPConnection) -> Emulator:
    emulator: Emulator = connection.app.state.emulator
    return emulator


Current = Annotated[Emulator, Depends(_current)]
