"""One server is told from another, whatever the addresses: by a lock. With real servers, and a replica."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
import pymysql
import pytest

from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.verification import mysql, postgres
from tests.integration import test_verification as pg
from tests.integration import test_verification_mysql as my


@contextmanager
def forwarded(port: int) -> Iterator[int]:
    """Another port of this machine that leads to the same server, as a tunnel does."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as open_ones:

        def pump(source: socket.socket, goal: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    goal.sendall(data)
            with suppress(OSError):
                goal.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = open_ones.enter_context(listener.accept()[0])
                    server = open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
                    for ends in ((client, server), (server, client)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_postgres(postgres_servers: Callable[..., PostgresServer]) -> None:
    """The same server by another port, and by another database, is the same; one just like it is not."""
    # Cloned servers: what is made by one initdb has one system identifier. These are of one version and one start.
    one, other = postgres_servers(17), postgres_servers(17)
    with forwarded(one.port) as port:
        assert postgres.same_server(pg.End(one, port=port), pg.End(one, dbname="template1"))
        assert not postgres.same_server(pg.End(one, port=port), pg.End(other))
    assert not postgres.same_server(pg.End(other), pg.End(one))
    with psycopg.connect(one.conninfo()) as connection:
        # Nothing is left behind.
        assert connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'").fetchall() == []


def test_a_login_without_privileges(postgres_servers: Callable[..., PostgresServer]) -> None:
    """It need not be an administrator's."""
    server = postgres_servers(17)
    pg.change(server, "postgres", "CREATE ROLE plain LOGIN PASSWORD 'pw'")
    end = pg.End(server, user="plain", password="pw")
    assert postgres.same_server(end, pg.End(server))
    assert postgres.same_server(pg.End(server), end)


def test_mysql(mysql_servers: Callable[..., MysqlServer]) -> None:
    """The same server by another port is the same; one just like it, and its own replica, is not."""
    settings = {"log-bin": "binlog", "gtid-strict-mode": "1"}
    one = mysql_servers({**settings, "server-id": "71"})
    replica = mysql_servers({**settings, "server-id": "72"})
    with forwarded(one.port) as port:
        assert mysql.same_server(my.End(one, port=port), my.End(one))
    assert not mysql.same_server(my.End(one), my.End(replica))
    login = one.login()
    replicate: tuple[Any, ...] = (login["host"], login["port"], login["user"], login["password"].decode())
    with pymysql.connect(**replica.login()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CHANGE MASTER TO MASTER_HOST=%s, MASTER_PORT=%s, MASTER_USER=%s, MASTER_PASSWORD=%s, "
            "MASTER_USE_GTID=slave_pos",
            replicate,
        )
        cursor.execute("START SLAVE")
        try:
            assert not mysql.same_server(my.End(one), my.End(replica))
            assert not mysql.same_server(my.End(replica), my.End(one))
        finally:
            cursor.execute("STOP SLAVE")


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_either_driver(
    postgres_servers: Callable[..., PostgresServer], driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both drivers pass the lock's number as it is."""
    import importlib

    from airflow_dbaas.verification.postgres import sessions

    monkeypatch.setattr(sessions, "_driver", lambda: importlib.import_module(driver))
    server, other = postgres_servers(17), postgres_servers(17)
    assert postgres.same_server(pg.End(server), pg.End(server))
    assert not postgres.same_server(pg.End(server), pg.End(other))
