"""The folder that holds everything a demo makes."""

import shutil
from pathlib import Path

from demo.guard import marked


class FolderInUseError(Exception):
    """The folder must not be emptied; the message says why."""


class DemoFolder:
    """A folder with one subfolder for each of the demo's programs."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.airflow = self.path / "airflow"
        self.dbt = self.path / "dbt"
        self.emulator = self.path / "emulator"

    def empty(self) -> None:
        """Remove the files of an earlier demo.

        Raises FolderInUseError if a demo is running there, or if it holds files that are not of a demo.
        """
        if running := [str(process.pid) for subfolder in self._subfolders for process in marked(str(subfolder))]:
            raise FolderInUseError(
                f"A demo is still running in {self.path} (processes {', '.join(running)}). "
                "Stop it or wait until it ends, then try again."
            )
        if self.path.exists() and set(self.path.iterdir()) - set(self._subfolders):
            raise FolderInUseError(
                f"{self.path} is not emptied: it holds files that are not of a demo. Choose another --folder."
            )
        shutil.rmtree(self.path, ignore_errors=True)
        for subfolder in self._subfolders:
            subfolder.mkdir(parents=True)

    @property
    def _subfolders(self) -> tuple[Path, ...]:
        return self.airflow, self.dbt, self.emulator
