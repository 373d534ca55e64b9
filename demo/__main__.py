"""`python -m demo`: run dbt, then Hex projects, in a real Airflow, and print the results."""

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from demo.cases import CASES, DAGS, run_case, summary
from demo.emulator import Emulator, emulator, token_for_airflow
from demo.folder import DemoFolder, FolderInUseError
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import PortInUseError, Ports
from demo.processes import ProcessFailedError
from demo.shop import CHECKOUT, EXAMPLE_DAGS, POOLS, dbt_environment


def main() -> int:
    """Run the demo.

    Returns the exit status: 0 if every case ended as expected, 1 if one did not or something failed, 2 if a port or the
    folder is in use, 130 if it was interrupted.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    options = _options()
    folder = DemoFolder(options.folder)
    try:
        return _demo(folder, options.ui)
    except KeyboardInterrupt:
        _print("\nStopped. Nothing is left running.")
        return 130
    except (PortInUseError, FolderInUseError) as error:
        print(error, file=sys.stderr)
        return 2
    except (ProcessFailedError, TimeoutError, httpx.HTTPError) as error:
        print(f"\nThe demo failed: {error}\nLogs: {folder.path}", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--ui", action="store_true", help="leave Airflow and the emulator running until Ctrl-C")
    parser.add_argument(
        "--folder", type=Path, default=CHECKOUT / ".run" / "demo", help="for all files and logs; emptied first"
    )
    return parser.parse_args()


def _demo(folder: DemoFolder, ui: bool) -> int:
    ports = Ports.from_environment()
    folder.empty()
    _print("Starting Airflow (API server, scheduler, DAG processor, triggerer) and the Hex emulator ...")
    with (
        emulator(folder.emulator, ports.hex) as hex_,
        local_airflow(folder.airflow, [EXAMPLE_DAGS], ports, dbt_environment(folder.dbt)) as airflow,
    ):
        hex_.wait_until_up()
        airflow.api.create_connection("hex_default", "hex", host=hex_.control.url, password=token_for_airflow())
        for pool, slots in POOLS.items():
            airflow.api.create_pool(pool, slots)
        for dag in DAGS:
            airflow.wait_for_dag(dag)
        _print(_urls(airflow, hex_))
        results = [run_case(case, airflow.api, hex_.control, _print) for case in CASES]
        as_expected = all(result.is_as_expected for result in results)
        _print(summary(results))
        _print("\nAll as expected." if as_expected else f"\nNot as expected. Logs: {folder.path}")
        if ui:
            _print(f"\nEverything keeps running until Ctrl-C.\n{_urls(airflow, hex_)}")
            with suppress(KeyboardInterrupt):
                _keep_running(airflow, hex_)
    return 0 if as_expected else 1


def _urls(airflow: LocalAirflow, hex_: Emulator) -> str:
    return f"Airflow       {airflow.url}  (no login: every user is admin)\nHex emulator  {hex_.control.url}"


def _keep_running(airflow: LocalAirflow, hex_: Emulator) -> None:
    while True:
        airflow.processes.check()
        hex_.processes.check()
        time.sleep(1)


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
