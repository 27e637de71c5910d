"""The servers of services of type ``mysql`` as processes: whose they are, when they end, what they need."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pymysql
import pytest

from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.servers.account import unprivileged
from tests.conftest import mariadb
from tests.integration.emulator.conftest import Api, eventually
from tests.integration.emulator.own_emulator import close, ordinary, processes_of, start
from tests.integration.emulator.test_mysql_service import connect, password, rows

# An emulator on a machine without MariaDB: it finds nothing in PATH, and looks nowhere else.
WITHOUT = """
from airflow_dbaas.emulator.mysql import binaries
binaries.FOLDERS = ()
from airflow_dbaas.cli import main
raise SystemExit(main())
"""


def test_without_mariadb_a_request_is_refused_and_says_what_to_install(folder):
    """The type is there all the same, and everything else works."""
    command = [sys.executable, "-c", WITHOUT]
    emulator = start(folder, command=command, env=os.environ | {"PATH": str(folder)})
    try:
        api = Api(emulator)
        message = api.refused(400, "POST", "/dbaas-mysql/one", {"plan": "startup-4"})
        assert "install Debian's or Ubuntu's package mariadb-server" in message
        assert "available-versions" not in api.ok("GET", "/dbaas-service-type/mysql")
        api.refused(404, "GET", "/dbaas-mysql/one")
        api.record("valkey")
        api.close()
        assert emulator.stop() == 0
    finally:
        close(emulator)


def server_of(folder: Path) -> Path:
    """The server with its data in the folder, as in ``/proc``."""
    [found] = [
        entry.parent
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if str(folder) in (words := entry.read_bytes().decode(errors="replace")) and words.startswith("/usr/sbin/m")
    ]
    return found


def test_no_server_outlives_the_emulator(folder):
    """It runs as nobody special, shows no password to anybody, and ends when the emulator is killed."""
    mariadb()
    emulator = start(folder)
    try:
        api = Api(emulator)
        name = api.record("mysql")
        process = server_of(folder)
        account = unprivileged()
        assert process.stat().st_uid == (os.geteuid() if account is None else account.uid)
        seen = b" ".join(path.read_bytes() for path in (process / "cmdline", process / "environ")).decode()
        assert password(api, name) not in seen
        own = (process / "cwd").resolve().parent
        assert own.stat().st_mode & 0o077 == 0
        assert not list(own.glob("*.sql"))
        api.close()
        emulator.process.kill()
        emulator.process.wait()
        eventually(lambda: processes_of(folder), lambda found: found == [], seconds=20)
    finally:
        close(emulator)


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test shows it: they run as an ordinary user already")
def test_it_works_as_an_ordinary_user(folder):
    """Also where this suite is run by root."""
    emulator = start(folder, **ordinary(HOME=str(folder), PATH="/usr/bin:/bin"))
    try:
        api = Api(emulator)
        with connect(api, api.record("mysql")) as connection:
            assert rows(connection, "SELECT 1") == [(1,)]
        api.close()
        assert emulator.stop() == 0
        assert list(folder.iterdir()) == []
        assert processes_of(folder) == []
    finally:
        close(emulator)


def test_a_server_comes_back_as_it_was(mysql_servers):
    """With its data, at its port, with the same superuser."""
    server: MysqlServer = mysql_servers()
    with pymysql.connect(**server.login()) as connection:
        rows(connection, "CREATE DATABASE kept")
    port = server.port
    server.stop()
    assert (server.running, server.pid) == (False, None)
    server.start()
    assert server.port == port
    with pymysql.connect(**server.login()) as connection:
        assert ("kept",) in rows(connection, "SHOW DATABASES")
        assert rows(connection, "SELECT @@log_bin, @@binlog_format, @@gtid_strict_mode") == [(1, "ROW", 1)]
    assert server.pid is not None


def test_a_server_whose_port_was_taken_goes_to_another(mysql_servers, mysql_source):
    """And one that cannot start says why, in its own words."""
    server: MysqlServer = mysql_servers()
    server.stop()
    server._port = mysql_source.port
    server.start()
    assert server.port != mysql_source.port
    server.stop()
    with (server.directory / "my.cnf").open("a") as options:
        options.write("no-such-option = 1\n")
    with pytest.raises(RuntimeError, match=r"MariaDB did not start: .*unknown variable 'no-such-option=1'"):
        server.start()
