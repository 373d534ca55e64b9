"""The body of RunProject. See https://learn.hex.tech/docs/api/api-reference#operation/RunProject."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

Format = Literal["png", "pdf"]


def _flag(value: Any) -> Any:
    """Read text for a boolean, as in the examples of Hex's older documents."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_flag)]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, strict=True)


class NotificationRequest(_Body):
    """Who is notified of the run's end."""

    type: Literal["SUCCESS", "FAILURE", "ALL"]
    include_success_screenshot: bool
    screenshot_format: Format | list[Format] = "png"
    slack_channel_ids: list[str] = []
    user_ids: list[str] = []
    group_ids: list[str] = []
    subject: str = ""
    body: str = ""


class RunProjectRequest(_Body):
    """The body of RunProject, with the defaults of Hex's reference."""

    input_params: dict[str, Any] = {}
    dry_run: bool = False
    update_cache: bool = False
    notifications: Sequence[NotificationRequest] = []
    update_published_results: bool = False
    use_cached_sql_results: bool = True
    view_id: str = ""


class OlderNotificationRequest(NotificationRequest):
    """The format may also be a list, as in this project's first contract (but in no document of Hex)."""

    include_success_screenshot: Flag


class OlderRunProjectRequest(RunProjectRequest, extra="forbid"):
    """Text for booleans is taken, unknown fields are not."""

    dry_run: Flag = False
    update_cache: Flag = False
    notifications: list[OlderNotificationRequest] = []
    update_published_results: Flag = False
    use_cached_sql_results: Flag = True


class MovedNotificationRequest(NotificationRequest):
    """The format is one text."""

    screenshot_format: Format = "png"


class MovedRunProjectRequest(RunProjectRequest, extra="ignore"):
    """Unknown fields are ignored, text for booleans is not taken."""

    notifications: list[MovedNotificationRequest] = []
