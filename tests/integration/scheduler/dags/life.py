"""All that happens around a task, for tasks that end on a worker, in the triggerer, or need no worker at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, AssetAlias, BaseNotifier, task

from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor

SERVICE = "life-pg"

#: What was seen of each task, one empty file each.
SEEN = Path(__file__).parent / "life_seen"


def note(task_id: str, what: str) -> None:
    SEEN.mkdir(exist_ok=True)
    (SEEN / f"{task_id}.{what}").touch()


def seen(what: str) -> Any:
    """A callback."""
    return lambda context: note(context["ti"].task_id, what)


class Tell(BaseNotifier):
    """A notifier."""

    def notify(self, context: Any) -> None:
        note(context["ti"].task_id, "notified")


def before(context: Any) -> None:
    note(context["ti"].task_id, "pre_execute")


def after(context: Any, result: Any = None) -> None:
    note(context["ti"].task_id, "post_execute")
    context["outlet_events"][AssetAlias("life-alias")].add(Asset("x-life://alias"))


class OwnSensor(DbaasServiceSensor):
    """A user's."""

    def execute(self, context: Any) -> Any:
        note(context["ti"].task_id, "own_execute")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        note(context["ti"].task_id, "own_complete")
        return super().execute_complete(context, event)


class OwnOperator(DbaasCreateServiceOperator):
    """A user's."""

    def execute(self, context: Any) -> Any:
        note(context["ti"].task_id, "own_execute")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        note(context["ti"].task_id, "own_complete")
        return super().execute_complete(context, event)


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "silent": {"do_xcom_push": False},
    "outputs": {"multiple_outputs": True},
    "success": {"on_success_callback": [seen("success"), Tell()]},
    "execute": {"on_execute_callback": seen("execute")},
    "hooks": {"pre_execute": before, "post_execute": after, "outlets": [AssetAlias("life-alias")]},
    "outlet": {"outlets": [Asset("x-life://outlet")]},
    "mapped": {},
    "own": {},
}

# A busy machine may miss the heartbeats of a task, which Airflow then fails; whatever is wrong with one fails each try.
again = {"retries": 2, "retry_delay": timedelta(seconds=1)}
with DAG("life", schedule=None, default_args=again):
    DbaasCreateServiceOperator(task_id="create", service_name=SERVICE, plan="startup-4")
    for case, arguments in CASES.items():
        operator = OwnOperator if case == "own" else DbaasCreateServiceOperator
        sensor = OwnSensor if case == "own" else DbaasServiceSensor
        common = {"service_name": SERVICE, "deferrable": True, **arguments}
        # Each operator has a service to itself, for which it waits deferred.
        own = {**common, "service_name": f"life-{case}", "service_type": "grafana", "plan": "hobbyist-2"}
        tasks = [
            operator(task_id=f"operator_{case}", **own),
            sensor(task_id=f"begun_{case}", **common),
        ]
        if case in {"plain", "own"}:
            tasks.append(sensor(task_id=f"deferred_{case}", start_from_trigger=False, **common))
        for made in tasks:
            if case in {"plain", "outputs"}:

                @task(task_id=f"show_{made.task_id}")
                def show(state: str, service: str, result: dict[str, Any]) -> None:
                    assert (state, service) == (result["state"], result["service"]) == ("running", service)

                show(made.output["state"], made.output["service"], made.output)
            if case == "mapped":

                @task(task_id=f"each_{made.task_id}")
                def each(item: Any) -> str:
                    return str(item)

                each.expand(item=made.output)

with DAG("life_default", schedule=None, default_args={"on_success_callback": seen("default")}):
    DbaasServiceSensor(task_id="default", service_name=SERVICE, deferrable=True)

fails = {
    "service_name": "life-nowhere",
    "deferrable": True,
    "on_failure_callback": seen("failure"),
    "on_retry_callback": seen("retry"),
    "on_skipped_callback": seen("skipped"),
    "retry_delay": timedelta(seconds=1),
}
with DAG("life_ends_badly", schedule=None):
    for name, begins in (("deferred", {"start_from_trigger": False}), ("begun", {})):
        DbaasServiceSensor(task_id=f"{name}_fails", timeout=8, **fails, **begins)
        DbaasServiceSensor(task_id=f"{name}_skips", timeout=8, soft_fail=True, **fails, **begins)

with DAG("life_again", schedule=None):
    DbaasServiceSensor(task_id="cleared", service_name=SERVICE, timeout=20, deferrable=True)

with DAG("life_two_runs", schedule=None):
    create = DbaasCreateServiceOperator(
        task_id="create", service_name=SERVICE, plan="startup-4", wait_for_completion=False
    )
    for name, how in (
        ("poked", {"mode": "poke"}),
        ("rescheduled", {"mode": "reschedule"}),
        ("deferred", {"deferrable": True}),
    ):
        DbaasOperationSensor(task_id=f"{name}_value", operation_id=create.output["operation_id"], **how)
        DbaasOperationSensor(
            task_id=f"{name}_template",
            operation_id="{{ ti.xcom_pull(task_ids='create')['operation_id'] }}",
            **how,
        ).set_upstream(create)
    DbaasOperationSensor(task_id="begun", operation_id="{{ params.nothing }}", deferrable=True, params={"nothing": ""})
