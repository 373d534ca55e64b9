"""Cosmos builds the models of a dbt project, and each Hex project runs after its own models."""

import os

from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig

from airflow_provider_hex.dbt import HexExposures

DBT_PROJECT = os.environ["DBT_PROJECT_DIR"]
MANIFEST = os.environ["DBT_TARGET_PATH"] + "/manifest.json"

hex_projects = HexExposures(MANIFEST)

with DAG("hex_after_cosmos", schedule=None):
    dbt = DbtTaskGroup(
        group_id="dbt",
        project_config=ProjectConfig(DBT_PROJECT, manifest_path=MANIFEST, install_dbt_deps=False),
        profile_config=ProfileConfig("small", "local", profiles_yml_filepath=f"{DBT_PROJECT}/profiles.yml"),
        execution_config=ExecutionConfig(dbt_executable_path=os.environ["DBT_COMMAND"]),
        render_config=RenderConfig(exclude=["path:models/archive.sql"]),
    )
    hex_projects.task_group("hex", after=dbt, deferrable=True)
