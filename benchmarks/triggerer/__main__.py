"""Print the tables that ``docs/benchmarks.md`` explains; exit with 1 if a trigger ended or a request was rejected."""

from __future__ import annotations

import argparse
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import certifi
import trustme

from benchmarks.triggerer.server import CONNECTIONS, COUNT, RUNS_EACH, Served
from benchmarks.triggerer.waiters import Measured, Plan

NUMBER = CONNECTIONS * RUNS_EACH
CANDIDATES = {  # in the order of the table: which trigger, and of how many projects a connection's runs are
    "Hex, each run of another project": ("hex", "many"),
    "Hex, one project to a connection": ("hex", "one"),
    "dbt Cloud": ("dbt", "many"),
}
ALONE = "no trigger, the measuring alone"
HEAD = """
| {number} triggers, {how} | requests per minute | on TLS connections | CPU seconds per minute | KiB per trigger | longest hold-up, ms | longest computing in one go, ms |
| --- | --: | --: | --: | --: | --: | --: |"""  # noqa: E501


@dataclass
class Row:
    """One candidate's figures. None where there is nothing to divide by."""

    requests: float
    sockets: float
    cpu: float
    kib: float
    held_up_ms: float
    computing_ms: float

    def print(self, name: str) -> None:
        cells = [f"{self.requests:.0f}", f"{self.sockets:.0f}", f"{self.cpu:.2f}", f"{self.kib:.1f}"]
        print(f"| {' | '.join([name, *cells, f'{self.held_up_ms:.0f}', f'{self.computing_ms:.0f}'])} |", flush=True)

    def print_ratio(self, name: str, other: Row) -> None:
        mine, others = asdict(self), asdict(other)
        print(f"| {name} | {' | '.join(f'{mine[key] / others[key]:.1f} x' for key in mine)} |")


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.triggerer")
    options.add_argument("--seconds", type=float, default=60, help="how long to measure; default: %(default)g")
    options.add_argument("--only", default="", help="only the candidates whose name has this in it")
    arguments = options.parse_args()
    packages = ("apache-airflow", "airflow-provider-hex", "apache-airflow-providers-dbt-cloud")
    print(", ".join(f"{package} {version(package)}" for package in packages))
    names = [name for name in CANDIDATES if arguments.only in name]
    with TemporaryDirectory() as folder:
        environment = _environment(Path(folder))
        begin = (("begun within a minute", 60.0, 60.0), ("begun all at once", 0.0, 0.0))
        faults = [_print_table(names, *how, arguments.seconds, environment) for how in begin]
    holds = not any(faults)
    load = os.getloadavg()[1]
    print(f"\nThe machine's load in the last five minutes: {load:.1f} on {os.cpu_count()} cores.")
    print(f"All waited to the end, and no request was rejected: {'holds' if holds else 'DOES NOT HOLD'}.")
    return 0 if holds else 1


def _print_table(
    names: list[str], how: str, over: float, warm_up: float, seconds: float, environment: dict[str, str]
) -> list[str]:
    """Measure and print, and return what went wrong."""
    print(HEAD.format(number=NUMBER, how=how))
    rows, faults = {}, []
    for name in names:
        rows[name], fault = _candidate(name, over, warm_up, seconds, environment)
        rows[name].print(name)
        if fault:
            faults.append(fault)
            print(f"{name}: {fault}", file=sys.stderr)
    for name in names:
        if "Hex" in name and "dbt Cloud" in rows:
            rows["dbt Cloud"].print_ratio(f"dbt Cloud : {name}", rows[name])
    if over:
        _candidate(ALONE, 0.0, 0.0, seconds / 3, environment)[0].print(ALONE)
    return faults


def _environment(folder: Path) -> dict[str, str]:
    """Return environment variables to trust a new authority and the usual ones, which both libraries load as usual."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    trust = {"REQUESTS_CA_BUNDLE": str(trusted), "SSL_CERT_FILE": str(trusted)}
    return os.environ | trust | {"AIRFLOW_HOME": str(folder), "NO_PROXY": "*"}


@contextmanager
def _served(projects: str, environment: dict[str, str]) -> Iterator[Served]:
    certificate = Path(environment["SSL_CERT_FILE"]).with_name("server.pem")
    command = [sys.executable, "-m", "benchmarks.triggerer.server", str(certificate), projects]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as server:
        try:
            assert server.stdout
            yield Served(**json.loads(server.stdout.readline()))
        finally:
            server.kill()


def _candidate(
    name: str, over: float, warm_up: float, seconds: float, environment: dict[str, str]
) -> tuple[Row, str | None]:
    """Measure one candidate with a new server, and return what went wrong, if anything."""
    candidate, projects = CANDIDATES.get(name, ("none", "many"))
    with _served(projects, environment) as served:
        if candidate == "dbt":
            served.ended = (0, "", "")
        plan = Plan(candidate, **asdict(served), over=over, warm_up=warm_up, seconds=seconds)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.triggerer.waiters"],
            input=json.dumps(asdict(plan)),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        measured = Measured(**json.loads(done.stdout.splitlines()[-1]))
        stretch = f"since={measured.since}&until={measured.until}"
        trust = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
        with urlopen(f"https://127.0.0.1:{served.port}{COUNT}?{stretch}", context=trust) as response:
            counted = json.load(response)
    minutes = (measured.until - measured.since) / 60
    row = Row(
        counted["requests"] / minutes,
        counted["sockets"] / minutes,
        measured.cpu / minutes,
        measured.bytes / 1024 / NUMBER,
        measured.held_up * 1000,
        measured.computing * 1000,
    )
    if measured.events:
        return row, f"triggers ended: {measured.events}"
    return row, f"{counted['refused']} requests were refused" if counted["refused"] else None


if __name__ == "__main__":
    sys.exit(main())
