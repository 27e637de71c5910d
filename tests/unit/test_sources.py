"""An Airflow connection becomes a migration source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas._compat import Connection
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.migration import source
from airflow_dbaas.migration.source import MigrationSource

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
        "password": Secret(PASSWORD),
        "dbname": "shop",
        "ssl": True,
        "method": "dump",
        "ignore_dbs": "a,b",
    }
    assert source.uri().reveal() == (
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
    assert off.uri().reveal().endswith("?sslmode=disable")
    assert MigrationSource.from_connection(connection(extra=json.dumps({"sslmode": "verify-full"}))).ssl


def test_a_mysql_source() -> None:
    """Port 3306 and TLS by default, no database if none is named; the service's own spelling of the option for TLS."""
    source = MigrationSource.from_connection(connection(conn_type="mysql", port=None, schema=None))
    assert source.engine.service_type == "mysql"
    assert source.uri().reveal() == (
        "mysql://admin%40corp:p%40ss%2Fw%3A%C3%B6r%20d%25@old.example.com:3306/?ssl-mode=REQUIRED"
    )
    assert source.settings(method="replication", ignore_dbs=None) == {
        "host": "Old.Example.com",
        "port": 3306,
        "username": "admin@corp",
        "password": Secret(PASSWORD),
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
        ({"ssl": {"ca": "/ca.pem"}}, "VERIFY_CA", True),
        ({"ssl": {"cert": "/c.pem", "key": "/k.pem"}}, "REQUIRED", True),
        ({"ssl": '{"ca": "/ca.pem"}', "ssl_mode": "VERIFY_IDENTITY"}, "VERIFY_IDENTITY", True),
        ({"ssl": {}}, "REQUIRED", True),
    ],
)
def test_tls_of_a_mysql_source(extra: dict[str, Any], mode: str, demanded: bool) -> None:
    """Only ssl_mode=DISABLED switches it off; the service knows DISABLED and REQUIRED only."""
    source = MigrationSource.from_connection(connection(conn_type="mysql", schema="shop", extra=json.dumps(extra)))
    assert (source.sslmode, source.ssl) == (mode, demanded)
    assert source.uri().reveal().endswith(f"/shop?ssl-mode={'REQUIRED' if demanded else 'DISABLED'}")


@pytest.mark.parametrize(
    ("conn_type", "extra", "files"),
    [
        (
            "mysql",
            {"ssl": {"ca": "/ca", "cert": "/c", "key": "/k"}},
            {"sslrootcert": "/ca", "sslcert": "/c", "sslkey": "/k"},
        ),
        ("postgres", {"sslmode": "verify-full", "sslrootcert": "/ca"}, {"sslrootcert": "/ca"}),
        ("postgres", {"sslcert": "/c", "sslkey": "/k"}, {"sslcert": "/c", "sslkey": "/k"}),
    ],
)
def test_files_for_tls_are_used_on_the_worker(conn_type: str, extra: dict[str, Any], files: dict[str, str]) -> None:
    """As Airflow's own hooks take them."""
    source = MigrationSource.from_connection(connection(conn_type=conn_type, extra=json.dumps(extra)))
    assert source.parameters().items() >= files.items()


@pytest.mark.parametrize(
    ("conn_type", "extra", "text"),
    [
        (
            "mysql",
            {"sslmode": "disable"},
            "'sslmode' in its extra is not read for MySQL; .* by \"ssl_mode\": one of DISABLED",
        ),
        ("mysql", {"ssl-mode": "DISABLED"}, "'ssl-mode' in its extra is not read"),
        ("mysql", {"ssl_disabled": True}, "'ssl_disabled' in its extra is not read"),
        ("mysql", {"ssl": False}, 'ssl in its extra must be an object with ca, cert, key.*"ssl_mode": one of DISABLED'),
        ("mysql", {"ssl": "{"}, "ssl in its extra must be an object"),
        ("mysql", {"ssl": {"capath": "/x"}}, "ssl in its extra has 'capath'; known: ca, cert, key"),
        ("mysql", {"ssl_mode": "require"}, "ssl_mode in its extra must be one of DISABLED, PREFERRED, REQUIRED"),
        (
            "postgres",
            {"ssl_mode": "disable"},
            "'ssl_mode' in its extra is not read for PostgreSQL; .* by \"sslmode\": one of",
        ),
        ("postgres", {"ssl": True}, "'ssl' in its extra is not read"),
        ("postgres", {"sslMode": "disable"}, "'sslMode' in its extra is not read"),
    ],
)
def test_an_extra_on_tls_that_is_not_read_is_refused(conn_type: str, extra: dict[str, Any], text: str) -> None:
    """Instead of demanding TLS, or not verifying it, although the connection says otherwise."""
    with pytest.raises(DbaasConfigurationError, match=f"connection 'legacy': {text}"):
        MigrationSource.from_connection(connection(conn_type=conn_type, extra=json.dumps(extra)))


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
    monkeypatch.setattr(source.credentials, "mask_secret", masked.add)
    found = MigrationSource.from_connection(connection())
    assert PASSWORD not in repr(found)
    assert {PASSWORD, "p%40ss%2Fw%3A%C3%B6r%20d%25", "p%40ss/w%3A%C3%B6r%20d%25", "p%40ss%2Fw%3A%C3%B6r+d%25"} <= masked
    assert found.uri().reveal() in masked
