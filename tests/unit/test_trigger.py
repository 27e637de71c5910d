"""The trigger: one wait, one event, nothing secret in either."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import TaskDeferred

from airflow_dbaas._compat import AirflowFailException, conf
from airflow_dbaas._compat.triggers import TaskSuccessEvent
from airflow_dbaas.api import errors
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.triggers import dbaas
from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger
from airflow_dbaas.waiting import poller
from airflow_dbaas.waiting.conditions import Done, Failed, MigrationWait, OperationWait
from airflow_dbaas.waiting.events import airflow_errors, as_event, result_of
from airflow_dbaas.waiting.poller import Watch
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
SECRET = "api/secr@t"


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The connection ``exoscale_default``, to the scripted server."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": SECRET, "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))


def trigger(**changes: Any) -> DbaasWaitTrigger:
    arguments = {
        "exoscale_conn_id": "exoscale_default",
        "zone": "",
        "wait": OperationWait(ID).serialize(),
        "deadline": time.time() + 60,
        "resume_after": 0.0,
        "state": {"step": "operation", "x": 1},
    }
    return DbaasWaitTrigger(**{**arguments, **changes})


def fire(trigger: DbaasWaitTrigger) -> dict[str, Any]:
    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(events())
    assert isinstance(event, dict)
    return event


def test_a_trigger_is_restored_from_what_it_serializes() -> None:
    """Class path and arguments are plain JSON and make the same trigger."""
    path, arguments = trigger().serialize()
    assert path == "airflow_dbaas.triggers.dbaas.DbaasWaitTrigger"
    again = DbaasWaitTrigger(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)


def test_how_a_wait_is_run_travels_with_its_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much it tolerates, when it began and whether it was answered; what an older one lacks has a default."""
    began = time.time() - 3600
    watch = Watch(OperationWait(ID), deadline=time.time() + 60, outage_grace_period=42, began=began, answered=False)
    made: list[Watch] = []

    async def note(_: Any, watch: Watch) -> Done:
        made.append(watch)
        return Done({})

    monkeypatch.setattr(dbaas, "verdict_of", note)
    _, arguments = DbaasWaitTrigger.after(watch, exoscale_conn_id="exoscale_default", zone=None).serialize()
    arguments = json.loads(json.dumps({**arguments, "resume_after": 0}))
    fire(DbaasWaitTrigger(**arguments))
    assert (made[0].outage_grace_period, made[0].began, made[0].answered) == (42, began, False)
    for name in ("outage_grace_period", "began", "answered"):
        del arguments[name]
    fire(DbaasWaitTrigger(**arguments))
    assert (made[1].outage_grace_period, made[1].answered) == (300, True)
    assert made[1].began == pytest.approx(time.time(), abs=5)


@pytest.mark.usefixtures("connection")
def test_success(server: ScriptedServer) -> None:
    """The event carries the result, and gives back the task's state."""
    server.replies = [Reply(body={"state": "success", "reference": {"id": ID}})]
    event = fire(trigger())
    assert event["state"] == {"step": "operation", "x": 1}
    assert result_of(event) == {"operation_id": ID, "reference_id": ID, "reference_link": None}


@pytest.mark.usefixtures("connection")
def test_failure_keeps_its_class_and_says_whether_to_retry(server: ScriptedServer) -> None:
    """An error crosses to the task as what it was."""
    server.replies = [Reply(body={"state": "failure", "reason": "forbidden", "message": "no"})]
    with pytest.raises(errors.DbaasOperationError, match=r"ended in failure \(forbidden\): no") as caught:
        result_of(fire(trigger()))
    assert not caught.value.retryable


@pytest.mark.usefixtures("connection")
def test_the_deadline_is_the_tasks_own(server: ScriptedServer) -> None:
    """Time that has passed before the trigger ran counts: the deadline is wall-clock."""
    server.replies = [Reply(body={"state": "pending"})]
    event = fire(trigger(deadline=time.time() - 1))
    assert (event["error"], event["retryable"]) == ("DbaasWaitTimeoutError", True)


def test_a_missing_connection_is_an_event() -> None:
    """A trigger that cannot work says so in an event instead of raising in the triggerer."""
    event = fire(trigger(exoscale_conn_id="nowhere"))
    assert event["message"] == "exoscale_conn_id: there is no Airflow connection 'nowhere'"


@pytest.mark.usefixtures("connection")
def test_neither_arguments_nor_event_hold_a_secret(server: ScriptedServer) -> None:
    """Not even when the API repeats it."""
    server.replies = [Reply(403, {"message": f"no entry with postgres://u:{SECRET}@h"})]
    made = trigger(answered=False)
    event = fire(made)
    assert "403 no entry with postgres://u:***@h" in event["message"]
    assert SECRET not in repr(made.serialize()) + repr(event)


