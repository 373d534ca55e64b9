"""One operator that starts a run and waits for it: in the triggerer in one DAG, in a worker in the other."""

from airflow.providers.common.compat.sdk import dag

from airflow_provider_hex.operators.hex import HexRunProjectOperator


def operator(deferrable: bool) -> None:
    HexRunProjectOperator(
        task_id="run",
        project_id="78c33d18-170c-44d3-a227-b3194f134f73",  # "Warehouse health" in the emulator
        deferrable=deferrable,
        poll_interval=2,
        retries=0,
    )


@dag(schedule=None)
def hex_in_triggerer() -> None:
    operator(deferrable=True)


@dag(schedule=None)
def hex_in_worker() -> None:
    operator(deferrable=False)


hex_in_triggerer()
hex_in_worker()
