"""What a failed task leaves in its log: two short lines first, then the exception, once."""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas import advice
from airflow_dbaas._compat import AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from airflow_dbaas.api import errors
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.operators.services import DbaasDeleteServiceOperator
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.task_groups.fleet import keep_error
from airflow_dbaas.waiting.conditions import Failed
from airflow_dbaas.waiting.events import airflow_errors, as_event
from tests.unit.conftest import Reply, ScriptedServer

DOCS = Path(__file__).parents[2] / "docs"
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DbaasError)]
CONTEXT: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None)}


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**fields, "extra": {"zone": "ch-gva-2"}}))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Any:
    """The messages of a level."""
    caplog.set_level(logging.DEBUG)
    return lambda level: [record.getMessage() for record in caplog.records if record.levelno == level]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("retryable", [True, False])
def test_every_error_has_a_next_step(kind: type[DbaasError], retryable: bool) -> None:
    """One sentence, which says whether Airflow tries again, and names a page."""
    text = advice.next_step(kind("words", retryable=retryable))
    assert text.startswith("Airflow retries the task") == retryable
    assert text[0].isupper()
    assert len(text) < 350
    assert text.endswith(")")


def test_the_pages_are_there() -> None:
    """Each under its own title, with the heading that is named."""
    pages = {page for _, page in advice.NEXT.values()}
    assert pages
    for page in pages:
        path, _, anchor = page.path.partition("#")
        text = (DOCS / path).read_text()
        assert text.startswith(f"# {page.title}\n")
        assert not anchor or f"\n## {anchor.replace('-', ' ')}\n" in text.lower()


def failing(server: ScriptedServer, reply: Reply, **arguments: Any) -> BaseException:
    server.replies = [reply]
    task = DbaasDeleteServiceOperator(task_id="remove", service_name="shop", **arguments)
    with pytest.raises(DbaasError) as caught:
        task.execute(CONTEXT)
    return caught.value


def test_two_lines_and_one_copy(server: ScriptedServer, said: Any) -> None:
    """What failed, where and why; what next; and the exception once, with the class that it has and few lines."""
    error = failing(server, Reply(403, {"message": "Forbidden by role. " + "x" * 400}))
    first, second = said(logging.ERROR)
    assert first.startswith("remove failed (service shop, zone ch-gva-2): list-dbaas-services (GET")
    assert len(first) < 400
    assert second.startswith("What next: Check API key, secret and IAM role of the connection")
    assert second.endswith('see docs: "IAM roles" (how-to/iam-roles.md)')
    shown = "".join(traceback.format_exception(error))
    assert shown.count("Forbidden by role") == 1
    assert "DbaasAuthError" in shown
    assert "direct cause" not in shown
    assert "During handling" not in shown
    assert not [line for line in shown.splitlines() if "/airflow_dbaas/api/" in line]
    assert isinstance(error, errors.DbaasAuthError)
    assert isinstance(error, AirflowFailException)


def test_a_retryable_error(server: ScriptedServer, said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its class; what the HTTP library and the system said is not written out once more."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    error = failing(server, Reply(drop=True))
    assert isinstance(error, errors.DbaasTransportError)
    assert not isinstance(error, AirflowFailException)
    shown = "".join(traceback.format_exception(error))
    assert "direct cause" not in shown
    assert "During handling" not in shown
    assert len(said(logging.ERROR)) == 2


def test_where_it_comes_from_is_there_at_debug(caplog: pytest.LogCaptureFixture, server: ScriptedServer) -> None:
    """Who looks for a fault of the package itself finds all frames."""
    caplog.set_level(logging.DEBUG)
    failing(server, Reply(403, {"message": "no"}))
    (record,) = [record for record in caplog.records if record.getMessage() == "Where the error comes from"]
    assert record.levelno == logging.DEBUG
    assert record.exc_info
    assert "/airflow_dbaas/api/" in "".join(traceback.format_exception(*record.exc_info))


def test_what_the_triggerer_saw(said: Any) -> None:
    """The same two lines, on the worker that hears of it; a time-out has them, too."""
    task = DbaasServiceSensor(task_id="wait", service_name="shop", deferrable=True)
    event = as_event(Failed(errors.DbaasServiceError("service shop is powered off")), {"limit": "timeout"})
    with pytest.raises(AirflowFailException, match="powered off"):
        task.execute_complete(CONTEXT, event)
    assert said(logging.ERROR)[0] == "wait failed (service shop, zone ch-gva-2): service shop is powered off"
    event = as_event(Failed(errors.DbaasWaitTimeoutError("Time is over")), {"limit": "execution_timeout"})
    with pytest.raises(AirflowTaskTimeout, match="Time is over") as caught:
        task.execute_complete(CONTEXT, event)
    assert "direct cause" not in "".join(traceback.format_exception(caught.value))
    assert said(logging.ERROR)[2] == "wait failed (service shop, zone ch-gva-2): Time is over"
    assert len(said(logging.ERROR)) == 4


def test_a_skipped_sensor_has_not_failed(said: Any) -> None:
    """With ``soft_fail`` there is no line at level ERROR."""
    task = DbaasServiceSensor(task_id="wait", service_name="shop", deferrable=True, soft_fail=True)
    for error in (errors.DbaasServiceError("off"), errors.DbaasWaitTimeoutError("over")):
        with pytest.raises(AirflowSkipException):
            task.execute_complete(CONTEXT, as_event(Failed(error), {"limit": "timeout"}))
    assert said(logging.ERROR) == []


def test_a_broken_connection_does_not_hide_the_error(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    """Where it happened is told as far as it is known."""
    monkeypatch.delenv("AIRFLOW_CONN_EXOSCALE_DEFAULT")
    task = DbaasDeleteServiceOperator(task_id="remove", service_name="shop")
    with pytest.raises(DbaasError, match="there is no Airflow connection"):
        task.execute(CONTEXT)
    assert said(logging.ERROR)[0].startswith("remove failed (service shop): exoscale_conn_id: there is no Airflow")


def test_no_name_passes_for_a_line(said: Any) -> None:
    """What is named or said cannot end the line."""
    task: Any = SimpleNamespace(task_id="t", service_name="a\nb")
    with pytest.raises(DbaasError), airflow_errors(task):
        raise errors.DbaasServiceError("c\nd")
    assert said(logging.ERROR)[0] == "t failed (service a\\nb): c d"


def test_the_fleet_keeps_the_class() -> None:
    """The report tells a refused check from other failures."""
    kept: dict[str, Any] = {}
    with (
        pytest.raises(AirflowFailException) as caught,
        airflow_errors(SimpleNamespace(task_id="t")),
    ):
        raise errors.DbaasMigrationCheckError("no")
    ti = SimpleNamespace(xcom_push=lambda key, value: kept.update({key: value}))
    keep_error({"exception": caught.value, "ti": ti})  # type: ignore[typeddict-item]
    assert kept["error"] == {"type": "DbaasMigrationCheckError", "text": "no"}


def test_errors_of_others_pass() -> None:
    """A fault of the package or of a user's code keeps its traceback."""
    with pytest.raises(ZeroDivisionError) as caught, airflow_errors(SimpleNamespace(task_id="t")):
        _ = 1 / 0
    assert caught.value.__traceback__ is not None
