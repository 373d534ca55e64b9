"""Airflow's names that moved between versions."""

from __future__ import annotations

import subprocess
import sys
import warnings

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
    script = "from airflow_provider_hex import airflow_compat; print('\\n'.join(vars(airflow_compat)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(airflow_compat.__all__) & set(result.stdout.split())
    assert imported == {name for name in airflow_compat.__all__ if name.startswith("AIRFLOW_V_")}


@pytest.mark.parametrize("name", airflow_compat._MODULES)
def test_no_name_is_imported_from_where_airflow_deprecates_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(airflow_compat), name, raising=False)  # it was imported before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hasattr(airflow_compat, name) or name in ONLY_SINCE_3_0


def test_a_deprecation_warning_about_the_package_fails_a_test() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "any.py", 1, module="airflow_provider_hex.hooks.hex")
    with pytest.warns(DeprecationWarning, match="old"):
        warnings.warn_explicit("old", DeprecationWarning, "any.py", 1, module="tests.test_airflow_compat")


def test_an_exception_is_the_one_that_airflow_raises() -> None:
    from airflow.exceptions import AirflowException  # type: ignore[attr-defined]

    assert airflow_compat.AirflowException is AirflowException
    assert issubclass(airflow_compat.AirflowFailException, AirflowException)
    assert issubclass(airflow_compat.AirflowSkipException, AirflowException)
