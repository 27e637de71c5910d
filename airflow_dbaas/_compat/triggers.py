"""What Airflow has of triggers. Apart, because importing it costs every DAG file more than all the rest together."""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jinja2
import jinja2.meta
import jinja2.nodes
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskSuccessEvent, TriggerEvent

from airflow_dbaas._compat import conf

__all__ = [
    "BEGINS_ON_A_WORKER",
    "ENDS_ON_A_WORKER",
    "BaseTrigger",
    "StartTriggerArgs",
    "TaskSuccessEvent",
    "TriggerEvent",
    "delete_xcom",
    "has_listeners",
    "overrides",
    "params_cannot_be_wrong",
    "push",
    "renders_in_triggerer",
    "starts_in_triggerer",
    "succeed",
    "why_begin_on_a_worker",
    "why_end_on_a_worker",
]


class Need(NamedTuple):
    """Something that only a worker does for a task.

    :param reason: the reason, as the end of "…, because the task".
    :param applies: whether a task needs it.
    """

    reason: str
    applies: Callable[[Any], Any]


def has_listeners() -> bool:
    """Whether plugins listen to tasks."""
    from airflow.sdk.listener import get_listener_manager

    manager: Any = get_listener_manager()
    return bool(manager.has_listeners)


def _has_mapped_dependants(task: Any) -> bool:
    return task.has_dag() and next(iter(task.iter_mapped_dependants()), None) is not None


def _has_own_xcom_backend(_: Any) -> bool:
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    return XCom is not BaseXCom


def _clears_state(_: Any) -> bool:
    return bool(conf.getboolean("state_store", "clear_on_success", fallback=False))


def _has_triggerer_queues(_: Any) -> bool:
    return bool(conf.getboolean("triggerer", "queues_enabled", fallback=False))


def _is_limited(task: Any) -> bool:
    limits = (task.max_active_tis_per_dag, task.max_active_tis_per_dagrun)
    return any(limit is not None for limit in limits) or task.pool != "default_pool" or task.pool_slots != 1


#: Attributes that a subclass may have without changing the work of its tasks.
_HARMLESS = {
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__init__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__slots__",
    "__static_attributes__",
    "__type_params__",
    "__weakref__",
    "_abc_impl",
    "custom_operator_name",
    "partial",
    "ui_color",
    "ui_fgcolor",
}


def overrides(task: Any) -> list[str]:
    """The attributes of this package's class that a user's subclass, a mixin or the task itself overrides.

    :param task: a task of a class of this package, or of a subclass.
    """
    classes = type(task).__mro__
    own = next(kind for kind in classes if _is_own(kind))
    found = {
        name
        for kind in classes
        if kind not in own.__mro__ and kind.__module__ not in {"abc", "typing"}
        for name in vars(kind).keys() - _HARMLESS
        if hasattr(own, name) and next(each for each in classes if name in vars(each)) is kind
    }
    for name, value in vars(task).items():
        owner = next((kind for kind in own.__mro__ if name in vars(kind)), None)
        replaced = owner and vars(owner)[name]
        if isinstance(replaced, types.FunctionType | classmethod | staticmethod) or (
            # Ours contain objects of our classes after their first use.
            owner and _is_own(owner) and isinstance(replaced, functools.cached_property) and not _is_own(type(value))
        ):
            found.add(name)
    return sorted(found)


