"""What an error response says. A generation of the API gives it a form, see :mod:`hex_emulator.generations`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class ApiError(Exception):
    """An error response.

    :param status: the HTTP status.
    :param reason: the kind of error.
    :param details: what is wrong with this request.
    :param issues: the single mistakes, if there may be several.
    :param headers: further headers.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        details: str,
        issues: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{reason}: {details}")
        self.status = status
        self.reason = reason
        self.details = details
        self.issues = issues
        self.headers = headers


class InputsRejected(ApiError):
    """A 422 for input parameters that a project does not accept.

    :param invalid: values that do not fit: ``{paramName, paramValue, dataType, inputCellType}``.
    :param not_found: names that the project does not have.
    """

    def __init__(self, invalid: Sequence[Mapping[str, Any]], not_found: Sequence[str]) -> None:
        issues = [
            *(f"{each['paramName']}: {each['paramValue']} is no {each['dataType']}" for each in invalid),
            *(f"{name}: the project has no such input parameter" for name in not_found),
        ]
        names = [*(each["paramName"] for each in invalid), *not_found]
        super().__init__(422, "Invalid input parameters", f"Invalid input parameters: {', '.join(names)}", issues)
        self.invalid = invalid
        self.not_found = not_found


def malformed(errors: Iterable[Mapping[str, Any]]) -> ApiError:
    """Return a 400 that names each field that is wrong, and why.

    :param errors: the errors as pydantic lists them.
    :returns: the error.
    """
    found = [f"{'.'.join(str(part) for part in error['loc']) or 'body'}: {error['msg']}" for error in errors]
    return ApiError(400, "Malformed request", "; ".join(found), found)


def not_found(details: str) -> ApiError:
    """Return a 404.

    :param details: what does not exist.
    :returns: the error.
    """
    return ApiError(404, "Not found", details)
