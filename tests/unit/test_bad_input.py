"""Bad input of all kinds: refused with a sentence that says what is wrong, where, what was given and what is right.

The tables are in ``bad_input``. Each error is compared as a whole, holds no secret, and comes before any request.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator, DbaasStartMigrationOperator
from airflow_dbaas.provider_info import get_provider_info
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.triggers.dbaas import RENDERED, DbaasSensorTrigger, DbaasWaitTrigger
from airflow_dbaas.waiting.conditions import OperationWait
from airflow_dbaas.waiting.events import result_of
from tests.unit.bad_input import connections, tasks
from tests.unit.bad_input.kinds import GOOD, ID
from tests.unit.bad_input.tasks import CANARY
from tests.unit.conftest import ScriptedServer

EXTRA = ("zone", "timeout", "ca_file", "organization", "allow_http")
CONTEXT: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None)}


def parameters(kind: Any) -> set[str]:
    """The parameters that this package adds to Airflow's."""
    own = [each for each in kind.__mro__ if each.__module__.startswith("airflow_dbaas.") and "__init__" in vars(each)]
    found = (parameter for each in own for parameter in inspect.signature(each.__init__).parameters.values())
    return {parameter.name for parameter in found if parameter.kind is parameter.KEYWORD_ONLY}


TASKS: list[tuple[Any, dict[str, Any], str]] = [
    *(
        (kind, {parameter: value}, text)
        for parameter, value, text in tasks.ANYWHERE
        for kind in GOOD
        if parameter in parameters(kind)
    ),
    *((kind, given, text) for kinds, given, text in tasks.SOME for kind in kinds),
]
RENDERABLE = [
    (kind, given, text)
    for kind, given, text in TASKS
    if all(kind.kept_as.get(name, name) in kind.template_fields for name in given)
]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """One for all, because nobody asks it."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> Iterator[None]:
    """The connection ``exoscale_default``, to a server that is never asked."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": CANARY, "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))
    yield
    assert server.requests == []


def assert_says(error: object, text: str) -> None:
    """The whole text, and no part of the secret in it, which begins alike in all of its spellings."""
    assert str(error) == text
    assert CANARY[:9] not in str(error)


def identify(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, dict) else getattr(value, "__name__", "")


@pytest.mark.parametrize(("kind", "given", "text"), TASKS, ids=identify)
def test_a_plain_value(kind: Any, given: dict[str, Any], text: str) -> None:
    """The DAG does not parse."""
    with pytest.raises(DbaasConfigurationError) as caught:
        kind(task_id="t", **{**GOOD[kind], **given})
    assert_says(caught.value, text)


@pytest.mark.parametrize(("kind", "given", "text"), RENDERABLE, ids=identify)
def test_what_a_template_renders_to(kind: Any, given: dict[str, Any], text: str) -> None:
    """The same words when the task runs, and Airflow does not try again."""
    task = kind(task_id="t", **{**GOOD[kind], **dict.fromkeys(given, "{{ params.x }}")})
    for name, value in given.items():
        setattr(task, kind.kept_as.get(name, name), value)
    with pytest.raises(AirflowFailException) as caught:
        task.execute(CONTEXT)
    assert_says(caught.value, text)


@pytest.mark.parametrize(
    ("kind", "given", "text"), [row for row in RENDERABLE if issubclass(row[0], DbaasSensor)], ids=identify
)
async def test_what_the_triggerer_renders(kind: Any, given: dict[str, Any], text: str) -> None:
    """A sensor that starts there fails in the same words."""
    task = kind(task_id="t", deferrable=True, **{**GOOD[kind], **dict.fromkeys(given, "{{ params.x }}")})
    trigger = DbaasSensorTrigger(**{**task.start_trigger_args.trigger_kwargs, **given})
    (event,) = [event async for event in trigger.run()]
    with pytest.raises(DbaasConfigurationError) as caught:
        result_of(event.payload)
    assert_says(caught.value, text)


def test_the_triggerer_checks_what_sensors_do() -> None:
    """What can be a template there is checked there, too, in the same way."""
    for kind in GOOD:
        if issubclass(kind, DbaasSensor):
            for name in set(kind.template_fields) - {"exoscale_conn_id", "zone", "outage_grace_period"}:
                assert RENDERED[name] is kind.checks[name]


