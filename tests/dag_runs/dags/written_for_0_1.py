"""DAGs that use airflow-provider-hex 0.1.9 in every way that it allowed."""

from __future__ import annotations

from typing import Any

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task  # type: ignore[attr-defined,no-redef]

from airflow_provider_hex.hooks.hex import COMPLETE, HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.types import NotificationDetails

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
NOTIFICATION: NotificationDetails = {
    "type": "FAILURE",
    "includeSuccessScreenshot": False,
    "slackChannelIds": ["C0123"],
}


class Greeting(HexRunProjectOperator):
    """It has a templated field, and changes the inputs and the result."""

    template_fields = HexRunProjectOperator.template_fields + ["greeting"]  # noqa: RUF005  # as users write it

    def __init__(self, greeting: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.greeting = greeting

    def execute(self, context: Any) -> Any:
        self.input_parameters = {**(self.input_parameters or {}), "region": self.greeting}
        return {"greeting": self.greeting, "run": super().execute(context)}


with DAG(
    "written_for_0_1",
    schedule=None,
    params={"region": "EMEA"},
    default_args={"hex_conn_id": "hex_default", "wait_seconds": 0.1, "kill_on_timeout": True},
) as written_for_0_1:
    refresh = HexRunProjectOperator(
        task_id="refresh", project_id=PROJECT, synchronous=True, timeout=0, update_cache=True
    )

    run = HexRunProjectOperator(
        task_id="run",
        project_id=PROJECT,
        input_parameters={"region": "{{ params.region }}"},
        notifications=[NOTIFICATION],
    )
    start = HexRunProjectOperator(
        task_id="start", project_id=PROJECT, synchronous=False, update_cache=True, input_parameters={"region": "AMER"}
    )
    mapped = HexRunProjectOperator.partial(task_id="mapped", project_id=PROJECT, synchronous=True).expand(
        input_parameters=[{"region": "EMEA"}, {"region": "{{ params.region }}"}]
    )
    greeting = Greeting(
        task_id="greeting", project_id=PROJECT, greeting="{{ params.region }}", input_parameters={"order_count": 7}
    )

    @task
    def hook_and_operator() -> list[Any]:
        hook = HexHook("hex_default")
        first = hook.run_and_poll(PROJECT, {"region": "EMEA"}, False, 0.1)
        operator: Any = HexRunProjectOperator(task_id="inner", project_id=PROJECT, wait_seconds=0.1)
        second = operator.execute({})
        third = hook.run("GET", f"api/v1/projects/{PROJECT}/runs/{first['runId']}")
        return [result["status"] == COMPLETE for result in (first, second, third)]

    refresh >> run >> start >> mapped >> greeting >> hook_and_operator()
