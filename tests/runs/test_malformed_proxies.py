"""A proxy that cannot be used fails a task before it starts a run."""

from __future__ import annotations

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api.errors import HexInvalidInput
from hex_emulator.client import Control
from tests.conftest import connect
from tests.runs.conftest import MODES, Airflow, operator

MALFORMED = ["ftp://user:5ec4e7@proxy", "http://user:5ec4e7@proxy:port", "http://"]


def assert_fails_before_a_request(mode: str, emulator: Control, airflow: Airflow, message: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        operator(**MODES[mode]).execute(airflow.attempt())
    assert isinstance(raised.value, AirflowFailException)
    assert str(raised.value).startswith(
        f"{message} is not the URL of a proxy. Write it like http://proxy.example.com:3128"
    )
    assert "5ec4e7" not in str(raised.value)
    assert not emulator.requests()
    assert not airflow.records


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("proxy", MALFORMED)
def test_a_malformed_proxy_in_the_connection_fails_the_task_before_it_starts_a_run(
    proxy: str, mode: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"proxy": proxy, "retry_for": 0.01}, host=emulator.url)
    assert_fails_before_a_request(mode, emulator, airflow, "Proxy (proxy) of the Hex connection 'hex_default'")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", MALFORMED)
def test_a_malformed_proxy_in_the_environment_fails_the_task_before_it_starts_a_run(
    proxy: str, variable: str, mode: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv(variable, proxy)
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    assert_fails_before_a_request(mode, emulator, airflow, f"The environment's {variable}")
