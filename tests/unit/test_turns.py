"""Chains of a fleet wait for their turn: in the triggerer, and all of a run look together."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred

from airflow_dbaas._compat import AirflowSensorTimeout, AirflowSkipException
from airflow_dbaas._compat.triggers import TaskSuccessEvent, TriggerEvent
from airflow_dbaas.task_groups import fleet
from airflow_dbaas.task_groups.fleet import DbaasMigrationTurnSensor
from airflow_dbaas.triggers import migration_turn
from airflow_dbaas.triggers.migration_turn import MigrationTurnTrigger

pytestmark = pytest.mark.usefixtures("pushed")

AT_ONCE = 3


class Fleet:
    """The states of a run's chains, and how often they were looked up."""

    def __init__(self) -> None:
        self.ended = 0
        self.looks = 0

    def states(self, dag_id: str, run_id: str, task_ids: Collection[str]) -> dict[int, dict[str, str | None]]:
        """As ``states_in_run``; every look is made in a run in which one more chain has ended."""
        assert (dag_id, run_id, list(task_ids)) == ("d", "r", ["end"])
        self.looks += 1
        self.ended += 1
        return {index: {"end": "success" if index < self.ended - 1 else None} for index in range(50)}


@pytest.fixture
def chains(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Fifty chains of which one ends after the other."""
    chains = Fleet()
    for module in (migration_turn, fleet):
        monkeypatch.setattr(module, "states_in_run", chains.states)
    return chains


def trigger(index: int, **changes: Any) -> MigrationTurnTrigger:
    arguments = {
        "dag_id": "d",
        "run_id": "r",
        "map_index": index,
        "until_task_id": "end",
        "at_once": AT_ONCE,
        "look_seconds": 0.05,
        "deadline": time.time() + 60,
        "resume_after": 0.0,
        "ends_here": True,
    }
    made = MigrationTurnTrigger(**{**arguments, **changes})
    made.trigger_id = index + 1
    return made


async def event(made: MigrationTurnTrigger) -> Any:
    (fired,) = [each async for each in made.run()]
    return fired


async def test_all_share_each_look_and_go_in_order(chains: Fleet) -> None:
    """Forty-seven that wait until forty-seven others have ended need no more looks than that takes."""
    order: list[int] = []

    async def wait(index: int) -> None:
        assert isinstance(await event(trigger(index)), TaskSuccessEvent)
        order.append(index)

    await asyncio.gather(*(wait(index) for index in range(AT_ONCE, 50)))
    assert order == list(range(AT_ONCE, 50))
    assert chains.looks == 48


async def test_the_turn_is_pushed_as_the_sensor_would(chains: Fleet, pushed: dict[str, Any]) -> None:
    """The time at which it came; where something is left for a worker, that one looks again."""
    await event(trigger(3))
    assert datetime.fromisoformat(pushed["return_value"]) <= datetime.now(UTC)
    assert (await event(trigger(3, ends_here=False))).payload == {"late": False}


async def test_a_failed_look_is_made_again(chains: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server without time for an answer fails nobody."""

    def busy(*arguments: Any) -> Any:
        if not chains.looks:
            chains.looks += 1
            raise RuntimeError("API_SERVER_ERROR")
        return chains.states(*arguments)

    monkeypatch.setattr(migration_turn, "states_in_run", busy)
    assert isinstance(await event(trigger(3)), TaskSuccessEvent)


async def test_the_time_is_over(chains: Fleet) -> None:
    """The sensor is told, and fails or is skipped as any other."""
    late = await event(trigger(40, deadline=time.time() + 0.2))
    assert late.payload == {"late": True}
    with DAG("d", schedule=None):
        sensor = DbaasMigrationTurnSensor(task_id="t", at_once=AT_ONCE, until_task_id="end", timeout=5)
        lenient = DbaasMigrationTurnSensor(task_id="l", at_once=AT_ONCE, until_task_id="end", soft_fail=True)
    with pytest.raises(AirflowSensorTimeout, match="its turn did not come within the timeout of 5 s"):
        sensor.execute_complete(context(40), late.payload)
    with pytest.raises(AirflowSkipException):
        lenient.execute_complete(context(40), late.payload)


async def test_dag_test_looks_again_later(chains: Fleet) -> None:
    """While a trigger waits it runs nothing else, so the sensor is rescheduled."""
    made = trigger(40)
    made.trigger_id = None
    fired = await event(made)
    assert type(fired) is TriggerEvent
    with DAG("d", schedule=None):
        sensor = DbaasMigrationTurnSensor(task_id="t", at_once=AT_ONCE, until_task_id="end")
    with pytest.raises(AirflowRescheduleException):
        sensor.execute_complete(context(40), fired.payload)


def test_a_sensor_defers_unless_it_may_begin(chains: Fleet) -> None:
    """Its trigger is restored from plain JSON; not deferrable, it is rescheduled."""
    with DAG("d", schedule=None):
        sensor = DbaasMigrationTurnSensor(task_id="t", at_once="3", until_task_id="end")
        poked = DbaasMigrationTurnSensor(task_id="p", at_once="3", until_task_id="end", deferrable=False)
    assert sensor.execute(context(2))
    assert chains.looks == 1
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context(40))
    path, arguments = deferred.value.trigger.serialize()
    assert path == f"{MigrationTurnTrigger.__module__}.{MigrationTurnTrigger.__name__}"
    assert MigrationTurnTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
    assert arguments["ends_here"] is True
    with pytest.raises(AirflowRescheduleException):
        poked.execute(context(40))


def context(index: int) -> Any:
    ti = SimpleNamespace(
        dag_id="d", run_id="r", map_index=index, get_first_reschedule_date=lambda _: None, task_id="t", try_number=1
    )
    return {"ti": ti}
