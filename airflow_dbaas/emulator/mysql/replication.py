"""Replication of several databases: the target's server becomes a replica of the source for them alone.

One replica follows all of them, from the global transaction id that they were copied at. A filter lets through
what is done to the tables of the migrated databases; users, which are rows of the server's own tables, stay behind.
The filter goes by tables because one by databases (``replicate_do_db``) looks at the database that the writer
had chosen: it would lose a ``CREATE TABLE d.t`` by a writer that had chosen none. What it does not stop are routines
and events that somebody makes, alters or drops in other databases. The target has no such database, and the replica
skips them.

The target's event scheduler rests meanwhile. The source runs its events, whose changes arrive like any other, so
the copies of these events would do everything twice.
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
"""A source that sends nothing for this long, not even a heartbeat, is connected to anew."""
_WAIT_SECONDS = 1
_EVENT_DOES_NOT_EXIST = 1539
_CHANGES_ROUTINE = re.compile(r"Query: '\s*(?:ALTER|DROP)\s", re.IGNORECASE)


@dataclass(frozen=True)
class Progress:
    """How a replica does, as its own server sees it."""

    well: bool
    """Whether it is connected to its source and applies what comes."""
    error: str
    """The server's own text of what is wrong; empty while nothing is."""
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
    """What the target's event scheduler was set to before."""

    def record(self) -> dict[str, Any]:
        """What it has changed in the target."""
        return {"started": self.started, "scheduler": self._scheduler}

    def take(self, record: dict[str, Any]) -> None:
        """Take over what was recorded."""
        self.started, self._scheduler = record["started"], record["scheduler"]

    async def rest_events(self) -> None:
        """Keep the target's events from running."""
        rows = await self.target.query("SELECT @@GLOBAL.event_scheduler")
        if rows[0][0] == "ON":
            self._scheduler = rows[0][0]
            await self.target.execute("SET GLOBAL event_scheduler = OFF")

    async def start(self, position: str | None, dbnames: list[str]) -> None:
        """Follow what the source does in ``dbnames`` from the global transaction id ``position`` on.

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
        """Start what has stopped; without effect on what runs."""
        await self.target.execute("START SLAVE")

    async def skip(self) -> None:
        """Go on after the transaction that the replica has stopped at."""
        await self.target.execute("STOP SLAVE", "SET GLOBAL sql_slave_skip_counter = 1", "START SLAVE")

    async def catch_up(self, stall_seconds: float) -> None:
        """Return once the target has everything the source had committed when this was called.

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
