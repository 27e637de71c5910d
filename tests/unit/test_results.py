"""Single values of a result are XComs of their own, on every path; and ids that may be missing."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_dbaas._compat import AirflowFailException, triggers
from airflow_dbaas._compat.triggers import TaskSuccessEvent
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from airflow_dbaas.triggers.dbaas import DbaasSensorTrigger
from airflow_dbaas.waiting import conditions, results
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
NUMBERS = itertools.count()
RUNNING = {"name": "db", "state": "running", "type": "pg", "plan": "startup-4"}


@pytest.fixture(autouse=True)
def dag() -> Iterator[None]:
    """Tasks are made inside a DAG."""
    with DAG("d", schedule=None):
        yield


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The connection ``exoscale_default``, to the scripted server."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))


def name() -> str:
    """A task's id that no other has."""
    return f"t{next(NUMBERS)}"


def run(task: Any) -> tuple[Any, dict[str, Any], list[str]]:
    """What a task returns and pushes on a worker, in order."""
    keys: list[str] = []
    pushed: dict[str, Any] = {}

    def push(key: str, value: Any) -> None:
        keys.append(key)
        pushed[key] = value

    context: Any = {
        "ti": SimpleNamespace(xcom_push=push, start_date=None, task_id="t", get_first_reschedule_date=lambda _: None)
    }
    return task.execute(context), pushed, keys


def fire(task: Any, **instance: Any) -> Any:
    """The event with which the trigger of a sensor ends that begins in the triggerer."""
    trigger = DbaasSensorTrigger(**task.start_trigger_args.trigger_kwargs)
    if instance:
        trigger.task_instance = SimpleNamespace(task_id="t", start_date=None, **instance)  # type: ignore[assignment]

    async def events() -> list[Any]:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return event


def test_single_values() -> None:
    """Texts, numbers, true, false and None; not what holds others, and nothing of what is no mapping.

    Airflow 3 takes a stored None for an XCom that is not there, so an empty text stands for it.
    """
    result = {"a": "x", "b": 1, "c": 0.5, "d": True, "e": None, "f": [], "g": {"h": 1}}
    single = {"a": "x", "b": 1, "c": 0.5, "d": True, "e": ""}
    assert results.own_xcoms(result) == single
    assert results.own_xcoms(result, all_keys=True) == {**single, "f": [], "g": {"h": 1}}
    assert results.own_xcoms(["a"]) == results.own_xcoms("a") == results.own_xcoms(None) == {}


@pytest.mark.parametrize("how", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_sensor_pushes_them_on_a_worker(server: ScriptedServer, how: dict[str, Any]) -> None:
    """Each once, in all modes; None where that is the value."""
    server.replies = [Reply(body={"dbaas-services": [RUNNING]})]
    returned, pushed, keys = run(DbaasServiceSensor(task_id=name(), service_name="db", **how))
    assert shown(returned).items() <= pushed.items()
    assert returned["zone"] is None
    assert pushed["zone"] == ""
    assert len(keys) == len(set(keys))


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """A result as its single values are pushed."""
    return {key: "" if value is None else value for key, value in result.items()}


def test_nothing_is_pushed_that_nobody_wants(server: ScriptedServer) -> None:
    """``do_xcom_push=False`` holds for single values, too."""
    server.replies = [Reply(body={"dbaas-services": [RUNNING]})]
    _, pushed, _ = run(DbaasServiceSensor(task_id=name(), service_name="db", do_xcom_push=False))
    assert set(pushed) == {"_link_DbaasServiceLink"}


def test_multiple_outputs(server: ScriptedServer) -> None:
    """Lists, too, are pushed, each key once: Airflow, which would push None as None, has nothing left to push."""
    status = {"status": "done", "details": [{"dbname": "a", "status": "done", "method": "dump"}]}
    server.replies = [Reply(body=status)]
    task = DbaasMigrationSensor(task_id=name(), service_name="db", multiple_outputs=True)
    returned, pushed, keys = run(task)
    assert shown(returned).items() <= pushed.items()
    assert pushed["databases"] == returned["databases"] != []
    assert pushed["method"] == ""
    assert len(keys) == len(set(keys))
    assert not task.multiple_outputs


def test_a_subclass_that_makes_another_result(server: ScriptedServer) -> None:
    """With ``multiple_outputs`` its keys are for Airflow to push."""

    class Own(DbaasServiceSensor):
        def execute(self, context: Any) -> Any:
            return {**super().execute(context), "more": 1}

    server.replies = [Reply(body={"dbaas-services": [RUNNING]})]
    task = Own(task_id=name(), service_name="db", multiple_outputs=True)
    returned, pushed, _ = run(task)
    assert returned["more"] == 1
    assert set(pushed) == {"_link_DbaasServiceLink"}
    assert task.multiple_outputs


def test_a_sensor_pushes_them_in_the_triggerer(server: ScriptedServer, pushed: dict[str, Any]) -> None:
    """As a worker would have."""
    server.replies = [Reply(body={"dbaas-services": [RUNNING]})]
    assert isinstance(fire(DbaasServiceSensor(task_id=name(), service_name="db", deferrable=True)), TaskSuccessEvent)
    assert shown(pushed["return_value"]).items() <= pushed.items()
    assert pushed.keys() >= set(conditions.result_keys("service"))


def test_what_an_earlier_try_pushed_is_removed(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, pushed: dict[str, Any]
) -> None:
    """Airflow has that done by workers: without one, a cleared sensor that fails would leave its first result."""
    deleted: list[str] = []

    async def delete(_: Any, key: str) -> None:
        deleted.append(key)

    monkeypatch.setattr("airflow_dbaas.triggers.dbaas.delete_xcom", delete)
    server.replies = [Reply(body={"dbaas-services": [RUNNING]})]
    task = DbaasServiceSensor(task_id=name(), service_name="db", deferrable=True)
    fire(task, try_number=1)
    assert deleted == []
    fire(task, try_number=2)
    assert set(deleted) == set(pushed)


@pytest.mark.parametrize("given", [None, "", "None", "none", "null", "  ", " None\n"])
@pytest.mark.parametrize("how", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}])
def test_no_operation_to_wait_for(server: ScriptedServer, given: Any, how: dict[str, Any]) -> None:
    """The task before had nothing to start: the sensor succeeds at once, with all keys, and asks nothing."""
    task = DbaasOperationSensor(task_id=name(), operation_id=given, **how)
    returned, pushed, _ = run(task)
    assert returned == dict.fromkeys(("operation_id", "reference_id", "reference_link"))
    assert pushed == dict.fromkeys(returned, "")
    assert server.requests == []


