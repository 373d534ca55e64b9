"""The old names of the hook's methods, and of the constants beside it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import SplitResult, urljoin, urlsplit

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.airflow_errors import airflow_errors, for_airflow
from airflow_provider_hex.api.address import API_PATH
from airflow_provider_hex.api.call import Call, Response
from airflow_provider_hex.api.errors import (
    HexError,
    HexInvalidInput,
    HexInvalidResponse,
    HexRunFailed,
    HexRunTimeout,
    HexUnreachable,
    add_sentence,
)
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.run_lines import name_run
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.compat_0_1.deprecation import deprecated

if TYPE_CHECKING:
    import requests

    from airflow_provider_hex.hooks.hex import HexHook

F = TypeVar("F", bound=Callable[..., Any])

_STATUSES = ["PENDING", "RUNNING", "ERRORED", "COMPLETED", "UNABLE_TO_ALLOCATE_KERNEL", "KILLED"]
CONSTANTS: dict[str, Any] = {
    **{name: name for name in _STATUSES if name != "COMPLETED"},
    "COMPLETE": "COMPLETED",
    "VALID_STATUSES": _STATUSES,
    "TERMINAL_STATUSES": [name for name in _STATUSES if RunStatus(name).is_terminal],
}
_UPDATED_CACHE = {"update_published_results": True, "use_cached_sql_results": False}
"""What ``update_cache=True`` stood for."""
_OF_A_RUN = {"POST": "RunProject", "GET": "GetRunStatus", "DELETE": "CancelRun"}
_NEVER_TWICE = ("POST", "PATCH")


def constant(name: str) -> Any:
    """Return an old constant of ``hooks.hex``: it is the ``__getattr__`` of that module.

    :raises AttributeError: there is none of this name.
    """
    if name not in CONSTANTS:
        raise AttributeError(f"module 'airflow_provider_hex.hooks.hex' has no attribute {name!r}")
    deprecated(f"Use airflow_provider_hex.api.models.RunStatus instead of airflow_provider_hex.hooks.hex.{name}.")
    return CONSTANTS[name]


def raises_requests_errors(method: F) -> F:
    """Let a method of the hook raise errors that are also those of requests, as they were in 0.1.

    The error of a response is a ``requests.HTTPError``, and has the response. If no response came, it is a
    ``requests.ConnectionError``.

    :param method: the method.
    """

    @wraps(method)
    def method_of_0_1(self: Any, *args: Any, **kwargs: Any) -> Any:
        received: list[requests.Response] = []
        caller = threading.get_ident()

        def keep(response: requests.Response, **options: Any) -> None:
            if not response.ok and threading.get_ident() == caller:  # threads may share a hook
                received[:] = [response]

        with airflow_errors():
            hooks = self.client.session.hooks["response"]
        hooks.append(keep)
        try:
            with airflow_errors():
                return method(self, *args, **kwargs)
        except HexError as error:
            raise _of_requests(error, received, self.config.token) from error.__cause__
        finally:
            hooks.remove(keep)

    return cast("F", method_of_0_1)


def _of_requests(error: HexError, received: list[requests.Response], token: str) -> HexError:
    """Return the error as one of requests, too. Like every error, it does not contain the token."""
    import requests

    response = next((each for each in received if each.status_code == error.status), None)
    if response is None:
        return for_airflow(error, requests.ConnectionError) if isinstance(error, HexUnreachable) else error
    known: Any = for_airflow(error, requests.HTTPError)
    known.request = requests.Request(response.request.method, response.url).prepare()
    known.response = copy = requests.Response()
    copy.request, copy.url, copy.encoding = known.request, response.url, response.encoding
    copy.status_code, copy.reason = response.status_code, response.reason
    copy.headers.update({name: value.replace(token, "***") for name, value in response.headers.items()})
    copy._content = response.content.replace(token.encode(), b"***")
    return cast("HexError", known)


def accepts_old_arguments(run_project: F) -> F:
    """Let the hook's ``run_project`` accept the arguments of 0.1, and raise the errors of requests.

    :param run_project: the method.
    """

    @wraps(run_project)
    @raises_requests_errors
    def run_project_of_0_1(
        self: Any,
        project_id: str,
        input_params: Any = None,
        update_cache: bool | None = None,
        notifications: Any = None,
        *,
        inputs: Any = None,
        **options: Any,
    ) -> Any:
        if update_cache:
            _check_only_one("update_cache", options, "update_published_results", "use_cached_sql_results")
            options |= _UPDATED_CACHE
        if inputs is not None:
            _check_only_one("inputs", {} if input_params is None else {"input_params": input_params}, "input_params")
        old = {
            "input_params instead of inputs": inputs,
            "update_published_results=True, use_cached_sql_results=False instead of update_cache": update_cache,
        }
        if used := [name for name, value in old.items() if value is not None]:
            deprecated(f"HexHook.run_project: use {', '.join(used)}.")
        inputs = input_params if inputs is None else inputs
        return run_project(self, project_id, inputs, notifications=notifications, **options)

    return cast("F", run_project_of_0_1)


class OldHookMethods:
    """The old names of methods and attributes of ``HexHook``."""

    if TYPE_CHECKING:
        client: Any
        config: Any
        run_project: Any
        get_run: Any
        wait_for_run: Any

    @cached_property
    def base_url(self) -> str:
        """Hex's address without ``/api/v1``. The replacement is ``config.base_url``, which has it."""
        deprecated("HexHook: use config.base_url, which ends in /api/v1, instead of base_url.")
        return str(self.config.base_url).removesuffix(API_PATH)

    @raises_requests_errors
    def run(self, method: str, endpoint: str, data: Any = None) -> Any:
        """Send a request to Hex's API, and return the JSON of the response, or its text as ``{"response": text}``.

        It waits for rate limits. It is sent again after transient errors, unless that could do something twice.

        :param method: ``GET``, ``POST``, ``DELETE`` and so on.
        :param endpoint: the path, such as ``api/v1/projects``, or the whole URL. The token is sent nowhere but to the
            connection's own address.
        :param data: the query of a GET, or the JSON body of any other request.
        :raises HexInvalidInput: the endpoint is not in Hex's API.
        """
        deprecated("HexHook: use the method for the call, such as get_run or list_projects, instead of run.")
        method = method.upper()
        url = endpoint_url(self.config.base_url, endpoint.replace(self.config.token, "***"))
        path = url.path.removeprefix(API_PATH) + (f"?{url.query}" if url.query else "")
        is_of_a_run = re.fullmatch(r"/projects?/[^/]+/runs?(/[^/]+)?", url.path.removeprefix(API_PATH))
        call = Call(
            name=_OF_A_RUN.get(method, "run") if is_of_a_run else "run",
            method=method,
            path=path,
            read=_read,
            query=_query(data) if method == "GET" else {},
            body=None if method == "GET" else data,
            repeatable=method not in _NEVER_TWICE,
        )
        return self.client.request(call)

    @raises_requests_errors
    def run_status(self, project_id: str, run_id: str) -> Run:
        """Return a run as it is now: the old name of ``get_run``."""
        deprecated("HexHook: use get_run instead of run_status.")
        return cast("Run", self.get_run(project_id, run_id))

    @raises_requests_errors
    def run_and_poll(
        self,
        project_id: str,
        inputs: Mapping[str, Any] | None,
        update_cache: bool = False,
        poll_interval: float = 3,
        poll_timeout: float | None = 600,
        kill_on_timeout: bool = True,
        notifications: Any = None,
    ) -> Run:
        """Start a run, and wait until it has completed.

        :param project_id: the project.
        :param inputs: values for the project's inputs.
        :param update_cache: run SQL cells anew, and update the published app. Hex does not combine this with inputs.
        :param poll_interval: minimum seconds between two polls.
        :param poll_timeout: seconds to wait for the end of the run; 0 or None for no timeout.
        :param kill_on_timeout: cancel the run when ``poll_timeout``, or the task's ``execution_timeout``, is reached.
        :param notifications: whom Hex notifies when the run ends.
        :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
        :raises HexRunTimeout: the run had not ended after ``poll_timeout``.
        """
        deprecated("HexHook: use run_project and wait_for_run instead of run_and_poll.")
        # A subclass may have replaced run_project as 0.1 had it.
        started = self.run_project(project_id, inputs, update_cache or None, notifications or [])
        run = {"projectId": project_id, **started}
        pauses = {"poll_interval": poll_interval or None, "timeout": poll_timeout or None}
        try:
            return cast("Run", self.wait_for_run(run["projectId"], run["runId"], **pauses))
        except HexRunFailed:
            raise
        except BaseException as error:  # the process may be ended, too
            is_timeout = isinstance(error, (HexRunTimeout, AirflowTaskTimeout))
            ended = None if is_timeout and not kill_on_timeout else self._cancel(run, error)
            if ended is None:
                raise
            return require_completed(ended)

    def _cancel(self, run: Mapping[str, Any], error: BaseException) -> Run | None:
        """Cancel a run, and say so in the error. Return the run if it had ended when the wait timed out."""
        from airflow_provider_hex.runs.disposition import Disposition
        from airflow_provider_hex.runs.release import release_run  # a task's run is released in the same way

        release = release_run(Disposition.CANCEL, cast("HexHook", self), run)
        if release.ended is not None and isinstance(error, HexRunTimeout):
            return release.ended
        add_sentence(error, release.sentence)
        if run["runId"] not in str(error):
            name_run(error, run)
        return None


