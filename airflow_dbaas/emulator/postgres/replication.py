"""Logical replication of one database: publication and slot at the source, subscription in the target.

Two differences to the simplest way keep the source's applications working:

* The publication names the tables there are instead of ``FOR ALL TABLES``. A later table would not be replicated in
either case (its definition is not), but as part of the publication it could refuse updates. * PostgreSQL refuses UPDATE
and DELETE on a published table that has no key to tell rows by. Such tables get ``REPLICA IDENTITY FULL`` while they
are replicated, and are put back to what they were at the end. It is the only other change to the source, and without it
either writes there fail or changes get lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from airflow_dbaas.emulator.migration_run import ReplicationStalled
from airflow_dbaas.emulator.postgres.endpoint import Endpoint

logger = logging.getLogger(__name__)

# If an application locks a table for longer than this, the table is not changed.
_LOCK_TIMEOUT = "5s"
# A source that does not answer must not hold up a shutdown for longer.
_CLEAN_UP_SECONDS = 5
# User-defined, ordinary, permanent tables: not those of extensions, which the extension creates.
_TABLES: LiteralString = """
SELECT n.nspname, c.relname, c.relreplident::text,
    c.relreplident IN ('f', 'i') OR (c.relreplident = 'd' AND EXISTS (
        SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate
    )) AS has_identity,
    pg_has_role(c.relowner, 'USAGE') AS owned,
    ARRAY(
        SELECT a.attname || ' ' || t.typname FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND t.typnamespace = 'pg_catalog'::regnamespace
            AND t.typname IN ('json', 'xml', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle')
        ORDER BY a.attnum
    ) AS incomparable
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema' AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1, 2
"""
_IDENTITIES: dict[str, LiteralString] = {"d": "DEFAULT", "n": "NOTHING"}


@dataclass(frozen=True)
class Table:
    """A table of the source that replication carries."""

    schema: str
    name: str
    identity: str
    """Its replica identity, as the catalogue has it."""
    has_identity: bool
    """Whether that identifies its rows."""
    owned: bool
    """Whether the user has the owner's privileges on it."""
    incomparable: list[str]
    """Columns, with their types, whose values cannot be compared."""


async def tables(connection: psycopg.AsyncConnection) -> list[Table]:
    """User-defined, ordinary, permanent tables of the database of ``connection``."""
    return [Table(*row) for row in await (await connection.execute(_TABLES)).fetchall()]


@dataclass
class Progress:
    """How a subscription does, as its own server sees it."""

    connected: bool
    tables_left: int
    errors: int


@dataclass
class Replication:
    """Replication of ``dbname`` from ``source`` to ``target`` (its superuser)."""

    source: Endpoint
    target: Endpoint
    dbname: str
    changed: Callable[[], None]
    """Called before a change of the source that only this knows how to take back."""
    _widened: list[tuple[str, str, str]] = field(default_factory=list)
    """Tables whose replica identity was changed at the source: schema, name, identity before."""
    _ours: bool = False
    """Whether publication and slot of these names are this replication's; another target may have taken them."""

    def record(self) -> dict[str, Any]:
        """The changes that it has made at the source."""
        return {"widened": self._widened, "ours": self._ours}

    def take(self, record: dict[str, Any]) -> None:
        """Restore the recorded state."""
        self._widened, self._ours = [(each[0], each[1], each[2]) for each in record["widened"]], record["ours"]

    def _name(self, kind: str) -> str:
        digest = hashlib.md5(self.dbname.encode(), usedforsecurity=False).hexdigest()
        return f"aiven_db_migrate_{digest}_{kind}"

    @property
    def publication(self) -> str:
        """Name of the publication at the source."""
        return self._name("pub")

    @property
    def slot(self) -> str:
        """Name of the replication slot at the source."""
        return self._name("slot")

    @property
    def subscription(self) -> str:
        """Name of the subscription in the target."""
        return self._name("sub")

    async def prepare_source(self) -> None:
        """Make publication and slot; from here on the source keeps every change until the target has it."""
        async with await self.source.connect(self.dbname) as connection:
            # A killed emulator left these. A slot in use belongs to another migration and is an error.
            await self._drop_slot(connection, patience=0)
            self._ours = True
            await self._drop_publication(connection)
            found = await tables(connection)
            await connection.execute(sql.SQL("SET lock_timeout TO {}").format(sql.Literal(_LOCK_TIMEOUT)))
            await self._widen(connection, [table for table in found if not table.has_identity])
            listed = sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in found)
            await connection.execute(
                sql.SQL("CREATE PUBLICATION {} {}").format(
                    sql.Identifier(self.publication), sql.SQL("FOR TABLE {}").format(listed) if found else sql.SQL("")
                )
            )
            await connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [self.slot])

    async def subscribe(self) -> None:
        """Make the subscription: copies every table first, then follows the changes."""
        async with await self.target.connect(self.dbname) as connection:
            # The statement carries the source's password: should it fail, it must not land in the log.
            await connection.execute("SET log_min_error_statement TO panic")
            await connection.execute("SET log_statement TO none")
            await connection.execute("SET log_min_duration_statement TO -1")
            await connection.execute(
                sql.SQL(
                    "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} "
                    "WITH (create_slot = false, slot_name = {}, copy_data = true)"
                ).format(
                    sql.Identifier(self.subscription),
                    sql.Literal(self.source.conninfo(self.dbname)),
                    sql.Identifier(self.publication),
                    sql.Identifier(self.slot),
                )
            )

    async def subscribed(self) -> bool:
        """Whether the target has the subscription; False if it has no such database either."""
        try:
            async with await self.target.connect(self.dbname) as connection:
                found = "SELECT FROM pg_subscription WHERE subname = %s"
                return await (await connection.execute(found, [self.subscription])).fetchone() is not None
        except psycopg.OperationalError as error:
            logger.info("Database %s of the target cannot be queried: %s", self.dbname, self.source.words(error))
            return False

    async def progress(self, connection: psycopg.AsyncConnection) -> Progress:
        """Progress, asked over a connection to the database in the target."""
        cursor = await connection.execute(
            """
            SELECT
                EXISTS (SELECT FROM pg_stat_subscription AS w
                    WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL),
                (SELECT count(*) FROM pg_subscription_rel AS r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r'),
                (SELECT e.apply_error_count + e.sync_error_count FROM pg_stat_subscription_stats AS e
                    WHERE e.subid = s.oid)
            FROM pg_subscription AS s WHERE s.subname = %s
            """,
            [self.subscription],
        )
        row = await cursor.fetchone()
        if row is None:
            return Progress(connected=False, tables_left=0, errors=0)
        return Progress(connected=row[0], tables_left=row[1], errors=row[2] or 0)

    async def catch_up(self, stall_seconds: float) -> None:
        """Return when the target has everything that the source had written at the call.

        Raises ``ReplicationStalled`` when the target gets no further for ``stall_seconds``.
        """
        async with await self.source.connect(self.dbname) as connection:
            # Asynchronous commits may not be in the write-ahead log on disk yet, and only that is sent. A synchronous
            # commit flushes everything before it.
            async with connection.transaction():
                await connection.execute("SET LOCAL synchronous_commit TO local")
                await connection.execute("SELECT pg_logical_emit_message(true, 'airflow_dbaas', 'stop')")
            row = await (await connection.execute("SELECT pg_current_wal_flush_lsn()::text")).fetchone()
            assert row is not None  # noqa: S101  (a function returns a row)
            goal, reached, moved_at = row[0], None, time.monotonic()
            while True:
                cursor = await connection.execute(
                    "SELECT confirmed_flush_lsn::text, confirmed_flush_lsn >= %s::pg_lsn "
                    "FROM pg_replication_slots WHERE slot_name = %s",
                    [goal, self.slot],
                )
                row = await cursor.fetchone()
                if row is None:
                    raise ReplicationStalled(
                        f"the replication slot of database '{self.dbname}' is gone from the source"
                    )
                if row[1]:
                    return
                if row[0] != reached:
                    reached, moved_at = row[0], time.monotonic()
                elif time.monotonic() - moved_at > stall_seconds:
                    raise ReplicationStalled(
                        f"database '{self.dbname}' of the target is at {reached} and makes no progress towards {goal}"
                    )
                await asyncio.sleep(0.1)

    async def remove_subscription(self) -> None:
        """End the replication in the target."""
        name = sql.Identifier(self.subscription)
        async with await self.target.connect(self.dbname) as connection:
            cursor = await connection.execute("SELECT 1 FROM pg_subscription WHERE subname = %s", [self.subscription])
            if await cursor.fetchone() is None:
                return
            try:
                # Removes the slots at the source as well, those of a copy under way included.
                await connection.execute(sql.SQL("DROP SUBSCRIPTION {}").format(name))
            except psycopg.OperationalError as error:
                logger.warning("Source of database %s is not reachable: %s", self.dbname, self.source.words(error))
                await connection.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
                await connection.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(name))
                await connection.execute(sql.SQL("DROP SUBSCRIPTION {}").format(name))
            # The definitions were copied while the source had ``REPLICA IDENTITY FULL``.
            for schema, table, identity in self._widened:
                await connection.execute(_set_identity(schema, table, _IDENTITIES[identity]))

    async def remove_from_source(self) -> None:
        """Leave the source as it was found."""
        if not self._ours:
            return
        async with await self.source.connect(self.dbname, _CLEAN_UP_SECONDS) as connection:
            # In this order: while it is published, a table without replica identity refuses updates.
            await self._drop_publication(connection)
            await connection.execute(sql.SQL("SET lock_timeout TO {}").format(sql.Literal(_LOCK_TIMEOUT)))
            while self._widened:
                schema, table, identity = self._widened[-1]
                try:
                    await connection.execute(_set_identity(schema, table, _IDENTITIES[identity]))
                except psycopg.errors.UndefinedTable:
                    logger.info("Table %s.%s is gone from the source", schema, table)
                self._widened.pop()
            # The slot is in use until the source has noticed that the target's worker is gone.
            await self._drop_slot(connection, patience=_CLEAN_UP_SECONDS)

    async def _widen(self, connection: psycopg.AsyncConnection, found: list[Table]) -> None:
        self._widened = [(table.schema, table.name, table.identity) for table in found]
        self.changed()
        for number, table in enumerate(found):
            try:
                await connection.execute(_set_identity(table.schema, table.name, "FULL"))
            except psycopg.Error:
                del self._widened[number:]
                raise

    async def _drop_publication(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(self.publication)))

    async def _drop_slot(self, connection: psycopg.AsyncConnection, patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                await connection.execute(
                    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s",
                    [self.slot],
                )
            except psycopg.errors.ObjectInUse:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


def _set_identity(schema: str, table: str, identity: LiteralString) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(sql.Identifier(schema, table), sql.SQL(identity))