@pytest.mark.parametrize("kind", GOOD, ids=identify)
def test_every_parameter_is_in_the_table(kind: Any) -> None:
    """Of every operator and sensor: there is a bad value of each, and each check has refused one."""
    tried = {name for each, given, _ in TASKS if each is kind for name in given}
    assert parameters(kind) <= tried


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        (kind, parameter)
        for kind in GOOD
        for parameter in sorted(parameters(kind))
        if kind.kept_as.get(parameter, parameter) not in kind.template_fields
    ],
    ids=identify,
)
def test_a_template_where_none_is_rendered(kind: Any, parameter: str) -> None:
    """It would be taken for the value: ``force="{{ … }}"`` would always be true."""
    with pytest.raises(DbaasConfigurationError) as caught:
        kind(task_id="t", **{**GOOD[kind], parameter: "{{ params.x }}"})
    assert_says(caught.value, f"{parameter} is not templated: it must be a plain value, got '{{{{ params.x }}}}'")


@pytest.mark.parametrize(("kind", "given", "secrets", "text"), connections.RUNNING, ids=identify)
def test_what_only_the_running_task_can_tell(
    kind: Any, given: dict[str, Any], secrets: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings as the API wants them, and what connections add to them: all is put together before it is sent."""
    monkeypatch.setenv("AIRFLOW_CONN_SECRETS", json.dumps({"conn_type": "generic", **secrets}))
    task = kind(task_id="t", **given)
    with pytest.raises(AirflowFailException) as caught:
        task.execute(CONTEXT)
    assert_says(caught.value, text)


@pytest.mark.parametrize("kind", [DbaasMigrationCheckOperator, DbaasStartMigrationOperator])
@pytest.mark.parametrize(("fields", "text"), connections.SOURCE, ids=identify)
def test_a_source(kind: Any, fields: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of a migration's source, named with the parameter that names it."""
    usual = {"conn_type": "postgres", "host": "old.example.com", "login": "admin", "password": CANARY}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps({**usual, **fields}))
    with pytest.raises(AirflowFailException) as caught:
        kind(task_id="t", service_name="db", source_conn_id="legacy").execute(CONTEXT)
    assert_says(caught.value, f"source_conn_id: connection 'legacy'{text}")


@pytest.mark.parametrize(("fields", "text"), connections.API, ids=identify)
async def test_a_connection_to_the_api(fields: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same words from both clients, from a trigger, and from the Test button."""
    extra = {name: fields[name] for name in EXTRA if name in fields}
    usual = {"conn_type": "exoscale", "login": "EXOkey", "password": CANARY, "extra": {"zone": "ch-gva-2", **extra}}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(usual | {k: v for k, v in fields.items() if k not in extra}))
    text = f"connection 'c'{text}"
    with pytest.raises(DbaasConfigurationError) as caught:
        await DbaasHook("c").get_async_conn()
    assert_says(caught.value, text)
    await asyncio.to_thread(_assert_blocking_refuses, text)
    wait = {"wait": OperationWait(ID).serialize(), "deadline": time.time() + 60, "resume_after": 0.0}
    (event,) = [event async for event in DbaasWaitTrigger(exoscale_conn_id="c", zone=None, **wait).run()]
    assert_says(event.payload["message"], text)


def _assert_blocking_refuses(text: str) -> None:
    with pytest.raises(DbaasConfigurationError) as caught:
        DbaasHook("c").get_conn()
    assert_says(caught.value, text)
    worked, said = DbaasHook("c").test_connection()
    assert not worked
    assert_says(said, text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"exoscale_conn_id": "nowhere"}, "exoscale_conn_id: there is no Airflow connection 'nowhere'"),
        (
            {"exoscale_conn_id": f"exoscale://u:{CANARY}@h"},
            "exoscale_conn_id: there is no Airflow connection 'exoscale://u:***@h'",
        ),
        ({"zone": "mars-1"}, f"zone must be one of {tasks.ZONES}, got 'mars-1'"),
    ],
)
async def test_parameters_of_the_hook(arguments: dict[str, Any], text: str) -> None:
    """Named as parameters, not as a fault of the connection."""
    for open_ in (lambda hook: asyncio.to_thread(hook.get_conn), lambda hook: hook.get_async_conn()):
        with pytest.raises(DbaasConfigurationError) as caught:
            await open_(DbaasHook(**arguments))
        assert_says(caught.value, text)


def test_every_property_of_a_connection_is_in_the_table() -> None:
    """Those of the form, and Airflow's standard fields."""
    properties = {"login", "password", "host", "schema", "port", "extra", "conn_type"}
    form = get_provider_info()["connection-types"][0]["conn-fields"]
    assert {name for fields, _ in connections.API for name in fields} == properties | set(EXTRA) >= set(form)
    assert {name for fields, _ in connections.SOURCE for name in fields} == properties
