"""One Hex project runs for each region. Each region has a task that starts its run, and a sensor that waits for it.

What depends on a run only when it has ended follows its sensor; what only needs it to exist follows its start.
"""

try:
    from airflow.sdk import dag, task_group
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task_group

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

HEX_PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
REGIONS = ["AMER", "APAC", "EMEA"]
REGION = "{{ regions[ti.map_index] }}"  # the name of a mapped task in the UI, instead of 0, 1, 2


@dag(schedule=None, user_defined_macros={"regions": REGIONS}, tags=["hex"], doc_md=__doc__)
def hex_start_and_wait() -> None:
    @task_group
    def refresh(region: str) -> None:
        start = HexRunProjectOperator(
            task_id="start",
            project_id=HEX_PROJECT,
            input_params={"region": region},
            wait_for_completion=False,
            map_index_template=REGION,
        )
        HexRunSensor(
            task_id="wait",
            project_id=HEX_PROJECT,
            run_id=start.output["run_id"],
            deferrable=True,
            map_index_template=REGION,
        )

    refresh.expand(region=REGIONS)


hex_start_and_wait()
