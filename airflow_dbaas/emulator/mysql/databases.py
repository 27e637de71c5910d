"""Databases of a MySQL server: which there are, whether they are empty, how one is made and removed."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass

import pymysql

from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint, identifier

_SYSTEM = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
_LOCK_SECONDS = 20
"""How long a removal waits for statements that are under way in the database."""


@dataclass(frozen=True)
class MysqlDatabase:
    """A database of the source, with the properties needed to create it."""

    name: str
    size: int
    """Bytes of its tables and indexes, as far as the server keeps count."""
    charset: str
    collation: str


async def to_migrate(source: MysqlEndpoint, ignored: Collection[str]) -> list[MysqlDatabase]:
    """Databases of the source that a migration carries, in order of name.

    All that the user may see, except the server's own and ignored ones.
    """
    rows = await source.query(
        """
        SELECT s.schema_name, CAST(COALESCE(SUM(t.data_length + t.index_length), 0) AS UNSIGNED),
            s.default_character_set_name, s.default_collation_name
        FROM information_schema.schemata AS s
        LEFT JOIN information_schema.tables AS t ON t.table_schema = s.schema_name
        GROUP BY s.schema_name, s.default_character_set_name, s.default_collation_name
        """
    )
    found = [MysqlDatabase(*row) for row in rows if row[0] not in ignored and row[0].lower() not in _SYSTEM]
    return sorted(found, key=lambda database: database.name)


async def find(server: MysqlEndpoint, dbname: str) -> MysqlDatabase | None:
    """The server's database of this name."""
    rows = await server.query(
        """
        SELECT schema_name, 0, default_character_set_name, default_collation_name
        FROM information_schema.schemata WHERE schema_name = %s
        """,
        (dbname,),
    )
    return MysqlDatabase(*rows[0]) if rows else None


async def has_objects(server: MysqlEndpoint, dbname: str) -> bool:
    """Whether the database has tables, views, sequences, routines or events."""
    rows = await server.query(
        """
        SELECT EXISTS (SELECT 1 FROM information_schema.tables WHERE table_schema = %s)
            OR EXISTS (SELECT 1 FROM information_schema.routines WHERE routine_schema = %s)
            OR EXISTS (SELECT 1 FROM information_schema.events WHERE event_schema = %s)
        """,
        (dbname, dbname, dbname),
    )
    return bool(rows[0][0])


async def create(server: MysqlEndpoint, database: MysqlDatabase) -> None:
    """Make an empty database, or give an empty one, the character set and collation of ``database``."""
    defaults = f"CHARACTER SET {database.charset} COLLATE {database.collation}"
    name = identifier(database.name)
    await server.execute(f"CREATE DATABASE IF NOT EXISTS {name}", f"ALTER DATABASE {name} {defaults}")


async def drop(server: MysqlEndpoint, dbname: str) -> None:
    """Remove the database, even with open connections."""
    sessions = await server.query(
        "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()", (dbname,)
    )
    for (session,) in sessions:
        # Many of them have ended by now.
        with contextlib.suppress(pymysql.OperationalError):
            await server.execute(f"KILL {session}")
    await server.execute(
        f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}", f"DROP DATABASE IF EXISTS {identifier(dbname)}"
    )
