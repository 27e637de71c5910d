"""A client of the emulator that shares no code with the project's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import psycopg
import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from demo.pace import Patience
from tests.conftest import RunningEmulator, mariadb


class Api:
    """Signs and sends requests; remembers how long the slowest answer took."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self._client = httpx.Client(timeout=30)
        self.slowest = 0.0

    def close(self) -> None:
        self._client.close()

    def request(self, method: str, path: str, body: Any = None, **changes: Any) -> httpx.Response:
        """Send a request; ``changes`` override what is signed with and when the signature expires."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        parts = urlsplit(self.emulator.url)
        target = f"{parts.path}{path}"
        expires = str(int(changes.get("expires", time.time() + 600)))
        secret = changes.get("secret", self.emulator.secret)
        signed = b"\n".join([f"{method} {target}".encode(), content, b"", b"", expires.encode()])
        value = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
        key = changes.get("key", self.emulator.key)
        header = f"EXO2-HMAC-SHA256 credential={key},expires={expires},signature={value}"
        headers = {} if changes.get("unsigned") else {"Authorization": header}
        begun = time.monotonic()
        response = self._client.request(
            method, f"{parts.scheme}://{parts.netloc}{target}", content=content, headers=headers
        )
        self.slowest = max(self.slowest, time.monotonic() - begun)
        return response

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request that has to succeed."""
        response = self.request(method, path, body)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, status: int, method: str, path: str, body: Any = None) -> str:
        """The message of a request that has to be refused."""
        response = self.request(method, path, body)
        assert response.status_code == status, response.text
        assert list(response.json()) == ["message"]
        return response.json()["message"]

    def finish(self, operation: dict[str, Any]) -> dict[str, Any]:
        """The operation once it is no longer pending."""
        return eventually(
            lambda: self.ok("GET", f"/operation/{operation['id']}"), lambda found: found["state"] != "pending"
        )

    def service(self, name: str | None = None, **body: Any) -> str:
        """Name of a new service that runs."""
        name = name or f"s-{secrets.token_hex(4)}"
        self.finish(self.ok("POST", f"/dbaas-postgres/{name}", {"plan": "hobbyist-2"} | body))
        eventually(lambda: self.ok("GET", f"/dbaas-postgres/{name}"), lambda found: found["state"] == "running")
        return name

    def record(self, type_name: str, name: str | None = None, **body: Any) -> str:
        """Name of a new service of a type other than ``pg``, once it runs."""
        if type_name == "mysql":
            mariadb()
        name = name or f"{type_name}-{secrets.token_hex(4)}"
        path = f"/dbaas-{type_name}/{name}"
        self.finish(self.ok("POST", path, {"plan": "startup-4"} | body))
        eventually(lambda: self.ok("GET", path), lambda found: found["state"] == "running")
        return name

    def done(self, method: str, path: str, body: Any = None) -> str:
        """Id that the reference of a request's operation names, once the operation has succeeded."""
        operation = self.finish(self.ok(method, path, body))
        assert operation["state"] == "success"
        reference: str = operation["reference"]["id"]
        return reference

    def check(self, service: str, **body: Any) -> dict[str, Any]:
        """The finished migration check."""
        operation = self.ok("POST", f"/dbaas-task-migration-check/{service}", body)
        path = f"/dbaas-task/{service}/{operation['reference']['id']}"
        assert operation["reference"]["link"] == f"/v2{path}"
        task = self.ok("GET", path)
        if "success" not in task:
            assert task["result"] == ""
        return eventually(lambda: self.ok("GET", path), lambda found: "success" in found)

    def migrate(self, service: str, **migration: Any) -> dict[str, Any]:
        """Start a migration and return its status once nothing runs any more."""
        self.ok("PUT", f"/dbaas-postgres/{service}", {"migration": migration})
        return self.migrated(service)

    def migrated(self, service: str) -> dict[str, Any]:
        """The migration's status once nothing runs any more."""
        return eventually(
            lambda: self.ok("GET", f"/dbaas-migration-status/{service}"),
            lambda found: found["status"] != "running",
        )

    def stop(self, service: str) -> dict[str, Any]:
        """The finished operation of stopping the migration."""
        return self.finish(self.ok("POST", f"/dbaas-postgres/{service}/migration/stop"))

    def connect(self, service: str, dbname: str) -> psycopg.Connection:
        """A connection to a service's database as its admin user."""
        params = self.ok("GET", f"/dbaas-postgres/{service}")["uri-params"]
        revealed = self.ok("GET", f"/dbaas-postgres/{service}/user/{params['user']}/password/reveal")
        return psycopg.connect(
            host=params["host"],
            port=params["port"],
            user=params["user"],
            password=revealed["password"],
            dbname=dbname,
            autocommit=True,
        )


def eventually(fetch: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 60) -> Any:
    """What ``fetch`` returns once it is ``good``."""
    patience = Patience(seconds)
    while not good(found := fetch()):
        assert not patience.over, f"still {found}"
        time.sleep(0.1)
    return found


def server_process(api: Api, service: str) -> tuple[int, Path]:
    """Process id of a service's server, and the folder with its data."""
    port = api.ok("GET", f"/dbaas-postgres/{service}")["uri-params"]["port"]
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0].endswith("/bin/postgres") and words[-3:-1] == ["-p", port]:
            return int(entry.parent.name), Path(words[words.index("-D") + 1])
    raise AssertionError(f"the server of {service} does not run")


def source_of(server: PostgresServer, **options: Any) -> dict[str, Any]:
    """The server as the ``migration`` of a request."""
    password = psycopg.conninfo.conninfo_to_dict(server.conninfo())["password"]
    return {
        "host": server.host,
        "port": server.port,
        "username": server.superuser,
        "password": password,
    } | options


def uri_of(server: PostgresServer, scheme: str = "postgresql", **changes: Any) -> str:
    """The server as the URI of a migration check."""
    parts = source_of(server) | changes
    user, password = quote(parts["username"], safe=""), quote(parts["password"], safe="")
    return f"{scheme}://{user}:{password}@{parts['host']}:{parts['port']}/postgres"


def execute(server: PostgresServer, dbname: str, *statements: str) -> None:
    """Run statements as the server's superuser."""
    with closing(psycopg.connect(server.conninfo(dbname), autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement)


def query(server: PostgresServer, dbname: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a query, run as the server's superuser."""
    with closing(psycopg.connect(server.conninfo(dbname), autocommit=True)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="session")
def api(emulator: RunningEmulator) -> Iterator[Api]:
    """A client of the session's emulator."""
    client = Api(emulator)
    yield client
    client.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may pass through, for servers' data."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as made:
        Path(made).chmod(0o777)
        yield Path(made)
