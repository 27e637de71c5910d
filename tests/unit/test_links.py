"""A link is never worth an error: not when a task ends, not in Airflow's pages, whatever is wrong with the task."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.sdk import DAG, TaskInstanceState
from airflow.sdk.execution_time import task_runner

from airflow_dbaas import links
from airflow_dbaas._compat import AirflowFailException, AirflowTaskTimeout
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator
from airflow_dbaas.operators.services import DbaasDeleteServiceOperator
from airflow_dbaas.sensors.services import DbaasServiceSensor
from tests.unit.conftest import ScriptedServer

LOGIN = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret"}


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """A connection that works, and some that do not."""
    good = {**LOGIN, "host": server.url, "extra": {"zone": "ch-gva-2"}}
    known = {
        "exoscale_default": good,
        "of_another_type": {"conn_type": "http", "host": "x"},
        "without_secret": {"conn_type": "exoscale", "login": "EXOkey"},
        "bad_zone": {**good, "extra": {"zone": "mars"}},
        "bad_host": {**LOGIN, "host": "ftp://[x"},
        "odd_extra": {**LOGIN, "extra": "no JSON"},
        "odd_organization": {**LOGIN, "extra": {"zone": "ch-gva-2", "organization": 17}},
        "other_zone": {**LOGIN, "host": "https://api-ch-gva-2.exoscale.com/v2"},
    }
    for name, fields in known.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))


CASES: list[dict[str, Any]] = [
    {"service_name": 20231023},
    {"service_name": None},
    {"service_name": ["a"]},
    {"service_name": b"x"},
    {"service_name": "\ud83d"},
    {"zone": 7},
    {"zone": "mars"},
    {"exoscale_conn_id": "other_zone", "zone": "ch-dk-2"},
    *(
        {"exoscale_conn_id": name}
        for name in (
            "missing",
            "of_another_type",
            "without_secret",
            "bad_zone",
            "bad_host",
            "odd_extra",
            "odd_organization",
            17,
            None,
        )
    ),
]


def broken(case: dict[str, Any], kind: Any = DbaasServiceSensor, **arguments: Any) -> Any:
    """A task whose templates came to something odd."""
    task = kind(task_id="t", service_name="db", **arguments)
    vars(task).update(case)
    return task


def finalize(task: Any, state: Any) -> tuple[dict[str, Any], list[Any]]:
    """End a task as Airflow's task runner does; the links it stores, and what it logs."""
    pushed: dict[str, Any] = {}
    ti: Any = SimpleNamespace(task=task, start_date=None, end_date=None)
    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(task_runner, "_xcom_push_to_db", lambda _, key, value: pushed.update({key: value}))
        task_runner.finalize(ti, state, {}, structlog.get_logger("t"))  # type: ignore[typeddict-item]
    return pushed, [entry for entry in logs if entry["log_level"] in {"warning", "error", "exception"}]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_task_that_failed_ends_with_one_error(case: dict[str, Any]) -> None:
    """Its own: Airflow asks for the links afterwards, and would show a second traceback."""
    pushed, complaints = finalize(broken(case), TaskInstanceState.FAILED)
    assert complaints == []
    assert all(isinstance(address, str) for address in pushed.values())
    assert set(pushed) == {"_link_DbaasServiceLink"}


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("link", [DbaasServiceLink(), DbaasMigrationLink()])
def test_a_link_never_raises(case: dict[str, Any], link: Any) -> None:
    """Not for an operator either, nor where another attribute names the service."""
    task = broken(case, DbaasMigrationCheckOperator, source_conn_id="s")
    assert isinstance(link.get_link(task, ti_key=None), str)


def test_what_airflow_shows_of_a_task_that_it_has_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.11's web server has the serialized task only, and reads what the task pushed; which may fail, too."""

    def fails(*_: Any) -> Any:
        raise RuntimeError("no database")

    monkeypatch.setattr(links, "get_xcom", fails)
    with DAG("d", schedule=None):
        mapped = DbaasServiceSensor.partial(task_id="mapped").expand(service_name=["a", "b"])
    for operator in (SimpleNamespace(), mapped, None):
        assert DbaasServiceLink().get_link(operator, ti_key=None) == ""
    monkeypatch.setattr(links, "get_xcom", lambda *_: "https://x")
    assert DbaasServiceLink().get_link(mapped, ti_key=None) == "https://x"


@pytest.mark.parametrize("kind", [DbaasDeleteServiceOperator, DbaasServiceSensor])
def test_a_task_goes_on_without_its_link(kind: Any, server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    """If Airflow does not store it: a line in the log, no traceback. A time-out of the task is no such matter."""

    def refuses(key: str, value: Any) -> None:
        raise RuntimeError("down" if key.startswith("_link") else "not asked")

    def late(**_: Any) -> None:
        raise AirflowTaskTimeout

    server.replies[0].body = {"dbaas-services": []}
    arguments = {"state": "absent"} if kind is DbaasServiceSensor else {}
    task = kind(task_id="t", service_name="db", do_xcom_push=False, **arguments)
    context: Any = {"ti": SimpleNamespace(xcom_push=refuses, start_date=None)}
    with caplog.at_level(logging.WARNING):
        assert task.execute(context)["service"] == "db"
    (said,) = [record for record in caplog.records if "could not be stored" in record.getMessage()]
    assert said.exc_info is None
    context["ti"].xcom_push = late
    with pytest.raises(AirflowTaskTimeout):
        task.execute(context)


def test_the_error_of_the_task_is_what_is_shown() -> None:
    """A numeric name fails as a name, not as a link."""
    task = broken({"exoscale_conn_id": "missing"})
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None)}
    with pytest.raises(AirflowFailException, match="there is no Airflow connection 'missing'"):
        task.execute(context)
