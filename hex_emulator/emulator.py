"""The state of the emulator. Only the server's event loop touches it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import Depends
from starlette.requests import HTTPConnection

from hex_emulator.clock import Clock
from hex_emulator.faults import Faults
from hex_emulator.generations.api import Api
from hex_emulator.limits import Limiter
from hex_emulator.run_plan import RunPlan
from hex_emulator.runs import Run, timeline
from hex_emulator.workspace import Project, Workspace

ListOrder = Literal["newest", "oldest", "mixed"]
VanishedStatus = Literal[403, 404, 422]


@dataclass
class NextRuns:
    """How the next ``times`` runs go, of one project or of any (None)."""

    changes: RunPlan
    project_id: str | None
    times: int


@dataclass
class Emulator:
    """A workspace, its runs, and what a test has changed.

    ``api`` is the state of the API, and ``vanished`` the status of GetRunStatus and CancelRun for a run that does not
    exist; a reset returns to the first ones.
    """

    workspace: Workspace
    clock: Clock
    limiter: Limiter
    first_api: Api
    first_vanished: VanishedStatus
    runs: dict[str, Run] = field(default_factory=dict)
    next_runs: list[NextRuns] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    requests: list[dict[str, Any]] = field(default_factory=list)
    list_order: ListOrder = "newest"

    def __post_init__(self) -> None:
        self.api, self.vanished = self.first_api, self.first_vanished

    def reset(self) -> None:
        """Return to the state right after the start."""
        self.runs = {}
        self.next_runs = []
        self.faults = Faults()
        self.requests = []
        self.list_order = "newest"
        self.api, self.vanished = self.first_api, self.first_vanished
        self.limiter.reset()
        self.clock.reset()

    def start_run(self, project: Project, **details: Any) -> Run:
        """Start a run, as planned by :class:`NextRuns` or else by its project.

        :param project: the project to run.
        :param details: further fields of :class:`~hex_emulator.runs.Run`.
        :returns: the new run.
        """
        run = Run(project, timeline(self._next_plan(project), self.clock.now()), **details)
        self.runs[run.id] = run
        return run

    def has_free_kernel(self, owner: str) -> bool:
        """Return whether the kernel limit allows an owner another run. Every run that has not ended holds a kernel.

        :param owner: the owner of a token.
        :returns: whether a run can start.
        """
        now, kernels = self.clock.now(), self.limiter.limits.kernels
        theirs = [run for run in self.runs.values() if run.owner in (None, owner)]
        return kernels is None or sum(not run.has_ended(now) for run in theirs) < kernels

    def runs_of(self, project: Project) -> list[Run]:
        """Return a project's runs in ``list_order``.

        :param project: the project.
        :returns: its runs; "mixed" sorts by id, which says nothing about their age.
        """
        runs = [run for run in self.runs.values() if run.project.id == project.id]
        if self.list_order == "mixed":
            return sorted(runs, key=lambda run: run.id)
        return runs if self.list_order == "oldest" else runs[::-1]

    def _next_plan(self, project: Project) -> RunPlan:
        for planned in self.next_runs:
            if planned.project_id in (None, project.id):
                planned.times -= 1
                if not planned.times:
                    self.next_runs.remove(planned)
                return project.run_plan.updated(planned.changes)
        return project.run_plan


async def _current_emulator(connection: HTTPConnection) -> Emulator:
    emulator: Emulator = connection.app.state.emulator
    return emulator


CurrentEmulator = Annotated[Emulator, Depends(_current_emulator)]
