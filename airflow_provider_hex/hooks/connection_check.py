"""The check of a connection, for the *Test* button of Airflow's connection form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError, HexForbidden, HexNotFound, HexRateLimited, HexServerError
from airflow_provider_hex.api.models import Me
from airflow_provider_hex.api.token_expiry import expiry

_SOON = timedelta(days=7)
_NOT_NOW = "The token could not be checked now."


def check(send: Callable[[Call[Any]], Any], config: HexConfig) -> tuple[bool, str]:
    """Check that the token works, and can read projects, without which nothing works.

    Two requests are sent: Me and ListProjects. A workspace token without the scope *Users → Read* gets a 403 for Me,
    but may work all the same.

    :param send: sends a call once.
    :return: whether the token works, and a message for the user.
    """
    try:
        me = _me(send)
    except HexError as error:
        return False, describe(error)
    try:
        send(protocol.list_projects(page_size=1))
    except HexForbidden as error:
        return False, f"{_accepted(error)}{error}"
    except HexError as error:
        if not me:
            return False, describe(error)
        reads = f"but whether it can read projects could not be checked now. {error}"
    else:
        reads = "and can read projects."
    sentences = [f"The token works at {config.base_url} ({_owner(me, config.token)}) {reads}", _expires(me)]
    return True, " ".join(filter(None, sentences))


def describe(error: Exception) -> str:
    """Return an error as the message of a failed check. It shows no connection URI, which has the token."""
    if isinstance(error, HexError):
        return f"{_NOT_NOW} {error}" if isinstance(error, (HexRateLimited, HexServerError)) else str(error)
    return f"The connection could not be read: {re.sub(r'://[^ ]*', '://***', str(error)) or type(error).__name__}"


def _me(send: Callable[[Call[Any]], Any]) -> Me | None:
    """Return whose the token is, None if Hex does not say so."""
    try:
        me: Me = send(protocol.me())
    except (HexForbidden, HexNotFound):
        return None
    return me


def _accepted(error: HexForbidden) -> str:
    """Say that the token is valid, if the 403 is from Hex. A proxy's is not JSON."""
    if not (error.reason or error.details):
        return ""
    return "Hex accepts the token, but it cannot read projects, without which nothing works. "


def _owner(me: Me | None, token: str) -> str:
    me = me or {}
    user = me.get("email") or me.get("name") or me.get("id")
    if user:
        return f"it belongs to {user}"
    org = me.get("org")
    if isinstance(org, Mapping) and org.get("id"):
        return f"it is a token of the workspace {org['id']}"
    return "it is a workspace token" if token.startswith("hxtw_") else "Hex does not say whose it is"


def _expires(me: Me | None) -> str:
    """Say when the token expires, if Hex does."""
    now, at = datetime.now(UTC), expiry(me)
    if at is None or at <= now:  # a token that works has not expired
        return ""
    if at - now >= _SOON:
        return f"It expires on {at:%Y-%m-%d}."
    days = (at - now).days
    left = f"{days} day{'' if days == 1 else 's'}" if days else "less than a day"
    return f"Warning: it expires in {left}, at {at:%Y-%m-%d %H:%M} UTC. Create a new token in Hex before that."
