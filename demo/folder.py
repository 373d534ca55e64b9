"""The folder that holds everything a demo makes."""

import shutil
from pathlib import Path

from demo.guard import marked


class FolderInUseError(Exception):
    """The folder is not the demo's to empty; the message says why."""


class DemoFolder:
    """One part for each of the demo's programs."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.airflow = self.path / "airflow"
        self.dbt = self.path / "dbt"
        self.emulator = self.path / "emulator"

    def empty(self) -> None:
        """Remove what an earlier demo left.

        Raises FolderInUseError if a demo still runs there, or if something else than a demo has used it.
        """
        if running := [str(process.pid) for part in self._parts for process in marked(str(part))]:
            raise FolderInUseError(
                f"A demo is still running in {self.path} (processes {', '.join(running)}). "
                "End it, or wait for its end, and try again."
            )
        if self.path.exists() and set(self.path.iterdir()) - set(self._parts):
            raise FolderInUseError(f"{self.path} holds what no demo has made, so the demo does not empty it.")
        shutil.rmtree(self.path, ignore_errors=True)
        for part in self._parts:
            part.mkdir(parents=True)

    @property
    def _parts(self) -> tuple[Path, ...]:
        return self.airflow, self.dbt, self.emulator
