"""Who gets in: to the emulator, to its servers, and to their files."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
from pymysql.constants import ER

from airflow_dbaas.emulator.postgres import installed
from airflow_dbaas.emulator.servers.account import unprivileged
from tests.conftest import mariadb
from tests.integration.emulator.conftest import Api, server_process
from tests.integration.emulator.own_emulator import close, ordinary, start
from tests.integration.emulator.test_certificate import login
from tests.integration.emulator.test_mysql_service import connect, rows


def listening(port: int) -> set[str]:
    """Addresses, in the kernel's spelling, that somebody listens at with this port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            address, _, hexadecimal = local.partition(":")
            if state == "0A" and int(hexadecimal, 16) == port:
                found.add(address)
    return found


LOOPBACK = {"0100007F"}


def test_the_emulator_and_its_servers_listen_at_the_loopback_address_only(api, emulator):
    """Unless somebody says otherwise, no other machine reaches them."""
    assert listening(urlsplit(emulator.url).port) == LOOPBACK
    params = api.ok("GET", f"/dbaas-postgres/{api.service()}")["uri-params"]
    assert listening(int(params["port"])) == LOOPBACK
    mariadb()
    mysql = api.record("mysql")
    assert listening(int(api.ok("GET", f"/dbaas-mysql/{mysql}")["uri-params"]["port"])) == LOOPBACK


@pytest.mark.parametrize(
    ("host", "open_to_all"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True)],
)
def test_it_says_when_other_machines_can_reach_it(host, open_to_all):
    """And what that means; the connection it prints then says that it is not encrypted. Databases stay at home."""
    if ":" in host:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("this machine has no IPv6")
    command = [sys.executable, "-m", "airflow_dbaas.cli", "emulator", "--host", host, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Ctrl-C"):
                    break
        finally:
            process.terminate()
    text = "".join(said)
    assert ("Other machines can reach it" in text) is open_to_all
    assert ("nothing is encrypted" in text) is open_to_all
    assert ('"allow_http": true' in text) is open_to_all


# What a page in a browser could send: no header of its own choice without asking first, which is the method OPTIONS.
PAGES = [
    ("OPTIONS", "/v2/dbaas-service", {"Access-Control-Request-Method": "POST"}),
    ("OPTIONS", "*", {}),
    ("GET", "/v2/dbaas-service", {}),
    ("POST", "/v2/dbaas-valkey/by-a-page", {"Content-Type": "text/plain"}),
    ("DELETE", "/v2/dbaas-service/by-a-page", {}),
    ("GET", "/", {}),
    ("GET", "/favicon.ico", {}),
    ("GET", "/v2/dbaas-service", {"Host": "rebound.example.com"}),
    ("GET", "http://rebound.example.com/v2/dbaas-service", {}),
    ("GET", "/v2/dbaas-service", {"Cookie": "session=1", "Authorization": "Basic YTpi"}),
    ("GET", "/v2/dbaas-service", {"X-HTTP-Method-Override": "DELETE"}),
    ("TRACE", "/v2/dbaas-service", {"Authorization": "x"}),
    ("CONNECT", "rebound.example.com:443", {}),
]


@pytest.mark.parametrize(("method", "target", "headers"), PAGES)
def test_a_web_page_does_nothing_here(api, emulator, method, target, headers):
    """From wherever it is, and whatever name it has for this machine: unsigned is refused, and no page is let read."""
    before = api.ok("GET", "/dbaas-service")
    parts = urlsplit(emulator.url)
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)) as connection:
        body = json.dumps({"plan": "startup-4"}) if method == "POST" else None
        connection.putrequest(method, target, skip_host="Host" in headers)
        for name, value in {
            "Origin": "https://evil.example.com",
            "Content-Length": str(len(body or "")),
            **headers,
        }.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() if body else None)
        response = connection.getresponse()
        assert response.status in {400, 403, 404}
        assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control-")]
        assert b"YTpi" not in response.read()
    assert api.ok("GET", "/dbaas-service") == before


def refused(**parameters: Any) -> bool:
    """Whether PostgreSQL does not let somebody in; nothing of this account's own is used."""
    try:
        psycopg.connect(**{"passfile": "/nonexistent", "connect_timeout": 10, **parameters}).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" in str(error) or "no password supplied" in str(error)
    return False


