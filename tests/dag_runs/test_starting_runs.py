"""What is sent to start a run, and what the task publishes about the run."""

from __future__ import annotations

from typing import Any

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.dag_runs.conftest import DAGS, RunDag

FILE = DAGS / "starting_runs.py"
CONF = {"project": PROJECT, "as_of": "2026-11-21", "orders": "7", "cached": False}


def test_everything_is_templated(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("everything_templated", FILE, CONF)
    assert outcome.states == {"run": "success"}
    (request,) = emulator.requests()
    assert request["path"] == f"/api/v1/projects/{PROJECT}/runs"
    assert request["body"] == {
        "inputParams": {"as_of": "2026-11-21", "order_count": 7, "region": "EMEA"},
        "notifications": [{"type": "ALL", "includeSuccessScreenshot": False, "subject": "2026-11-21"}],
        "useCachedSqlResults": False,
    }


@pytest.mark.parametrize("publish", [True, False])
def test_a_saved_view_can_be_run_and_published(publish: bool, run_dag: RunDag, emulator: Control) -> None:
    conf = {"project": PROJECT, "view": "my-view", "publish": publish}
    assert run_dag("a_saved_view", FILE, conf).states == {"run": "success"}
    (request,) = emulator.requests("RunProject")
    assert request["body"] == {"viewId": "my-view"} | ({"updatePublishedResults": True} if publish else {})


def test_inputs_and_runs_pass_from_task_to_task(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("inputs_from_tasks", FILE, {"project": PROJECT})
    assert set(outcome.states.values()) == {"success"}
    (request,) = emulator.requests("RunProject")
    assert request["body"] == {"inputParams": {"as_of": "2026-11-20", "order_count": 42}}
    assert outcome.returned["run"]["runId"] == outcome.returned["wait"]["runId"]


@pytest.mark.parametrize("waits", ["deferred", "in_worker"])
def test_each_mapped_task_has_one_run(waits: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", 1), ("COMPLETED", None)])
    emulator.next_run(timeline=[("RUNNING", 1), ("ERRORED", None)])
    outcome = run_dag(f"mapped_{waits}", FILE, {"project": PROJECT})
    runs = {run["inputs"]["region"]: run["status"] for run in emulator.runs()}
    assert sorted(runs.values()) == ["COMPLETED", "COMPLETED", "ERRORED"]
    wanted = {"COMPLETED": "success", "ERRORED": "failed"}
    assert outcome.states == {
        f"run[{index}]": wanted[runs[region]] for index, region in enumerate(["EMEA", "APAC", "AMER"])
    }


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"cached": "perhaps"}, "use_cached_sql_results is 'perhaps'"),
        ({"project": ""}, "project_id is ''"),
    ],
)
def test_bad_input_fails_before_anything_is_sent(
    conf: dict[str, Any], words: str, run_dag: RunDag, emulator: Control
) -> None:
    outcome = run_dag("everything_templated", FILE, CONF | conf)
    assert outcome.states == {"run": "failed"}
    assert words in outcome.errors["run"]
    assert not emulator.requests()


@pytest.mark.parametrize("outcome_in_hex", ["COMPLETED", "ERRORED"])
def test_the_run_is_published_as_soon_as_it_exists(outcome_in_hex: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(outcome=outcome_in_hex, pending=0, running=0)
    outcome = run_dag("operator_deferred")
    (run,) = emulator.runs()
    xcoms = outcome.xcoms["wait"]
    assert (xcoms["run_id"], xcoms["run_url"]) == (run["runId"], run["runUrl"])


@pytest.mark.parametrize("way", ["operator_in_worker", "operator_deferred"])
def test_a_kernel_limit_or_rate_limit_makes_the_task_wait(way: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.fault("RunProject", status=503, body={"reason": "No kernel"}, headers={"Retry-After": "0"})
    emulator.fault("RunProject", status=429, body={"reason": "Slow down"}, headers={"Retry-After": "0"})
    assert run_dag(way).states == {"wait": "success"}
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize("way", ["operator_in_worker", "operator_deferred"])
@pytest.mark.parametrize(("applied", "starts"), [(True, 1), (False, 2)], ids=["after-the-effect", "before-the-effect"])
def test_a_start_request_whose_response_is_lost_starts_one_run(
    applied: bool, starts: int, way: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.fault("RunProject", drop=True, apply=applied)
    outcome = run_dag(way)
    assert outcome.states == {"wait": "success"}
    (run,) = emulator.runs()
    assert (run["status"], run["runUrl"]) == ("COMPLETED", outcome.xcoms["wait"]["run_url"])
    assert len(emulator.requests("RunProject")) == starts


def test_a_start_request_with_inputs_whose_response_is_lost_fails_and_names_the_run(
    run_dag: RunDag, emulator: Control
) -> None:
    """Another client may have started that run with other inputs."""
    emulator.fault("RunProject", drop=True, apply=True)
    outcome = run_dag("everything_templated", FILE, CONF)
    assert outcome.states == {"run": "failed"}
    assert "It is unknown whether a run was started" in outcome.errors["run"]
    (run,) = emulator.runs()
    assert run["runUrl"] in outcome.errors["run"]
    assert len(emulator.requests("RunProject")) == 1


def test_a_sensor_waits_for_the_results_of_operators(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("results_from_operators", FILE, {"project": PROJECT})
    assert outcome.states == dict.fromkeys(
        ("start", "wait", "starts[0]", "starts[1]", "waits[0]", "waits[1]"), "success"
    )
    assert outcome.returned["wait"]["runId"] == outcome.returned["start"]["runId"]
    polled = {request["path"].rsplit("/", 1)[1] for request in emulator.requests("GetRunStatus")}
    assert polled == {run["runId"] for run in emulator.runs()}
    assert len(polled) == 3
