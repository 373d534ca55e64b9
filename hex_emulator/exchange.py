"""One request to the Hex API: the call, and how its responses look."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.responses import PlainTextResponse, Response

from hex_emulator.errors import ApiError
from hex_emulator.generations.api import Api
from hex_emulator.generations.generation import Generation
from hex_emulator.runs import new_trace_id


@dataclass(frozen=True)
class Exchange:
    """A request that is being responded to.

    :param call: the name of the call.
    :param api: the state of the API.
    """

    call: str
    api: Api
    trace_id: str = field(default_factory=new_trace_id)

    @property
    def generation(self) -> Generation:
        """The generation that responds."""
        return self.api.generation(self.call)

    def error(self, error: ApiError) -> Response:
        """Return an error response of a route."""
        return self.traced(self.generation.error(error, self.trace_id))

    def traced(self, response: Response) -> Response:
        """Return a response of a route, with the header of the trace id if the API has it."""
        if self.api.has_edge:
            response.headers["x-trace-id"] = self.trace_id
        return response

    def unauthorized(self, token_sent: bool) -> Response:
        """Return the response to a request without a valid token.

        :param token_sent: whether it had one that is not valid.
        :returns: the edge's response, or the older route's.
        """
        if not self.api.has_edge:
            return self.error(ApiError(401, "Unauthorized", "No valid API token in the Authorization header."))
        challenge = 'Bearer error="invalid_token"' if token_sent else "Bearer"
        return PlainTextResponse("Unauthorized", 401, {"WWW-Authenticate": challenge})


def exchange_of(request: Request) -> Exchange:
    """Return the exchange that :mod:`hex_emulator.hex_route` has begun."""
    return cast("Exchange", request.state.exchange)


async def _current_exchange(request: Request) -> Exchange:
    return exchange_of(request)


CurrentExchange = Annotated[Exchange, Depends(_current_exchange)]
