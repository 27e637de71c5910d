"""Services without a server: records that start, run and end, so that requests about them can be tried.

Nothing listens anywhere for them, so what would lead to a server (uri, connection-info, components) is
left out of their answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_dbaas.emulator.accounts import DEFAULT_DATABASE, DatabaseService, new_password
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.logs import Events
from airflow_dbaas.emulator.services import Service

_DEFAULT_AUTHENTICATION = "caching_sha2_password"


@dataclass(kw_only=True, eq=False)
class RecordService(Service):
    """A record that is ``rebuilding`` for a while and then ``running``."""

    runs_from: float
    """When it runs, on the clock of ``time.monotonic``."""
    asked_version: str | None
    _events: Events = field(default_factory=Events, init=False, repr=False)
    _runs_at: datetime = field(init=False, repr=False)
    _seen_running: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self._runs_at = datetime.now(UTC) + timedelta(seconds=self.runs_from - time.monotonic())
        self._events.add(f"Service {self.name} of plan {self.plan.name} is being created")

    @property
    def log(self) -> Events:
        """What became of the record: without a server there is nobody else to write a log."""
        if self.state == "running" and not self._seen_running:
            # Nothing happens in a record when its time has come, so that is noted at the first look afterwards.
            self._seen_running = True
            self._events.add("Service runs", self._runs_at)
        return self._events

    def update(self, body: dict[str, Any]) -> None:
        """As for any service, with a note of a changed plan."""
        before = self.plan.name
        super().update(body)
        if self.plan.name != before:
            self.log.add(f"Plan changed from {before} to {self.plan.name}")

    @property
    def state(self) -> str:
        """State as the API names it."""
        return "running" if time.monotonic() >= self.runs_from else "rebuilding"

    @property
    def version(self) -> str | None:
        """Full version."""
        return None if self.asked_version is None else self.type.versions[self.asked_version]

    async def remove(self) -> None:
        """Nothing: with the API's knowledge of it the service is gone."""

    def contents(self) -> dict[str, Any]:
        """What the long form shows of what is inside the service."""
        return {}


@dataclass(kw_only=True, eq=False)
class MysqlRecord(RecordService, DatabaseService):
    """A record with users and databases, which are records as well."""

    authentication: dict[str, str] = field(default_factory=dict)
    """Authentication plugin by user."""
    databases: list[str] = field(default_factory=lambda: [DEFAULT_DATABASE])

    def contents(self) -> dict[str, Any]:
        """Databases and users, once the service runs."""
        if self.state != "running":
            return {"databases": [], "users": []}
        users = [
            {
                "username": username,
                "type": "primary" if username == self.admin else "normal",
                "authentication": self.authentication.get(username, _DEFAULT_AUTHENTICATION),
            }
            for username in self.passwords
        ]
        return {"databases": sorted(self.databases), "users": users}

    def password(self, username: str) -> str:
        """A user's password; there are no users before the service runs."""
        if self.state != "running":
            raise self.no_user(username)
        return super().password(username)

    async def add_user(self, username: str, options: dict[str, Any]) -> None:
        """Note a user."""
        self.require_running()
        if username in self.passwords:
            raise ApiError(409, f"User {username} already exists for service {self.name}")
        self.passwords[username] = new_password()
        self.authentication[username] = options.get("authentication", _DEFAULT_AUTHENTICATION)

    async def drop_user(self, username: str) -> None:
        """Forget a user."""
        self.require_running()
        self.refuse_admin(username)
        if self.passwords.pop(username, None) is None:
            raise self.no_user(username)
        del self.authentication[username]

    async def set_password(self, username: str, options: dict[str, Any]) -> None:
        """Note a user's new password, and authentication plugin if the request names one."""
        self.require_running()
        if username not in self.passwords:
            raise self.no_user(username)
        self.passwords[username] = options.get("password") or new_password()
        if "authentication" in options:
            self.authentication[username] = options["authentication"]

    async def add_database(self, dbname: str, options: dict[str, Any]) -> None:  # noqa: ARG002
        """Note a database."""
        self.require_running()
        if dbname in self.databases:
            raise ApiError(409, f"Database {dbname} already exists for service {self.name}")
        self.databases.append(dbname)

    async def drop_database(self, dbname: str) -> None:
        """Forget a database."""
        self.require_running()
        self.refuse_default(dbname)
        if dbname not in self.databases:
            raise ApiError(404, f"Database {dbname} does not exist for service {self.name}")
        self.databases.remove(dbname)
