"""An environment with Airflow 2.11 and airflow-provider-hex 0.1.9, in which packages can be installed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".envs/uv/bin/uv"
PINS = ROOT / "constraints/peers/airflow-provider-hex.txt"


@dataclass(frozen=True)
class Environment:
    """A Python environment.

    :param folder: its folder.
    """

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin/python")

    def install(self, *arguments: str | Path) -> None:
        """Install packages, and move no other that is good enough, as ``pip install`` does."""
        _uv("pip", "install", "--compile-bytecode", "--python", self.folder, *arguments)

    def packages(self) -> set[str]:
        """The installed packages, as ``name==version``."""
        return set(_uv("pip", "freeze", "--python", self.folder).split("\n"))


def _uv(*arguments: str | Path) -> str:
    done = subprocess.run((UV, *arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def old_environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("environment"))
    _uv("venv", "--clear", environment.folder)
    environment.install("-r", PINS, "psycopg2-binary")
    return environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _uv("build", "--wheel", "--out-dir", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel
