"""Check a request or a response against ``openapi.yaml``, what a client of Hex's API meets.

Stricter than Hex in one way: a field that the reference does not have is a failure, in a request and in a response
(where Hex may add fields). So a misspelt field is found. The same holds for a header that another call has.

More lenient in one way: the reference documents some error statuses for some calls only, so 401, 403, 404, 429 and
any 5xx are allowed for every call, as errors of either generation. A 5xx that is not documented may come from a proxy,
so it is checked only if it is JSON.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

ALWAYS_ALLOWED = {401, 403, 404, 429}
OLDER_ERROR = {"$ref": "#/components/responses/Older"}
MOVED_ERROR = {"$ref": "#/components/responses/Moved"}  # also allows an older one
METHODS = {"get", "put", "post", "patch", "delete"}

FORMATS = FormatChecker(formats=())


@FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    pattern = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return not isinstance(value, str) or bool(re.fullmatch(pattern, value, re.IGNORECASE))


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """Check for RFC 3339, which unlike ISO 8601 requires a time with seconds and a zone."""
    if not isinstance(value, str):
        return True
    pattern = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    return bool(re.fullmatch(pattern, value)) and bool(datetime.fromisoformat(value.upper()))


class Call(NamedTuple):
    """One operation of the reference, and the values of the parameters in a path."""

    operation: dict[str, Any]
    parameters: list[dict[str, Any]]
    path_values: dict[str, str]

    @property
    def name(self) -> str:
        return str(self.operation["operationId"])


def check_request(
    method: str,
    path: str,
    query: Mapping[str, Any] | str | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Check that a request is as in the reference.

    :param method: its HTTP method.
    :param path: its path, or its URL with or without a query.
    :param query: its query, or the rest of it.
    :param body: its body: bytes, text, or the value of the JSON.
    :param headers: its headers; those that no call has as a parameter are not checked.
    :raises AssertionError: if the request is not as in the reference.
    """
    call = _find(method, path)
    _check_path(call)
    _check_query(call, _pairs(urlsplit(path).query) + _pairs(query))
    _check_headers(call, headers or {})
    if isinstance(body, bytes | str):
        body = _parse(body, f"{call.name}: the request's body")
    content = _deref(call.operation.get("requestBody", {})).get("content", {})
    if body is None:
        return
    assert content, f"{call.name} takes no body, but was sent {body!r}"
    _validate(body, content["application/json"]["schema"], f"{call.name}: the request's body")


def check_response(
    method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | str, all_moved: bool = False
) -> None:
    """Check that a response is as in the reference.

    :param method: the HTTP method of the request.
    :param path: the path or the URL of the request.
    :param status: the status of the response.
    :param headers: the headers of the response.
    :param body: the body of the response.
    :param all_moved: whether Hex has also moved the calls that the reference calls older, so that their errors may be
        of either generation.
    :raises AssertionError: if the response is not as in the reference.
    """
    call = _find(method, path)
    what = f"{call.name}: the response {status}"
    documented = call.operation["responses"].get(str(status))
    assert documented or status in ALWAYS_ALLOWED or 500 <= status <= 599, f"{what} is not in the reference"
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    media_type = media_type.partition(";")[0].strip().lower()
    if documented is None and status >= 500 and media_type != "application/json":
        return
    if documented is None or (all_moved and documented == OLDER_ERROR):
        documented = MOVED_ERROR
    documented = _deref(documented)
    _check_response_headers(documented, headers, what)
    content = documented.get("content")
    if content is None:
        assert not body, f"{what} should have no body, but has {body!r}"
        return
    types = " or ".join(content)
    assert media_type in content, f"{what} should be {types}, but is {media_type or 'without a type'}: {body!r}"
    value = _parse(body, what) if media_type == "application/json" else _text(body)
    _validate(value, content[media_type]["schema"], what)


