# PYTHON_ARGCOMPLETE_OK
"""``python -m airflow_provider_hex``: the command line without ``airflow``."""

import sys

from airflow_provider_hex.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
