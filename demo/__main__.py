"""`python -m demo`: dbt, then a Hex project, in a real Airflow; `--ui` leaves it all up until Ctrl-C."""

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from demo.folder import DemoFolder, FolderInUseError
from demo.hex_side import Emulator, emulator, token_for_airflow
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports, PortTakenError
from demo.processes import ProcessFailedError
from demo.shop import CHECKOUT, EXAMPLE_DAGS, dbt_environment
from demo.story import CHAPTERS, DAG, Storyteller, summary


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    options = _options()
    folder = DemoFolder(options.folder)
    try:
        return _demo(folder, options.ui)
    except KeyboardInterrupt:
        _say("\nStopped. Nothing is left running.")
        return 130
    except (PortTakenError, FolderInUseError) as error:
        print(error, file=sys.stderr)
        return 2
    except (ProcessFailedError, TimeoutError, httpx.HTTPError) as error:
        print(f"\nThe demo failed: {error}\nLogs: {folder.path}", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--ui", action="store_true", help="leave Airflow and the emulator up until Ctrl-C")
    parser.add_argument(
        "--folder", type=Path, default=CHECKOUT / ".run" / "demo", help="where everything is; emptied first"
    )
    return parser.parse_args()


def _demo(folder: DemoFolder, ui: bool) -> int:
    ports = Ports.wanted()
    folder.empty()
    _say("Starting Airflow (API server, scheduler, DAG processor, triggerer) and the Hex emulator ...")
    with (
        emulator(folder.emulator, ports.hex) as hex_,
        local_airflow(folder.airflow, [EXAMPLE_DAGS], ports, dbt_environment(folder.dbt)) as airflow,
    ):
        hex_.wait_until_up()
        airflow.api.create_connection("hex_default", "hex", host=hex_.control.url, password=token_for_airflow())
        airflow.wait_for_dag(DAG)
        _say(_addresses(airflow, hex_))
        storyteller = Storyteller(airflow.api, hex_.control, _say)
        endings = [storyteller.tell(chapter) for chapter in CHAPTERS]
        as_expected = all(ending.is_as_expected for ending in endings)
        _say(summary(endings))
        _say("\nAll as expected." if as_expected else f"\nNot as expected. Logs: {folder.path}")
        if ui:
            _say(f"\nEverything stays up until Ctrl-C.\n{_addresses(airflow, hex_)}")
            with suppress(KeyboardInterrupt):
                _stay_up(airflow, hex_)
    return 0 if as_expected else 1


def _addresses(airflow: LocalAirflow, hex_: Emulator) -> str:
    return f"Airflow       {airflow.url}  (no login: everybody is admin)\nHex emulator  {hex_.control.url}"


def _stay_up(airflow: LocalAirflow, hex_: Emulator) -> None:
    while True:
        airflow.processes.check()
        hex_.processes.check()
        time.sleep(1)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
