"""An Airflow connection becomes a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import airflow
import jsonschema
import pytest

from airflow_dbaas import _compat, credentials
from airflow_dbaas._compat import AirflowFailException, Connection
from airflow_dbaas.api.errors import (
    DbaasAuthError,
    DbaasConfigurationError,
    DbaasOperationError,
    DbaasServiceError,
    DbaasTransportError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.provider_info import get_provider_info
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
OTHER_ID = "b02baf5a-a3e4-49a0-857b-8a08d276c1c0"


def define(monkeypatch: pytest.MonkeyPatch, conn_id: str = "exoscale_default", **fields: Any) -> None:
    usual = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret", "extra": {"zone": "ch-gva-2"}}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({**usual, **fields}))


def test_the_zone_makes_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Login, password and zone are all a connection needs; a zone given to the hook wins."""
    define(monkeypatch)
    assert DbaasHook().get_conn().url == "https://api-ch-gva-2.exoscale.com/v2"
    assert DbaasHook(zone="at-vie-1").get_conn().url == "https://api-at-vie-1.exoscale.com/v2"
    assert DbaasHook(zone="").zone == "ch-gva-2"


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "http://127.0.0.1:8090/v2"}, "http://127.0.0.1:8090/v2"),
        ({"host": "http://127.0.0.1:8090/"}, "http://127.0.0.1:8090/v2"),
        ({"host": "https://proxy.example/exoscale/v2/"}, "https://proxy.example/exoscale/v2"),
        ({"host": "127.0.0.1", "port": 8090, "schema": "http"}, "http://127.0.0.1:8090/v2"),
        ({"host": "proxy.example"}, "https://proxy.example/v2"),
    ],
)
def test_host_overrides_the_endpoint(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], url: str) -> None:
    """Host may be a URL or, as in a connection URI, a name with port and schema; no zone is needed then."""
    define(monkeypatch, **fields, extra={})
    assert DbaasHook().get_conn().url == url


