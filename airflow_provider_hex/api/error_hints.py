"""The likely cause of an error response, and what to do about it. No I/O.

A run that is gone, or that the token's owner has no access to, may be a 403, a 404 or a 422.
See https://learn.hex.tech/docs/api/api-overview.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.error_body import ErrorBody

CHECK_ADDRESS = "Check Base URL and Proxy of the Hex connection"
STATUS_PAGE = "See https://status.hex.tech for the status of Hex."
"""White space is around the URL, since Airflow's log view makes a link of everything up to the next white space."""

_KERNELS = f"All of Hex's kernels are in use, so no run was started. Usually temporary. {STATUS_PAGE}"
_SERVER = f"Hex, or a proxy in front of it, failed. Usually temporary. {STATUS_PAGE}"
_REDIRECT = "Redirects are not followed. Check the Base URL of the Hex connection."
_PERMISSION = "A workspace token needs {}. The owner of a personal token needs a role in the project that allows it."
_ENTERPRISE = "Only Hex's Enterprise plan has this call."
_CHECK_IDS = "Check the ids, whose token it is, and the Base URL of the Hex connection."
_INPUTS = "Fix the task's input_params, or change the project's input parameters and publish it."
_PUBLISH = (
    "Publish the project if it was never published: only published versions can be run. If it is published, check "
    "the ids, and whose token the Hex connection has."
)
_CHART = f"The run must have completed, and the cell must be a chart in it. {_CHECK_IDS}"
_BY_STATUS = {
    400: "The request is malformed. Check the ids and the options.",
    401: "The token is wrong, has expired, or belongs to a workspace at another address. Check API token and Base URL "
    "of the Hex connection.",
    408: f"Hex, or a proxy in front of it, did not get the request in time. Usually temporary. {STATUS_PAGE}",
    422: "Hex cannot process the request. Check the ids and the options.",
    425: f"Hex, or a proxy in front of it, was not ready for the request. Usually temporary. {STATUS_PAGE}",
    429: "Hex's rate limit is reached. Usually temporary.",
}
_READ = "the scope 'Projects → Read access' (formerly 'Read projects')"
_RUN = "the scope 'Run projects'"
_SCOPES = {
    "RunProject": _RUN,
    "CancelRun": _RUN,
    "GetQueriedTables": "the scope 'Read project queried tables' (formerly 'Read projects')",
    "ListCells": "the scope 'Cells → Read' (formerly 'Read projects')",
    "Me": "the scope 'Users → Read' (formerly 'Read projects')",
}
_ON_ONE_RUN = ("GetRunStatus", "CancelRun", "GetChartImageFromRun")
_ON_NO_PROJECT = ("Me", "ListProjects")
_NEEDS_A_PUBLISHED_VERSION = ("RunProject", "GetProjectRuns", "GetQueriedTables")


def is_kernel_limit(call: Call[Any], status: int) -> bool:
    """Return whether a response means that no kernel is free, so that no run was started."""
    return status == 503 and call.name == "RunProject"


def hint(call: Call[Any], status: int, body: ErrorBody) -> str:
    """Return the likely cause of an error response, and what to do; empty if nothing is known."""
    if status < 400:
        return _REDIRECT
    if status >= 500:
        return _KERNELS if is_kernel_limit(call, status) else _SERVER
    if call.name == "GetChartImageFromRun" and status in (400, 404, 422):
        return _CHART
    special = {403: _forbidden, 404: _not_found, 422: _unprocessable}.get(status)
    return special(call, body) if special else _BY_STATUS.get(status, "")


def _forbidden(call: Call[Any], body: ErrorBody) -> str:
    cause = "The token of the Hex connection lacks a permission."
    if call.name in _ON_ONE_RUN:
        cause = "The run is gone, or the token of the Hex connection lacks a permission for it."
    elif call.name not in _ON_NO_PROJECT:
        cause = "There is no such project, or the token of the Hex connection lacks a permission for it."
    plan = f" {_ENTERPRISE}" if call.name == "GetQueriedTables" else ""
    return f"{cause} {_PERMISSION.format(_SCOPES.get(call.name, _READ))}{plan}"


def _not_found(call: Call[Any], body: ErrorBody) -> str:
    if call.name in _ON_NO_PROJECT:
        return f"Hex's API is not at this address. {CHECK_ADDRESS}."
    if call.name in _ON_ONE_RUN:
        return f"The run is gone, or the token's owner has no access to it. {_CHECK_IDS}"
    return f"There is no such project, or the token's owner has no access to it. {_CHECK_IDS}"


def _unprocessable(call: Call[Any], body: ErrorBody) -> str:
    if call.name == "RunProject" and _is_about_inputs(call, body):
        return _INPUTS
    if call.name in _NEEDS_A_PUBLISHED_VERSION:
        return _PUBLISH
    if call.name == "CancelRun":
        return f"The run has ended, or it is gone, or the token's owner has no access to it. {_CHECK_IDS}"
    return _not_found(call, body) if call.name == "GetRunStatus" else _BY_STATUS[422]


def _is_about_inputs(call: Call[Any], body: ErrorBody) -> bool:
    """Return whether anything in a 422 of RunProject points to inputs. Hex does not document how it names them."""
    if body.rejected or body.mentions("input|param"):
        return True
    return not body.mentions("publish") and body.mentions(_any_of((call.body or {}).get("inputParams") or ()))


def _any_of(names: Iterable[str]) -> str:
    """Return a regular expression for any of these names; it matches nothing if there are none."""
    return rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)" if names else "(?!)"
