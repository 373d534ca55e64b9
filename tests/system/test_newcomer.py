"""What a newcomer does after the README's commands: write a DAG file, run it, and follow the link to Hex.

`.ci/check-clone` runs it in a new clone, after `make demo`.
"""

from pathlib import Path

import pytest

from demo.local_airflow import LocalAirflow
from hex_emulator.client import Control
from tests.system.test_dag_runs import run_to_end

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

DAG_FILE = """\
from airflow.sdk import DAG
from airflow_provider_hex.operators.hex import HexRunProjectOperator

with DAG("my_first_dag", schedule=None):
    HexRunProjectOperator(
        task_id="refresh",
        project_id="https://app.hex.tech/acme/hex/5a8591dd-4039-49df-9202-96385ba3eff8/draft/logic?view=notebook",
        deferrable=True,
    )
"""


def test_a_new_dag_file_with_the_url_of_a_project_runs_it_and_links_to_the_run(
    airflow: LocalAirflow, emulator: Control, own_dags: Path
) -> None:
    (own_dags / "my_first_dag.py").write_text(DAG_FILE)
    run = run_to_end(airflow, emulator, "my_first_dag", "by_hand", waiting_task="refresh")
    assert run.final_states == {"refresh": "success"}
    (hex_run,) = run.hex_runs
    assert hex_run["projectId"] == "5a8591dd-4039-49df-9202-96385ba3eff8"
    assert airflow.api.links("my_first_dag", "by_hand", "refresh") == {"Hex run": hex_run["runUrl"]}
