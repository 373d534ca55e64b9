"""DAGs that were written for airflow-provider-hex 0.1, and what they rely on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning

from tests.runs.conftest import airflow, no_run_is_new  # noqa: F401  # fixtures

Warned = list[warnings.WarningMessage]


@pytest.fixture
def warned() -> Iterator[Warned]:
    """The warnings of old names, in their order."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", AirflowProviderDeprecationWarning)
        yield caught