def test_async_client(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The async client uses the same connection."""
    define(monkeypatch, host=server.url)
    server.replies = [Reply(body={"dbaas-services": [{"name": "db", "type": "pg", "plan": "startup-4"}]})]

    async def names() -> list[str]:
        async with await DbaasHook().get_async_conn() as client:
            return [service.name for service in (await client.services.list()).dbaas_services]

    assert asyncio.run(names()) == ["db"]


def test_an_airflow_that_refuses_to_be_spoken_to_from_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the triggerer of Airflow 3.0 neither a connection can be read nor a secret masked by the event loop itself."""
    masked: list[str] = []

    def beside_the_loop() -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise AssertionError("Airflow was spoken to from the event loop")

    class OldBaseHook:
        @staticmethod
        def get_connection(conn_id: str) -> Connection:
            beside_the_loop()
            return Connection(
                conn_id=conn_id,
                conn_type="exoscale",
                login="EXOkey",
                password="api-secret",
                extra='{"zone": "at-vie-1"}',
            )

    def mask(secret: str) -> None:
        beside_the_loop()
        masked.append(secret)

    monkeypatch.setattr(_compat, "BaseHook", OldBaseHook)
    monkeypatch.setattr(credentials, "mask_secret", mask)

    async def url() -> str:
        async with await DbaasHook().get_async_conn() as client:
            return client.url

    assert asyncio.run(url()) == "https://api-at-vie-1.exoscale.com/v2"
    assert "api-secret" in masked


def test_test_connection(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The Test button says what was found, or why not, and never raises."""
    define(monkeypatch, host=server.url)
    server.replies = [Reply(body={"dbaas-services": []})]
    assert DbaasHook().test_connection() == (True, f"{server.url} answers; 0 services")
    server.replies = [Reply(403, {"message": "Invalid request signature"})]
    ok, said = DbaasHook().test_connection()
    assert not ok
    assert "403 Invalid request signature (check API key, secret, IAM role and this machine's clock)" in said
    assert DbaasHook("nowhere").test_connection() == (
        False,
        "exoscale_conn_id: there is no Airflow connection 'nowhere'",
    )


def test_the_form_knows_all_zones() -> None:
    """The connection form offers the zones the client knows; provider info cannot import them."""
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    assert tuple(fields["zone"]["schema"]["enum"]) == ZONES


def test_the_form_of_older_airflow_is_the_same() -> None:
    """Airflow before 3.2 asks the hook: it gives what provider info declares, as Airflow's schema asks."""
    behaviour = DbaasHook.get_ui_field_behaviour()
    schema = Path(airflow.__file__).with_name("customized_form_field_behaviours.schema.json")
    jsonschema.validate(behaviour, json.loads(schema.read_text(encoding="utf-8")))
    declared = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
    assert behaviour == {"hidden_fields": declared.pop("hidden-fields"), **declared}


def test_a_with_block_closes_the_client(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The hook is a context manager; its client is closed behind the block."""
    define(monkeypatch, host=server.url)
    with DbaasHook() as hook:
        client = hook.get_conn()
        assert client.services.list().dbaas_services == []
    with pytest.raises(RuntimeError, match="closed"):
        client.services.list()


def test_waits_of_the_hook(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """They poll by the rules of the sensors and give what sensors push."""
    define(monkeypatch, host=server.url)
    service = {"name": "db", "type": "pg", "plan": "startup-4", "zone": "ch-gva-2"}
    server.replies = [
        Reply(503, {"message": "busy"}),
        *(Reply(body={"dbaas-services": [{**service, "state": state}]}) for state in ("rebuilding", "running")),
    ]
    copied = {"status": "done", "method": "pg_dump", "details": [{"dbname": "shop", "status": "done"}]}
    server.always = {
        f"/v2/operation/{ID}": Reply(body={"id": ID, "state": "success", "reference": {"id": OTHER_ID}}),
        "/v2/dbaas-migration-status/db": Reply(body=copied),
    }
    with DbaasHook() as hook:
        ready = hook.wait_for_service("db", timeout=timedelta(seconds=30))
        assert ready.items() >= {"service": "db", "state": "running", "plan": "startup-4", "zone": "ch-gva-2"}.items()
        operation = Operation(id=ID)
        assert hook.wait_for_operation(operation, timeout=30) == hook.wait_for_operation(ID)
        assert hook.wait_for_operation(ID)["reference_id"] == OTHER_ID
        status = hook.wait_for_migration("db", until="done", timeout=30, failure_grace_period=timedelta(seconds=1))
    assert (status["status"], [one["name"] for one in status["databases"]]) == ("done", ["shop"])


def test_a_wait_that_retries_cannot_help(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """What only a change can mend is an error of this package, and one that Airflow does not retry."""
    define(monkeypatch, host=server.url)
    failed = {"id": ID, "state": "failure", "message": "no such plan"}
    server.always = {f"/v2/operation/{ID}": Reply(body={**failed, "reason": "incorrect"})}
    with DbaasHook() as hook:
        with pytest.raises(DbaasOperationError, match="no such plan") as caught:
            hook.wait_for_operation(ID)
        assert isinstance(caught.value, AirflowFailException)
        assert type(caught.value).__name__ == "DbaasOperationError"
        server.always = {f"/v2/operation/{ID}": Reply(body={**failed, "reason": "busy"})}
        with pytest.raises(DbaasOperationError) as caught:
            hook.wait_for_operation(ID)
        assert not isinstance(caught.value, AirflowFailException)
        server.replies = [Reply(403, {"message": "Invalid request signature"})]
        with pytest.raises(DbaasAuthError) as refused:
            hook.wait_for_service("db", timeout=1)
        assert isinstance(refused.value, AirflowFailException)
        assert refused.value.status == 403


@pytest.mark.parametrize("nothing", [None, "None", ""])
def test_there_may_be_no_operation(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, nothing: Any) -> None:
    """The task before had nothing to do and gave no id: there is nothing to wait for, as for the sensor."""
    define(monkeypatch, host=server.url)
    with DbaasHook() as hook:
        assert hook.wait_for_operation(nothing)["operation_id"] is None
    assert server.requests == []


def test_a_wait_tolerates_an_outage(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """For as long as it was told to."""
    define(monkeypatch, host=server.url)
    server.always = {"/v2/dbaas-service": Reply(503, {"message": "away"})}
    with DbaasHook() as hook, pytest.raises(DbaasTransportError, match="no usable answer"):
        hook.wait_for_service("db", timeout=60, outage_grace_period=0)


def test_a_wait_ends_in_time(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The time is over: worth a retry."""
    define(monkeypatch, host=server.url)
    server.replies = [Reply(body={"dbaas-services": [{"name": "db", "state": "rebuilding"}]})]
    with DbaasHook() as hook, pytest.raises(DbaasWaitTimeoutError, match="db is rebuilding") as caught:
        hook.wait_for_service("db", timeout=0.2)
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (lambda hook: hook.wait_for_service("a" * 64), "service_name must have at most 63 characters"),
        (lambda hook: hook.wait_for_service("db", state="up"), "state must be one of running, poweroff, absent"),
        (lambda hook: hook.wait_for_service("db", timeout=0), "timeout must be"),
        (lambda hook: hook.wait_for_operation("mine"), "operation must be a UUID"),
        (lambda hook: hook.wait_for_service("db", outage_grace_period=-1), "outage_grace_period must be"),
        (lambda hook: hook.wait_for_operation(Operation()), "operation must be a UUID"),
        (lambda hook: hook.wait_for_migration("db", until="over"), "until must be one of synced, done"),
    ],
)
def test_a_wait_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, wait: Callable[[DbaasHook], Any], text: str
) -> None:
    """The error names the parameter."""
    define(monkeypatch, host=server.url)
    with DbaasHook() as hook, pytest.raises(DbaasConfigurationError, match=text):
        wait(hook)
    assert server.requests == []


