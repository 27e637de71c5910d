"""An emulator that fails now and then, the services that stay, and a way to the truth that never fails."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Self

import httpx
import pytest

from airflow_dbaas import _compat
from airflow_dbaas.api import Client, client
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.api.external_endpoints import ExternalEndpoint, ExternalIntegration
from airflow_dbaas.api.integrations import Integration
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.api.services import Service
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.operators import services
from airflow_dbaas.waiting import poller
from tests.integration.airflow.conftest import fill, password_of
from tests.integration.emulator.failing import Failing
from tests.integration.emulator.mysql_ends import login, run

#: Each of these fires for this share of the requests; together they strike a fifth.
_OFTEN, _SELDOM = 0.0133, 0.004

_STATUSES = [
    {"kind": "status", "status": status, "processed": processed}
    for status in (500, 502, 503, 504)
    for processed in (False, True)
]
RULES: list[dict[str, Any]] = [
    *({**rule, "probability": _OFTEN} for rule in _STATUSES),
    {"kind": "status", "status": 429, "probability": _OFTEN},
    *(
        {"kind": kind, "processed": p, "probability": _OFTEN}
        for kind in ("reset", "html", "empty")
        for p in (False, True)
    ),
    {"kind": "html", "status": 502, "probability": _SELDOM},
    {"kind": "truncated", "probability": _OFTEN},
    {"kind": "wrong-type", "probability": _SELDOM},
    # These take a second or more.
    {"kind": "status", "status": 429, "retry-after": 1, "probability": _SELDOM},
    {"kind": "status", "status": 503, "retry-after": 1, "retry-after-as": "date", "probability": _SELDOM},
    {"kind": "slow-headers", "seconds": 1.5, "probability": _SELDOM},
    {"kind": "slow-body", "seconds": 1.5, "probability": _SELDOM},
    {"kind": "refused", "seconds": 0.3, "probability": _SELDOM},
    # These end a task.
    {"kind": "redirect", "probability": _SELDOM},
    {"kind": "redirect", "processed": True, "probability": _SELDOM},
    {"kind": "clock-skew", "probability": _SELDOM},
]

#: What a task does not survive: the API, or somebody in front of it, has said that the request is wrong.
ENDING = {"redirect", "clock-skew"}

#: What may be begun once only.
_ONCE = re.compile(
    r" (create-dbaas-(?:service|integration|external-endpoint)\S*|attach-\S+|services-dbaas-service-(?:pg|mysql)): "
)

_HASTY = RetryPolicy(max_seconds=15, first_pause=0.01, longest_pause=0.1)


def source_of(kind: str) -> str:
    """The id of the Airflow connection to the source for a kind of service."""
    return f"{kind}_source"


class World:
    """The emulator, and what is there from beginning to end.

    :param failing: the emulator.
    :param sources: fields of an Airflow connection to a source of migrations, for ``pg`` and perhaps ``mysql``.
    :param folder: for files that tasks write.
    """

    def __init__(self, failing: Failing, sources: dict[str, dict[str, Any]], folder: Path) -> None:
        self.failing = failing
        self.folder = folder
        emulator = failing.emulator
        self.client = Client(emulator.key, emulator.secret, url=emulator.url, retry=_HASTY)
        self.connections = {
            "AIRFLOW_CONN_EXOSCALE_DEFAULT": {
                "conn_type": "exoscale",
                "login": emulator.key,
                "password": emulator.secret,
                "host": emulator.url,
                "extra": {"zone": emulator.zone, "timeout": 1},
            },
            **{f"AIRFLOW_CONN_{source_of(kind).upper()}": fields for kind, fields in sources.items()},
        }
        self._kinds = list(sources)
        self._variables: dict[str, str] = {}
        self._number = 0
        self._log = emulator.log.open()

    @classmethod
    @contextmanager
    def started(cls, folder: Path, server: PostgresServer, mysql: MysqlServer | None = None) -> Iterator[Self]:
        """A world with an emulator of its own.

        :param folder: for the emulator's log and files that tasks write.
        :param server: a source of migrations; it gets a database ``shop``.
        :param mysql: another one, if MySQL is to take part.
        """
        fill(server, "shop", rows=10)
        pg = {"conn_type": "postgres", "login": "postgres", "password": password_of(server), "schema": "postgres"}
        sources = {"pg": {**pg, "host": server.host, "port": server.port, "extra": {"sslmode": "disable"}}}
        if mysql is not None:
            run(mysql, "CREATE DATABASE shop", "CREATE TABLE shop.item (id int PRIMARY KEY)")
            run(mysql, "INSERT INTO item SELECT seq FROM seq_1_to_10", dbname="shop")
            given = login(mysql)
            sources["mysql"] = {"conn_type": "mysql", "login": given["username"], "password": given["password"]}
            sources["mysql"] |= {"host": mysql.host, "port": mysql.port, "extra": {"ssl_mode": "DISABLED"}}
        options = ("--operation-seconds", "0.05", "--startup-seconds", "0.05", "--metrics-seconds", "1")
        with Failing.started(folder / "emulator.log", *options) as failing:
            world = cls(failing, sources, folder)
            with closing(world.client), world._log, world.ready():
                yield world

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Short pauses, the connections, and variables that are kept here."""
        with pytest.MonkeyPatch.context() as patch:
            for name, fields in self.connections.items():
                patch.setenv(name, json.dumps(fields))
            patch.setattr(client, "RetryPolicy", lambda: _HASTY)
            patch.setattr(services, "SETTLING_SECONDS", 0.2)
            for name, value in {"BRIEF_SECONDS": 0, "RESUME_SECONDS": 0, "_SHORTEST_PAUSE": 0.02}.items():
                patch.setattr(poller, name, value)
            patch.setattr(_compat, "get_variable", self._variables.get)
            patch.setattr(_compat, "set_variable", lambda key, value, description: self._variables.update({key: value}))
            patch.setattr(_compat, "delete_variable", lambda key: self._variables.pop(key, None))
            self.search, self.elsewhere = self.new("opensearch"), self.new("opensearch")
            #: A service of each kind that nothing is ever moved into.
            self.empty = {kind: self.new(kind) for kind in self._kinds}
            self.pg = self.empty["pg"]
            self.endpoint_name = self.name()
            self.endpoint_id = self.new_endpoint(self.endpoint_name)
            self.migrated = self.new("pg")
            self.migrate(self.migrated)
            yield

    def name(self) -> str:
        """A name that nothing has."""
        self._number += 1
        return f"soak-{self._number}"

    # What follows is done while there are no faults.

    def new(self, kind: str, name: str = "") -> str:
        """The name of a service that runs."""
        name = name or self.name()
        self.client.operation(f"create-dbaas-service-{kind}")(name=name, plan="startup-4")
        self.until(lambda: (self.service(name) or Service(name=name)).state == "running")
        return name

    def new_endpoint(self, name: str) -> str:
        """The id of an external endpoint."""
        self.client.external_endpoints.rsyslog.create(
            name=name, settings={"server": "logs.example.com", "port": 514, "tls": False, "format": "rfc3164"}
        )
        return str(self.endpoints(name)[0].id)

    def integrate(self, source: str, dest: str) -> str:
        """The id of an integration ``logs``."""
        self.client.integrations.create(integration_type="logs", source_service=source, dest_service=dest)
        (found,) = self.integrations(source)
        return str(found.id)

    def attach(self, service: str) -> str:
        """The id of an attachment to the endpoint that stays."""
        self.client.external_endpoints.attach(
            source_service_name=service, dest_endpoint_id=self.endpoint_id, type="rsyslog"
        )
        (found,) = self.attachments(service)
        return str(found.integration_id)

    def migrate(self, name: str, kind: str = "pg", *, method: Literal["dump", "replication"] = "dump") -> None:
        """Move the source's data into a service of a kind, or begin to replicate it."""
        from airflow_dbaas.migration.source import MigrationSource

        source = MigrationSource.from_conn_id(source_of(kind))
        source.engine.services(self.client).update(name=name, migration=source.settings(method=method, ignore_dbs=None))
        self.until(lambda: self.migration(name) == ("done" if method == "dump" else "syncing"))

    def service(self, name: str) -> Service | None:
        """A service as it is."""
        return self.client.services.list().named(name)

    def endpoints(self, name: str) -> list[ExternalEndpoint]:
        """The endpoints of a name."""
        return [each for each in self.client.external_endpoints.list().dbaas_endpoints if each.name == name]

    def integrations(self, name: str) -> list[Integration]:
        """The integrations of a service."""
        found = self.service(name)
        return found.integrations if found else []

    def attachments(self, name: str) -> list[ExternalIntegration]:
        """The external integrations of a service."""
        return self.client.external_endpoints.list_integrations(name).external_integrations

    def migration(self, name: str) -> str | None:
        """The status of the migration into a service, if there is one."""
        try:
            return self.client.migrations.status(name).status
        except DbaasNotFoundError:
            return None

    def drop(self, name: str) -> None:
        """Delete a service if it is there."""
        with suppress(DbaasNotFoundError):
            self.client.services.delete(name)

    def until(self, true: Any) -> None:
        """Wait for what comes in any case."""
        end = time.monotonic() + 60
        while not true():
            assert time.monotonic() < end
            time.sleep(0.02)

    # Faults.

    def fail(self, seed: int) -> None:
        """From now on, a fifth of all requests fail."""
        self._log.seek(0, 2)
        self.failing.told(*RULES, seed=seed)

    def met(self) -> Counter[str]:
        """The faults since then, by kind."""
        counts: Counter[str] = Counter()
        for rule in self._rules():
            detail = f" {rule['status']}" if "status" in rule and rule["kind"] != "redirect" else ""
            counts[rule["kind"] + detail + (", done" if rule.get("processed") else "")] += rule["fired"]
        return +counts

    def requests(self) -> int:
        """How many requests there were since then."""
        return int(self._rules()[0]["matched"])

    def _rules(self) -> list[dict[str, Any]]:
        self._reachable()
        rules: list[dict[str, Any]] = self.failing.control("GET").json()["rules"]
        return rules

    def work(self) -> None:
        """No faults from now on."""
        self._reachable()
        self.failing.control("DELETE")

    def _reachable(self) -> None:
        # Connections may just be refused.
        self.until(self._answers)

    def _answers(self) -> bool:
        try:
            return self.failing.control("GET").status_code == 200
        except httpx.TransportError:
            return False

    def begun_twice(self) -> list[str]:
        """What was begun more than once since ``fail``, by the emulator's own account."""
        begun = Counter(found[1] for line in self._log if (found := _ONCE.search(line)))
        return [operation for operation, times in begun.items() if times > 1]
