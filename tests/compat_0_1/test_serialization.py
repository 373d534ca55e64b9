"""Airflow serializes DAGs with old names. Airflow 3.0 cannot deserialize one while another DAG is being defined."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.conftest import PROJECT

pytestmark = pytest.mark.usefixtures("warned")


class OldFields(HexRunProjectOperator):
    """A subclass that replaces ``template_fields``."""

    template_fields = ["project_id", "input_parameters"]  # noqa: RUF012


def test_a_dag_with_old_names_can_be_serialized() -> None:
    serialized_objects: Any = importlib.import_module("airflow.serialization.serialized_objects")
    serialization: Any = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG
    with DAG("serialized", schedule=None) as dag:
        HexRunProjectOperator(task_id="run", project_id=PROJECT, input_parameters={"a": "{{ ds }}"}, wait_seconds=5)
        OldFields(task_id="old_fields", project_id=PROJECT, input_parameters={"a": 1})
        HexRunProjectOperator.partial(task_id="mapped", update_cache=True).expand(project_id=[PROJECT])
    data = serialization.to_dict(dag)
    assert serialization.from_dict(data).task_ids == ["run", "old_fields", "mapped"]