@pytest.mark.usefixtures("connection")
def test_a_task_is_not_resumed_too_early(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that has just deferred is not resumed before its worker has noticed."""
    monkeypatch.setattr(poller, "RESUME_SECONDS", 0.5)
    server.replies = [Reply(body={"state": "success"})]
    watch = Watch(OperationWait(ID), deadline=time.time() + 60)
    made = DbaasWaitTrigger.after(watch, exoscale_conn_id="exoscale_default", zone=None)
    began = time.monotonic()
    assert fire(made)["status"] == "done"
    assert time.monotonic() - began >= 0.45
    late = Watch(OperationWait(ID), deadline=time.time() + 0.1)
    made = DbaasWaitTrigger.after(late, exoscale_conn_id="exoscale_default", zone=None)
    assert made.resume_after == made.deadline


def test_a_task_is_resumed_after_airflows_heartbeat() -> None:
    """The pause outlasts the time a worker may take to notice that its task has deferred."""
    assert conf.getfloat("workers", "min_heartbeat_interval", fallback=5) < poller.RESUME_SECONDS
    slow = {**os.environ, "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "20"}
    code = "from airflow_dbaas.waiting import poller; print(poller.RESUME_SECONDS)"
    out = subprocess.run([sys.executable, "-c", code], env=slow, check=True, capture_output=True, text=True).stdout
    assert float(out.split()[-1]) == 21


@pytest.mark.parametrize("kind", [errors.DbaasServerError, errors.DbaasMigrationError, errors.DbaasAuthError])
@pytest.mark.parametrize("retryable", [True, False])
def test_what_airflow_retries(kind: type[errors.DbaasError], retryable: bool) -> None:
    """Retryable errors keep their class; the others are AirflowFailException as well, which burns no retry."""
    event = as_event(Failed(kind("words", retryable=retryable)))
    with pytest.raises(kind if retryable else AirflowFailException, match="words"), airflow_errors():
        result_of(event)


def test_a_result_is_plain_json() -> None:
    """What goes through an event survives it."""
    done = Done({"service": "db", "databases": [{"name": "a"}], "wait": MigrationWait("db").serialize()})
    assert result_of(json.loads(json.dumps(as_event(done)))) == done.result


def context(kept: dict[str, Any]) -> Any:
    """A worker's context; what its task pushes is kept."""
    push = lambda key, value: kept.update({key: value})  # noqa: E731
    return {"ti": SimpleNamespace(xcom_push=push, start_date=None, task_id="t")}


def deferred_creation(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, dag: DAG, **arguments: Any) -> Any:
    """A task that has created a service and defers until that runs; and its trigger, as the triggerer makes it."""
    monkeypatch.setattr(poller, "BRIEF_SECONDS", 0)
    server.replies = [
        Reply(body={"dbaas-services": []}),
        Reply(body={"id": ID, "state": "success"}),
        Reply(body={"id": ID, "state": "success"}),
        Reply(body={"dbaas-services": [{"name": "db", "state": "rebuilding"}]}),
        Reply(body={"dbaas-services": [RUNNING]}),
    ]
    with dag:
        task = DbaasCreateServiceOperator(
            task_id="t", service_name="db", plan="startup-4", deferrable=True, **arguments
        )
        if "mapped" in dag.dag_id:
            DbaasServiceSensor.partial(task_id="mapped").expand(service_name=task.output)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context({}))
    made = DbaasWaitTrigger(**json.loads(json.dumps(deferred.value.trigger.serialize()[1])))
    made.resume_after = 0
    return task, made


RUNNING = {"name": "db", "state": "running", "type": "pg", "plan": "startup-4", "zone": "ch-gva-2"}
CREATED = {
    "service": "db",
    "state": "running",
    "type": "pg",
    "plan": "startup-4",
    "zone": "ch-gva-2",
    "created": True,
    "operation_id": ID,
}


@pytest.mark.usefixtures("connection")
def test_an_operator_whose_last_step_is_a_wait_ends_in_the_triggerer(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, pushed: dict[str, Any]
) -> None:
    """With the result that it has on a worker; and there if no triggerer runs it (DAG.test())."""
    task, made = deferred_creation(server, monkeypatch, DAG("d", schedule=None))
    on_worker: dict[str, Any] = {}
    assert task.execute_complete(context(on_worker), fire(made)) == CREATED
    assert on_worker == CREATED
    made.trigger_id = 7

    async def events() -> list[Any]:
        return [event async for event in made.run()]

    (event,) = asyncio.run(events())
    assert isinstance(event, TaskSuccessEvent)
    assert pushed == {**CREATED, "return_value": CREATED}


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("name", "arguments", "ends_here"),
    [
        ("d", {}, True),
        ("mapped", {}, False),
        ("d", {"outlets": [Asset("x-test://a")]}, False),
        ("d", {"on_success_callback": print}, False),
        ("d", {"multiple_outputs": True}, False),
        # What only matters elsewhere.
        ("d", {"on_execute_callback": print, "on_failure_callback": print, "on_retry_callback": print}, True),
        ("d", {"on_skipped_callback": print, "inlets": [Asset("x-test://a")], "pre_execute": print}, True),
    ],
)
def test_what_is_left_for_a_worker_is_done_there(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str, arguments: dict[str, Any], ends_here: bool
) -> None:
    """Asset events, callbacks, each key of the result, the length of a result over which tasks are mapped."""
    _, made = deferred_creation(server, monkeypatch, DAG(name, schedule=None), **arguments)
    assert made.ends_here is ends_here
