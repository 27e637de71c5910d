"""Services of type ``mysql``: real MariaDB servers."""

from __future__ import annotations

import secrets
import ssl
import sys
from contextlib import closing
from typing import Any

import pymysql
import pytest

from airflow_dbaas.emulator.certificates import Authority
from tests.integration.emulator.conftest import Api, eventually


@pytest.fixture(scope="module")
def service(api: Api) -> str:
    """A service that runs."""
    return api.record("mysql")


def password(api: Api, service: str, username: str = "avnadmin") -> str:
    revealed: str = api.ok("GET", f"/dbaas-mysql/{service}/user/{username}/password/reveal")["password"]
    return revealed


def connect(api: Api, service: str, username: str = "avnadmin", **changes: Any) -> pymysql.Connection[Any]:
    """A connection whose server has proved that it is the one that was asked for."""
    authority = api.ok("GET", "/dbaas-ca-certificate")["certificate"]
    params = api.ok("GET", f"/dbaas-mysql/{service}")["uri-params"]
    options: dict[str, Any] = {
        "host": params["host"],
        "port": int(params["port"]),
        "user": username,
        "database": params["dbname"],
        "ssl": ssl.create_default_context(cadata=authority),
        "autocommit": True,
    }
    if "password" not in changes:
        options["password"] = password(api, service, username)
    return pymysql.connect(**(options | changes))


def rows(connection: pymysql.Connection[Any], statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def databases(api: Api, service: str) -> list[str]:
    shown: list[str] = api.ok("GET", f"/dbaas-mysql/{service}")["databases"]
    return shown


def test_a_service_lives_from_its_creation_to_its_deletion(api):
    """Its server is reached at the address that is shown, as the user who is, and is gone in the end."""
    name = f"my-{secrets.token_hex(4)}"
    path, settings = f"/dbaas-mysql/{name}", {"connect_timeout": 3}
    plan = {"plan": "hobbyist-2", "mysql-settings": settings, "backup-schedule": {"backup-hour": None}}
    operation = api.ok("POST", path, plan | {"admin-username": "boss", "admin-password": "Admin_Passw0rd"})
    assert operation["reference"]["link"] == f"/v2{path}"
    assert "not running (state: rebuilding)" in api.refused(409, "POST", f"{path}/user", {"username": "u"})
    first = api.ok("GET", path)
    assert (first["state"], first["databases"], first["users"]) == ("rebuilding", [], [])
    assert first.keys().isdisjoint({"uri", "uri-params", "connection-info", "components"})
    shown = eventually(lambda: api.ok("GET", path), lambda found: found["state"] == "running")
    port = shown["uri-params"]["port"]
    assert shown["uri"] == f"mysql://boss@127.0.0.1:{port}/defaultdb?ssl-mode=REQUIRED"
    assert shown["connection-info"] == {"uri": [shown["uri"]], "params": [shown["uri-params"]], "standby": []}
    assert [(each["component"], each["port"]) for each in shown["components"]] == [("mysql", int(port))]
    assert (shown["databases"], shown["mysql-settings"], shown["backup-schedule"]) == (["defaultdb"], settings, {})
    assert [(each["username"], each["type"]) for each in shown["users"]] == [("boss", "primary")]
    with connect(api, name, "boss", password="Admin_Passw0rd") as connection:
        assert rows(connection, "SELECT version(), database()")[0][1] == "defaultdb"
        assert rows(connection, "SELECT version()")[0][0].startswith(shown["version"])
    kind = api.ok("GET", "/dbaas-service-type/mysql")
    assert shown["version"].startswith(f"{kind['default-version']}.")
    api.done("PUT", path, {"plan": "startup-8", "version": kind["default-version"]})
    assert "changing the version" in api.refused(400, "PUT", path, {"version": "9"})
    assert "unknown plan 'x'" in api.refused(400, "PUT", path, {"plan": "x"})
    assert api.ok("GET", path)["plan"] == "startup-8"
    api.done("DELETE", path)
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        pymysql.connect(host="127.0.0.1", port=int(port), user="boss", password="Admin_Passw0rd")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"plan": "gigantic-1"}, "unknown plan 'gigantic-1'"),
        ({"version": "0.1"}, "version: MySQL 0.1 is not available in this emulator, available are "),
        ({"fork-from-service": "y"}, "fork-from-service: not supported by the emulator"),
        ({"admin-username": "root"}, "admin-username: 'root' is one of the server's own users"),
        ({"admin-username": "mariadb.sys"}, "admin-username: 'mariadb.sys' is one of the server's own users"),
    ],
)
def test_a_bad_service_is_refused_in_words(api, service, body, said):
    """And is not there then."""
    assert said in api.refused(400, "POST", "/dbaas-mysql/bad", {"plan": "startup-4"} | body)
    api.refused(404, "GET", "/dbaas-mysql/bad")


