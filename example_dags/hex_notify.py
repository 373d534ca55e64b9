"""Hex itself posts to Slack when the run succeeded, with a screenshot, and mails a group when it failed."""

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag

from airflow_provider_hex.operators.hex import HexRunProjectOperator


@dag(schedule=None, tags=["hex"], doc_md=__doc__)
def hex_notify() -> None:
    HexRunProjectOperator(
        task_id="refresh",
        project_id="5a8591dd-4039-49df-9202-96385ba3eff8",
        deferrable=True,
        notifications=[
            {
                "type": "SUCCESS",
                "includeSuccessScreenshot": True,
                "screenshotFormat": "png",
                "slackChannelIds": ["C0123456789"],  # the channel's id in Slack
                "subject": "Revenue of {{ (dag_run.logical_date or dag_run.run_after) | ds }}",
            },
            {
                "type": "FAILURE",
                "includeSuccessScreenshot": False,
                "groupIds": ["7f0c4a1e-93b2-4d68-8f5a-2c1e9b7d6035"],
                "body": "Airflow: DAG {{ dag.dag_id }}, run {{ run_id }}",
            },
        ],
    )


hex_notify()
