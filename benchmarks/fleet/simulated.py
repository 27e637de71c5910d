"""The emulator, but its PostgreSQL services have no servers: they start, are checked and migrated in time alone.

All of them lead to one real server. The migrations come from there, too, so to compare the two ends finds them equal.
What is measured is Airflow and this package, not five hundred servers on one machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from airflow_dbaas.cli import main
from airflow_dbaas.emulator import handlers
from airflow_dbaas.emulator.handlers import Call, State, migrations, orders, pg
from airflow_dbaas.emulator.pg_service import PgService
from airflow_dbaas.emulator.postgres import PostgresServer

CHECK_SECONDS = 5.0

#: Variables of its environment: the real server's port, its users' password, seconds of a migration, where to count.
PORT, PASSWORD, SECONDS, COUNTS = "FLEET_PORT", "FLEET_PASSWORD", "FLEET_SECONDS", "FLEET_COUNTS"


class NoServer(PostgresServer):
    """Is up or down, and that is all; its port is that of the real server."""

    _up = False

    def start(self, *, anew: bool = False) -> None:  # noqa: ARG002
        """Be up."""
        self._up = True

    def stop(self) -> None:
        """Be down."""
        self._up = False

    @property
    def running(self) -> bool:
        """Whether it is up."""
        return self._up

    @property
    def port(self) -> int:
        """The real server's."""
        return int(os.environ[PORT])


@dataclass
class Timed:
    """A migration of one database that takes its time."""

    begun: float = field(default_factory=time.monotonic)

    @property
    def active(self) -> bool:
        """Whether its time is not over."""
        return time.monotonic() < self.begun + float(os.environ[SECONDS])

    def start(self) -> None:
        """It has begun."""

    def view(self) -> dict[str, Any]:
        """As the API answers it."""
        status = "running" if self.active else "done"
        detail = {"dbname": "shop", "status": status, "method": "pg_dump", "error": ""}
        return {"status": status, "method": "pg_dump", "error": "", "details": [detail]}

    async def stop(self) -> None:
        """Nothing is left to do."""

    abandon = stop


class SimulatedService(PgService):
    """A service without a server of its own."""

    @classmethod
    def of(cls, order: Any, binaries: Any) -> SimulatedService:
        """A service that is not there yet."""
        return cls.build(
            order,
            lambda order: NoServer(
                binaries=binaries, directory=order.folder, superuser="postgres", password=order.superuser_password
            ),
        )

    async def prepare(self, password: str) -> None:
        """The real server has its user already."""

    async def databases_and_users(self) -> tuple[list[str], list[dict[str, Any]]]:
        """None is asked for."""
        return [], []

    def make_migration(self, *_: Any) -> Any:
        """A migration in time."""
        return Timed()


async def passed() -> tuple[bool, str]:
    """A check that takes its time and finds nothing."""
    await asyncio.sleep(CHECK_SECONDS)
    return True, "Migration method will be 'pg_dump'."


class Counts(Counter[str]):
    """Requests by operation; told once a second, and at the end."""

    _told = 0.0

    def handler(self, operation_id: str, handler: Any) -> Any:
        """The handler of an operation, which counts its requests."""

        async def count(state: State, call: Call) -> dict[str, Any]:
            self[operation_id] += 1
            if time.monotonic() > self._told + 1:
                self.tell()
            answer: dict[str, Any] = await handler(state, call)
            return answer

        return count

    def tell(self) -> None:
        """Write them where they are read."""
        path = Path(os.environ[COUNTS])
        (new := path.with_suffix(".new")).write_text(json.dumps(self), encoding="utf-8")
        new.replace(path)
        self._told = time.monotonic()


def run(arguments: list[str]) -> int:
    """The command, with another kind of service and with counts."""
    for module, name, instead in (
        (pg, "PgService", SimulatedService),
        (orders, "new_password", partial(os.environ.__getitem__, PASSWORD)),
        (migrations, "check_of", lambda *_: passed),
    ):
        setattr(module, name, instead)
    counts = Counts()
    for name, handler in list(handlers.HANDLERS.items()):
        handlers.HANDLERS[name] = counts.handler(name, handler)
    code = main(["emulator", *arguments])
    counts.tell()
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
