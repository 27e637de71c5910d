"""An Airflow connection becomes a client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_dbaas import _compat, credentials
from airflow_dbaas._compat import Connection
from airflow_dbaas.api.addresses import ZONES
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.provider_info import get_provider_info
from tests.unit.conftest import Reply, ScriptedServer


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
    server.replies = [Reply(body={"dbaas-services": [{"name": "db", "type": "pg", "plan": "p"}]})]

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
