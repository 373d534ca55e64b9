"""The example DAGs and their pools, dbt, its project of a small shop, and the files that dbt writes."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
EXAMPLE_DAGS = CHECKOUT / "example_dags"
DBT_PROJECT = CHECKOUT / "demo" / "dbt_project"
POOLS = {"hex_kernels": 25}
"""The pools of the example DAGs, with their slots. A task whose pool does not exist waits for ever."""


def dbt_environment(folder: Path) -> dict[str, str]:
    """Environment variables for the example DAG and for dbt, which writes all its files to `folder`."""
    folder = folder.resolve()
    return {
        "DBT_COMMAND": str(CHECKOUT / ".envs" / "dbt" / "bin" / "dbt"),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "SHOP_DUCKDB": str(folder / "shop.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_USE_COLORS": "false",
    }
