"""Everything that the emulator knows at one moment. Only the server's event loop touches it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import Depends
from starlette.requests import HTTPConnection

from hex_emulator.clock import Clock
from hex_emulator.course import Course
from hex_emulator.faults import Faults
from hex_emulator.limits import Limiter
from hex_emulator.runs import Run, plan
from hex_emulator.workspace import Project, Workspace

Order = Literal["newest", "oldest", "mixed"]


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
    limiter: Limiter
    runs: dict[str, Run] = field(default_factory=dict)
    next_runs: list[NextRuns] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    requests: list[dict[str, Any]] = field(default_factory=list)
    order: Order = "newest"

    def reset(self) -> None:
        self.runs = {}
        self.next_runs = []
        self.faults = Faults()
        self.requests = []
        self.order = "newest"
        self.limiter.reset()
        self.clock.reset()

    def start_run(self, project: Project, **details: Any) -> Run:
        """A new run of the project, on the course that was set for it; `details` are fields of `Run`."""
        run = Run(project, plan(self._course(project), self.clock.now()), **details)
        self.runs[run.id] = run
        return run

    def has_free_kernel(self) -> bool:
        """Every run that is not over holds a kernel, whoever started it."""
        now, kernels = self.clock.now(), self.limiter.limits.kernels
        return kernels is None or sum(not run.has_ended(now) for run in self.runs.values()) < kernels

    def runs_of(self, project: Project) -> list[Run]:
        """In the order in which the API lists them; "mixed" is by id, which is none."""
        runs = [run for run in self.runs.values() if run.project.id == project.id]
        if self.order == "mixed":
            return sorted(runs, key=lambda run: run.id)
        return runs if self.order == "oldest" else runs[::-1]

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
