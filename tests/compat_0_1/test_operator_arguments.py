"""The arguments and attributes of 0.1.9's operator, while a DAG file is parsed."""

from __future__ import annotations

import inspect
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.compat_0_1.conftest import Warned
from tests.conftest import PROJECT

ARGUMENTS_OF_0_1 = (
    "project_id",
    "hex_conn_id",
    "synchronous",
    "wait_seconds",
    "timeout",
    "kill_on_timeout",
    "input_parameters",
    "update_cache",
    "notifications",
)
OLD_AND_NEW: list[tuple[str, Any, str, Any]] = [
    ("input_parameters", {"a": 1}, "input_params", {"a": 1}),
    ("input_parameters", None, "input_params", None),
    ("synchronous", False, "wait_for_completion", False),
    ("wait_seconds", 5, "poll_interval", 5),
    ("wait_seconds", 0, "poll_interval", None),
    ("kill_on_timeout", False, "cancel_on_timeout", False),
    ("update_cache", True, "update_published_results", True),
    ("update_cache", True, "use_cached_sql_results", False),
    ("update_cache", 1, "update_published_results", True),
    ("update_cache", 1, "use_cached_sql_results", False),
    ("update_cache", False, "update_published_results", False),
    ("update_cache", False, "use_cached_sql_results", True),
]


@pytest.fixture(autouse=True)
def _dag() -> Iterator[None]:
    with DAG("dag", schedule=None):
        yield


def new(**options: Any) -> HexRunProjectOperator:
    return HexRunProjectOperator(**{"task_id": "run", "project_id": PROJECT, **options})


