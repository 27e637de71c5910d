"""What a subclass has of its own is run: on a worker, where the triggerer would pass it by."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_dbaas._compat import PokeReturnValue
from airflow_dbaas._compat.triggers import overrides, why_begin_on_a_worker, why_end_on_a_worker
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.links import DbaasServiceLink
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.task_groups.fleet import DbaasMigrationTurnSensor
from airflow_dbaas.task_groups.migrations import DbaasCreateTargetOperator
from airflow_dbaas.waiting import poller
from airflow_dbaas.waiting.conditions import ServiceWait, Wait
from tests.unit.bad_input.kinds import GOOD
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
T = TypeVar("T")


@pytest.fixture(autouse=True)
def dag() -> Iterator[None]:
    """Tasks are made inside a DAG."""
    with DAG("d", schedule=None):
        yield


def make(kind: type, **arguments: Any) -> Any:
    return kind(**{"task_id": "t", "service_name": "db", "deferrable": True, **arguments})


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_what_this_package_overrides_is_known(kind: Any) -> None:
    """Its own classes, made and with their hook read, override nothing."""
    task = kind(task_id="t", **GOOD[kind])
    assert task.hook is not None
    assert overrides(task) == []
    assert overrides(DbaasMigrationTurnSensor(task_id="turn", at_once=1, until_task_id="x")) == []
    assert overrides(make(DbaasCreateTargetOperator, task_id="target", source_conn_id="s", plan="startup-4")) == []


class Hooked:
    """A mixin."""

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Runs on a worker."""


class Mixed(Hooked, DbaasServiceSensor):
    """Gets a method from a mixin."""


class OwnHook(DbaasServiceSensor):
    """Has a hook of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hook = SimpleNamespace()


class SetsMethod(DbaasServiceSensor):
    """Puts a callable in place of a method when it is made."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execute_complete = print  # type: ignore[method-assign]  # as users do


class Harmless(DbaasServiceSensor, Generic[T]):
    """Looks otherwise, takes other arguments, and has a method that nothing of ours would have run."""

    ui_color = "#000000"
    custom_operator_name = "Ready"

    def __init__(self, *, team: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.team = team

    def helper(self) -> None:
        """Is its own."""


def method(name: str) -> type[DbaasServiceSensor]:
    return type(f"Own_{name}", (DbaasServiceSensor,), {name: lambda *_, **__: None, "__module__": "users.dags"})


METHODS = ["execute", "execute_complete", "pre_execute", "post_execute", "poke", "wait", "on_kill", "resume_execution"]
CLASSES = [
    *map(method, METHODS),
    type("Prop", (DbaasServiceSensor,), {"linked_service": property(lambda _: "x"), "__module__": "users.dags"}),
    type("Cached", (DbaasServiceSensor,), {"hook": functools.cached_property(print), "__module__": "users.dags"}),
    type("Links", (DbaasServiceSensor,), {"operator_extra_links": (), "__module__": "users.dags"}),
    type("Checks", (DbaasServiceSensor,), {"checks": {}, "__module__": "users.dags"}),
    type("Child", (method("execute"),), {"__module__": "users.dags"}),
    Mixed,
    OwnHook,
    SetsMethod,
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_subclass_with_methods_of_its_own_takes_a_worker(kind: type) -> None:
    """Methods, properties, attributes, from a mixin, a grandparent or ``__init__``: at the beginning and at the end."""
    task = make(kind)
    assert not task.start_from_trigger
    assert "overrides" in (why_end_on_a_worker(task) or "")


def test_a_subclass_that_changes_no_work_needs_no_worker() -> None:
    """Looks, arguments and methods of its own are left alone."""
    task = make(Harmless)
    assert overrides(task) == []
    assert task.start_from_trigger


def test_an_instance_with_a_callable_of_its_own() -> None:
    """Also when it is set from outside, after the task was made."""
    task = make(DbaasServiceSensor)
    assert task.start_from_trigger
    task.pre_execute = print
    assert overrides(task) == ["pre_execute"]
    assert not task.start_from_trigger


def test_a_link_of_ones_own() -> None:
    """A link's address is made on a worker."""

    class Dashboard(DbaasServiceLink):
        pass

    class Linked(DbaasServiceSensor):
        operator_extra_links = (Dashboard(),)

    assert why_begin_on_a_worker(make(Linked), []) is not None


def context() -> Any:
    return {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None, task_id="t")}


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The connection ``exoscale_default``, to the scripted server; nothing is waited for before a deferral."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))
    monkeypatch.setattr(poller, "BRIEF_SECONDS", 0)


@pytest.mark.usefixtures("connection")
def test_an_operators_subclass_ends_on_a_worker(server: ScriptedServer) -> None:
    """It defers, and its own ``execute_complete`` gets the event."""

    class Telling(DbaasCreateServiceOperator):
        def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
            return {**super().execute_complete(context, event), "told": True}

    server.replies = [
        Reply(body={"dbaas-services": []}),
        Reply(body={"id": ID, "state": "success"}),
        Reply(body={"dbaas-services": [{"name": "db", "state": "rebuilding"}]}),
    ]
    for kind, ends_here in ((DbaasCreateServiceOperator, True), (Telling, False)):
        server.replies = [
            Reply(body={"dbaas-services": []}),
            Reply(body={"id": ID, "state": "success"}),
            Reply(body={"id": ID, "state": "success"}),
            Reply(body={"dbaas-services": [{"name": "db", "state": "rebuilding"}]}),
        ]
        with pytest.raises(TaskDeferred) as deferred:
            make(kind, task_id=f"t{ends_here}", plan="startup-4").execute(context())
        assert deferred.value.trigger.ends_here is ends_here  # type: ignore[attr-defined]  # it is our trigger


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("how", ["poke", "wait"])
def test_a_look_of_ones_own_is_not_deferred(server: ScriptedServer, how: str) -> None:
    """The triggerer would look in our way: such a sensor is poked on its worker."""
    looks: list[str] = []

    class Patient(ServiceWait):
        kind: ClassVar[str] = "patient"

        def verdict(self, answer: Any) -> Any:
            looks.append("wait")
            return super().verdict(answer)

    class Own(DbaasServiceSensor):
        def poke(self, context: Any) -> PokeReturnValue:
            looks.append("poke")
            return super().poke(context)

    class OwnWait(DbaasServiceSensor):
        def wait(self) -> Wait:
            return Patient("db", "running")

    server.replies = [
        Reply(body={"dbaas-services": [{"name": "db", "state": "rebuilding"}]}),
        Reply(body={"dbaas-services": [{"name": "db", "state": "running"}]}),
    ]
    sensor = make(Own if how == "poke" else OwnWait, poke_interval=0.05)
    assert sensor.execute(context())["state"] == "running"
    assert looks == [how, how]


def test_the_hook_that_a_task_has_read_is_no_override() -> None:
    """It is of this package's class."""
    task = make(DbaasServiceSensor)
    assert isinstance(task.hook, DbaasHook)
    assert task.start_from_trigger
