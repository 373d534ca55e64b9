"""The body of RunProject. See https://learn.hex.tech/docs/api/api-reference#operation/RunProject."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from hex_emulator.errors import ApiError, malformed
from hex_emulator.hex_route import strict_json


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, strict=True)


class NotificationRequest(_Body):
    """Who is notified of the run's end."""

    type: Literal["SUCCESS", "FAILURE", "ALL"]
    include_success_screenshot: bool
    screenshot_format: list[Literal["png", "pdf", "csv", "xlsx"]] = []
    slack_channel_ids: list[str] = []
    user_ids: list[str] = []
    group_ids: list[str] = []
    subject: str = ""
    body: str = ""


class RunProjectRequest(_Body, extra="forbid"):
    """The body of RunProject, with the defaults of Hex's reference."""

    input_params: dict[str, Any] = {}
    dry_run: bool = False
    update_cache: bool = False
    notifications: list[NotificationRequest] = []
    update_published_results: bool = False
    use_cached_sql_results: bool = True
    view_id: str = ""


async def _run_project_request(request: Request) -> RunProjectRequest:
    raw = await request.body()
    if not raw:
        return RunProjectRequest()
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(400, "Malformed request", "The body's Content-Type must be application/json.")
    try:
        body = RunProjectRequest.model_validate(strict_json(raw))
    except ValidationError as error:
        raise malformed(error.errors()) from error
    except ValueError as error:
        raise ApiError(400, "Malformed request", f"The body is no JSON: {error}.") from error
    if body.view_id and body.input_params:
        raise ApiError(400, "Malformed request", "viewId and inputParams exclude each other.")
    return body


RunBody = Annotated[RunProjectRequest, Depends(_run_project_request)]