@cache
def _reference() -> dict[str, Any]:
    text = Path(__file__).with_name("openapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _find(method: str, path: str) -> Call:
    path = urlsplit(path).path
    for template, item in _reference()["paths"].items():
        found = re.fullmatch("/api" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
        if found and method.lower() in item.keys() & METHODS:
            operation = item[method.lower()]
            parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
            values = {name: unquote(value) for name, value in found.groupdict().items()}
            return Call(operation, [_deref(parameter) for parameter in parameters], values)
    raise AssertionError(f"the reference has no {method.upper()} {path}")


def _check_path(call: Call) -> None:
    for parameter in call.parameters:
        if parameter["in"] == "path":
            name = parameter["name"]
            _validate(call.path_values[name], parameter["schema"], f"{call.name}: the path's {name}")


def _check_query(call: Call, pairs: list[tuple[str, Any]]) -> None:
    known = {parameter["name"]: parameter["schema"] for parameter in call.parameters if parameter["in"] == "query"}
    for name, value in pairs:
        assert name in known, f"{call.name} has no query parameter {name}"
        schema = _deref(known[name])
        if schema["type"] == "array":
            schema = _deref(schema["items"])
        else:
            assert [other for other, _ in pairs].count(name) == 1, f"{call.name}: {name} is sent twice"
        _validate(_from_text(value, schema["type"]), schema, f"{call.name}: the query's {name}")


def _check_headers(call: Call, headers: Mapping[str, str]) -> None:
    known = {parameter["name"].lower(): parameter["schema"] for parameter in call.parameters if _is_header(parameter)}
    for name, value in headers.items():
        if name.lower() in _header_parameters():
            assert name.lower() in known, f"{call.name} has no header {name}"
            schema = _deref(known[name.lower()])
            _validate(_from_text(value, schema["type"]), schema, f"{call.name}: the header {name}")


@cache
def _header_parameters() -> frozenset[str]:
    """Return the headers that are a parameter of any call, in lower case."""
    operations = [item[method] for item in _reference()["paths"].values() for method in item.keys() & METHODS]
    parameters = [_deref(parameter) for operation in operations for parameter in operation.get("parameters", [])]
    return frozenset(parameter["name"].lower() for parameter in parameters if _is_header(parameter))


def _is_header(parameter: Schema) -> bool:
    return bool(parameter["in"] == "header")


def _check_response_headers(response: Schema, headers: Mapping[str, str], what: str) -> None:
    sent = {name.lower(): value for name, value in headers.items()}
    for name, header in response.get("headers", {}).items():
        if name.lower() in sent:
            _validate(sent[name.lower()], _deref(header)["schema"], f"{what}: the header {name}")


def _text(body: bytes | str) -> str:
    return body.decode() if isinstance(body, bytes) else body


def _pairs(query: Mapping[str, Any] | str | None) -> list[tuple[str, Any]]:
    if query is None or isinstance(query, str):
        return list(parse_qsl(query or "", keep_blank_values=True))
    return [(name, item) for name, value in query.items() for item in (value if isinstance(value, list) else [value])]


def _from_text(value: Any, kind: str) -> Any:
    """Convert the text of a query to the type of the reference, if it can be converted."""
    readers: dict[str, Callable[[str], Any]] = {
        "integer": int,
        "number": float,
        "boolean": {"true": True, "false": False}.__getitem__,
    }
    try:
        return readers[kind](value) if isinstance(value, str) else value
    except (KeyError, ValueError):
        return value


def _parse(body: bytes | str, what: str) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise AssertionError(f"{what} is no JSON ({error}): {body!r}") from error


def _no_constant(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _validate(value: Any, schema: Schema, what: str) -> None:
    validator = Draft202012Validator(_translate(schema), format_checker=FORMATS)
    found = [f"  at {error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert not found, "\n".join([f"{what} is against the reference:", *found, f"  in {value!r}"])


def _deref(schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Any = _reference()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _deref(found)


def _translate(schema: Schema, part_of_all: bool = False) -> Schema:
    """Translate an OpenAPI 3.0 schema to JSON Schema 2020-12.

    References are resolved, ``nullable`` becomes ``anyOf``, and an object with known fields allows no others (but a
    part of an ``allOf`` does, where the whole allows no others). Each choice of ``anyOf`` and ``oneOf`` is a schema by
    itself, which allows no field of another choice.
    """
    schema = dict(_deref(schema))
    nullable = schema.pop("nullable", False)
    if "allOf" in schema:
        schema["allOf"] = [_translate(part, part_of_all=True) for part in schema["allOf"]]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            schema[choice] = [_translate(part) for part in schema[choice]]
    if "items" in schema:
        schema["items"] = _translate(schema["items"])
    if "properties" in schema:
        schema["properties"] = {name: _translate(field) for name, field in schema["properties"].items()}
    if ("properties" in schema or "allOf" in schema) and not part_of_all:
        schema["unevaluatedProperties"] = schema.pop("additionalProperties", False)
    return {"anyOf": [schema, {"type": "null"}]} if nullable else schema
