"""Which generation responds to which call."""

from dataclasses import dataclass
from typing import Literal

from hex_emulator.generations.generation import Generation
from hex_emulator.generations.moved import Moved
from hex_emulator.generations.older import Older

ApiName = Literal["2025", "2026", "mixed"]

OLDER_CALLS = frozenset({"CancelRun", "ListProjects", "GetQueriedTables"})
"""The calls that have not moved yet, by Hex's documents of October 2026."""


@dataclass(frozen=True)
class Api:
    """One state of Hex's API.

    :param name: how the command line and :class:`~hex_emulator.client.Control` call it.
    :param moved: the generation of the calls that Hex has moved by October 2026, and of unknown ones.
    :param older: that of the others.
    :param has_edge: whether a request without a valid token ends before any route, and responses have ``x-trace-id``.
    """

    name: ApiName
    moved: Generation
    older: Generation
    has_edge: bool = True

    def generation(self, call: str) -> Generation:
        """Return the generation of a call.

        :param call: its name in Hex's reference.
        :returns: the generation.
        """
        return self.older if call in OLDER_CALLS else self.moved


_OLDER, _MOVED = Older(), Moved()
APIS: dict[ApiName, Api] = {
    "2025": Api("2025", _OLDER, _OLDER, has_edge=False),
    "2026": Api("2026", _MOVED, _MOVED),
    "mixed": Api("mixed", _MOVED, _OLDER),
}
