"""Replication of several databases: the target's server becomes a replica of the source for them alone.

One replica follows all of them, from the global transaction id that they were copied at. A filter admits changes to
tables of the migrated databases. Users, which are rows of the server's own tables, are not replicated. The filter uses
tables, because a filter by databases (``replicate_do_db``) uses the writer's current database: it would lose a ``CREATE
TABLE d.t`` of a writer without one. It does not stop changes of routines and events in other databases. The target has
no such database, and the replica skips them.

The target's event scheduler is off meanwhile. The source runs its events, and their changes are replicated, so the
copies would do everything twice.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import ER

from airflow_dbaas.emulator.migration_run import ReplicationStalled
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint

_RETRY_SECONDS = 1
_HEARTBEAT_SECONDS = 2
_SILENCE_SECONDS = 10
"""If the source sends nothing for this long, not even a heartbeat, the replica reconnects."""
_WAIT_SECONDS = 1
_EVENT_DOES_NOT_EXIST = 1539
_CHANGES_ROUTINE = re.compile(r"Query: '\s*(?:ALTER|DROP)\s", re.IGNORECASE)


@dataclass(frozen=True)
class Progress:
    """How a replica does, as its own server sees it."""

    well: bool
    """Whether it is connected to its source and applies changes."""
    error: str
    """The server's error text; empty without an error."""
    foreign: bool = False
    """Whether it has stopped at a statement for a database, or for a routine or an event, that the target lacks."""


@dataclass
class MysqlReplication:
    """Replication from ``source`` to ``target`` (its superuser)."""

    source: MysqlEndpoint
    target: MysqlEndpoint
    started: bool = False
    """Whether the replica knows its place."""
    _scheduler: str | None = None
    """The previous setting of the target's event scheduler."""

    def record(self) -> dict[str, Any]:
        """The changes that it has made in the target."""
        return {"started": self.started, "scheduler": self._scheduler}

    def take(self, record: dict[str, Any]) -> None:
        """Restore the recorded state."""
        self.started, self._scheduler = record["started"], record["scheduler"]

    async def rest_events(self) -> None:
        """Keep the target's events from running."""
        rows = await self.target.query("SELECT @@GLOBAL.event_scheduler")
        if rows[0][0] == "ON":
            self._scheduler = rows[0][0]
            await self.target.execute("SET GLOBAL event_scheduler = OFF")

    async def start(self, position: str | None, dbnames: list[str]) -> None:
        """Follow the changes of the source in ``dbnames`` from the global transaction id ``position`` on.

        None is for a replica that was started before, and has lost but its settings with a restart.
        """
        literal = pymysql.converters.escape_string
        options = {
            "MASTER_HOST": f"'{literal(self.source.host)}'",
            "MASTER_PORT": self.source.port,
            "MASTER_USER": f"'{literal(self.source.user)}'",
            "MASTER_PASSWORD": f"'{literal(self.source.password)}'",
            "MASTER_SSL": 0 if self.source.tls is False else 1,
            "MASTER_SSL_VERIFY_SERVER_CERT": 0,
            "MASTER_CONNECT_RETRY": _RETRY_SECONDS,
            "MASTER_HEARTBEAT_PERIOD": _HEARTBEAT_SECONDS,
            "MASTER_USE_GTID": "slave_pos",
        }
        # Of a pattern these have to be marked as standing for themselves.
        patterns = [re.sub(r"([_%\\])", r"\\\1", name) + ".%" for name in dbnames]
        await self.target.execute(
            # Transaction ids of an earlier source may be higher than this one's.
            "SET GLOBAL gtid_strict_mode = OFF",
            *([] if position is None else [f"SET GLOBAL gtid_slave_pos = '{literal(position)}'"]),
            f"SET GLOBAL slave_net_timeout = {_SILENCE_SECONDS}",
            f"SET GLOBAL replicate_wild_do_table = '{literal(','.join(patterns))}'",
            f"CHANGE MASTER TO {', '.join(f'{name} = {value}' for name, value in options.items())}",
            "START SLAVE",
        )
        self.started = True

    async def progress(self) -> Progress:
        """Progress as of now. Raises ``pymysql.Error`` if the target cannot be asked."""
        seen = await self.target.record("SHOW SLAVE STATUS")
        running = [seen.get(f"Slave_{thread}_Running") == "Yes" for thread in ("IO", "SQL")]
        errors = [
            f"{seen[f'Last_{thread}_Error']} ({seen[f'Last_{thread}_Errno']})"
            for thread, runs in zip(("IO", "SQL"), running, strict=True)
            if not runs and seen.get(f"Last_{thread}_Errno")
        ]
        return Progress(well=all(running), error="; ".join(errors), foreign=not running[1] and _foreign(seen))

    async def try_again(self) -> None:
        """Start stopped threads; no effect on running ones."""
        await self.target.execute("START SLAVE")

    async def skip(self) -> None:
        """Go on after the transaction that the replica has stopped at."""
        await self.target.execute("STOP SLAVE", "SET GLOBAL sql_slave_skip_counter = 1", "START SLAVE")

    async def catch_up(self, stall_seconds: float) -> None:
        """Return when the target has everything that the source had committed at the call.

        Raises ``ReplicationStalled`` when the target gets no further for ``stall_seconds``.
        """
        goal = (await self.source.query("SELECT @@GLOBAL.gtid_binlog_pos"))[0][0]
        reached, moved_at = None, time.monotonic()
        while True:
            rows = await self.target.query(
                "SELECT MASTER_GTID_WAIT(%s, %s), @@GLOBAL.gtid_slave_pos", (goal, _WAIT_SECONDS)
            )
            there, position = rows[0]
            if there == 0:
                return
            if position != reached:
                reached, moved_at = position, time.monotonic()
            elif time.monotonic() - moved_at > stall_seconds:
                raise ReplicationStalled(f"the target is at {reached} and makes no progress towards {goal}")

    async def remove(self) -> None:
        """End the replication; the source has nothing of it to remove."""
        await self.target.execute(
            "STOP SLAVE",
            "RESET SLAVE ALL",
            "SET GLOBAL replicate_wild_do_table = ''",
            "SET GLOBAL slave_net_timeout = DEFAULT",
            "SET GLOBAL gtid_strict_mode = ON",
        )
        if self._scheduler is not None:
            await self.target.execute(f"SET GLOBAL event_scheduler = {self._scheduler}")
            self._scheduler = None


def _foreign(seen: dict[str, Any]) -> bool:
    if seen.get("Last_SQL_Errno") == ER.SP_DOES_NOT_EXIST:
        # A view or a table that needs a missing function gets the same error, and is not to be left out.
        return _CHANGES_ROUTINE.search(seen["Last_SQL_Error"]) is not None
    return seen.get("Last_SQL_Errno") in {ER.BAD_DB_ERROR, _EVENT_DOES_NOT_EXIST}
