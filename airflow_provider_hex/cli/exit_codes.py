"""Exit codes, for shell scripts."""

from __future__ import annotations

from airflow_provider_hex.api.models import RunStatus

SUCCESS, ERROR, USAGE, TIMED_OUT, CHECK_FAILED = 0, 1, 2, 6, 7
_BY_STATUS = {
    RunStatus.COMPLETED: SUCCESS,
    RunStatus.ERRORED: 3,
    RunStatus.KILLED: 4,
    RunStatus.UNABLE_TO_ALLOCATE_KERNEL: 5,
}

HELP = """\
Exit codes:
  0    success; if the command waits: the run has completed
  1    error
  2    wrong usage
  3    the run ended ERRORED
  4    the run ended KILLED: it was cancelled
  5    the run ended UNABLE_TO_ALLOCATE_KERNEL
  6    timed out
  7    exposures check: the project of an exposure cannot be run
  129  the terminal was closed (SIGHUP)
  130  Ctrl-C
  143  SIGTERM
"""


def of_status(status: RunStatus) -> int:
    """Return the exit code for a run that has ended."""
    return _BY_STATUS.get(status, ERROR)
