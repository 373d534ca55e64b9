"""One operator that starts a run and waits for it in the triggerer."""

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag  # type: ignore[attr-defined,no-redef]

from airflow_provider_hex.operators.hex import HexRunProjectOperator


@dag(schedule=None)
def hex_in_triggerer() -> None:
    HexRunProjectOperator(
        task_id="run",
        project_id="78c33d18-170c-44d3-a227-b3194f134f73",  # "Warehouse health" in the emulator
        deferrable=True,
        poll_interval=2,
        retries=0,
    )


hex_in_triggerer()