@pytest.mark.parametrize("major", sorted(installed()))
def test_nobody_gets_into_a_postgresql_without_a_password(api, major):
    """No role, to no database and not to replicate: neither without a password, nor with an empty or a wrong one."""
    service = api.service(version=str(major))
    given = login(api, service)
    with closing(psycopg.connect(**given, autocommit=True)) as connection:
        connection.execute("CREATE ROLE plain LOGIN")
        roles = [name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin")]
        assert len(roles) >= 3
        for role in (*roles, "nobody", ""):
            for more in ({}, {"dbname": "postgres"}, {"dbname": "template1"}, {"replication": "database"}):
                for tried in ({}, {"password": ""}, {"password": "wrong"}, {"password": role}):
                    parameters = {name: given[name] for name in ("host", "port", "sslmode", "dbname")}
                    assert refused(**parameters | {"user": role or " "} | more | tried), (role, more, tried)
    _, data = server_process(api, service)
    lines = [line.split() for line in (data / "pg_hba.conf").read_text().splitlines()]
    kept = [line for line in lines if line and not line[0].startswith("#")]
    assert kept
    assert {line[-1] for line in kept} == {"scram-sha-256"}
    assert {line[3] for line in kept if line[0] != "local"} == {"127.0.0.1/32", "::1/128"}


def test_nobody_gets_into_a_mariadb_without_a_password(api):
    """No account of its table of users, and nobody who is not in it: not without, with an empty or a wrong one."""
    mariadb()
    service = api.record("mysql")
    with closing(connect(api, service)) as connection:
        users = {user for (user,) in rows(connection, "SELECT User FROM mysql.user")}
        assert {"avnadmin", "root"} <= users
        for user in (*users, "", "mysql", "debian-sys-maint", "PUBLIC"):
            for tried in ("", "wrong", user):
                with pytest.raises(pymysql.err.OperationalError) as caught:
                    connect(api, service, user, password=tried)
                # Access denied, or an account that is locked.
                assert caught.value.args[0] in {ER.ACCESS_DENIED_ERROR, 4151}, (user, tried, caught.value)
        with pytest.raises(pymysql.err.OperationalError):
            connect(api, service, "root", password="", ssl=None, ssl_disabled=True)


def openings(folder: Path) -> list[str]:
    """What other accounts get to: files they may read or write, folders they may list or write to."""
    found = []
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if path.is_symlink():
            continue
        if mode & 0o066:
            found.append(f"{path} {mode:o}")
        # A folder that others may not enter hides what is in it.
        if path.is_dir() and mode & 0o011:
            found += openings(path)
    return found


@pytest.mark.parametrize(
    ("umask", "where", "who"),
    [
        (0o000, "folder", "self"),
        (0o022, "link", "self"),
        (0o000, "link", "ordinary user"),
        (0o000, "state", "self"),
    ],
)
def test_other_accounts_get_at_no_file(folder, umask, where, who):
    """Whatever the umask, whoever runs it, and if the folder for the data is a link to one that all may write to."""
    mariadb()
    place = folder / "data"
    real = folder / "real" if where == "link" else place
    real.mkdir()
    real.chmod(0o777)
    if where == "link":
        place.symlink_to(real)
    options = ("--state", str(place / "kept")) if where == "state" else ()
    account = ordinary() if who == "ordinary user" and os.geteuid() == 0 else {}
    emulator = start(place, *options, umask=umask, **account)
    try:
        api = Api(emulator)
        services = {api.service(), api.record("mysql")}
        assert len(services) == 2
        made = [path for path in place.iterdir() if path.name == "kept" or path.name.startswith("airflow-dbaas-")]
        assert [path.stat().st_mode & 0o777 for path in made] == [0o711]
        assert openings(made[0]) == []
        keys = list(made[0].rglob("server.key"))
        assert len(keys) == 2
        account = unprivileged()
        for key in keys:
            assert key.stat().st_mode & 0o777 == 0o600
            assert key.stat().st_uid == (os.geteuid() if account is None else account.uid)
        api.close()
        assert emulator.stop() == 0
    finally:
        close(emulator)
