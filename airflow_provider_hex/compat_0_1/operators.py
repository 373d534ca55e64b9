"""The old names of the operator's arguments and attributes."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from airflow_provider_hex.airflow_errors import argument_errors
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import is_template, to_bool, to_json_object, to_seconds
from airflow_provider_hex.compat_0_1.deprecation import deprecated

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)


class _OldName:
    """The old name of an attribute of the operator. It may be read and set.

    :param new: the new names, the first of which has the value.
    :param advice: what to write instead. Default: the new name.
    :param read: returns the old value for a new one. Default: the same.
    :param write: returns the new value for an old one. Default: the same.
    """

    def __init__(
        self,
        *new: str,
        advice: str | None = None,
        read: Callable[[Any], Any] = lambda value: value,
        write: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self.new, self.advice = new, advice or new[0]
        self._read, self._write = read, write

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        if task is None:
            return self
        deprecated(_advice(self), direct=True)
        return self.get(task)

    def __set__(self, task: Any, value: Any) -> None:
        deprecated(_advice(self), direct=True)
        self.set(task, value)

    def get(self, task: Any) -> Any:
        """Return the attribute."""
        return self._read(getattr(task, self.new[0]))

    def set(self, task: Any, value: Any) -> None:
        """Set the attribute. The value is checked when the task runs, so that an old name fails no DAG file."""
        setattr(task, self.new[0], self._write(value))


class _UpdateCache(_OldName):
    """``update_cache``: new results of SQL cells, and an update of the published app."""

    def set(self, task: Any, value: Any) -> None:
        published = value if isinstance(value, str) or is_template(value) else bool(value)
        super().set(task, published)
        task.use_cached_sql_results = str(published).strip().lower() != "true"
        task._has_update_cache = True


def _advice(*names: _OldName) -> str:
    instead = ", ".join(f"{each.advice} instead of {each.name}" for each in names)
    return f"HexRunProjectOperator: use {instead}. Names of airflow-provider-hex 0.1 will be removed."


class OldOperatorNames:
    """The old names of the attributes of ``HexRunProjectOperator``."""

    input_parameters = _OldName("input_params")
    synchronous = _OldName("wait_for_completion")
    wait_seconds = _OldName(
        "poll_interval", read=lambda value: 3 if value is None else value, write=lambda value: value or None
    )
    kill_on_timeout = _OldName("cancel_on_timeout")
    update_cache = _UpdateCache(
        "update_published_results",
        "use_cached_sql_results",
        advice="update_published_results=True, use_cached_sql_results=False",
    )

    _has_old_names = False
    """Whether old names were passed. The arguments are checked when the task runs then, as they were in 0.1."""
    _has_update_cache = False

    if TYPE_CHECKING:
        template_fields: list[str]
        project_id: Any
        input_params: Any
        poll_interval: Any
        timeout: Any
        wait_for_completion: bool
        update_published_results: bool | str
        use_cached_sql_results: bool | str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the inputs in ``template_fields`` as the subclass does, and no field twice.

        Airflow renders the attributes of these names, and finds in them the tasks whose results they use.
        """
        super().__init_subclass__(**kwargs)
        fields: Any = getattr(cls, "template_fields", ())
        old = "input_parameters"
        uses_old = _takes(cls, old) or _is_property(cls, old) or "input_params" not in fields
        inputs = old if uses_old else "input_params"
        once = dict.fromkeys(inputs if each in (old, "input_params") else each for each in fields)
        cls.template_fields = type(fields)(once)  # a tuple remains one: a subclass of this one may add a tuple to it

    if not TYPE_CHECKING:  # Airflow declares it as an attribute

        @classmethod
        def partial(cls, **kwargs):
            """Map the operator. The inputs get their new name if Airflow needs it, see ``__init_subclass__``."""
            from airflow_provider_hex.airflow_compat import XComArg

            with argument_errors(kwargs.get("task_id")):
                check_only_one(kwargs)
            if old := [each for name, each in _OLD_NAMES.items() if name in kwargs and not _takes(cls, name)]:
                deprecated(_advice(*old))
            inputs = kwargs.get("input_parameters")
            if "input_parameters" not in cls.template_fields and any(XComArg.iter_xcom_references(inputs)):
                kwargs["input_params"] = kwargs.pop("input_parameters")
            return super().partial(**kwargs)

    def _adopt_old_values(self) -> None:
        """Check what old names have set, when the task runs. A subclass may have set it just now.

        :raises HexInvalidInput: a value is invalid, or Hex would ignore the inputs.
        """
        for name, each in _OLD_NAMES.items():
            if _is_property(type(self), name):
                each.set(self, getattr(self, name))
        if isinstance(self.project_id, UUID):
            self.project_id = str(self.project_id)
        self.poll_interval = to_seconds(self.poll_interval, "poll_interval") if self.poll_interval else None
        self.timeout = to_seconds(self.timeout, "timeout") if self.timeout else None
        if not self._has_update_cache:
            return
        self.use_cached_sql_results = not to_bool(self.update_published_results, "update_cache")
        if self.use_cached_sql_results or not to_json_object(self.input_params, "input_params"):
            return
        if self.wait_for_completion:
            raise HexInvalidInput(
                "Pass either input_parameters or update_cache: to update the published app, Hex ignores the inputs. To "
                "run SQL cells anew with these inputs, pass use_cached_sql_results=False instead of update_cache."
            )
        log.warning("update_cache=True has no effect, because there are input_parameters, and the task does not wait.")
        self.update_published_results, self.use_cached_sql_results = False, True


