"""A saved view of a Hex project runs, with the inputs that were saved in it.

Hex takes either a view or inputs. A DAG that passes both fails to parse.
"""

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag

from airflow_provider_hex.operators.hex import HexRunProjectOperator


@dag(schedule=None, tags=["hex"], doc_md=__doc__)
def hex_saved_view() -> None:
    HexRunProjectOperator(
        task_id="refresh_the_board_view",
        project_id="5a8591dd-4039-49df-9202-96385ba3eff8",
        view_id="3c6a9f04-58e1-4b7d-92c0-a14f7e8d5b63",  # the saved view's id
        update_published_results=True,  # show the results to the app's viewers
        deferrable=True,
    )


hex_saved_view()
