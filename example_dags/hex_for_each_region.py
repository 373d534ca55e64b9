"""One Hex project, run once for each of many inputs, never more at once than Hex has kernels.

Hex runs 25 kernels at once for a whole workspace. A pool shares them among all DAGs of an Airflow: it must count
tasks that are deferred, as those are the ones whose runs go on.

    airflow pools set hex_kernels 25 "Hex runs at once" --include-deferred

Without a pool all tasks succeed too, as those for which Hex has no room wait in the triggerer; with it they wait
in Airflow's queue, where their priorities count, and leave room to other users of the workspace.
"""

from airflow.providers.common.compat.sdk import dag

from airflow_provider_hex.operators.hex import HexRunProjectOperator

# The id in the Hex project's address, here that of "Daily revenue" in the emulator's workspace.
HEX_PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
REGIONS = ["AMER", "APAC", "EMEA"]


@dag(schedule=None, tags=["hex"], doc_md=__doc__)
def hex_for_each_region() -> None:
    HexRunProjectOperator.partial(
        task_id="refresh",
        project_id=HEX_PROJECT,
        deferrable=True,
        pool="hex_kernels",
        timeout=6 * 3600,  # of which a run may wait long for its turn
    ).expand(input_params=[{"region": region} for region in REGIONS])


hex_for_each_region()
