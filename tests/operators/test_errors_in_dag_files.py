"""What Airflow shows of a DAG file with an invalid argument: the task, the argument, and the line of the file."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_2_PLUS, AirflowFailException
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.conftest import PROJECT

if AIRFLOW_V_3_2_PLUS:
    from airflow.dag_processing.dagbag import DagBag
else:
    from airflow.models import DagBag

pytestmark = pytest.mark.usefixtures("_database")

DAG_FILE = """
try:
    from airflow.sdk import DAG, TaskGroup
except ImportError:
    from airflow import DAG
    from airflow.utils.task_group import TaskGroup

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

class OwnOperator(HexRunProjectOperator):
    pass

with DAG("dag", schedule=None), TaskGroup("group"):
    {}
"""
RUN = {"task_id": "run", "project_id": PROJECT}


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (
            f"HexRunProjectOperator(**{RUN}, input_params={{'a': [{{1}}]}})",
            "group.run: input_params['a'][0] is of type set",
        ),
        (f"OwnOperator(**{RUN}, timeout=-1)", "group.run: timeout is -1"),
        (
            f"HexRunProjectOperator(**{RUN}, wait_for_completion=True, synchronous=True)",
            "run: HexRunProjectOperator got both",
        ),
        ("HexRunSensor(task_id='run', project_id='x', run_id='y')", "group.run: project_id is 'x'"),
    ],
)
def test_an_import_error_names_the_task_and_the_argument_and_ends_in_the_dag_file(
    line: str, start: str, tmp_path: Path
) -> None:
    *_, place, code, message = import_error(tmp_path, line)
    assert place == f'  File "{tmp_path}/dag.py", line 15, in <module>'
    assert code.strip() == line
    assert message.startswith(f"airflow_provider_hex.api.errors.HexInvalidInput: Task {start}")


def test_a_mapped_task_has_the_same_errors(tmp_path: Path) -> None:
    line = f"HexRunProjectOperator.partial(**{RUN}, view_id='v', input_params={{}}, input_parameters={{}})"
    *_, place, code, message = import_error(tmp_path, line)
    assert (place, code.strip()) == (f'  File "{tmp_path}/dag.py", line 15, in <module>', line)
    assert "HexInvalidInput: Task run: HexRunProjectOperator got both input_params and input_parameters" in message


def test_the_error_of_a_task_that_airflow_makes_ends_where_it_was_raised() -> None:
    mapped: Any = HexRunProjectOperator.partial(**RUN).expand(input_params=[{}])
    with pytest.raises(HexInvalidInput, match=r"^Task run: input_params is of type list") as raised:
        mapped.unmap({"input_params": [1]})
    assert isinstance(raised.value, AirflowFailException)
    assert traceback.extract_tb(raised.value.__traceback__)[-1].filename.endswith("/airflow_errors.py")


def import_error(folder: Path, line: str) -> list[str]:
    """The lines that Airflow shows. Python's markers below a line of code are left out."""
    file = folder / "dag.py"
    file.write_text(DAG_FILE.format(line))
    (error,) = DagBag(file).import_errors.values()
    return [each for each in error.splitlines() if set(each) - set(" ~^")]
