"""Run dbt on the project beside this file, several commands in one process: ``.envs/dbt/bin/python run_dbt.py FOLDER``.

Below FOLDER, each command writes its files to a folder that is named after it.
"""

import os
import shutil
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    shutil.copytree(HERE / "project", folder / "project")
    for name in ("finance", "project/dbt_packages/finance"):  # as dbt deps does
        shutil.copytree(HERE / "finance", folder / name)
    os.chdir(folder / "project")
    os.environ["SHOP_DUCKDB"] = str(folder / "shop.duckdb")
    dbt = dbtRunner()

    def run(name: str, *command: str, fault: str = "") -> None:
        os.environ["SHOP_FAULT"] = fault
        dbt.invoke([*command, "--quiet", "--target-path", str(folder / name), "--log-path", str(folder / "logs")])

    run("build", "build")
    for name in ("failing_model", "retry", "failing_test", "compile", "error_in_a_file"):
        shutil.copytree(folder / "build", folder / name)  # for partial parsing, which is quick
    run("failing_model", "build", fault="model")
    shutil.copytree(folder / "failing_model", folder / "retry", dirs_exist_ok=True)
    run("retry", "retry", "--state", str(folder / "failing_model"))
    run("failing_test", "build", fault="test")
    shutil.copytree(folder / "failing_test", folder / "warning")
    run("warning", "build", fault="warning")
    for name in ("run", "test"):
        shutil.copytree(folder / "failing_test", folder / f"failing_test_{name}")
        run(f"failing_test_{name}", name, fault="test")
    run("compile", "compile")
    for name, *command in (
        ("run", "run"),
        ("only_orders", "run", "--select", "orders"),
        ("only_a_test", "build", "--select", "unique_orders_order_id"),
        ("test", "test"),
        ("seed", "seed"),
        ("snapshot", "snapshot"),
    ):
        shutil.copytree(folder / "compile", folder / name)
        run(name, *command)
    (folder / "project" / "models" / "days.sql").write_text("select * from {{ ref('no_such_model') }}")
    run("error_in_a_file", "build")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
