"""Airflow's names that moved between versions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_hex import airflow_compat
from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS

ONLY_SINCE_3_0 = {"TaskDeferralTimeout"}


@pytest.mark.parametrize("name", airflow_compat.__all__)
def test_every_name_exists_in_the_installed_airflow(name: str) -> None:
    exists = hasattr(airflow_compat, name)
    assert exists == (AIRFLOW_V_3_0_PLUS or name not in ONLY_SINCE_3_0)


def test_a_name_that_no_airflow_has_cannot_be_imported() -> None:
    with pytest.raises(ImportError, match="NoSuchName"):
        from airflow_provider_hex.airflow_compat import NoSuchName  # type: ignore[attr-defined] # noqa: F401


def test_a_name_is_imported_only_when_it_is_used() -> None:
    script = """
import sys
import airflow
before = set(sys.modules)
import airflow_provider_hex.airflow_compat
print("\\n".join(set(sys.modules) - before))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(result.stdout.split()) <= {"airflow_provider_hex", "airflow_provider_hex.airflow_compat"}


def test_an_exception_is_the_one_that_airflow_raises() -> None:
    from airflow.exceptions import AirflowException  # type: ignore[attr-defined]

    assert airflow_compat.AirflowException is AirflowException
    assert issubclass(airflow_compat.AirflowFailException, AirflowException)
    assert issubclass(airflow_compat.AirflowSkipException, AirflowException)
