"""The matrix: the tests on each supported Airflow, with each Python that it allows and this machine has.

`make matrix` runs it all, `make matrix ARGS="-t 3.1.8"` a part of it, `make matrix ARGS="-l"` lists it. Tags are the
versions of Airflow and Python, `lowest` and `newest-providers`. What follows `--` is for pytest, and replaces the
selection below: `make matrix ARGS="-t 3.1.8 -- tests/hooks"`.
"""

import os
from pathlib import Path

import nox

AIRFLOWS = {
    "2.11.0": ("3.11", "3.12"),
    "2.11.2": ("3.11", "3.12"),
    "3.0.6": ("3.11", "3.12"),
    "3.1.8": ("3.11", "3.12", "3.13"),
    "3.2.2": ("3.11", "3.12", "3.13"),
    "3.3.2": ("3.11", "3.12", "3.13"),
}
"""Each is tested with the packages of its days on each Python, and with the newest provider packages on one."""
COMBINATIONS = [
    *((python, airflow, "") for airflow, pythons in AIRFLOWS.items() for python in pythons),
    *((pythons[-1], airflow, "-newest-providers") for airflow, pythons in AIRFLOWS.items()),
    ("3.11", "lowest", ""),  # the lowest versions that pyproject.toml allows, with Airflow 2.11.0
]

PARALLEL = ("-n", "2", "--dist", "loadfile")  # the tests of a file share the services that they start
UNIT_TESTS = ["tests/api", "tests/hooks", "tests/operators", "tests/runs", "tests/sensors", "tests/transports"]
UNIT_TESTS += ["tests/triggers", *(str(path) for path in sorted(Path("tests").glob("test_*.py")))]
# Where a DAG run takes 3 to 8 seconds, and the versions on both sides run all of them.
SOME_DAG_RUNS = ("-k", "completed_run or templated or mapped or timeout_cancels or sensors_timeout or not_complete")

nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
nox.options.stop_on_first_error = False
for folder in Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"):
    os.environ["PATH"] += f"{os.pathsep}{folder}"  # pyenv's own commands run only the Python that is chosen there


@nox.session
@nox.parametrize(
    ("python", "airflow", "providers"),
    [
        nox.param(
            python,
            airflow,
            providers,
            id=f"airflow-{airflow}-python-{python}{providers}",
            tags=[airflow, python, providers.removeprefix("-")],
        )
        for python, airflow, providers in COMBINATIONS
    ],
)
def matrix(session: nox.Session, airflow: str, providers: str) -> None:
    """Run the unit and transport tests, DAG runs in the tests' process, and a DAG through real processes."""
    session.install("-c", f"constraints/matrix/{airflow}{providers}.txt", "-e", ".", "--group", "dev")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.run("pytest", *PARALLEL, *UNIT_TESTS)
    has_all = airflow.startswith(("2.11", "3.3", "lowest"))
    session.run("pytest", *PARALLEL, "tests/dag_runs", "-m", "not system", *(() if has_all else SOME_DAG_RUNS))
    session.run("pytest", "tests/matrix")