_OLD_NAMES = {name: each for name, each in vars(OldOperatorNames).items() if isinstance(each, _OldName)}


def accepts_old_names(init: F) -> F:
    """Let the operator's ``__init__`` accept the old arguments. They are part of its signature, which Airflow reads.

    :param init: the operator's ``__init__``.
    """

    @wraps(init)
    def init_with_old_names(self: Any, **kwargs: Any) -> None:
        _drop_defaults_for_others(kwargs)
        if _replaces_execute(type(self)) and ("deferrable" not in kwargs or _is_default(kwargs, "deferrable")):
            kwargs["deferrable"] = False
        with argument_errors(kwargs.get("task_id")):
            check_only_one(kwargs)
        old = {each: kwargs.pop(name) for name, each in _OLD_NAMES.items() if name in kwargs}
        if isinstance(kwargs["project_id"], UUID):
            kwargs["project_id"] = str(kwargs["project_id"])
        if kwargs.get("timeout") == 0:
            deprecated("HexRunProjectOperator: use timeout=None instead of timeout=0.")
            kwargs["timeout"] = None
        self._has_old_names = bool(old)
        init(self, **kwargs)
        _set_old_names(self, old)

    parameters = dict(inspect.signature(init).parameters)
    variadic = parameters.pop("kwargs")
    keywords = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in _OLD_NAMES]
    init_with_old_names.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*parameters.values(), *keywords, variadic], return_annotation=None
    )
    return cast("F", init_with_old_names)


def _set_old_names(task: OldOperatorNames, old: Mapping[_OldName, Any]) -> None:
    """Set the arguments with old names. A property of a subclass with an old name is always set, as 0.1 did."""
    for each, value in old.items():
        each.set(task, value)
    for name, each in _OLD_NAMES.items():
        if _is_property(type(task), name):
            setattr(task, name, old.get(each, each.get(task)))
    if old:
        deprecated(_advice(*old))


def _is_default(kwargs: Mapping[str, Any], name: str) -> bool:
    """Whether a task has an argument from ``default_args``, which may be for other operators that have it, too."""
    defaults = kwargs.get("default_args") or {}
    return name in kwargs and name in defaults and kwargs[name] is defaults[name]


def _drop_defaults_for_others(kwargs: dict[str, Any]) -> None:
    """Remove each argument that is only in ``default_args``, if the task has it by its other name."""
    for old in _OLD_NAMES.values():
        new = [name for name in old.new if name in kwargs]
        if old.name not in kwargs or not new:
            continue
        defaults = [name for name in new if _is_default(kwargs, name)]
        for name in [old.name] if _is_default(kwargs, old.name) and defaults != new else defaults:
            del kwargs[name]


def check_only_one(kwargs: Mapping[str, Any]) -> None:
    """Check that no argument is given by both its old and its new name.

    :raises HexInvalidInput: one is.
    """
    for old in _OLD_NAMES.values():
        for new in old.new:
            if old.name in kwargs and new in kwargs:
                raise HexInvalidInput(
                    f"HexRunProjectOperator got both {new} and {old.name}, which is its old name. Pass only {new}."
                )


def _operator(cls: Any) -> Any:
    """Return this package's operator, of which a class is a subclass."""
    return next(each for each in cls.__mro__ if OldOperatorNames in each.__bases__)


def _takes(cls: Any, argument: str) -> bool:
    """Whether the ``__init__`` of a subclass itself has an argument."""
    subclasses = cls.__mro__[: cls.__mro__.index(_operator(cls))]
    own = [vars(each)["__init__"] for each in subclasses if "__init__" in vars(each)]
    return any(argument in inspect.signature(init).parameters for init in own)


def _is_property(cls: Any, name: str) -> bool:
    """Whether a subclass has a property with an old name. It has a setter, because 0.1 set each attribute."""
    return isinstance(getattr(cls, name), property)


def _replaces_execute(cls: Any) -> bool:
    """Whether a subclass has an ``execute``, but no ``execute_complete``: after a deferral, Airflow calls only that."""
    own = _operator(cls)
    return cls.execute is not own.execute and cls.execute_complete is own.execute_complete
