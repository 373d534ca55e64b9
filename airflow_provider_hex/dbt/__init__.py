"""Hex after dbt: each Hex project that is a dbt exposure is run when the models that it reads were built."""

from airflow_provider_hex.dbt.hex_exposures import HexExposures

__all__ = ["HexExposures"]
