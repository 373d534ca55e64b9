"""The models are of Airflow 3.3."""

from __future__ import annotations

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS

collect_ignore_glob = [] if AIRFLOW_V_3_3_PLUS else ["test_*.py"]