def test_nobody_gets_in_without_tls_or_without_a_password(api, service):
    """Clients can verify the server by any name of this machine, and are turned away if they do not use TLS."""
    with connect(api, service, host="localhost") as connection:
        assert rows(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[0][1].startswith("TLS_")
        accounts = rows(connection, "SELECT User, Host FROM mysql.user WHERE User <> 'avnadmin' AND Host = 'localhost'")
        # Locked by the server; it owns some views.
        assert accounts == [("mariadb.sys", "localhost")]
    # The same login as above; the server does not say that it is for the missing TLS.
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        connect(api, service, ssl=None, ssl_disabled=True)
    stranger = ssl.create_default_context(cadata=Authority().pem)
    with pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        connect(api, service, ssl=stranger)
    for username in ("root", "avnadmin", "mariadb.sys", "", "nobody"):
        with pytest.raises(pymysql.err.OperationalError, match=r"Access denied|account is locked"):
            connect(api, service, username, password="")


def test_the_admin_user_may_do_what_a_managed_service_allows(api, service):
    """Make users and databases, but neither touch the machine nor the server."""
    with connect(api, service) as connection:
        rows(connection, "CREATE DATABASE made")
        rows(connection, "CREATE USER made IDENTIFIED BY 'Made_Passw0rd'")
        rows(connection, "GRANT SELECT ON made.* TO made")
        for statement in ("SHUTDOWN", "SET GLOBAL max_connections = 5", "SELECT 1 INTO OUTFILE '/tmp/x'"):
            with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
                rows(connection, statement)
    assert "made" in databases(api, service)
    assert "made" in [each["username"] for each in api.ok("GET", f"/dbaas-mysql/{service}")["users"]]
    # Whoever made it knows its password; nobody else does.
    api.refused(404, "GET", f"/dbaas-mysql/{service}/user/made/password/reveal")
    api.done("DELETE", f"/dbaas-mysql/{service}/user/made")
    api.done("DELETE", f"/dbaas-mysql/{service}/database/made")


def test_events_run(api, service):
    """The scheduler is on, as it is in MySQL 8."""
    with connect(api, service) as connection:
        assert rows(connection, "SELECT @@GLOBAL.event_scheduler") == [("ON",)]


def test_a_user_logs_in_until_it_is_removed(api, service):
    """With the latest password only, and may use all databases."""
    path = f"/dbaas-mysql/{service}"
    api.done("POST", f"{path}/user", {"username": "app"})
    first = password(api, service, "app")
    with connect(api, service, "app") as connection:
        rows(connection, "CREATE TABLE t (id INT PRIMARY KEY, word TEXT)")
        rows(connection, "INSERT INTO t VALUES (1, 'größer 🐘')")
        assert rows(connection, "SELECT word FROM t") == [("größer 🐘",)]
    api.done("PUT", f"{path}/user/app/password/reset", {"password": "Chosen_Passw0rd"})
    assert password(api, service, "app") == "Chosen_Passw0rd"
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        connect(api, service, "app", password=first)
    with connect(api, service, "app") as connection:
        assert rows(connection, "SELECT CURRENT_USER()") == [("app@%",)]
    api.done("PUT", f"{path}/user/avnadmin/password/reset", {})
    with connect(api, service) as connection:
        assert rows(connection, "SELECT id FROM t") == [(1,)]
    api.done("DELETE", f"{path}/user/app")
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        connect(api, service, "app", password="Chosen_Passw0rd")
    assert "is the admin user" in api.refused(400, "DELETE", f"{path}/user/avnadmin")


def test_the_servers_own_users_and_databases_are_out_of_reach(api, service):
    """They are neither shown nor made again nor removed."""
    path = f"/dbaas-mysql/{service}"
    assert databases(api, service) == ["defaultdb"]
    assert api.refused(409, "POST", f"{path}/user", {"username": "root"}) == "User root is the server's own"
    for method, rest in (("DELETE", "user/root"), ("PUT", "user/mariadb.sys/password/reset")):
        assert "does not exist" in api.refused(404, method, f"{path}/{rest}", {} if method == "PUT" else None)
    assert "already exists" in api.refused(409, "POST", f"{path}/database", {"database-name": "mysql"})
    assert "the server's own" in api.refused(400, "DELETE", f"{path}/database/sys")
    assert "is the default" in api.refused(400, "DELETE", f"{path}/database/defaultdb")


def test_a_database_is_removed_whoever_is_connected_to_it(api, service):
    """Connections that are in it end; one in another database that works in it is waited for, but not for long."""
    path = f"/dbaas-mysql/{service}"
    for name in ("gone", "busy"):
        api.done("POST", f"{path}/database", {"database-name": name})
    with closing(connect(api, service, database="gone", autocommit=False)) as connection:
        rows(connection, "CREATE TABLE t (id INT)")
        rows(connection, "SELECT * FROM t")
        api.done("DELETE", f"{path}/database/gone")
        with pytest.raises(pymysql.err.OperationalError):
            rows(connection, "SELECT 1")
    with connect(api, service, autocommit=False) as connection:
        rows(connection, "CREATE TABLE busy.t (id INT)")
        rows(connection, "SELECT * FROM busy.t")
        assert "Lock wait timeout exceeded" in api.refused(409, "DELETE", f"{path}/database/busy")
    api.done("DELETE", f"{path}/database/busy")
    assert databases(api, service) == ["defaultdb"]


def test_the_log_is_the_servers_own(api, service):
    """In UTC, under the unit of a MariaDB."""
    with pytest.raises(pymysql.err.OperationalError):
        connect(api, service, "stranger", password="wrong horse")
    entries = api.ok("POST", f"/dbaas-service-logs/{service}", {"limit": 500, "sort-order": "asc"})["logs"]
    assert {(entry["unit"], entry["node"]) for entry in entries} == {("mariadb.service", f"{service}-1")}
    assert any("ready for connections" in entry["message"] for entry in entries)
    assert any("Access denied for user 'stranger'" in entry["message"] for entry in entries)
    own = password(api, service)
    assert not any(secret in str(entries) for secret in ("wrong horse", own))
    times = [entry["time"] for entry in entries]
    assert times == sorted(times)
    assert times[0] > api.ok("GET", f"/dbaas-mysql/{service}")["created-at"][:19]


@pytest.mark.skipif(sys.platform != "linux", reason="measured by way of /proc")
def test_the_server_is_measured(api, service):
    """What it uses of memory and disk, as of any server."""
    metrics = eventually(
        lambda: api.ok("POST", f"/dbaas-service-metrics/{service}", {"period": "hour"})["metrics"],
        lambda found: "cpu_usage" in found,
    )
    used = {name: shown["data"]["rows"][-1][1] for name, shown in metrics.items()}
    assert 0 < used["mem_usage"] < 100
    assert used["disk_usage"] > 0
