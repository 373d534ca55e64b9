"""The tasks whose stories are told."""

from __future__ import annotations

from typing import Any

from airflow_provider_hex.sensors.hex import HexRunSensor
from tests.simulation.airflow_rules import Setup

WORKER = Setup("worker")
DEFERRED = Setup("deferred", options={"deferrable": True})
START_ONLY = Setup("start only", options={"wait_for_completion": False})
LAST = Setup("last attempt", retries=0)
LAST_DEFERRED = Setup("last attempt, deferred", retries=0, options={"deferrable": True})
QUICK_DEFERRED = Setup("deferred, quick run", run_takes=2, options={"deferrable": True, "poll_interval": 1})
LONG_DEFERRED = Setup("last attempt, deferred, long run", retries=0, options={"deferrable": True}, run_takes=140)
INPUTS = Setup("inputs", options={"input_params": {"a": 1}})
ADOPTING = Setup("adopting", options={"input_params": {"a": 1}, "on_ambiguous_start": "adopt"})
FAILING = Setup("failing", options={"on_ambiguous_start": "fail"})
TIMEOUT = Setup("timeout", retries=0, options={"timeout": 45})
DEFERRED_TIMEOUT = Setup("timeout, deferred", retries=0, options={"timeout": 45, "deferrable": True})
RETRIED_TIMEOUT = Setup("timeout, retried", options={"timeout": 50}, run_takes=120)
EXECUTION_TIMEOUT = Setup("execution timeout", execution_timeout=45)

DEFERRED_EXECUTION_TIMEOUT = Setup(
    "execution timeout, deferred", retries=0, execution_timeout=45, options={"deferrable": True}
)

NO_RECORD = Setup("without a record", options={"durable": False})
NO_RECORD_DEFERRED = Setup("without a record, deferred", options={"durable": False, "deferrable": True})
WORKER_3_2 = Setup("Airflow 3.2", airflow=(3, 2))
DEFERRED_3_2 = Setup("Airflow 3.2, deferred", airflow=(3, 2), options={"deferrable": True})
WORKER_2 = Setup("Airflow 2.11", airflow=(2, 11))
DEFERRED_2 = Setup("Airflow 2.11, deferred", airflow=(2, 11), options={"deferrable": True})
EXECUTION_TIMEOUT_2 = Setup(
    "Airflow 2.11, execution timeout, deferred",
    retries=0,
    airflow=(2, 11),
    execution_timeout=45,
    options={"deferrable": True},
)


def _sensor(name: str, **more: Any) -> Setup:
    own = {"execution_timeout", "airflow", "run_takes", "retries"}
    options = {key: value for key, value in more.items() if key not in own}
    return Setup(f"sensor, {name}", kind=HexRunSensor, options=options, **{key: more[key] for key in own & set(more)})


POKE = _sensor("poke", mode="poke")
POKE_CANCELLING = _sensor("poke, cancelling", mode="poke", cancel_on_kill=True)
POKE_TIMEOUT = _sensor("poke, cancelling, timeout", run_takes=140, mode="poke", cancel_on_kill=True, timeout=45)
POKE_SOFT = _sensor("poke, soft_fail, timeout", run_takes=140, mode="poke", soft_fail=True, timeout=45)
RESCHEDULE = _sensor("reschedule", mode="reschedule")
RESCHEDULE_SOFT = _sensor(
    "reschedule, cancelling, soft_fail, timeout",
    run_takes=140,
    mode="reschedule",
    cancel_on_kill=True,
    soft_fail=True,
    timeout=45,
)
SENSOR = _sensor("deferred", deferrable=True)
SENSOR_CANCELLING = _sensor("deferred, cancelling", deferrable=True, cancel_on_kill=True)
SENSOR_TIMEOUT = _sensor(
    "deferred, cancelling, timeout", run_takes=140, deferrable=True, cancel_on_kill=True, timeout=45
)
SENSOR_SOFT = _sensor("deferred, soft_fail, execution timeout", deferrable=True, soft_fail=True, execution_timeout=45)
SENSOR_2 = _sensor("deferred, cancelling, Airflow 2.11", airflow=(2, 11), deferrable=True, cancel_on_kill=True)

SETUPS = [
    WORKER,
    DEFERRED,
    START_ONLY,
    LAST,
    LAST_DEFERRED,
    QUICK_DEFERRED,
    LONG_DEFERRED,
    INPUTS,
    ADOPTING,
    FAILING,
    TIMEOUT,
    DEFERRED_TIMEOUT,
    RETRIED_TIMEOUT,
    EXECUTION_TIMEOUT,
    DEFERRED_EXECUTION_TIMEOUT,
    NO_RECORD,
    NO_RECORD_DEFERRED,
    WORKER_3_2,
    DEFERRED_3_2,
    WORKER_2,
    DEFERRED_2,
    EXECUTION_TIMEOUT_2,
]
SENSORS = [
    POKE,
    POKE_CANCELLING,
    POKE_TIMEOUT,
    POKE_SOFT,
    RESCHEDULE,
    RESCHEDULE_SOFT,
    SENSOR,
    SENSOR_CANCELLING,
    SENSOR_TIMEOUT,
    SENSOR_SOFT,
    SENSOR_2,
]
SETUPS += SENSORS
