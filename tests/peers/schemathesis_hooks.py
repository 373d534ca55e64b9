"""What Hex's reference says in words only, or not at all, for Schemathesis, which reads the rest of it."""

from typing import Any

import schemathesis

ERROR = {"$ref": "#/components/responses/Error"}


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """The reference names an error status for some calls and leaves it out for others (see `tests.contract`)."""
    for item in raw_schema["paths"].values():
        for method in item.keys() & {"get", "post", "delete"}:
            for status in ("400", "401", "403", "404"):
                item[method]["responses"].setdefault(status, ERROR)


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """A view has its own inputs; and a dry run is answered with the id of a run that never was."""
    return not isinstance(body, dict) or not ({"viewId", "inputParams"} <= body.keys() or body.get("dryRun") is True)


@schemathesis.hook
def filter_query(context: Any, query: Any) -> bool:
    """A list of one that is sent as `statuses=false` is, on the wire, the same as the text that it should not be."""
    return all(isinstance(query[name], list) for name in ("statuses", "categories") if name in (query or {}))
