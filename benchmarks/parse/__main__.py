"""Print the tables that ``docs/benchmarks.md`` explains."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

ENVIRONMENTS = Path(__file__).parents[2] / ".envs"
ADDED = Path(__file__).with_name("added.py")
VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


@dataclass(frozen=True)
class Airflow:
    """An Airflow version: what every DAG file imports, and what its DAG processor imports before it forks."""

    name: str
    dag: str
    processor: str


@dataclass(frozen=True)
class Provider:
    """A provider in an environment, with the imports of its operators, sensors and triggers, if it has them."""

    package: str
    environment: str
    imports: tuple[str, ...]

    def run(self, *arguments: str, home: str) -> str:
        """Run Python in the environment, and return what it prints.

        Modules are compiled at their first import. The checkout is on the path only if the environment adds it.
        """
        python = ENVIRONMENTS / self.environment / "bin" / "python"
        environment = os.environ | {"AIRFLOW_HOME": home, "PYTHONDONTWRITEBYTECODE": ""}
        command = [python, "-P", *arguments]
        return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=True).stdout

    def name(self, home: str) -> str:
        return f"{self.package} {self.run('-c', VERSION, self.package, home=home).strip()}"


OURS = "airflow-provider-hex"
HEX = (
    "from airflow_provider_hex.operators.hex import HexRunProjectOperator",
    "from airflow_provider_hex.sensors.hex import HexRunSensor",
    "from airflow_provider_hex.triggers.hex import HexRunTrigger",
)
PEERS = {
    "apache-airflow-providers-dbt-cloud": (
        "from airflow.providers.dbt.cloud.operators.dbt import DbtCloudRunJobOperator",
        "from airflow.providers.dbt.cloud.sensors.dbt import DbtCloudJobRunSensor",
        "from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger",
    ),
    "apache-airflow-providers-airbyte": (
        "from airflow.providers.airbyte.operators.airbyte import AirbyteTriggerSyncOperator",
        "from airflow.providers.airbyte.sensors.airbyte import AirbyteJobSensor",
        "from airflow.providers.airbyte.triggers.airbyte import AirbyteSyncTrigger",
    ),
}
AIRFLOW_3 = Airflow(
    "bench-3.3",
    "from airflow.sdk import DAG",
    "import airflow.dag_processing.manager, airflow.dag_processing.processor, airflow.dag_processing.dagbag",
)
AIRFLOW_2 = Airflow(
    "bench-2.11",
    "from airflow import DAG",
    "import airflow.dag_processing.manager, airflow.dag_processing.processor, airflow.models.dagbag",
)
OLD = Provider(OURS, "peers/airflow-provider-hex", HEX[:1])
HEAD = """
| {airflow} | operators, ms | + sensors | + triggers | all, ms (quartiles) | to ours | modules | each parse in the DAG processor, ms |
| --- | --: | --: | --: | --: | --: | --: | --: |"""  # noqa: E501


class Measured:
    """What a provider's imports added, in each round."""

    def __init__(self) -> None:
        self.alone: list[list[tuple[float, int]]] = []
        self.in_processor: list[float] = []

    @property
    def all(self) -> list[float]:
        return [sum(seconds for seconds, _ in parts) for parts in self.alone]

    def row(self, name: str, ours: Measured) -> str:
        parts = [f"{median(seconds for seconds, _ in part) * 1000:.1f}" for part in zip(*self.alone, strict=True)]
        low, _, high = quantiles(self.all, n=4)
        cells = [name, *parts, *["–"] * (3 - len(parts))]  # noqa: RUF001
        cells.append(f"{median(self.all) * 1000:.1f} ({low * 1000:.1f} to {high * 1000:.1f})")
        cells.append(f"{median(self.all) / median(ours.all):.1f}")
        cells.append(f"{median(sum(modules for _, modules in parts) for parts in self.alone):.0f}")
        return f"| {' | '.join(cells)} | {median(self.in_processor) * 1000:.1f} |"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.parse")
    options.add_argument("--rounds", type=int, default=9, help="how often to measure each; default: %(default)s")
    rounds = options.parse_args().rounds
    for airflow, others in ((AIRFLOW_3, []), (AIRFLOW_2, [OLD])):
        providers = [Provider(OURS, airflow.name, HEX)]
        providers += [Provider(package, airflow.name, imports) for package, imports in PEERS.items()]
        with TemporaryDirectory() as home:
            _print_table(airflow, [*providers, *others], rounds, home)
    print(f"\nThe machine's load in the last five minutes: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores.")


def _print_table(airflow: Airflow, providers: list[Provider], rounds: int, home: str) -> None:
    measured = {provider: Measured() for provider in providers}
    for number in range(rounds + 1):  # the providers take turns, so that a busy moment does not hit only one
        for provider in providers:
            alone = _added(provider, airflow.dag, home)
            in_processor = sum(seconds for seconds, _ in _added(provider, _before_the_fork(airflow, provider), home))
            if number:  # the first round writes Airflow's configuration and the compiled modules
                measured[provider].alone.append(alone)
                measured[provider].in_processor.append(in_processor)
    print(HEAD.format(airflow=Provider("apache-airflow", airflow.name, ()).name(home)))
    for provider in providers:
        print(measured[provider].row(provider.name(home), measured[providers[0]]))


def _before_the_fork(airflow: Airflow, provider: Provider) -> str:
    """Return what the DAG processor imports before it forks: itself, and the file's imports of ``airflow.…``."""
    ahead = [statement for statement in provider.imports if statement.startswith("from airflow.")]
    return "\n".join([airflow.processor, airflow.dag, *ahead])


def _added(provider: Provider, first: str, home: str) -> list[tuple[float, int]]:
    output = provider.run(str(ADDED), first, *provider.imports, home=home)
    return [(seconds, modules) for seconds, modules in json.loads(output.splitlines()[-1])]


if __name__ == "__main__":
    main()
