"""Measure what one call in a DAG file costs, in this new interpreter: ``python parse.py hex|cosmos MANIFEST``.

It prints the seconds of CPU time, without imports, and the number of tasks.
"""

import logging
import sys
import time
from pathlib import Path

from airflow.sdk import DAG

SHOP = Path(__file__).parents[2] / "demo" / "dbt_project"


def main() -> None:
    what, manifest = sys.argv[1:]
    logging.disable(logging.WARNING)
    with DAG("parsed", schedule=None) as dag:
        seconds = {"hex": _hex, "cosmos": _cosmos}[what](manifest)
    print(f"\n{seconds} {len(dag.tasks)}")


def _hex(manifest: str) -> float:
    from airflow_provider_hex.dbt import HexExposures, task_group  # noqa: F401  # what task_group imports

    begin = time.process_time()
    HexExposures(manifest).task_group("hex", run_results="run_results.json")
    return time.process_time() - begin


def _cosmos(manifest: str) -> float:
    from cosmos import DbtTaskGroup, ProfileConfig, ProjectConfig

    begin = time.process_time()
    DbtTaskGroup(
        project_config=ProjectConfig(SHOP, manifest_path=manifest, install_dbt_deps=False),
        profile_config=ProfileConfig("shop", "local", profiles_yml_filepath=SHOP / "profiles.yml"),
    )
    return time.process_time() - begin


if __name__ == "__main__":
    main()
