"""A task as Airflow runs it: tries, deferrals and resumptions, each with a task made anew; in this process."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import TaskDeferred

from airflow_dbaas._compat import AirflowFailException, AirflowSensorTimeout, triggers
from airflow_dbaas._compat.triggers import TaskSuccessEvent

TRIES = 6


class Store(dict[str, Any]):
    """What Airflow 3.3 keeps for a task from one try to the next: JSON."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


@dataclass
class _Instance:
    """What tasks ask of their task instance."""

    dag_id: str = "soak"
    task_id: str = "task"
    run_id: str = "soak"
    map_index: int = -1
    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))

    def xcom_push(self, key: str, value: Any) -> None:
        json.dumps({key: value})


@dataclass
class Outcome:
    """How a task ended.

    :param result: what it returned, if it succeeded.
    :param error: what it failed with.
    :param tries: how many it took.
    """

    result: Any = None
    error: Exception | None = None
    tries: int = 0


def run(make: Callable[[], BaseOperator], store: Store | None) -> Outcome:
    """Run a task to its end, as Airflow does with 5 retries.

    :param make: makes the task: once for each process that would take part in its work.
    :param store: what is kept of earlier tries; None as before Airflow 3.3.
    """
    outcome = Outcome()
    while outcome.tries < TRIES:
        outcome.tries += 1
        try:
            return Outcome(_one_try(make, store), tries=outcome.tries)
        except (AirflowFailException, AirflowSensorTimeout) as error:
            # What Airflow does not retry.
            outcome.error = error
            break
        except Exception as error:  # noqa: BLE001 - any other failure is retried
            outcome.error = error
    return outcome


def _one_try(make: Callable[[], BaseOperator], store: Store | None) -> Any:
    context: dict[str, Any] = {"ti": _Instance()}
    if store is not None:
        context["task_state_store"] = store
    task = make()
    begins: Any = getattr(task, "start_trigger_args", None)
    if begins is not None and task.start_from_trigger:
        went_on = begins.trigger_cls, begins.trigger_kwargs, begins.next_method
    else:
        try:
            return _on_a_worker(task, task.execute, context)
        except TaskDeferred as deferred:
            went_on = *deferred.trigger.serialize(), deferred.method_name
    while True:
        path, arguments, method = went_on
        event, pushed = _in_the_triggerer(path, json.loads(json.dumps(arguments)))
        if isinstance(event, TaskSuccessEvent):
            return pushed.get("return_value")
        task = make()
        try:
            return _on_a_worker(
                task, task.resume_execution, method, {"event": json.loads(json.dumps(event.payload))}, context
            )
        except TaskDeferred as deferred:
            went_on = *deferred.trigger.serialize(), deferred.method_name


def _on_a_worker(task: BaseOperator, method: Callable[..., Any], *arguments: Any) -> Any:
    apart = contextvars.copy_context()
    apart.run(ExecutorSafeguard.tracker.set, task)
    return json.loads(json.dumps(apart.run(method, *arguments)))


def _in_the_triggerer(path: str, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The trigger's event, and what it pushed to XCom."""
    module, _, name = path.rpartition(".")
    pushed: dict[str, Any] = {}

    async def push(_: Any, key: str, value: Any) -> None:
        pushed[key] = json.loads(json.dumps(value))

    trigger = getattr(importlib.import_module(module), name)(**arguments)

    async def first() -> Any:
        async for event in trigger.run():
            return event
        raise AssertionError(f"{name} ended without an event")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(triggers, "push", push)
        return asyncio.run(first()), pushed
