"""What a connection's fields may say, what contradicts them, and how errors say where they come from."""

from __future__ import annotations

import json
import logging
import socket
from typing import Any

import pytest

from airflow_dbaas.api import errors
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.hooks.dbaas import DbaasHook
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's settings."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def define(monkeypatch: pytest.MonkeyPatch, conn_id: str = "exoscale_default", **fields: Any) -> DbaasHook:
    usual = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret", "extra": {"zone": "ch-gva-2"}}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({**usual, **fields}))
    return DbaasHook(conn_id)


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "https://gw.example.com/v2", "port": 8443}, "https://gw.example.com:8443/v2"),
        ({"host": "https://gw.example.com", "port": 8443}, "https://gw.example.com:8443/v2"),
        ({"host": "https://gw.example.com:8443/v2", "port": 8443}, "https://gw.example.com:8443/v2"),
        ({"host": "gw.example.com:8443"}, "https://gw.example.com:8443/v2"),
        ({"host": "gw.example.com/exoscale/v2", "port": 8443}, "https://gw.example.com:8443/exoscale/v2"),
        ({"host": "gw.example.com", "schema": "HTTPS", "port": 443}, "https://gw.example.com:443/v2"),
        ({"host": "HTTPS://gw.example.com", "schema": "https"}, "HTTPS://gw.example.com/v2"),
        ({"host": "::1", "schema": "http", "port": 8090}, "http://[::1]:8090/v2"),
        ({"host": "[::1]:8090", "schema": "http"}, "http://[::1]:8090/v2"),
        ({"port": 443}, "https://api-ch-gva-2.exoscale.com/v2"),
        ({"port": 443, "schema": "https"}, "https://api-ch-gva-2.exoscale.com/v2"),
    ],
)
def test_port_and_schema_count(fields: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the host is written."""
    assert define(monkeypatch, **fields).get_conn().url == url


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"host": "https://gw.example.com:8443/v2", "port": 443}, "port 443 contradicts the host https://gw.example"),
        ({"host": "gw.example.com:8443", "port": 9443}, "port 9443 contradicts the host https://gw.example.com:8443"),
        ({"host": "http://127.0.0.1/v2", "schema": "https"}, "schema https contradicts the host http://127.0.0.1/v2"),
        ({"host": "https://gw.example.com", "schema": "http"}, "schema http contradicts the host https://gw.example"),
        ({"port": 8443}, "port 8443 without a host"),
        ({"schema": "http"}, "schema http without a host"),
        ({"host": "gw.example.com", "schema": "v2"}, "schema must be http or https, got 'v2'; a path belongs in the"),
        ({"extra": {"zone": "ch-gva-2", "extra__exoscale__zone": "ch-dk-2"}}, "its extra has both zone and extra__"),
    ],
)
def test_fields_that_contradict_each_other(fields: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are refused; nothing of a password in the host is shown."""
    with pytest.raises(DbaasConfigurationError) as caught:
        define(monkeypatch, **fields).get_conn()
    assert str(caught.value).startswith(f"connection 'exoscale_default': {said}")
    if "port" in fields and "host" in fields:
        secret = {**fields, "host": f"https://user:Canary1@{fields['host'].removeprefix('https://')}"}
        with pytest.raises(DbaasConfigurationError) as caught:
            define(monkeypatch, **secret).get_conn()
        assert "Canary1" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Zone", "unknown extra 'Zone', did you mean 'zone'? Known extras are zone, timeout, ca_file, organization, "),
        ("region", "unknown extra 'region', did you mean 'zone'?"),
        ("organisation", "unknown extra 'organisation', did you mean 'organization'?"),
        ("allow-http", "unknown extra 'allow-http', did you mean 'allow_http'?"),
        ("extra__exoscale__colour", "unknown extra 'extra__exoscale__colour'; Known extras are"),
        ("note", "unknown extra 'note'"),
    ],
)
def test_unknown_extras(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning for each, once per hook, with the known ones and what may be meant; never with a value."""
    hook = define(monkeypatch, extra={"zone": "ch-gva-2", name: "Canary1"})
    with caplog.at_level(logging.WARNING):
        assert hook.zone == "ch-gva-2"
        hook.get_conn()
        hook.new_conn().close()
    (warning,) = [record.getMessage() for record in caplog.records if "unknown extra" in record.getMessage()]
    assert warning.startswith(f"connection 'exoscale_default': {said}")
    assert "Canary1" not in caplog.text


def test_known_extras_are_not_warned_of(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Also with the prefix that Airflow's forms gave them once."""
    extra = {"extra__exoscale__zone": "ch-dk-2", "timeout": 5, "ca_file": "", "allow_http": False}
    hook = define(monkeypatch, extra={**extra, "extra__exoscale__organization": "acme"})
    with caplog.at_level(logging.WARNING):
        assert hook.zone == "ch-dk-2"
        assert hook.portal_page("db") == "https://portal.exoscale.com/u/acme/dbaas/ch-dk-2/db"
    assert "unknown" not in caplog.text


@pytest.mark.parametrize(("text", "allowed"), [("True", True), ("TRUE", True), ("true", True), ("False", False)])
def test_allow_http_in_a_uri(text: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python spells it, too."""
    uri = f"exoscale://EXOkey:api-secret@emulator.example:8090?schema=http&allow_http={text}"
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", uri.replace("@emu", "@http%3A%2F%2Femu").replace("schema", "x"))
    if allowed:
        assert DbaasHook().get_conn().url == "http://emulator.example:8090/v2"
    else:
        with pytest.raises(DbaasConfigurationError, match="without encryption"):
            DbaasHook().get_conn()


@pytest.mark.parametrize("status", [403, 404, 409, 500, 302])
def test_errors_of_the_api_say_where(status: int, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two connections in one DAG, one can tell which it was."""
    host = server.url.removeprefix("http://").removesuffix("/v2")
    server.replies = [Reply(status, {"message": "no"})]
    for conn_id in ("one", "two"):
        hook = define(monkeypatch, conn_id, host=server.url)
        with pytest.raises(errors.DbaasError) as caught, hook.new_conn(retry=NO_RETRY) as client:
            client.services.list()
        said = str(caught.value)
        assert said.startswith("list-dbaas-services (GET /dbaas-service): ")
        assert said.endswith(f"; connection '{conn_id}' (zone ch-gva-2, {host})")


def test_a_long_error_says_where_all_the_same(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut is the rest."""
    server.replies = [Reply(302, headers={"Location": "https://example.com/" + "x" * 5000})]
    hook = define(monkeypatch, host=server.url)
    with pytest.raises(errors.DbaasResponseError) as caught, hook.new_conn(retry=NO_RETRY) as client:
        client.services.list()
    assert len(str(caught.value)) <= errors.LONGEST_TEXT
    assert "…; connection 'exoscale_default' (zone ch-gva-2, " in str(caught.value)


def test_an_operation_that_is_not_known(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been there once."""
    server.replies = [Reply(404, {"message": "Operation not found"})]
    hook = define(monkeypatch, host=server.url)
    with pytest.raises(errors.DbaasNotFoundError) as caught, hook as opened:
        opened.get_conn().operations.get(ID)
    assert "Operation not found (the operation may have ended long ago); connection" in str(caught.value)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_dead_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody takes it for a dead API; without the password in its URL, and only if it is used."""
    port = closed_port()
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:Canary1@127.0.0.1:{port}")
    hook = define(monkeypatch)
    with pytest.raises(errors.DbaasTransportError) as caught, hook.new_conn(retry=NO_RETRY) as client:
        client.services.list()
    said = str(caught.value)
    assert said.startswith(
        f"list-dbaas-services (GET /dbaas-service): no answer through proxy http://127.0.0.1:{port}: "
    )
    assert "connection 'exoscale_default' (zone ch-gva-2, api-ch-gva-2.exoscale.com" in said
    assert "Canary1" not in said
    assert f"http://127.0.0.1:{port}" in said
    monkeypatch.setenv("NO_PROXY", "exoscale.com")
    with hook.new_conn() as client:
        assert client.place.proxy is None
        assert "proxy" not in str(client.place)
