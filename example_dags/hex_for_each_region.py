"""One Hex project, run once for each of many inputs, and never more at once than Hex has kernels.

The owner of a Hex token has 25 kernels. A pool shares them among all DAGs of an Airflow. It must count deferred tasks,
because their runs continue:

    airflow pools set hex_kernels 25 "Hex runs at once" --include-deferred

Without the pool all tasks succeed too: rate-limited tasks wait in the triggerer. With it they wait in Airflow's queue,
where their priorities count, and leave kernels to other users.
"""

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag

from airflow_provider_hex.operators.hex import HexRunProjectOperator

# The id in the Hex project's URL, here that of "Daily revenue" in the emulator's workspace.
HEX_PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
REGIONS = ["AMER", "APAC", "EMEA"]


@dag(schedule=None, tags=["hex"], doc_md=__doc__)
def hex_for_each_region() -> None:
    HexRunProjectOperator.partial(
        task_id="refresh",
        project_id=HEX_PROJECT,
        deferrable=True,
        pool="hex_kernels",
        map_index_template="{{ task.input_params.region }}",  # its name in the UI, instead of 0, 1, 2
        timeout=6 * 3600,  # it includes the wait for a kernel
    ).expand(input_params=[{"region": region} for region in REGIONS])


hex_for_each_region()
