"""The canaries: a secret of its own for every place that takes one, and the Airflow connections that hold them."""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from typing import Any

import psycopg
import pymysql
from psycopg import sql

from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from demo.emulator import Emulator
from tests.integration.airflow.conftest import fill
from tests.integration.hunt import AWKWARD, SHORT

#: By place. Some take only some characters, or none but many; the others are awkward or very short.
CANARIES = {
    "source, long": AWKWARD + "src",
    "source, short": SHORT,
    "source, in extra": AWKWARD + "extra",
    "wrong source, long": AWKWARD + "bad",
    "wrong source, short": "'%\"",
    "wrong API secret, long": "C@n/ary\"p&ss%41+'<\\api",
    "wrong API secret, short": '~\\%"',
    "datadog": f"DatadogCanary{secrets.token_hex(6)}",
    "elasticsearch": AWKWARD + "els",
    "opensearch": '¥/@"',
    "prometheus": AWKWARD + "pro",
    "rsyslog, key": AWKWARD + "key",
    "rsyslog, logline": "%msg% C@n/ary \"p&ss%41+ '<\\line",
    "rsyslog, sd": '^&\\"',
    "administrator": f"Admin-Canary_{secrets.token_hex(6)}",
}

#: No secret at all, but as hard to find as one.
PLANTED = AWKWARD + "planted"

#: The secret of the API key that is right.
API_SECRET = "C@n/ary\"p&ss%41+'<\\secret"


def postgres_source(server: PostgresServer) -> dict[str, Any]:
    """Give a server a small database and two accounts that may read it; the connection of neither."""
    fill(server, "canary", rows=20)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for length in ("long", "short"):
            account, password = sql.Identifier(length), sql.Literal(CANARIES[f"source, {length}"])
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(account, password))
    extra = {"sslmode": "disable", "replica_password": CANARIES["source, in extra"]}
    return {"conn_type": "postgres", "host": server.host, "port": server.port, "schema": "canary", "extra": extra}


def mysql_source(server: MysqlServer) -> dict[str, Any]:
    """The same for MySQL."""
    with closing(pymysql.connect(**server.login())) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE canary")
        cursor.execute("CREATE TABLE canary.item (id int PRIMARY KEY)")
        cursor.executemany("INSERT INTO canary.item VALUES (%s)", [(number,) for number in range(20)])
        for length in ("long", "short"):
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (length, CANARIES[f"source, {length}"]))
            cursor.execute("GRANT ALL ON *.* TO %s@'%%'", (length,))
    extra = {"ssl_mode": "DISABLED", "replica_password": CANARIES["source, in extra"]}
    return {"conn_type": "mysql", "host": server.host, "port": server.port, "extra": extra}


def connections(emulator: Emulator, sources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All connections, by id, as Airflow's REST API takes them.

    :param emulator: where the API is.
    :param sources: the connections of the sources by engine, ``pg`` or ``mysql``, without login and password.
    """
    search = {"conn_type": "http", "host": "logs.example.com", "port": 9200, "login": "writer"}
    siem = {f"secret_{part}": CANARIES[f"rsyslog, {part}"] for part in ("key", "logline", "sd")}
    api = {"conn_type": "exoscale", "login": emulator.key, "host": emulator.url, "extra": {"zone": "ch-gva-2"}}
    found: dict[str, dict[str, Any]] = {
        "admin": {"conn_type": "generic", "password": CANARIES["administrator"]},
        "datadog": {"conn_type": "generic", "password": CANARIES["datadog"]},
        "elasticsearch": {**search, "password": CANARIES["elasticsearch"]},
        "opensearch": {**search, "password": CANARIES["opensearch"]},
        "prometheus": {"conn_type": "generic", "login": "scraper", "password": CANARIES["prometheus"]},
        "rsyslog": {"conn_type": "generic", "host": "siem.example.com", "port": 6514, "extra": siem},
    }
    for length in ("long", "short"):
        found[f"api_{length}"] = {**api, "password": CANARIES[f"wrong API secret, {length}"]}
        for engine, server in sources.items():
            account = {**server, "login": length}
            found[f"{engine}_{length}"] = {**account, "password": CANARIES[f"source, {length}"]}
            found[f"{engine}_wrong_{length}"] = {**account, "password": CANARIES[f"wrong source, {length}"]}
    return {
        f"canary_{name}": {**fields, "extra": json.dumps(fields.get("extra", {}), ensure_ascii=False)}
        for name, fields in found.items()
    }
