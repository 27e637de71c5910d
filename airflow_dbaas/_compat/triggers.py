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
    "renders_in_triggerer",
    "starts_in_triggerer",
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