class Subclass(HexRunProjectOperator):
    """An operator of a user."""

    template_fields = HexRunProjectOperator.template_fields + ["greeting"]  # noqa: RUF005  # as users write it

    def __init__(self, greeting: str = "hello", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.greeting = greeting


def test_every_argument_of_0_1_is_in_the_signature_and_none_is_required_but_the_project() -> None:
    parameters = inspect.signature(HexRunProjectOperator.__init__).parameters
    required = [name for name in ARGUMENTS_OF_0_1 if parameters[name].default is inspect.Parameter.empty]
    assert required == ["project_id"]


@pytest.mark.parametrize("operator", [HexRunProjectOperator, Subclass])
@pytest.mark.parametrize(("old", "value", "new_name", "new_value"), OLD_AND_NEW)
def test_an_old_argument_means_the_new_one(
    operator: Any, old: str, value: Any, new_name: str, new_value: Any, warned: Warned
) -> None:
    task = operator(task_id="run", project_id=PROJECT, **{old: value})
    assert getattr(task, new_name) == new_value


@pytest.mark.parametrize("operator", [HexRunProjectOperator, Subclass])
@pytest.mark.parametrize(("old", "value", "new_name", "new_value"), OLD_AND_NEW)
def test_an_old_argument_may_be_a_default_argument_of_the_dag(
    operator: Any, old: str, value: Any, new_name: str, new_value: Any, warned: Warned
) -> None:
    with DAG("other", schedule=None, default_args={old: value}):
        task = operator(task_id="run", project_id=PROJECT)
    assert getattr(task, new_name) == new_value
    own = operator(task_id="own", project_id=PROJECT, default_args={old: value})
    assert getattr(own, new_name) == new_value
    assert [warning.filename for warning in warned] == [__file__, __file__]


@pytest.mark.parametrize(("old", "value", "new_name", "new_value"), OLD_AND_NEW)
def test_an_old_argument_may_be_that_of_a_mapped_task(
    old: str, value: Any, new_name: str, new_value: Any, warned: Warned
) -> None:
    mapped: Any = HexRunProjectOperator.partial(task_id="run", **{old: value}).expand(project_id=[PROJECT])
    assert getattr(mapped.unmap({"project_id": PROJECT}), new_name) == new_value
    mapped = HexRunProjectOperator.partial(task_id="other", project_id=PROJECT).expand(**{old: [value]})
    assert getattr(mapped.unmap({old: value}), new_name) == new_value
    mapped = HexRunProjectOperator.partial(task_id="more", project_id=PROJECT).expand_kwargs([{old: value}])
    assert getattr(mapped.unmap({old: value}), new_name) == new_value


class Nothing(HexRunProjectOperator):
    """A subclass without an ``__init__``."""


class OldFields(HexRunProjectOperator):
    """A subclass that replaces ``template_fields``."""

    template_fields = ["project_id", "input_parameters"]  # noqa: RUF012


class AllFields(HexRunProjectOperator):
    """A subclass that adds fields that are there already."""

    template_fields = HexRunProjectOperator.template_fields + ["input_parameters", "notifications"]  # noqa: RUF005


class TakesInputs(HexRunProjectOperator):
    """A subclass that has an old name in its own signature."""

    def __init__(self, input_parameters: Any = None, **kwargs: Any) -> None:
        super().__init__(input_parameters={"more": 1, **(input_parameters or {})}, **kwargs)


class ChangesArguments(HexRunProjectOperator):
    """A subclass that changes an argument, whatever its name is."""

    def __init__(self, **kwargs: Any) -> None:
        inputs = kwargs.pop("input_parameters", None) or {}
        super().__init__(input_parameters={"more": 1, **inputs}, **kwargs)


@pytest.mark.parametrize("operator", [HexRunProjectOperator, Subclass, Nothing, OldFields, AllFields, TakesInputs])
def test_mapped_inputs_of_an_old_name_follow_the_task_that_they_are_from(operator: Any, warned: Warned) -> None:
    first = new(task_id="first")
    partial: Any = operator.partial(task_id="partial", input_parameters={"a": first.output})
    assert partial.expand(project_id=[PROJECT]).upstream_task_ids == {"first"}
    expanded = operator.partial(task_id="expanded", project_id=PROJECT).expand(input_parameters=first.output)
    assert expanded.upstream_task_ids == {"first"}
    assert new(task_id="last", input_parameters={"a": first.output}).upstream_task_ids == {"first"}


@pytest.mark.parametrize("subclass", [False, True])
def test_the_warning_names_all_replacements_once_at_the_line_of_the_user(subclass: bool, warned: Warned) -> None:
    if subclass:
        Subclass(task_id="run", project_id=PROJECT, wait_seconds=5)
        line = inspect.getsourcelines(Subclass)[1] + 6
        assert "super().__init__(**kwargs)" in inspect.getsource(Subclass).splitlines()[6]
    else:
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        HexRunProjectOperator(task_id="run", project_id=PROJECT, input_parameters={}, synchronous=True, wait_seconds=5)
    (warning,) = warned
    assert (warning.filename, warning.lineno) == (__file__, line)
    assert "poll_interval instead of wait_seconds" in str(warning.message)
    if not subclass:
        assert "input_params instead of input_parameters, wait_for_completion instead of synch" in str(warning.message)


def test_a_mapped_task_warns_at_the_line_of_the_user(warned: Warned) -> None:
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    HexRunProjectOperator.partial(task_id="run", wait_seconds=5, kill_on_timeout=False).expand(project_id=[PROJECT])
    (warning,) = warned
    assert (warning.filename, warning.lineno) == (__file__, line)
    assert "poll_interval instead of wait_seconds, cancel_on_timeout instead of kill" in str(warning.message)


@pytest.mark.parametrize("operator", [TakesInputs, ChangesArguments])
def test_a_mapped_subclass_may_change_an_argument_by_its_old_name(operator: Any, warned: Warned) -> None:
    mapped: Any = operator.partial(task_id="run", input_parameters={"a": 1}).expand(project_id=[PROJECT])
    assert mapped.unmap({"project_id": PROJECT}).input_params == {"more": 1, "a": 1}


def test_new_names_do_not_warn(warned: Warned) -> None:
    task = new(input_params={"a": 1}, wait_for_completion=False, poll_interval=5, timeout=60, notifications=[])
    task.render_template_fields({})
    assert not warned


BOTH = [
    ("input_parameters", "input_params"),
    ("synchronous", "wait_for_completion"),
    ("wait_seconds", "poll_interval"),
    ("kill_on_timeout", "cancel_on_timeout"),
    ("update_cache", "update_published_results"),
    ("update_cache", "use_cached_sql_results"),
]


@pytest.mark.parametrize(("old", "new_name"), BOTH)
def test_an_argument_given_by_both_names_is_an_error_that_names_both(old: str, new_name: str) -> None:
    values = {"input_parameters": {}, "input_params": {}, "poll_interval": 5}
    options = {name: values.get(name, True) for name in (old, new_name)}
    with pytest.raises(HexInvalidInput, match=f"got both {new_name} and {old}, which is its old name"):
        new(**options)
    with pytest.raises(HexInvalidInput, match=f"got both {new_name} and {old}, which is its old name"):
        HexRunProjectOperator.partial(task_id="mapped", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"input_parameters": {1, 2}},
        {"input_parameters": "no JSON"},
        {"input_parameters": {"a": {1, 2}}},
        {"wait_seconds": -1},
        {"wait_seconds": "5"},
        {"update_cache": "maybe"},
        {"update_cache": None},
        {"update_cache": True, "input_parameters": {"a": 1}},
        {"update_cache": True, "input_parameters": {"a": 1}, "synchronous": False},
        {"update_cache": True, "project_id": "abc"},
        {"input_parameters": {}, "timeout": ""},
        {"synchronous": False, "timeout": "600"},
    ],
)
def test_no_value_of_an_old_argument_fails_the_import_of_a_dag_file(options: dict[str, Any], warned: Warned) -> None:
    new(**options)


