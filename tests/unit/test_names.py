"""Names are data: whatever they hold, they stay one step of an address, and one line of a log, or are refused."""

from __future__ import annotations

import json
import logging
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.operators.services import DbaasDeleteServiceOperator
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from tests.unit.bad_input.kinds import GOOD, ID
from tests.unit.conftest import Reply, ScriptedServer

#: What means something to a URL, a shell, a template, a log, HTML or SQL, and nothing here.
ODD = (
    "../db",
    "a/../../b",
    "/",
    "//evil.example.com/x",
    "%2F",
    "%2e%2e",
    "%",
    "%00",
    "%0d%0aX: y",
    "a?b=c",
    "a#b",
    "a;b",
    "a\\b",
    "a b",
    " ",
    "a@evil.example.com",
    "{{ ds }}",
    "{% raw %}",
    "${HOME}",
    "$(id)",
    "'; DROP TABLE x; --",
    '"><script>alert(1)</script>',
    "é",
    "漢字",
    "e\u0301",
    "\U0001f600",
    "\u202egnp.exe",
    "...",
    "x" * 63,
    "漢" * 63,
)
#: What would end a line, a text or a path.
REFUSED = (
    "",
    ".",
    "..",
    "a\nb",
    "a\r\nX: y",
    "a\tb",
    "\x00",
    "a\x00b",
    "\x1b[2J",
    "\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "\ud800",
    "x" * 64,
    "x" * 100_000,
)
NAMED = [kind for kind, good in GOOD.items() if "service_name" in good]
LOGIN = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret"}


@pytest.fixture(autouse=True)
def connection(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ``exoscale_default`` leads to the server."""
    fields = {**LOGIN, "host": server.url, "extra": {"zone": "ch-gva-2"}}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))


def context() -> Any:
    return {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None)}


def test_most_of_them_take_the_name_of_a_service() -> None:
    """So that the tests below are about something."""
    assert len(NAMED) >= 10


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_names_that_are_none_are_refused(kind: Any, server: ScriptedServer) -> None:
    """By every operator and sensor, when the DAG is parsed; what a template comes to, before anything is sent or shown.

    The error is one line.
    """
    pushed: list[Any] = []
    running: Any = {"ti": SimpleNamespace(xcom_push=lambda **each: pushed.append(each), start_date=None)}
    for name in REFUSED:
        with pytest.raises(DbaasConfigurationError) as caught:
            kind(task_id="t", **{**GOOD[kind], "service_name": name})
        assert str(caught.value).startswith("service_name must ")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300
        task = kind(task_id="t", **{**GOOD[kind], "service_name": "{{ name }}"})
        task.render_template_fields({"name": name})
        with pytest.raises((DbaasConfigurationError, AirflowFailException), match=r"^service_name must "):
            task.execute(running)
    assert (server.requests, pushed) == ([], [])


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_links_lead_to_the_service_of_that_name(kind: Any, server: ScriptedServer) -> None:
    """And nowhere else: whatever the name, it is one step of the address, on the host that the connection names."""
    for name in ODD:
        task = kind(task_id="t", **{**GOOD[kind], "service_name": "{{ name }}"})
        task.render_template_fields({"name": name})
        for link, page in ((DbaasServiceLink(), []), (DbaasMigrationLink(), ["migration"])):
            parts = urlsplit(link.get_link(task, ti_key=None))
            assert f"{parts.scheme}://{parts.netloc}/v2" == server.url
            assert (parts.query, parts.fragment) == ("", "")
            assert [unquote(step) for step in parts.path.split("/")] == ["", "dbaas", "ch-gva-2", name, *page]
            assert parts.path.isascii()
            assert not set(parts.path) & set("<>\"'`{}\\ ;@")


@pytest.mark.parametrize("organization", ["a/b", "../x", "é?", "{{ ds }}", '"><script>'])
def test_links_to_the_portal_stay_there(organization: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the organization is one step, too."""
    fields = {**LOGIN, "extra": {"zone": "ch-gva-2", "organization": organization}}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))
    task = DbaasDeleteServiceOperator(task_id="t", service_name="a/b")
    parts = urlsplit(DbaasServiceLink().get_link(task, ti_key=None))
    assert (parts.scheme, parts.netloc) == ("https", "portal.exoscale.com")
    assert [unquote(step) for step in parts.path.split("/")] == ["", "u", organization, "dbaas", "ch-gva-2", "a/b"]


@pytest.mark.parametrize("name", ODD)
def test_requests_are_about_the_service_of_that_name(name: str, server: ScriptedServer) -> None:
    """What a task asks for is signed and sent as one step of the path: the server sees the very name."""
    server.replies = [Reply(body={"id": ID, "task-type": "migration-check", "success": True, "result": "fine"})]
    task = DbaasTaskSensor(task_id="t", service_name="{{ name }}", dbaas_task_id=ID)
    task.render_template_fields({"name": name})
    task.execute(context())
    # The list shows in which zone the service is.
    (_, listed, _, _), (method, target, _, _) = server.requests
    assert listed == "/v2/dbaas-service"
    assert method == "GET"
    assert [unquote(step) for step in target.split("/")] == ["", "v2", "dbaas-task", name, ID]
    assert target.isascii()


FORGED = "fine\n2026-01-01 00:00:00 INFO - Marking task as SUCCESS\r\x1b[1A\x85\u2028next"


def test_words_of_the_api_are_one_line_of_a_log(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    """The result of a check, which quotes the source's own words, cannot pass for other lines."""
    server.replies = [Reply(body={"id": ID, "task-type": "migration-check", "success": True, "result": FORGED})]
    task = DbaasTaskSensor(task_id="t", service_name="db", dbaas_task_id=ID)
    caplog.set_level("INFO")
    task.execute(context())
    (said,) = [record.getMessage() for record in caplog.records if "Marking" in record.getMessage()]
    assert re.match(rf"Over after \d+ s: task {ID} of service db: ", said)
    assert r"fine\n2026-01-01 00:00:00 INFO - Marking task as SUCCESS\r\x1b[1A\x85\u2028next" in said
    assert said.isprintable()


def test_what_a_wait_tells_is_one_line_of_a_log(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    """A state of the API's that is none is shown for what it is."""
    server.replies = [
        Reply(body={"dbaas-services": [{"name": "db", "type": "pg", "state": FORGED}]}),
        Reply(body={"dbaas-services": [{"name": "db", "type": "pg", "state": "running"}]}),
    ]
    with caplog.at_level(logging.INFO):
        DbaasServiceSensor(task_id="t", service_name="db", poke_interval=0.01).execute(context())
    said = [record.getMessage() for record in caplog.records if "Marking" in record.getMessage()]
    assert said
    assert all(each.isprintable() for each in said)


def test_an_error_is_one_line() -> None:
    """White space is folded, and the rest of what steers a terminal is spelled out."""
    assert str(DbaasError(FORGED)) == r"fine 2026-01-01 00:00:00 INFO - Marking task as SUCCESS \x1b[1A next"