PASSWORD = "p@ss/w ö%"
PG = {
    "name": "db",
    "uri": f"postgres://avnadmin:{quote(PASSWORD, safe='')}@pg.example.com:21699/defaultdb?sslmode=require",
    "uri-params": {"host": "pg.example.com", "port": "21699", "user": "avnadmin", "dbname": "defaultdb"},
    "users": [{"username": "writer", "password": "of the writer"}],
    "connection-info": {"uri": ["postgres://reader:of+the+reader@pg.example.com/x"]},
}


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What Airflow is told to mask."""
    found: set[str] = set()
    monkeypatch.setattr(credentials, "mask_secret", found.add)
    return found


FORMS = {PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD), json.dumps(PASSWORD)[1:-1]}
REVEAL = "/v2/dbaas-postgres/db/user/avnadmin/password/reveal"


def test_what_the_client_is_shown_is_masked(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, masked: set[str]
) -> None:
    """Passwords that are revealed, sent, or stand in a service's URIs: in every form, each once."""
    define(monkeypatch, host=server.url)
    server.always = {
        REVEAL: Reply(body={"username": "avnadmin", "password": PASSWORD}),
        "/v2/dbaas-postgres/db": Reply(body=PG),
    }
    with DbaasHook() as hook:
        client = hook.get_conn()
        assert client.accounts.pg.reveal_password(service_name="db", username="avnadmin").password == PASSWORD
        assert masked >= FORMS
        masked.clear()
        client.services.pg.get("db")
        assert {"of the writer", "of+the+reader"} <= masked
        assert PASSWORD not in masked
        client.accounts.pg.reset_password(service_name="db", username="u", password="A new one/1")
        assert {"A new one/1", "A%20new%20one%2F1"} <= masked
        assert not masked & {"db", "avnadmin", "pg.example.com", "u"}
    # Another client may be another process.
    masked.clear()
    with DbaasHook() as hook:
        hook.get_conn().accounts.pg.reveal_password(service_name="db", username="avnadmin")
    assert masked >= FORMS


def test_what_an_async_client_is_shown_is_masked(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, masked: set[str]
) -> None:
    """As that of the blocking one."""
    define(monkeypatch, host=server.url)
    server.always = {REVEAL: Reply(body={"password": PASSWORD})}

    async def reveal() -> None:
        async with await DbaasHook().get_async_conn() as client:
            await client.accounts.pg.reveal_password(service_name="db", username="avnadmin")

    asyncio.run(reveal())
    assert masked >= FORMS


@pytest.mark.parametrize(
    ("kind", "params", "path", "expected"),
    [
        ("pg", PG["uri-params"], "dbaas-postgres", ("postgres", "defaultdb", {"sslmode": "require"})),
        (
            "mysql",
            {"host": "pg.example.com", "port": "21699", "user": "avnadmin", "dbname": "app"},
            "dbaas-mysql",
            ("mysql", "app", {"ssl_mode": "REQUIRED"}),
        ),
    ],
)
def test_a_connection_to_a_service(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, masked: set[str], kind: str, params: Any, path: str,
    expected: tuple[str, str, dict[str, str]],
) -> None:  # fmt: skip
    """It is one for Airflow's own hooks, with the admin's login and TLS, and its password is masked."""
    define(monkeypatch, host=server.url)
    server.replies = [Reply(body={"dbaas-services": [{"name": "db", "type": kind}, {"name": "g", "type": "grafana"}]})]
    server.always = {
        f"/v2/{path}/db": Reply(body={**PG, "uri-params": params}),
        f"/v2/{path}/db/user/avnadmin/password/reveal": Reply(body={"password": PASSWORD}),
    }
    conn_type, database, extra = expected
    with DbaasHook() as hook:
        connection = hook.get_service_connection("db")
        assert hook.get_service_connection("db", "shop").schema == "shop"
        with pytest.raises(DbaasServiceError, match="there is no service 'nowhere'"):
            hook.get_service_connection("nowhere")
        with pytest.raises(DbaasServiceError, match="service g must be of type pg or mysql for this, is grafana"):
            hook.get_service_connection("g")
    assert (connection.conn_type, connection.host, connection.port) == (conn_type, "pg.example.com", 21699)
    assert (connection.login, connection.password, connection.schema) == ("avnadmin", PASSWORD, database)
    assert connection.extra_dejson == extra
    assert masked >= FORMS
