"""The life of a task's run: :mod:`~airflow_provider_hex.runs.task_run` tells it from start to end."""
