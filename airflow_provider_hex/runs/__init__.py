"""The life of a task's run: :mod:`~airflow_provider_hex.runs.task_run` shows it from start to end."""
