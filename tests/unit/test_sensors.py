"""Where a sensor begins and ends: on a worker, or in the triggerer alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, Asset, Param

from airflow_dbaas._compat import triggers
from airflow_dbaas._compat.triggers import TaskSuccessEvent
from airflow_dbaas.events import result_of
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.triggers.sensors import DbaasSensorTrigger
from airflow_dbaas.triggers.waits import DbaasWaitTrigger
from airflow_dbaas.waits import OperationWait
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
RUNNING = {"dbaas-services": [{"name": "db", "state": "running", "type": "pg", "plan": "startup-4"}]}


@pytest.fixture(autouse=True)
def dag() -> Iterator[None]:
    """Sensors are made inside a DAG."""
    with DAG("d", schedule=None):
        yield


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The connection ``exoscale_default``, to the scripted server."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))


def sensor(**arguments: Any) -> DbaasServiceSensor:
    return DbaasServiceSensor(task_id="t", **{"service_name": "db", "deferrable": True, **arguments})


def test_a_deferrable_sensor_begins_in_the_triggerer() -> None:
    """Its trigger gets what the wait needs, templates as they are, and which links to keep."""
    task = sensor(service_name="{{ params.service }}", zone="{{ params.zone }}", timeout=timedelta(minutes=5))
    assert task.start_from_trigger
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_kwargs == {
        "exoscale_conn_id": "exoscale_default",
        "zone": "{{ params.zone }}",
        "service_name": "{{ params.service }}",
        "state": "running",
        "kind": "service",
        "timeout": 300.0,
        "ends_here": True,
        "pushes": True,
        "links": {"_link_DbaasServiceLink": ""},
    }
    # What Airflow renders in the triggerer are attributes that are template fields of the sensor.
    trigger = DbaasSensorTrigger(**task.start_trigger_args.trigger_kwargs)
    for name in ("exoscale_conn_id", "zone", "service_name"):
        assert name in task.template_fields
        assert hasattr(trigger, name)
    path, arguments = trigger.serialize()
    assert path == task.start_trigger_args.trigger_cls
    assert DbaasSensorTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"deferrable": False},
        {"start_from_trigger": False},
        {"execution_timeout": timedelta(hours=1)},
        {"pre_execute": print},
        {"service_name": "{{ ti.xcom_pull('create')['service'] }}"},
        {"service_name": "{{ var.value.service }}"},
        {"service_name": "{{ nonsense"},
    ],
)
def test_what_needs_a_worker_begins_on_one(arguments: dict[str, Any]) -> None:
    """The triggerer cannot fetch other tasks' results, knows no execution_timeout, runs no hooks."""
    assert not sensor(**arguments).start_from_trigger


def test_a_value_of_another_task_begins_on_a_worker() -> None:
    """A reference to a result is resolved where that works."""
    first = sensor()
    later = DbaasOperationSensor(task_id="later", operation_id=first.output, deferrable=True)
    assert not later.start_from_trigger
    assert later.upstream_task_ids == {"t"}


def test_a_mapped_sensor_begins_on_a_worker() -> None:
    """Airflow has one set of trigger arguments for all mapped tasks."""
    mapped = DbaasServiceSensor.partial(task_id="mapped", deferrable=True).expand(service_name=["a", "b"])
    assert not mapped.start_from_trigger


def test_parameters_with_limits_begin_on_a_worker() -> None:
    """Airflow 3.3.2's triggerer ends, with all its triggers, if a run's parameters break their schema."""
    begins = {}
    for name, param in {"free": Param("x", title="X"), "limited": Param(None, type=["null", "string"])}.items():
        with DAG(name, schedule=None, params={"service": param}):
            begins[name] = sensor(service_name="{{ params.service }}").start_from_trigger
    assert begins == {"free": True, "limited": False}


@pytest.mark.parametrize("arguments", [{"outlets": [Asset("x-test://a")]}, {"post_execute": print}])
def test_what_is_left_to_do_at_the_end_takes_a_worker(arguments: dict[str, Any]) -> None:
    """Asset events and hooks come from a worker."""
    task = sensor(**arguments)
    assert task.start_from_trigger
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_kwargs is not None
    assert task.start_trigger_args.trigger_kwargs["ends_here"] is False


def test_listeners_hear_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where plugins listen to tasks, the task ends on a worker."""
    monkeypatch.setattr(triggers, "has_listeners", lambda: True)
    task = sensor()
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_kwargs is not None
    assert task.start_trigger_args.trigger_kwargs["ends_here"] is False


def test_an_older_airflow_begins_on_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.3 the triggerer renders no templates."""
    monkeypatch.setattr(triggers, "starts_in_triggerer", lambda: False)
    assert not sensor().start_from_trigger


