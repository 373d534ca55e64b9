"""The results of dbt commands, ``run_results.json``, and whether they are of this DAG run. No Airflow, no I/O."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_hex.api.errors import HexError

log = logging.getLogger(__name__)

_BUILDING = ("build", "run", "seed", "snapshot")
"""The commands of dbt that build models."""
_MAX_CLOCK_SKEW = timedelta(seconds=10)
"""The time by which the clocks of dbt's machine and of Airflow's scheduler may differ."""


class DbtResultsMissing(HexError):
    """There are no results of dbt from this DAG run."""

    retry_helps = False


def merge_results(documents: Sequence[tuple[str, Any]], *, since: datetime | None = None) -> dict[str, str]:
    """Return dbt's status of each node, by the node's id.

    The first document must be there, and of this DAG run. Each later one replaces the statuses of its nodes. It may be
    missing, older or incomplete, as that of a ``dbt retry`` that was not needed, and it may be of ``dbt test``.

    :param documents: for each file, where it is, and the content of ``run_results.json``: None if there is no file,
        and a text that says why it cannot be read.
    :param since: when the DAG run started. Default: unknown, so results may be of any time.
    :raises DbtResultsMissing: there are no results of this DAG run. The message says why.
    """
    statuses: dict[str, str] = {}
    for number, (source, document) in enumerate(documents or [("What was passed", None)]):
        commands = (*_BUILDING, "test") if number else _BUILDING
        fault = _fault(document, commands, since)
        if fault and not number:
            raise DbtResultsMissing(
                f"not refreshed: there are no results of dbt from this DAG run. {source} {fault}. Have dbt write its "
                "results for each DAG run, as with --target-path /some/folder/{{ run_id }}."
            )
        if fault:
            log.warning("Results of dbt are ignored: %s %s.", source, fault)
            continue
        for result in document["results"]:
            statuses[result["unique_id"]] = result["status"]
    return statuses


def _fault(document: Any, commands: Sequence[str], since: datetime | None) -> str | None:
    """Return why a document has no results of this DAG run, None if it has them."""
    if document is None:
        return "does not exist"
    if isinstance(document, str):
        return f"cannot be read: {document}"
    if not _is_whole(document):
        return "is not the whole run_results.json of a dbt command"
    command = f"dbt {document['args'].get('which')}"
    started = _started(document["metadata"])
    if document["args"].get("which") not in commands:
        return f"is of {command}, which builds no models, started at {started}"
    if since and (started is None or started < since - _MAX_CLOCK_SKEW):
        return f"is of an earlier {command}, started at {started}. The DAG run started at {since}"
    return None


def _is_whole(document: Any) -> bool:
    """Whether a document has what is read of it, so that it was not written by something else, or only in part."""
    try:
        return (
            isinstance(document["metadata"], Mapping)
            and isinstance(document["args"], Mapping)
            and all(
                isinstance(result["unique_id"], str) and isinstance(result["status"], str)
                for result in document["results"]
            )
        )
    except (KeyError, TypeError):
        return False


def _started(metadata: Mapping[str, Any]) -> datetime | None:
    """Return when a command was started; if dbt did not write that, when it wrote the results."""
    text = metadata.get("invocation_started_at") or metadata.get("generated_at")
    try:
        started = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return started if started.tzinfo else started.replace(tzinfo=UTC)
