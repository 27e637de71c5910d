"""Where a sensor begins and ends: on a worker, or in the triggerer alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from airflow.sdk import DAG, Asset, Param

from airflow_dbaas._compat import AirflowFailException, triggers
from airflow_dbaas._compat.triggers import TaskSuccessEvent
from airflow_dbaas.api.errors import DbaasTransportError
from airflow_dbaas.api.external_endpoints import ExternalIntegration
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.operations import Operation, Task
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.triggers.dbaas import DbaasSensorTrigger, DbaasWaitTrigger
from airflow_dbaas.waiting import conditions, poller
from airflow_dbaas.waiting.conditions import OperationWait
from airflow_dbaas.waiting.events import result_of
from airflow_dbaas.waiting.results import with_zone
from tests.unit.conftest import Reply, ScriptedServer
from tests.virtual_time import Clock

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
RUNNING = {"dbaas-services": [{"name": "db", "state": "running", "type": "pg", "plan": "startup-4"}]}


@pytest.fixture(autouse=True)
def dag() -> Iterator[DAG]:
    """Sensors are made inside a DAG."""
    with DAG("d", schedule=None) as dag:
        yield dag


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The connection ``exoscale_default``, to the scripted server."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))


def sensor(**arguments: Any) -> DbaasServiceSensor:
    return DbaasServiceSensor(**{"task_id": "t", "service_name": "db", "deferrable": True, **arguments})


def test_a_deferrable_sensor_begins_in_the_triggerer() -> None:
    """Its trigger gets what the wait needs, templates as they are, and which links to keep."""
    task = sensor(service_name="{{ params.service }}", zone="{{ params.zone }}", timeout=timedelta(minutes=5))
    assert task.start_from_trigger
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_kwargs == {
        "exoscale_conn_id": "exoscale_default",
        "zone": "{{ params.zone }}",
        "outage_grace_period": None,
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
        {"on_execute_callback": print},
        {"outlets": [Asset("x-test://a")]},
        {"inlets": [Asset("x-test://a")]},
        {"pool": "small"},
        {"pool_slots": 2},
        {"max_active_tis_per_dag": 1},
        {"max_active_tis_per_dagrun": 1},
        {"render_template_as_native_obj": True, "service_name": "{{ params.service }}"},
        {"service_name": "{{ params.service | nobody_knows }}"},
        {"service_name": "{% include 'name.txt' %}"},
        {"service_name": "{{ ti.xcom_pull('create')['service'] }}"},
        {"service_name": "{{ var.value.service }}"},
        {"service_name": "{{ nonsense"},
    ],
)
def test_what_needs_a_worker_begins_on_one(arguments: dict[str, Any]) -> None:
    """The triggerer fetches no results of other tasks, runs no hooks and keeps no limits."""
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


def ends_here(task: Any) -> bool:
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_kwargs is not None
    return bool(task.start_trigger_args.trigger_kwargs["ends_here"])


@pytest.mark.parametrize(
    "arguments", [{"post_execute": print}, {"on_success_callback": print}, {"multiple_outputs": True}]
)
def test_what_is_left_to_do_at_the_end_takes_a_worker(arguments: dict[str, Any]) -> None:
    """Hooks, callbacks and an XCom for each key of the result come from a worker."""
    task = sensor(**arguments)
    assert task.start_from_trigger
    assert not ends_here(task)


@pytest.mark.parametrize("callbacks", [print, [print]])
def test_callbacks_of_the_dag_count(callbacks: Any) -> None:
    """They are the DAG's default arguments more often than the task's own."""
    with DAG("defaults", schedule=None, default_args={"on_success_callback": callbacks}):
        assert not ends_here(sensor())
    with DAG("defaults", schedule=None, default_args={"on_execute_callback": callbacks}):
        assert not sensor().start_from_trigger


def test_failures_end_on_a_worker_anyway() -> None:
    """So their callbacks, and skipping, keep no sensor from the triggerer."""
    callbacks = dict.fromkeys(("on_failure_callback", "on_retry_callback", "on_skipped_callback"), print)
    assert ends_here(sensor(**callbacks, soft_fail=True, retries=3))


def test_what_is_added_to_a_finished_task_counts() -> None:
    """Policies add callbacks, and tasks are mapped over a result, after the task was made."""
    late = sensor()
    assert ends_here(late)
    late.on_success_callback = [print]
    assert not ends_here(late)
    late.on_execute_callback = [print]
    assert not late.start_from_trigger
    assert late.start_trigger_args is None


def test_tasks_mapped_over_the_result_take_a_worker() -> None:
    """It tells Airflow how many they are; they are known only when the DAG is complete."""
    first = sensor()
    assert ends_here(first)
    DbaasServiceSensor.partial(task_id="mapped").expand(service_name=first.output)
    assert not ends_here(first)


def test_what_airflow_stores_of_a_dag() -> None:
    """The scheduler is told the same."""
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("stored", schedule=None) as dag:
        sensor(task_id="here")
        sensor(task_id="ends", on_success_callback=print)
        sensor(task_id="begins", on_execute_callback=print)
        DbaasServiceSensor.partial(task_id="mapped", deferrable=True, start_from_trigger=True).expand(
            service_name=["a", "b"]
        )
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag)))).task_dict
    begins = {name: (task.start_from_trigger, bool(task.start_trigger_args)) for name, task in stored.items()}
    assert begins == {
        "here": (True, True),
        "ends": (True, True),
        "begins": (False, False),
        "mapped": (False, False),
    }


def test_listeners_hear_of_beginning_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where plugins listen to tasks, a worker begins and ends the task."""
    monkeypatch.setattr(triggers, "has_listeners", lambda: True)
    task = sensor()
    assert not task.start_from_trigger
    assert triggers.why_end_on_a_worker(task) == "is observed by listener plugins"