@pytest.mark.parametrize("project_id", ["", None, os.environ.get("NO_SUCH_VARIABLE")])
def test_a_project_id_that_is_missing_does_not_fail_the_import_of_a_dag_file(project_id: Any) -> None:
    assert new(project_id=project_id).project_id == project_id


def test_a_project_id_that_is_no_id_fails_the_import_of_a_dag_file_without_old_names() -> None:
    with pytest.raises(HexInvalidInput, match="project_id is 'abc', which is not an id"):
        new(project_id="abc")


def test_a_project_id_may_be_a_uuid() -> None:
    assert new(project_id=uuid.UUID(PROJECT)).project_id == PROJECT
    mapped: Any = HexRunProjectOperator.partial(task_id="mapped").expand(project_id=[PROJECT])
    assert mapped.unmap({"project_id": uuid.UUID(PROJECT)}).project_id == PROJECT


def test_a_timeout_of_0_is_none(warned: Warned) -> None:
    assert new(timeout=0).timeout is None
    (warning,) = warned
    assert "use timeout=None instead of timeout=0" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize(
    ("old", "default", "value"),
    [
        ("input_parameters", None, {"a": 1}),
        ("synchronous", True, False),
        ("wait_seconds", 3, 7),
        ("kill_on_timeout", True, False),
        ("update_cache", False, True),
        ("timeout", 3600, 60),
        ("notifications", [], [{"type": "ALL", "includeSuccessScreenshot": False}]),
        ("hex_conn_id", "hex_default", "other"),
    ],
)
def test_an_old_attribute_can_be_read_and_set(old: str, default: Any, value: Any, warned: Warned) -> None:
    task = new()
    assert getattr(task, old) == default
    setattr(task, old, value)
    assert getattr(task, old) == value
    assert {warning.filename for warning in warned} <= {__file__}
    assert len(warned) == (0 if old in ("timeout", "notifications", "hex_conn_id") else 3)