def _query(data: Mapping[str, Any] | None) -> dict[str, Any]:
    def written(value: Any) -> Any:
        return value if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)

    return {name: written(value) for name, value in (data or {}).items() if value is not None}


def endpoint_url(base_url: str, endpoint: str) -> SplitResult:
    """Return the URL of an endpoint.

    :param base_url: the API's base URL.
    :param endpoint: its path, or the whole URL.
    :raises HexInvalidInput: it is not in the API.
    """
    root = urlsplit(base_url)
    try:
        url = urlsplit(urljoin(f"{root.scheme}://{root.netloc}/", endpoint))
        is_of_connection = _server(url) == _server(root)
    except ValueError:  # it is not a URL
        is_of_connection = False
    if not is_of_connection:
        raise HexInvalidInput(
            f"The token of the Hex connection is sent to {root.scheme}://{root.netloc} only, and not to {endpoint}"
        )
    if not url.path.startswith(f"{API_PATH}/"):
        raise HexInvalidInput(f"Hex's API is below {API_PATH}, and this endpoint is not: {endpoint}")
    return url


def _server(url: SplitResult) -> tuple[str, str | None, int | None, bool]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.hostname, url.port or default, "@" in url.netloc


def _read(data: Any, response: Response) -> Any:
    """Return a response's JSON, or its text as ``{"response": text}``."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not headers.get("content-type", "").startswith("application/json"):
        return {"response": response.body.decode(errors="replace")}
    if data is None and response.body.strip() != b"null":
        raise HexInvalidResponse("is not JSON")
    return data


def _check_only_one(old: str, given: Mapping[str, Any], *new: str) -> None:
    for name in new:
        if name in given:
            raise HexInvalidInput(f"run_project got both {name} and {old}, which is its old name. Pass only {name}.")