@pytest.mark.parametrize(
    ("setting", "value", "begins", "ends"),
    [
        ("TRIGGERER__QUEUES_ENABLED", "True", False, True),
        ("STATE_STORE__CLEAR_ON_SUCCESS", "True", True, False),
    ],
)
def test_settings_of_airflow(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, begins: bool, ends: bool
) -> None:
    """A trigger begun without a worker has no queue; only a worker's success clears the task state store."""
    monkeypatch.setenv(f"AIRFLOW__{setting}", value)
    task = sensor()
    assert task.start_from_trigger is begins
    assert (triggers.why_end_on_a_worker(task) is None) is ends


def test_a_custom_xcom_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its store is for workers: they push to it and clear it."""
    from airflow.sdk.execution_time import xcom

    class Backend(xcom.BaseXCom):
        pass

    monkeypatch.setattr(xcom, "XCom", Backend)
    task = sensor()
    assert not task.start_from_trigger
    assert triggers.why_end_on_a_worker(task) == "pushes to a custom XCom backend"


def test_the_result_of_the_dag(dag: DAG) -> None:
    """Only a worker marks it as such."""
    task = sensor()
    task.returns_dag_result = True
    assert not ends_here(task)


@pytest.mark.parametrize("rendered", [None, "db"])
def test_a_label_that_cannot_be_rendered_before(rendered: str | None) -> None:
    """A ``map_index_template`` is rendered before a task runs, or else when it has run: by a worker both times."""
    context = {"map_index_template": "{{ x }}", "ti": SimpleNamespace(rendered_map_index=rendered)}
    assert (triggers.why_end_on_a_worker(sensor(), context) is None) is (rendered is not None)


def test_each_reason_is_given_in_the_docs() -> None:
    """docs/reference/where-tasks-end.md lists what takes a worker, in the same words."""
    page = " ".join((Path(__file__).parents[2] / "docs/reference/where-tasks-end.md").read_text().split())
    for need in (*triggers.ENDS_ON_A_WORKER, *triggers.BEGINS_ON_A_WORKER):
        assert need.reason in page


@pytest.mark.parametrize(
    "environment",
    [
        {"render_template_as_native_obj": True},
        {"user_defined_filters": {"upper": str}},
        {"user_defined_macros": {"x": str}},
        {"jinja_environment_kwargs": {"trim_blocks": True}},
        {"template_undefined": jinja2.Undefined},
    ],
)
def test_a_dag_that_renders_in_its_own_way(environment: dict[str, Any]) -> None:
    """The triggerer has one environment for all templates: a worker renders them as the DAG says."""
    with DAG("own", schedule=None, params={"service": "db"}, **environment):
        assert not sensor(service_name="{{ params.service | upper }}").start_from_trigger
        assert sensor(task_id="plain").start_from_trigger


def test_a_name_that_is_not_there_is_no_empty_zone() -> None:
    """A misspelt parameter fails in the triggerer as it does on a worker; it must not mean the connection's zone."""
    task = sensor(zone="{{ params.zoen }}")
    trigger = trigger_of(task)
    trigger.template_fields = ("zone", "service_name")
    with pytest.raises(jinja2.UndefinedError, match="zoen"):
        trigger.render_template_fields({"params": {"zone": "ch-gva-2"}})


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
    result = {"operation_id": ID, "reference_id": None, "reference_link": None}
    assert pushed == {"operation_id": ID, "reference_id": "", "reference_link": "", "return_value": result}


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


