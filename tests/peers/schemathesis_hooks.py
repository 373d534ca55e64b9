"""What Schemathesis cannot read in Hex's reference, because it is there in prose or not at all."""

from typing import Any

import schemathesis

ERROR = {"$ref": "#/components/responses/Moved"}  # of either generation


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Allow some error statuses for every call (see :mod:`tests.contract`)."""
    for item in raw_schema["paths"].values():
        for method in item.keys() & {"get", "post", "delete"}:
            for status in ("400", "401", "403", "404"):
                item[method]["responses"].setdefault(status, ERROR)


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Send no view with inputs, which exclude each other, and no dry run, whose run id is not found later."""
    return not isinstance(body, dict) or not ({"viewId", "inputParams"} <= body.keys() or body.get("dryRun") is True)


@schemathesis.hook
def filter_query(context: Any, query: Any) -> bool:
    """Send only lists where a list is expected: ``statuses=false`` would be a valid list of one."""
    return all(isinstance(query[name], list) for name in ("statuses", "categories") if name in (query or {}))