@pytest.mark.parametrize("given", ["", "None"])
def test_no_operation_to_wait_for_in_the_triggerer(
    server: ScriptedServer, pushed: dict[str, Any], given: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The same where a template is rendered to it there."""
    caplog.set_level("INFO")
    assert isinstance(fire(DbaasOperationSensor(task_id=name(), operation_id=given, deferrable=True)), TaskSuccessEvent)
    nothing = dict.fromkeys(("operation_id", "reference_id", "reference_link"))
    assert pushed == {**shown(nothing), "return_value": nothing}
    assert server.requests == []
    assert "There is no operation to wait for: nothing was started (operation_id is None)" in caplog.text


@pytest.mark.parametrize("kind", [DbaasIntegrationSensor, DbaasExternalIntegrationSensor])
@pytest.mark.parametrize("given", [None, "None", ""])
def test_no_integration_to_wait_for(server: ScriptedServer, pushed: dict[str, Any], kind: Any, given: Any) -> None:
    """One that was not there is gone; one that is being made, but not named, is not taken for active."""
    gone = {**dict.fromkeys(conditions.result_keys(kind.wait_class.kind)), "status": "absent"}
    for how in ({}, {"deferrable": True}):
        returned, on_worker, _ = run(kind(task_id=name(), integration_id=given, state="absent", **how))
        assert returned == gone
        assert {key: value for key, value in on_worker.items() if not key.startswith("_link_")} == shown(gone)
    fire(kind(task_id=name(), integration_id=given, state="absent", deferrable=True))
    assert pushed == {**shown(gone), "return_value": gone}
    with pytest.raises(DbaasConfigurationError, match=r"did not show the .*wait_for_completion=True"):
        kind(task_id=name(), integration_id=given)
    assert server.requests == []


def test_a_task_that_was_not_named_is_not_taken_for_done(server: ScriptedServer) -> None:
    """A migration check that runs, but whose id the API has not told, must not pass for one that succeeded."""
    with pytest.raises(DbaasConfigurationError, match="wait for its operation_id with a DbaasOperationSensor"):
        DbaasTaskSensor(task_id=name(), service_name="db", dbaas_task_id=None)  # type: ignore[arg-type]  # the point
    task = DbaasTaskSensor(task_id=name(), service_name="db", dbaas_task_id="{{ params.id }}", deferrable=True)
    task.dbaas_task_id = "None"
    with pytest.raises(AirflowFailException, match="got None: the API had not named the task"):
        run(task)
    event = fire(task).payload
    assert (event["error"], event["retryable"]) == ("DbaasConfigurationError", False)
    assert server.requests == []


def test_push_goes_through_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message for each value, under the task's own name."""
    from airflow.sdk.execution_time import task_runner

    sent: list[Any] = []

    class Comms:
        async def asend(self, message: Any) -> None:
            sent.append(message)

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Comms(), raising=False)
    ti = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    asyncio.run(triggers.push(ti, "a", None))
    asyncio.run(triggers.delete_xcom(ti, "a"))
    assert [(type(each).__name__, each.key, each.task_id) for each in sent] == [
        ("SetXCom", "a", "t"),
        ("DeleteXCom", "a", "t"),
    ]