SERVICES = {
    "dbaas-services": [
        {"name": "db", "state": "running", "integrations": [{"id": ID, "type": "logs", "status": "active"}]},
    ]
}


@pytest.mark.parametrize(
    ("wait", "answer"),
    [
        (conditions.OperationWait(ID), Operation(id=ID, state="success")),
        (conditions.TaskWait("db", ID), Task(id=ID, success=True)),
        (conditions.ServiceWait("db", "running"), ServiceList.model_validate(SERVICES)),
        (conditions.ServiceWait("gone", "absent"), ServiceList.model_validate(SERVICES)),
        (
            conditions.MigrationWait("db"),
            MigrationStatus.model_validate({"status": "done", "details": [{"dbname": "a", "status": "done"}]}),
        ),
        (conditions.IntegrationWait(ID), ServiceList.model_validate(SERVICES)),
        (conditions.IntegrationWait(ID.replace("a", "b"), "absent"), ServiceList.model_validate(SERVICES)),
        (conditions.ExternalIntegrationWait(ID), ExternalIntegration()),
    ],
)
def test_a_result_has_the_keys_that_are_known_beforehand(wait: conditions.Wait, answer: Any) -> None:
    """They are removed before a second try, and there (None) if there is nothing to wait for."""
    verdict = wait.verdict(answer)
    assert isinstance(verdict, conditions.Done)
    # The zone is added when the wait is over.
    assert tuple(with_zone(verdict.result, lambda _: None)) == wait.keys == conditions.result_keys(wait.kind)


def rescheduled(attempt: int, store: Any = None, **arguments: Any) -> Any:
    """One look of a rescheduled sensor, in a process of its own; its result, or None if it is rescheduled."""
    with DAG("d", schedule=None):
        task = DbaasMigrationSensor(task_id="t", service_name="db", mode="reschedule", poke_interval=60, **arguments)
    context: Any = {"ti": SimpleNamespace(try_number=attempt)} | ({"task_state_store": store} if store else {})
    with closing(task.hook):
        done = task.poke(context)
    return done.xcom_value if done else None


class Store(dict[str, Any]):
    """What Airflow 3.3 keeps for a task: JSON."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))

    def __bool__(self) -> bool:
        return True


DOWN = Reply(body={"status": "failed", "details": [{"dbname": "a", "status": "failed", "method": "replication"}]})
COPYING = Reply(body={"status": "running", "details": [{"dbname": "a", "status": "running"}]})


@pytest.mark.usefixtures("connection")
def test_a_rescheduled_sensor_keeps_its_doubts(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No look holds the worker; the processes together hold to the grace periods. A later try begins from nothing."""
    store, clock = Store(), Clock()
    monkeypatch.setattr(poller, "time", clock)
    tolerant: Any = {"failure_grace_period": 600, "outage_grace_period": 600}
    for trouble, error in ((DOWN, AirflowFailException), (Reply(503), DbaasTransportError)):
        server.replies = [COPYING]
        assert rescheduled(1, store, **tolerant) is None
        server.replies = [trouble]
        for _ in range(5):
            assert rescheduled(1, store, **tolerant) is None
            clock.sleep(110)
        clock.sleep(60)
        kept = Store(store)
        with pytest.raises(error):
            rescheduled(1, store, **tolerant)
        assert rescheduled(2, kept, **tolerant) is None
    # What was answered before may be refused for a while.
    server.replies = [COPYING]
    rescheduled(1, store)
    server.replies = [Reply(403, {"message": "no"})]
    assert rescheduled(1, store) is None
    with pytest.raises(AirflowFailException):
        rescheduled(2, store)


@pytest.mark.usefixtures("connection")
def test_a_rescheduled_sensor_without_a_memory(server: ScriptedServer) -> None:
    """Before Airflow 3.3: a failure is settled before the worker is given back, an outage does not hold it."""
    server.replies = [Reply(503)]
    for _ in range(6):
        assert rescheduled(1, outage_grace_period=0.01) is None
    server.replies = [DOWN, DOWN, COPYING]
    assert rescheduled(1, failure_grace_period=30) is None
    assert len(server.requests) == 9
    server.replies = [DOWN]
    with pytest.raises(AirflowFailException):
        rescheduled(1, failure_grace_period=0.3)
