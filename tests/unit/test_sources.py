"""An Airflow connection becomes a migration source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas import sources
from airflow_dbaas._compat import Connection
from airflow_dbaas.sources import MigrationSource

PASSWORD = "p@ss/w:ör d%"


def connection(**fields: Any) -> Connection:
    usual = {
        "conn_id": "legacy",
        "conn_type": "postgres",
        "host": "Old.Example.com",
        "login": "admin@corp",
        "password": PASSWORD,
        "schema": "shop",
        "port": 6543,
    }
    return Connection(**{**usual, **fields})


def test_settings_and_uri() -> None:
    """Host, port, login, database and TLS arrive in both forms the API takes; what is special is encoded."""
    source = MigrationSource.from_connection(connection())
    assert source.settings(method="dump", ignore_dbs="a,b") == {
        "host": "Old.Example.com",
        "port": 6543,
        "username": "admin@corp",
        "password": PASSWORD,
        "dbname": "shop",
        "ssl": True,
        "method": "dump",
        "ignore_dbs": "a,b",
    }
    assert source.uri() == (
        "postgres://admin%40corp:p%40ss%2Fw%3A%C3%B6r%20d%25@old.example.com:6543/shop?sslmode=require"
    )


def test_defaults() -> None:
    """Without port, database or sslmode: 5432, postgres, and TLS is demanded."""
    source = MigrationSource.from_connection(connection(port=None, schema=None))
    assert (source.port, source.dbname, source.sslmode, source.ssl) == (5432, "postgres", "require", True)
    assert "method" not in source.settings(method=None, ignore_dbs=None)


def test_tls_is_off_only_when_said() -> None:
    """Only sslmode=disable in the connection's extra switches TLS off."""
    off = MigrationSource.from_connection(connection(extra=json.dumps({"sslmode": "disable"})))
    assert not off.ssl
    assert off.uri().endswith("?sslmode=disable")
    assert MigrationSource.from_connection(connection(extra=json.dumps({"sslmode": "verify-full"}))).ssl


def test_a_mysql_source() -> None:
    """Port 3306 and TLS by default, no database if none is named; the service's own spelling of the option for TLS."""
    source = MigrationSource.from_connection(connection(conn_type="mysql", port=None, schema=None))
    assert source.engine.service_type == "mysql"
    assert source.uri() == ("mysql://admin%40corp:p%40ss%2Fw%3A%C3%B6r%20d%25@old.example.com:3306/?ssl-mode=REQUIRED")
    assert source.settings(method="replication", ignore_dbs=None) == {
        "host": "Old.Example.com",
        "port": 3306,
        "username": "admin@corp",
        "password": PASSWORD,
        "ssl": True,
        "method": "replication",
    }


@pytest.mark.parametrize(
    ("extra", "mode", "demanded"),
    [
        ({"ssl_mode": "DISABLED"}, "DISABLED", False),
        ({"ssl_mode": "disabled"}, "DISABLED", False),
        ({"ssl_mode": "PREFERRED"}, "PREFERRED", True),
        ({"ssl_mode": "VERIFY_IDENTITY"}, "VERIFY_IDENTITY", True),
        ({"ssl": {"ca": "/ca.pem"}}, "REQUIRED", True),
        ({"sslmode": "disable"}, "REQUIRED", True),
    ],
)
def test_tls_of_a_mysql_source(extra: dict[str, Any], mode: str, demanded: bool) -> None:
    """Only ssl_mode=DISABLED switches it off; the service knows DISABLED and REQUIRED only."""
    source = MigrationSource.from_connection(connection(conn_type="mysql", schema="shop", extra=json.dumps(extra)))
    assert (source.sslmode, source.ssl) == (mode, demanded)
    assert source.uri().endswith(f"/shop?ssl-mode={'REQUIRED' if demanded else 'DISABLED'}")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"host": "H.example"}, {"host": "h.EXAMPLE"}, True),
        ({"port": None}, {"port": 5432}, True),
        ({"port": 5432}, {"port": 5433}, False),
        ({"schema": "a"}, {"schema": "b"}, True),
        ({"host": "::1"}, {"host": "::2"}, False),
    ],
)
def test_one_source_is_told_from_another(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    """Sources are the same if they are the same server, whatever database the connection opens first."""
    addresses = {MigrationSource.from_connection(connection(**fields)).address for fields in (one, other)}
    assert (len(addresses) == 1) is same


def test_a_source_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is not in repr, and is given to Airflow's masker in all its spellings."""
    masked: set[str] = set()
    monkeypatch.setattr(sources.credentials, "mask_secret", masked.add)
    source = MigrationSource.from_connection(connection())
    assert PASSWORD not in repr(source)
    assert {PASSWORD, "p%40ss%2Fw%3A%C3%B6r%20d%25", "p%40ss/w%3A%C3%B6r%20d%25", "p%40ss%2Fw%3A%C3%B6r+d%25"} <= masked
    assert source.uri() in masked
