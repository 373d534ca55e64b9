"""The command line: ``airflow hex …`` on Airflow 3.2 and later, ``python -m airflow_provider_hex …`` everywhere.

:mod:`~airflow_provider_hex.cli.arguments` has what both accept, and :mod:`~airflow_provider_hex.cli.commands` what they
do. Neither imports Airflow, unless the token is in an Airflow connection.
"""
