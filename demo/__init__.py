"""A real Airflow on this machine: what `make demo` shows, and what the system tests run."""
