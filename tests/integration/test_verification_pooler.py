"""A source behind pgbouncer in transaction mode: it can be compared, and applications notice nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.emulator.servers.account import unprivileged
from airflow_dbaas.verification import postgres
from airflow_dbaas.verification.report import texts
from tests.integration.test_verification import SCHEMA, End, change

DATABASES = ("small", "wide", "stated")


def pgbouncer() -> str:
    """The program; without it a test is skipped, or fails where CI is set."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        reason = "pgbouncer is not installed (apt-get install pgbouncer)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def servers(postgres_servers: Callable[..., PostgresServer]) -> tuple[PostgresServer, PostgresServer]:
    """A source and a target that are the same."""
    both = postgres_servers(16), postgres_servers(17)
    for server in both:
        change(server, "postgres", *(f"CREATE DATABASE {name}" for name in DATABASES))
        for name in DATABASES:
            change(server, name, SCHEMA)
    return both


@pytest.fixture(scope="module")
def pooler(servers: Any) -> Iterator[int]:
    """The port of a pooler before the source: one session for database small, three for wide, no transactions for
    stated."""
    program, account = pgbouncer(), unprivileged()
    login = conninfo_to_dict(servers[0].conninfo())
    password = str(login["password"]).replace('"', '""')
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    there = f"host=127.0.0.1 port={login['port']}"
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as name:
        folder = Path(name)
        if account is not None:
            account.open_temporary_folder(folder)
        (folder / "users.txt").write_text(f'"{login["user"]}" "{password}"\n')
        (folder / "pgbouncer.ini").write_text(
            f"""[databases]
                small = {there} pool_size=1
                wide = {there} pool_size=3
                stated = {there} pool_mode=statement
                postgres = {there}
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = {port}
                unix_socket_dir =
                auth_type = scram-sha-256
                auth_file = {folder}/users.txt
                pool_mode = transaction
                query_wait_timeout = 20
            """.replace("                ", "")
        )
        unprivileged_user: dict[str, Any] = {}
        if account is not None:
            unprivileged_user = {"user": account.uid, "group": account.gid, "extra_groups": []}
        process = subprocess.Popen(
            [program, str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL, **unprivileged_user
        )
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.parametrize(("dbname", "parallel"), [("small", 1), ("wide", 2)])
def test_an_application_session_is_unharmed(servers: Any, pooler: int, dbname: str, parallel: int) -> None:
    """It shares the pooler's session with the comparison, and finds its settings as they were."""
    others = {*DATABASES, "postgres"} - {dbname}
    with psycopg.connect(servers[0].conninfo(dbname=dbname), autocommit=True) as direct:
        usual = settings(direct)
    conninfo = make_conninfo(servers[0].conninfo(dbname=dbname), port=pooler)
    with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as application:
        before = settings(application)
        report = postgres.compare(End(servers[0], port=pooler), End(servers[1]), ignore=others, parallel=parallel)
        assert (texts(report.findings), [one["tables"] for one in report.databases]) == ([], [5])
        for _ in range(3):
            assert settings(application) == before == {**usual, "application_name": before["application_name"]}
            application.execute("INSERT INTO parts VALUES (3); DELETE FROM parts WHERE a = 3")
        assert application.execute("SELECT name FROM pg_prepared_statements").fetchall() == []


def settings(connection: Any) -> dict[str, str]:
    """All settings of a session, but for those that tell where it comes from."""
    return dict(connection.execute("SELECT name, setting FROM pg_settings WHERE name <> 'client_encoding'").fetchall())


def test_a_pooler_without_transactions_is_named(servers: Any, pooler: int) -> None:
    """Nothing can be compared there."""
    report = postgres.compare(
        End(servers[0], port=pooler), End(servers[1]), ignore={"small", "wide", "postgres"}, allow_empty=True
    )
    (text,) = texts(report.differences)
    assert "a pooler in between has no transactions" in text
    assert "pooler's transaction mode" in text
