"""Both ends of a MySQL migration: statements at the source, and what a migration made of it in the target."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from urllib.parse import quote

import pymysql

from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint
from airflow_dbaas.emulator.mysql.server import MysqlServer
from tests.integration.emulator.conftest import Api, eventually

SCHEME = "mysql"


def login(server: MysqlServer) -> dict[str, Any]:
    """The server as the ``migration`` of a request."""
    given = server.login()
    return {
        "host": given["host"],
        "port": given["port"],
        "username": given["user"],
        "password": given["password"].decode(),
    }


def endpoint(server: MysqlServer) -> MysqlEndpoint:
    """The server as the emulator sees it."""
    return MysqlEndpoint.from_settings(login(server))


def uri_of(server: MysqlServer, query: str = "", **changes: Any) -> str:
    """The server as the URI of a migration check."""
    parts = login(server) | changes
    user, password = quote(parts["username"], safe=""), quote(parts["password"], safe="")
    return f"{SCHEME}://{user}:{password}@{parts['host']}:{parts['port']}/{query}"


def run(server: MysqlServer, *statements: str, dbname: str | None = None) -> None:
    """Run statements over one connection as the server's superuser."""
    with closing(pymysql.connect(**server.login(dbname))) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows(server: MysqlServer, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a query, run as the server's superuser."""
    with closing(pymysql.connect(**server.login())) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


class Target:
    """A service that is migrated into."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.name = api.record("mysql")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a query, run as the service's admin user."""
        params = self.api.ok("GET", f"/dbaas-mysql/{self.name}")["uri-params"]
        revealed = self.api.ok("GET", f"/dbaas-mysql/{self.name}/user/{params['user']}/password/reveal")
        context = MysqlEndpoint(params["host"], int(params["port"]), params["user"], revealed["password"], tls=True)
        with closing(context.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def databases(self) -> list[str]:
        """Databases that the service shows."""
        found: list[str] = self.api.ok("GET", f"/dbaas-mysql/{self.name}")["databases"]
        return found

    def start(self, source: MysqlServer, **options: Any) -> None:
        """Start a migration."""
        self.api.ok("PUT", f"/dbaas-mysql/{self.name}", {"migration": login(source) | options})

    def status(self) -> dict[str, Any]:
        """The migration's status."""
        found: dict[str, Any] = self.api.ok("GET", f"/dbaas-migration-status/{self.name}")
        return found

    def until(self, status: str) -> dict[str, Any]:
        """The migration's status once it is ``status``."""
        found: dict[str, Any] = eventually(self.status, lambda found: found["status"] == status)
        return found

    def migrate(self, source: MysqlServer, **options: Any) -> dict[str, Any]:
        """Start a migration and return its status once nothing runs any more."""
        self.start(source, **options)
        return self.api.migrated(self.name)

    def stop(self) -> dict[str, Any]:
        """The finished operation of stopping the migration."""
        return self.api.finish(self.api.ok("POST", f"/dbaas-mysql/{self.name}/migration/stop"))

    def assert_no_replica(self) -> None:
        """The service's server follows nobody, nor does it filter what others send."""
        assert self.rows("SHOW GLOBAL VARIABLES LIKE 'replicate_%do_%'") == [
            ("replicate_do_db", ""),
            ("replicate_do_table", ""),
            ("replicate_wild_do_table", ""),
        ]
        assert self.rows("SHOW GLOBAL STATUS LIKE 'Slave_running'") == [("Slave_running", "OFF")]

    def delete(self) -> None:
        """Delete the service."""
        assert self.api.finish(self.api.ok("DELETE", f"/dbaas-service/{self.name}"))["state"] == "success"
