"""The tasks whose stories are told."""

from __future__ import annotations

from tests.simulation.airflow_rules import Setup

WORKER = Setup("worker")
DEFERRED = Setup("deferred", options={"deferrable": True})
START_ONLY = Setup("start only", options={"wait_for_completion": False})
LAST = Setup("last attempt", retries=0)
LAST_DEFERRED = Setup("last attempt, deferred", retries=0, options={"deferrable": True})
LONG_DEFERRED = Setup("last attempt, deferred, long run", retries=0, options={"deferrable": True}, run_takes=140)
INPUTS = Setup("inputs", options={"input_params": {"a": 1}})
ADOPTING = Setup("adopting", options={"input_params": {"a": 1}, "on_ambiguous_start": "adopt"})
FAILING = Setup("failing", options={"on_ambiguous_start": "fail"})
TIMEOUT = Setup("timeout", retries=0, options={"timeout": 45})
DEFERRED_TIMEOUT = Setup("timeout, deferred", retries=0, options={"timeout": 45, "deferrable": True})
RETRIED_TIMEOUT = Setup("timeout, retried", options={"timeout": 50}, run_takes=120)
EXECUTION_TIMEOUT = Setup("execution timeout", execution_timeout=45)

SETUPS = [
    WORKER,
    DEFERRED,
    START_ONLY,
    LAST,
    LAST_DEFERRED,
    LONG_DEFERRED,
    INPUTS,
    ADOPTING,
    FAILING,
    TIMEOUT,
    DEFERRED_TIMEOUT,
    RETRIED_TIMEOUT,
    EXECUTION_TIMEOUT,
]
