"""Databases of a server: which there are, whether they are empty, how one is made and removed."""

from __future__ import annotations

import csv
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import LiteralString

import psycopg
from psycopg import sql

from airflow_dbaas.emulator.postgres.endpoint import Endpoint

logger = logging.getLogger(__name__)

_LISTS = {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}

# Objects made after initdb have oids from 16384 on. Objects of an extension do not count: the extension is created
# again, not copied.
_HAS_OBJECTS: LiteralString = """
SELECT EXISTS (
    SELECT FROM (
        SELECT 'pg_class'::regclass AS classid, oid FROM pg_class WHERE oid >= 16384 AND relnamespace
            NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_toast%' OR nspname LIKE 'pg\\_temp%')
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE oid >= 16384 AND typtype IN ('d', 'e')
        UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
            WHERE oid >= 16384 AND nspname NOT LIKE 'pg\\_%'
    ) AS made
    WHERE NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = made.classid AND d.objid = made.oid AND d.deptype = 'e'
    )
) OR EXISTS (SELECT FROM pg_largeobject_metadata)
"""


@dataclass(frozen=True)
class Database:
    """A database of the source, with the properties needed to create it."""

    name: str
    size: int
    encoding: str
    collate: str
    ctype: str
    closed: str = ""
    """Why connections are impossible, in the driver's words; such a database cannot be migrated."""


async def to_migrate(source: Endpoint, ignored: Collection[str]) -> list[Database]:
    """Databases of the source that a migration should carry, in order of name.

    All except templates and ignored ones, including those without connections, because silently leaving one out would
    lose it. ``postgres`` exists on every server and is usually empty: it counts only if it has content.
    """
    async with await source.connect() as connection:
        cursor = await connection.execute(
            # Only users who may connect to a database may read its size.
            """
            SELECT datname,
                CASE WHEN has_database_privilege(datname, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END,
                pg_encoding_to_char(encoding), datcollate, datctype
            FROM pg_database WHERE NOT datistemplate ORDER BY datname
            """
        )
        listed = [Database(*row) for row in await cursor.fetchall() if row[0] not in ignored]
    found = [replace(each, closed=await _closed(source, each.name)) for each in listed]
    return [each for each in found if each.name != "postgres" or each.closed or await has_objects(source, each.name)]


async def _closed(server: Endpoint, dbname: str) -> str:
    try:
        await (await server.connect(dbname)).close()
    except psycopg.OperationalError as error:
        return server.words(error)
    return ""


async def has_objects(server: Endpoint, dbname: str) -> bool:
    """Whether the database has user-defined tables, functions, types, schemas or large objects."""
    async with await server.connect(dbname) as connection:
        row = await (await connection.execute(_HAS_OBJECTS)).fetchone()
        return row is not None and bool(row[0])


async def exists(server: Endpoint, dbname: str) -> bool:
    """Whether the server has the database."""
    async with await server.connect() as connection:
        cursor = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [dbname])
        return await cursor.fetchone() is not None


async def create(server: Endpoint, database: Database) -> None:
    """Make an empty database owned by the endpoint's user, with the source's encoding.

    With the source's locale, if this machine has it, otherwise with the server's own. That changes the order of texts,
    not the stored data.
    """
    plain = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
        sql.Identifier(database.name), sql.Literal(database.encoding)
    )
    located = sql.SQL("{} LC_COLLATE {} LC_CTYPE {}").format(
        plain, sql.Literal(database.collate), sql.Literal(database.ctype)
    )
    async with await server.connect() as connection:
        try:
            await connection.execute(located)
        except (psycopg.errors.WrongObjectType, psycopg.errors.InvalidParameterValue) as error:
            logger.warning("Database %s keeps the server's locale: %s", database.name, server.words(error))
            await connection.execute(plain)


async def give(server: Endpoint, dbname: str, owner: str) -> None:
    """Make ``owner`` the owner of a database, who may create tables in it."""
    async with await server.connect() as connection:
        await connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(dbname), sql.Identifier(owner))
        )


async def drop(server: Endpoint, dbname: str) -> None:
    """Remove the database, even with open connections."""
    async with await server.connect() as connection:
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(dbname)))


async def copy_settings(source: Endpoint, target: Endpoint, dbname: str) -> None:
    """Carry over what ``ALTER DATABASE … SET`` was given at the source; a dump leaves that behind."""
    async with await source.connect() as connection:
        cursor = await connection.execute(
            """
            SELECT unnest(setconfig) FROM pg_db_role_setting
            WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = %s)
            """,
            [dbname],
        )
        settings = [str(row[0]).partition("=")[::2] for row in await cursor.fetchall()]
    async with await target.connect() as connection:
        for name, value in settings:
            # These are stored as a list of quoted names, which as one literal would be one odd name.
            values = next(csv.reader([value], skipinitialspace=True), []) if name in _LISTS else [value]
            shown = sql.SQL(", ").join(map(sql.Literal, values))
            statement = sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
                sql.Identifier(dbname), sql.Identifier(*name.split(".")), shown
            )
            try:
                await connection.execute(statement)
            except psycopg.Error as error:
                logger.warning("Setting %s of database %s was not copied: %s", name, dbname, target.words(error))