def _is_own(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


#: Features that a task would lose if its success ended it in the triggerer, although the rest of it ran on a worker.
#: Read from, and tried on, Airflow 3.3.2; docs/reference/where-tasks-end.md has the whole table.
ENDS_ON_A_WORKER: tuple[Need, ...] = (
    # The DAG processor drops the request: "Task callback requested but is not a failure callback".
    Need("has an on_success_callback", lambda task: task.on_success_callback),
    Need("has a post_execute hook", lambda task: task._post_execute_hook),
    Need("is of a subclass that overrides methods of this package", overrides),
    # Events of assets and of aliases are sent with a worker's report of success.
    Need("has outlets", lambda task: task.outlets),
    Need("pushes each key of its result (multiple_outputs)", lambda task: getattr(task, "multiple_outputs", False)),
    # A worker sends the length of the result along.
    Need("has tasks that are mapped over its result", _has_mapped_dependants),
    Need("returns the result of the DAG", lambda task: getattr(task, "returns_dag_result", False)),
    # It would block the triggerer's event loop, and its store may be open to workers only.
    Need("pushes to a custom XCom backend", _has_own_xcom_backend),
    # on_task_instance_success; OpenLineage is one.
    Need("is observed by listener plugins", lambda _: has_listeners()),
    Need("has a task state store that is cleared on success", _clears_state),
)

#: Features that a task would lose if it started in the triggerer, even if it ended on a worker.
BEGINS_ON_A_WORKER: tuple[Need, ...] = (
    Need("has an on_execute_callback", lambda task: task.on_execute_callback),
    Need("has a pre_execute hook", lambda task: task._pre_execute_hook),
    Need("is of a subclass that overrides methods of this package", overrides),
    # Airflow applies it to the trigger alone, and ends the task without the sensor's own error.
    Need("has an execution_timeout", lambda task: task.execution_timeout is not None),
    # A worker refuses those that are inactive.
    Need("has inlets or outlets", lambda task: task.inlets or task.outlets),
    # on_task_instance_running.
    Need("is observed by listener plugins", lambda _: has_listeners()),
    # The scheduler checks these when it queues a task for a worker.
    Need("is limited by a pool or max_active_tis", _is_limited),
    # Airflow gives the trigger no queue: if every triggerer has --queues, none takes it.
    Need("needs a triggerer of its queue ([triggerer] queues_enabled)", _has_triggerer_queues),
    # Only workers remove the XComs of an earlier try.
    Need("pushes to a custom XCom backend", _has_own_xcom_backend),
    Need(
        "has links of another package", lambda task: any(not _is_own(type(link)) for link in task.operator_extra_links)
    ),
    Need("has parameters with a schema", lambda task: not params_cannot_be_wrong(task)),
)


def starts_in_triggerer() -> bool:
    """Whether a task can begin in the triggerer, its templates rendered there (3.3)."""
    return hasattr(BaseTrigger, "on_kill")


def why_end_on_a_worker(task: Any, context: Mapping[str, Any] | None = None) -> str | None:
    """The reason for which a worker must end a task that succeeded; None if success can end it in the triggerer.

    :param task: the task.
    :param context: Airflow's context, where the task runs already.
    """
    if not starts_in_triggerer():
        return "runs in an Airflow before 3.3"
    if context and context.get("map_index_template") and not getattr(context["ti"], "rendered_map_index", None):
        # A worker renders it before it runs the task, which need not succeed, and once more afterwards.
        return "has a map_index_template that can only be rendered after the run"
    return _first(ENDS_ON_A_WORKER, task)


def why_begin_on_a_worker(task: Any, arguments: Iterable[Any]) -> str | None:
    """The reason for which a task must begin on a worker; None if it can begin in the triggerer.

    :param task: the complete task: its callbacks and downstream tasks may be set after its creation.
    :param arguments: the arguments of its trigger; their templates are rendered in the triggerer.
    """
    if not starts_in_triggerer():
        return "runs in an Airflow before 3.3"
    found = _first(BEGINS_ON_A_WORKER, task)
    if found is None and not all(renders_in_triggerer(value, task) for value in arguments):
        found = "has a template that the triggerer cannot render as a worker does"
    return found


def _first(needs: tuple[Need, ...], task: Any) -> str | None:
    return next((need.reason for need in needs if need.applies(task)), None)


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


async def delete_xcom(ti: Any, key: str) -> None:
    """Delete an XCom in the triggerer (3.3), if it is there."""
    from airflow.sdk.execution_time.comms import DeleteXCom
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    message = DeleteXCom(key=key, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index)
    await SUPERVISOR_COMMS.asend(message)


#: Names that a template may use if the triggerer renders it. Results of other tasks are not available there: Airflow
#: 3.3.2 would wait for ever.
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

#: Keys of a parameter's schema that do not limit its value.
_WORDS = {"description", "description_md", "examples", "section", "suggested_values", "title", "values_display"}

#: Parts of a template that are files in the DAG's folder.
_OF_THE_DAG = (jinja2.nodes.Include, jinja2.nodes.Import, jinja2.nodes.FromImport, jinja2.nodes.Extends)

#: Values that cannot be templates, whatever the delimiters.
_PLAIN = re.compile(r"[\w.-]*")


def params_cannot_be_wrong(task: Any) -> bool:
    """Whether any value will do for the parameters of a task and its DAG.

    The triggerer checks them to render templates, and Airflow 3.3.2's does not fail the task if they are wrong (one
    that each run must give, a run made before a limit was changed): it ends, with all it has.
    """
    owners = [task, task.dag] if task.has_dag() else [task]
    params = (owner.params.get_param(name) for owner in owners for name in owner.params)
    return all(_WORDS.issuperset(param.schema) for param in params)


def renders_in_triggerer(value: object, task: Any) -> bool:
    """Whether the triggerer renders an argument like a worker: a plain value, or a template with names that it knows.

    :param value: the argument.
    :param task: the task; its DAG may have an environment for templates, which the triggerer does not use.
    """
    if not isinstance(value, str):
        return not (hasattr(value, "resolve") or hasattr(value, "iter_references"))
    if not _renders_as_usual(task) and not _PLAIN.fullmatch(value):
        return False
    environment = jinja2.Environment(autoescape=True)
    try:
        parsed = environment.parse(value)
        names = jinja2.meta.find_undeclared_variables(parsed)
    except jinja2.TemplateError:
        return False
    filters = {node.name for node in parsed.find_all(jinja2.nodes.Filter)}
    return (
        names <= _KNOWN_TO_TRIGGERER
        and filters <= environment.filters.keys()
        and next(parsed.find_all(_OF_THE_DAG), None) is None
    )


def _renders_as_usual(task: Any) -> bool:
    """Whether a task's templates use the default environment, the only one in the triggerer."""
    dag = task.dag if task.has_dag() else None
    return not (
        getattr(task, "render_template_as_native_obj", None)
        or (
            dag is not None
            and (
                dag.render_template_as_native_obj
                or dag.user_defined_macros
                or dag.user_defined_filters
                or dag.jinja_environment_kwargs
                or dag.template_undefined is not jinja2.StrictUndefined
            )
        )
    )
