"""Print the table that ``docs/benchmarks.md`` explains."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from airflow_provider_hex.dbt.trim import trim
from benchmarks.exposures.manifests import manifest_with, real_manifest
from demo.shop import CHECKOUT

PARSE = Path(__file__).with_name("parse.py")
SIZES = (100, 1_000, 10_000)
HEAD = """
| models | Hex tasks | manifest, MB | ours, ms | trimmed, KB | ours, trimmed, ms | tasks of Cosmos | Cosmos, ms | Cosmos : ours | Cosmos : ours, trimmed |
| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |"""  # noqa: E501


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exposures")
    parser.add_argument("--rounds", type=int, default=3, help="how often to measure each; default: %(default)s")
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as folder:
        _print_table(Path(folder), rounds)
    print(f"\nThe machine's load in the last five minutes: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores.")


def _print_table(folder: Path, rounds: int) -> None:
    real = real_manifest(folder)
    print(HEAD)
    for models in SIZES:
        whole, small = folder / f"{models}.json", folder / f"{models}-trimmed.json"
        manifest = manifest_with(models, real)
        whole.write_text(json.dumps(manifest))
        small.write_text(json.dumps(trim(manifest)))
        measured: dict[str, list[tuple[float, int]]] = {"whole": [], "trimmed": [], "cosmos": []}
        for _ in range(rounds):  # they take turns, so that a busy moment does not hit only one
            measured["whole"].append(_seconds("hex", whole))
            measured["trimmed"].append(_seconds("hex", small))
            measured["cosmos"].append(_seconds("cosmos", whole))
        ours, trimmed, cosmos = (median(seconds for seconds, _ in measured[each]) for each in measured)
        cells = [f"{models:,}", measured["whole"][0][1], f"{whole.stat().st_size / 1e6:.1f}", f"{ours * 1000:.0f}"]
        cells += [f"{small.stat().st_size / 1e3:.0f}", f"{trimmed * 1000:.1f}", f"{measured['cosmos'][0][1]:,}"]
        cells += [f"{cosmos * 1000:,.0f}", f"{cosmos / ours:.0f} x", f"{cosmos / trimmed:.0f} x"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def _seconds(what: str, manifest: Path) -> tuple[float, int]:
    environment = os.environ | {
        "AIRFLOW_HOME": str(manifest.parent / "airflow"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
        "SHOP_DUCKDB": str(manifest.parent / "shop.duckdb"),
        "PYTHONPATH": str(CHECKOUT),
    }
    done = subprocess.run(
        [sys.executable, PARSE, what, manifest], env=environment, capture_output=True, text=True, check=True
    )
    seconds, tasks = done.stdout.splitlines()[-1].split()
    return float(seconds), int(tasks)


if __name__ == "__main__":
    main()
