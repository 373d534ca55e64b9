"""Hex's API: its calls, responses and errors. It imports nothing of Airflow; only ``client`` does I/O."""