def fire(trigger: Any) -> Any:
    async def events() -> list[Any]:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return event


def trigger_of(task: DbaasServiceSensor | DbaasMigrationSensor, **changes: Any) -> DbaasSensorTrigger:
    assert task.start_trigger_args is not None
    arguments = task.start_trigger_args.trigger_kwargs or {}
    return DbaasSensorTrigger(**{**arguments, **changes})


@pytest.mark.usefixtures("connection")
def test_success_ends_the_task(server: ScriptedServer, pushed: dict[str, Any]) -> None:
    """With the result and the links as XComs, as a worker would push them."""
    server.replies = [Reply(body=RUNNING)]
    event = fire(trigger_of(sensor()))
    assert isinstance(event, TaskSuccessEvent)
    assert pushed["return_value"]["state"] == "running"
    assert pushed["_link_DbaasServiceLink"] == server.url.removesuffix("/v2") + "/dbaas/-/db"


@pytest.mark.usefixtures("connection")
def test_a_result_that_is_not_wanted_is_not_pushed(server: ScriptedServer, pushed: dict[str, Any]) -> None:
    """``do_xcom_push=False`` holds in the triggerer, too."""
    server.replies = [Reply(body=RUNNING)]
    fire(trigger_of(sensor(do_xcom_push=False)))
    assert set(pushed) == {"_link_DbaasServiceLink"}


@pytest.mark.usefixtures("connection")
def test_failure_goes_through_the_sensor(server: ScriptedServer) -> None:
    """A worker ends the task, with the sensor's own errors, retries and soft_fail."""
    server.replies = [Reply(body={"dbaas-services": [{"name": "db", "state": "poweroff"}]})]
    event = fire(trigger_of(sensor())).payload
    with pytest.raises(Exception, match="service db is powered off"):
        result_of(event)


@pytest.mark.usefixtures("connection")
def test_the_deadline_counts_from_the_tasks_start(server: ScriptedServer) -> None:
    """A triggerer that takes the trigger over later keeps it."""

    class Started:
        task_id = "t"
        start_date = datetime.now(UTC) - timedelta(minutes=2)

    server.replies = [Reply(body={"dbaas-services": [{"name": "db", "state": "rebuilding"}]})]
    trigger = trigger_of(sensor(timeout=60))
    trigger.task_instance = Started()
    began = time.monotonic()
    event = fire(trigger).payload
    assert event["error"] == "DbaasWaitTimeoutError"
    assert time.monotonic() - began < 5


def wait_trigger(**changes: Any) -> DbaasWaitTrigger:
    arguments = {"wait": OperationWait(ID).serialize(), "deadline": time.time() + 60, "resume_after": 0.0}
    return DbaasWaitTrigger(**{"exoscale_conn_id": "exoscale_default", "zone": None, **arguments, **changes})


@pytest.mark.usefixtures("connection")
def test_a_deferred_sensor_ends_in_the_triggerer(server: ScriptedServer, pushed: dict[str, Any]) -> None:
    """One that began on a worker needs no second one; where no triggerer runs it (DAG.test()) it goes on as usual."""
    server.replies = [Reply(body={"state": "success"})]
    trigger = wait_trigger(ends_here=True)
    assert fire(trigger).payload["status"] == "done"
    trigger.trigger_id = 7
    assert isinstance(fire(trigger), TaskSuccessEvent)
    assert pushed == {"return_value": {"operation_id": ID, "reference_id": None, "reference_link": None}}


@pytest.mark.usefixtures("connection")
def test_only_what_was_asked_for_is_called_when_killed(server: ScriptedServer) -> None:
    """Without ``cancel`` a killed wait touches nothing; with it, that one call is made."""
    asyncio.run(wait_trigger().on_kill())
    assert server.requests == []
    asyncio.run(wait_trigger(cancel={"operation": "stop-dbaas-pg-migration", "name": "db"}).on_kill())
    ((method, path, _, _),) = server.requests
    assert (method, path) == ("POST", "/v2/dbaas-postgres/db/migration/stop")


@pytest.mark.usefixtures("connection")
def test_the_call_outlives_the_trigger(server: ScriptedServer) -> None:
    """Airflow cancels a killed trigger over and over; the call that was begun is finished all the same."""

    async def kill() -> None:
        trigger = wait_trigger(cancel={"operation": "stop-dbaas-pg-migration", "name": "db"})
        leave = asyncio.create_task(trigger.on_kill())
        await asyncio.sleep(0)
        leave.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leave
        while len(server.requests) == 0:  # noqa: ASYNC110 - another thread fills it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)

    asyncio.run(asyncio.wait_for(kill(), 10))
    assert len(server.requests) == 1
