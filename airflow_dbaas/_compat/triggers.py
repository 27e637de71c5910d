"""What Airflow has of triggers. Apart, because importing it costs every DAG file more than all the rest together."""

from __future__ import annotations

from typing import Any

import jinja2
import jinja2.meta
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskSuccessEvent, TriggerEvent

__all__ = [
    "BaseTrigger",
    "StartTriggerArgs",
    "TaskSuccessEvent",
    "TriggerEvent",
    "ends_in_triggerer",
    "has_listeners",
    "params_cannot_be_wrong",
    "push",
    "renders_in_triggerer",
    "starts_in_triggerer",
    "succeed",
]

#: What a template may speak of if the triggerer is to render it. It has no way to other tasks' results: Airflow 3.3.2
#: then waits for ever.
_KNOWN_TO_TRIGGERER = {
    "dag_run",
    "data_interval_end",
    "data_interval_start",
    "ds",
    "ds_nodash",
    "logical_date",
    "macros",
    "params",
    "run_id",
    "ts",
    "ts_nodash",
}

#: What a parameter's schema may say without limiting its value.
_WORDS = {"description", "description_md", "examples", "section", "suggested_values", "title", "values_display"}


def starts_in_triggerer() -> bool:
    """Whether a task can begin in the triggerer, its templates rendered there (3.3)."""
    return hasattr(BaseTrigger, "on_kill")


def has_listeners() -> bool:
    """Whether plugins listen to tasks: a task that ends in the triggerer passes them by."""
    from airflow.sdk.listener import get_listener_manager

    manager: Any = get_listener_manager()
    return bool(manager.has_listeners)


def ends_in_triggerer(task: Any) -> bool:
    """Whether success can end a task without a worker: if nothing is left to be done on one."""
    return not (not starts_in_triggerer() or task.outlets or task._post_execute_hook or has_listeners())


async def succeed(trigger: BaseTrigger, xcoms: dict[str, Any]) -> TaskSuccessEvent:
    """The event that ends a trigger's task without a worker, when its XComs are pushed.

    Not with the event itself: Airflow 3.3.2 keeps those as JSON within JSON, and other tasks get text for a value.

    :param trigger: the trigger, run by a triggerer.
    :param xcoms: values by key, plain JSON.
    """
    ti: Any = trigger.task_instance
    for key, value in xcoms.items():
        await push(ti, key, value)
    return TaskSuccessEvent()


async def push(ti: Any, key: str, value: Any) -> None:
    """Push an XCom in the triggerer (3.3)."""
    from airflow.sdk.execution_time.xcom import XCom

    await XCom.aset(key, value, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index)


def params_cannot_be_wrong(task: Any) -> bool:
    """Whether any value will do for the parameters of a task and its DAG.

    The triggerer checks them to render templates, and Airflow 3.3.2's does not fail the task if they are wrong (one
    that each run must give, a run made before a limit was changed): it ends, with all it has.
    """
    owners = [task, task.dag] if task.has_dag() else [task]
    params = (owner.params.get_param(name) for owner in owners for name in owner.params)
    return all(_WORDS.issuperset(param.schema) for param in params)


def renders_in_triggerer(value: object) -> bool:
    """Whether the triggerer can render an argument: plain, or a template of what it knows."""
    if not isinstance(value, str):
        return not (hasattr(value, "resolve") or hasattr(value, "iter_references"))
    try:
        names = jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(value))
    except jinja2.TemplateSyntaxError:
        return False
    return names <= _KNOWN_TO_TRIGGERER
