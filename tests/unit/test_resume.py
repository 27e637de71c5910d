"""Deferred tasks that another version of this package has stored, as after an upgrade."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api.errors import DbaasError, DbaasOperationError, DbaasResumeError
from airflow_dbaas.operators._base import DbaasOperator
from airflow_dbaas.operators._progress import VERSION, Progress, Step
from airflow_dbaas.operators.services import DbaasUpdateServiceOperator
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger
from airflow_dbaas.waiting import poller
from airflow_dbaas.waiting.conditions import Failed
from airflow_dbaas.waiting.events import as_event, result_of
from tests.unit.bad_input.kinds import GOOD
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
CONTEXT: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None, task_id="t")}
SHOWN = {"name": "db", "type": "pg", "state": "running", "plan": "startup-4", "zone": "ch-gva-2"}
OPERATORS = [kind for kind in GOOD if issubclass(kind, DbaasOperator)]
DOCS = Path(__file__).parents[2] / "docs"


def task() -> DbaasUpdateServiceOperator:
    return DbaasUpdateServiceOperator(
        task_id="t", service_name="db", settings={"termination_protection": True}, deferrable=True
    )


@pytest.fixture
def stored(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The state of a task that has changed a service and is deferred until the operation is over."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s3cret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))
    monkeypatch.setattr(poller, "BRIEF_SECONDS", 0)
    server.always = {
        "/v2/dbaas-service": Reply(body={"dbaas-services": [SHOWN]}),
        f"/v2/operation/{ID}": Reply(body={"id": ID, "state": "pending"}),
    }
    server.replies = [Reply(body=SHOWN), Reply(body={"id": ID, "state": "pending"})]
    with pytest.raises(TaskDeferred) as deferred:
        task().execute(CONTEXT)
    assert deferred.value.method_name == "execute_complete"
    server.requests.clear()
    state: dict[str, Any] = json.loads(json.dumps(deferred.value.trigger.state))
    return state


def resume(state: Any) -> Any:
    event = {"status": "done", "result": {"operation_id": ID, "reference_id": None, "reference_link": None}}
    return task().execute_complete(CONTEXT, {**event, "state": state})


def test_what_is_stored(stored: dict[str, Any]) -> None:
    """A version, a documented step, and the fields of a class; no name of a method."""
    assert (stored["version"], stored["step"]) == (VERSION, "operation")
    assert set(stored) - {"version"} == set(vars(DbaasUpdateServiceOperator.progress_class())) - {"result"}
    assert not [value for value in stored.values() if hasattr(DbaasUpdateServiceOperator, str(value))]


def test_the_same_version_goes_on(stored: dict[str, Any], server: ScriptedServer) -> None:
    """Nothing is sent a second time."""
    result = resume(stored)
    assert (result["changed"], result["operation_id"]) == (["termination_protection"], ID)
    assert {method for method, *_ in server.requests} == {"GET"}


def test_fields_that_one_side_does_not_know(stored: dict[str, Any]) -> None:
    """Those that a later release has added are passed over, those that an earlier one lacked have their default."""
    stored["added_later"] = 1
    del stored["not_before"]
    assert resume(stored)["changed"] == ["termination_protection"]


@pytest.mark.parametrize(
    "other",
    [
        {"version": VERSION + 1},
        {"version": VERSION - 1},
        {"step": "celebration"},
        {"step": None},
        None,
        {"then": "_created", "deadline": 1.0, "version": None},
    ],
)
def test_another_version_fails_with_one_sentence(stored: dict[str, Any], other: Any, server: ScriptedServer) -> None:
    """Which says what to do; nothing is sent, and Airflow retries the task."""
    with pytest.raises(DbaasResumeError) as caught:
        resume(None if other is None else {**stored, **other})
    assert not isinstance(caught.value, AirflowFailException)
    assert str(caught.value).startswith("this task was deferred by another version of airflow-dbaas")
    assert str(caught.value).endswith(
        "A retry begins again and finds what the task has started; without retries left, clear the task"
    )
    assert server.requests == []


@pytest.mark.usefixtures("stored")
def test_the_retry_finds_what_was_started(server: ScriptedServer) -> None:
    """The service has the setting by now: nothing is sent, and the task succeeds."""
    server.replies = [Reply(body={**SHOWN, "termination-protection": True})]
    server.always["/v2/dbaas-service"] = Reply(body={"dbaas-services": [SHOWN]})
    assert task().execute(CONTEXT)["state"] == "running"
    assert {method for method, *_ in server.requests} == {"GET"}


def test_a_failure_is_told_whoever_stored_the_task() -> None:
    """It says more than that the versions differ."""
    event = as_event(Failed(DbaasOperationError("no such plan", retryable=True)), {"version": 0})
    with pytest.raises(DbaasOperationError, match="no such plan"):
        task().execute_complete(CONTEXT, event)
    with pytest.raises(DbaasError, match="no such plan"):
        result_of({**event, "error": "DbaasErrorOfLater"})


@pytest.mark.parametrize("wait", [{"kind": "miracle"}, {"kind": "operation", "colour": "red"}, {}])
def test_a_wait_that_the_triggerer_does_not_know(wait: dict[str, Any]) -> None:
    """It ends the wait with the same advice instead of an error of the triggerer's."""

    async def events() -> list[Any]:
        trigger = DbaasWaitTrigger(
            exoscale_conn_id="c", zone=None, wait=wait, deadline=9e9, resume_after=0.0, state={"limit": "timeout"}
        )
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(events())
    with pytest.raises(DbaasResumeError, match="A retry begins again and finds what the task has started"):
        result_of(event)


@pytest.mark.parametrize("kind", OPERATORS)
def test_every_operators_progress_survives(kind: Any) -> None:
    """As JSON, from any step."""
    for step in Step:
        progress = kind.progress_class(step=step, operation_id=ID, deadline=1.5, listed_zone="ch-gva-2")
        again = kind.progress_class.load(json.loads(json.dumps(progress.dump())), {"x": 1})
        progress.result = {"x": 1}
        assert again == progress


def test_sensors_go_on_under_any_version() -> None:
    """They store no more than by which limit they end."""
    kinds = [kind for kind in GOOD if issubclass(kind, DbaasSensor)]
    assert kinds
    for kind in kinds:
        sensor = kind(task_id="t", **GOOD[kind])
        event = {"status": "done", "result": {"x": 1}, "state": {"version": 99, "limit": "timeout", "later": True}}
        assert sensor.execute_complete(CONTEXT, event) == {"x": 1}


def test_the_steps_are_documented() -> None:
    """All but the first, at which nothing is stored, in their order."""
    page = (DOCS / "explanation/waits.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [step.value for step in Step][1:]
    progress = Progress()
    assert [step for step in Step if progress.before(step)] == list(Step)[1:]
