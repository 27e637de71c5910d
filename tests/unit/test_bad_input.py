"""Bad input of all kinds: refused with a sentence that says what is wrong, where, what was given and what is right.

The tables are in ``bad_input``. Each error is compared as a whole, holds no secret, and comes before any request.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import spellings
from airflow_dbaas.events import result_of
from airflow_dbaas.sensors.base import DbaasSensor
from airflow_dbaas.triggers.sensors import RENDERED, DbaasSensorTrigger
from tests.unit.bad_input import tasks
from tests.unit.bad_input.kinds import GOOD
from tests.unit.bad_input.tasks import CANARY
from tests.unit.conftest import ScriptedServer

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
    """The whole text, and no secret in it in any of its spellings."""
    assert str(error) == text
    assert not [form for form in spellings(CANARY) if form in str(error)]


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
            for name in set(kind.template_fields) - {"exoscale_conn_id", "zone"}:
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
