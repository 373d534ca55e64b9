"""DAGs with the Hex projects of a dbt project behind a stand-in for dbt, which writes the results in ``conf``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task  # type: ignore[attr-defined,no-redef]

from airflow_provider_hex.dbt import HexExposures
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.dbt.manifests import exposure, manifest, run_results

REVENUE = "https://app.hex.tech/acme/app/5a8591dd-4039-49df-9202-96385ba3eff8/latest"
HEALTH = "https://app.hex.tech/acme/app/78c33d18-170c-44d3-a227-b3194f134f73/latest"
hex_projects = HexExposures(
    manifest(
        {
            "revenue": exposure("daily", url=REVENUE, hex={"input_params": {"region": "EMEA"}}, label="Daily revenue"),
            "health": exposure("loads", url=HEALTH),
        },
        tests={"unique": ["daily"]},
    )
)
FILE = "{{ dag_run.conf['folder'] }}/{{ run_id }}/run_results.json"
OPTIONS: dict[str, Any] = {"poll_interval": 0.1, "timeout": 240, "retries": 2, "retry_delay": timedelta(0)}


@task(multiple_outputs=False)
def dbt(dag_run: Any = None) -> dict[str, Any]:
    """Write and return results. Fail if one of them is a failure."""
    conf = dag_run.conf
    started = datetime.now(UTC) - timedelta(days=conf.get("days_old", 0))
    content: dict[str, Any] = run_results(conf["statuses"], started=started.isoformat())
    file = Path(conf["folder"], dag_run.run_id, "run_results.json")
    file.parent.mkdir(parents=True)
    if conf["statuses"]:
        file.write_text(json.dumps(content))
    if {"error", "fail"} & set(conf["statuses"].values()):
        raise RuntimeError("dbt build failed")
    return content


class FromConf:
    """Reads the results from ``conf``, as one may read them from dbt Cloud."""

    def __call__(self, context: Any) -> Any:
        return run_results(context["dag_run"].conf["statuses"], started=datetime.now(UTC).isoformat())


@task
def to_refresh(dag_run: Any = None) -> list[dict[str, Any]]:
    return hex_projects.to_refresh(f"{dag_run.conf['folder']}/{dag_run.run_id}/run_results.json")


@task
def build(model: str, dag_run: Any = None) -> None:
    if dag_run.conf["statuses"][model] != "success":
        raise RuntimeError(f"{model} failed")


WAYS: dict[str, dict[str, Any]] = {
    "in_worker": {"run_results": FILE},
    "deferred": {"run_results": FILE, "deferrable": True},
    "skipping": {"run_results": FILE, "when_models_fail": "skip"},
    "with_two_files": {"run_results": [FILE, FILE.replace("run_results.json", "retry.json")]},
    "with_a_url": {"run_results": "file://" + FILE},
    "with_an_object": {"run_results": FromConf()},
}
for name, more in WAYS.items():
    with DAG(f"dbt_{name}", schedule=None) as dag:
        dbt() >> hex_projects.task_group("hex", **OPTIONS | more)
    globals()[dag.dag_id] = dag

with DAG("dbt_with_an_xcom", schedule=None) as dag_with_an_xcom:
    hex_projects.task_group("hex", run_results=dbt(), **OPTIONS)

with DAG("dbt_mapped", schedule=None) as dag_mapped:
    projects = to_refresh()
    dbt() >> projects
    HexRunProjectOperator.partial(task_id="refresh", **OPTIONS).expand_kwargs(projects)

with DAG("dbt_task_for_each_model", schedule=None) as dag_of_models:
    models = {"model.shop.daily": build("daily"), "model.shop.loads": build("loads")}
    hex_projects.task_group("hex", after=models, **OPTIONS)
