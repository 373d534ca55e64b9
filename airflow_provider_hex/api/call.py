"""A request to Hex, and the response. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    """Hex's response to a request.

    :param status: the HTTP status.
    :param headers: the headers, in any letter case.
    :param body: the body as it came.
    :param sent_at: when the request was sent, in epoch seconds.
    :param received_at: when the response was complete.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: float
    received_at: float


class Journal(Protocol):
    """Is notified of a request that must not be sent twice. It may raise an error to stop the request."""

    def sending(self, at: float) -> None:
        """Record that the request is about to be sent. It is called each time, just before.

        :param at: the time, in epoch seconds.
        """

    def had_no_effect(self) -> None:
        """Record that Hex certainly did nothing."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request to Hex, and how to read the response.

    :param name: the operation's name in Hex's reference.
    :param method: the HTTP method.
    :param path: the path below the base URL.
    :param read: turns the response's JSON into the value, or raises ``HexInvalidResponse``.
    :param query: the query's parameters.
    :param extra_headers: headers of this request only.
    :param body: the JSON body, None for none.
    :param repeatable: whether sending it twice does no harm: true of all but RunProject.
    :param journal: is notified of the request, None for none.
    :param id_note: a sentence for the message if Hex has no such project, see
        :class:`~airflow_provider_hex.api.project_url.ProjectId`.
    """

    name: str
    method: str
    path: str
    read: Callable[[Any, Response], T]
    query: Mapping[str, str | list[str]] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    journal: Journal | None = None
    id_note: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.method} {self.path})"

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this request, beside those of all requests."""
        content_type = {} if self.body is None else {"Content-Type": "application/json"}
        return {**content_type, **self.extra_headers}


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list.

    :param items: its items.
    :param next: the call for the page after it, None for the last one.
    :param clock_ahead: the seconds by which Hex's clock is ahead of ours, None if Hex did not say.
    """

    items: list[T]
    next: Call[Page[T]] | None
    clock_ahead: float | None