def test_subclasses_add_a_list_to_the_template_fields() -> None:
    assert Subclass.template_fields[-1] == "greeting"
    assert set(HexRunProjectOperator.template_fields) < set(Subclass.template_fields)


class TupleFields(HexRunProjectOperator):
    """A subclass whose ``template_fields`` are a tuple, as in Airflow's own operators."""

    template_fields: Any = (*HexRunProjectOperator.template_fields, "table")


def test_a_subclass_of_a_subclass_adds_a_tuple_to_a_tuple_of_template_fields() -> None:
    class More(TupleFields):
        template_fields = TupleFields.template_fields + ("column",)  # noqa: RUF005

    assert More.template_fields == (*HexRunProjectOperator.template_fields, "table", "column")


@pytest.mark.parametrize("operator", [HexRunProjectOperator, Subclass, OldFields, AllFields, TakesInputs])
def test_what_old_subclasses_template_is_rendered_once(operator: Any, warned: Warned) -> None:
    task = operator(
        task_id="run",
        project_id=PROJECT,
        input_parameters={"day": "{{ ds }}", "raw": "{{ raw }}"},
        notifications=[{"type": "ALL", "includeSuccessScreenshot": False, "body": "{{ raw }}"}],
    )
    warned.clear()
    task.render_template_fields({"ds": "2026-11-26", "raw": "{{ ds }}"})
    assert {**task.input_params, "more": 1} == {"day": "2026-11-26", "raw": "{{ ds }}", "more": 1}
    assert task.notifications[0]["body"] == ("{{ raw }}" if operator is OldFields else "{{ ds }}")
    assert not warned  # Airflow uses the name, and not the user


OF_OTHER_OPERATORS = [
    ({"poll_interval": 30}, {"wait_seconds": 5}, "poll_interval", 5),
    ({"wait_for_completion": False}, {"synchronous": True}, "wait_for_completion", True),
    ({"poll_interval": 30, "wait_seconds": 7}, {}, "poll_interval", 7),
    ({"wait_seconds": 7}, {"poll_interval": 30}, "poll_interval", 30),
    ({"use_cached_sql_results": True}, {"update_cache": True}, "use_cached_sql_results", False),
]


@pytest.mark.parametrize(("defaults", "options", "name", "value"), OF_OTHER_OPERATORS)
def test_default_arguments_for_other_operators_do_not_fail_the_file(
    defaults: Any, options: Any, name: str, value: Any, warned: Warned
) -> None:
    with DAG("other", schedule=None, default_args=defaults):
        task = new(**options)
        mapped: Any = HexRunProjectOperator.partial(task_id="mapped", **options).expand(project_id=[PROJECT])
    assert getattr(task, name) == value
    assert getattr(mapped.unmap({"project_id": PROJECT}), name) == value


class Templated(HexRunProjectOperator):
    """An operator with more templates."""

    template_fields = HexRunProjectOperator.template_fields + ["update_cache", "timeout"]  # noqa: RUF005


def test_a_subclass_may_template_update_cache_and_the_timeout(warned: Warned) -> None:
    first = new(task_id="first")
    templates: Any = {"update_cache": first.output, "timeout": "{{ params.timeout }}"}
    task = Templated(task_id="run", project_id=PROJECT, **templates)
    assert task.upstream_task_ids == {"first"}
    assert task.update_published_results is not True


class OwnExecute(HexRunProjectOperator):
    """An operator that does more after its run."""

    def execute(self, context: Any) -> Any:
        return {**super().execute(context), "more": 1}


def test_default_arguments_for_other_operators_defer_no_subclass_with_its_own_execute() -> None:
    with DAG("other", schedule=None, default_args={"deferrable": True}):
        assert not OwnExecute(task_id="own_execute", project_id=PROJECT).deferrable
        assert Subclass(task_id="subclass", project_id=PROJECT).deferrable
    assert OwnExecute(task_id="own_argument", project_id=PROJECT, deferrable=True).deferrable
