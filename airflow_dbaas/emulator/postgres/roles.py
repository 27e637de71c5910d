"""Roles: they belong to a whole server, so a migration carries them before any database."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence

import psycopg
from psycopg import sql

from airflow_dbaas.emulator.postgres.endpoint import Endpoint

logger = logging.getLogger(__name__)

_ATTRIBUTES = {
    "rolinherit": "INHERIT",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolcanlogin": "LOGIN",
    "rolreplication": "REPLICATION",
}


async def carry(source: Endpoint, target: Endpoint) -> dict[str, str]:
    """Create the source's roles in the target, which must not have them yet; returns their new passwords.

    Passwords cannot be read from a source, so login roles get a placeholder that the user replaces. A managed service
    allows no superusers and no bypass of row security.
    """
    async with await source.connect() as connection:
        cursor = await connection.execute(
            # 10 is the role that initdb made: grants may name it.
            """
            SELECT rolname, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
                rolvaliduntil::text
            FROM pg_roles WHERE (oid = 10 OR oid >= 16384) AND rolname !~ '^pg_' ORDER BY oid
            """
        )
        roles = await cursor.fetchall()
        names = [column.name for column in cursor.description or ()]
    made: dict[str, str] = {}
    async with await target.connect() as connection:
        cursor = await connection.execute("SELECT rolname FROM pg_roles")
        present = {row[0] for row in await cursor.fetchall()}
        for row in roles:
            role = dict(zip(names, row, strict=True))
            name = str(role["rolname"])
            if name in present:
                continue
            password = f"placeholder_{secrets.token_urlsafe(16)}"
            try:
                await connection.execute(_statement(connection, role, password))
            except psycopg.Error as error:
                logger.warning("Role %s was not copied: %s", name, target.words(error))
                continue
            if role["rolcanlogin"]:
                made[name] = password
    return made


def _statement(connection: psycopg.AsyncConnection, role: dict[str, object], password: str) -> sql.Composed:
    parts: list[sql.Composable] = [sql.SQL("CREATE ROLE {} WITH").format(sql.Identifier(str(role["rolname"])))]
    parts += [sql.SQL(word if role[name] else f"NO{word}") for name, word in _ATTRIBUTES.items()]
    parts.append(sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(role["rolconnlimit"])))
    if role["rolvaliduntil"]:
        parts.append(sql.SQL("VALID UNTIL {}").format(sql.Literal(role["rolvaliduntil"])))
    if role["rolcanlogin"]:
        parts.append(sql.SQL("PASSWORD {}").format(sql.Literal(verifier(connection, str(role["rolname"]), password))))
    return sql.SQL(" ").join(parts)


def verifier(connection: psycopg.AsyncConnection, user: str, password: str) -> str:
    """The stored form of a password, so that the password itself is in no statement and no log."""
    return connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()


async def create_admin(server: Endpoint, name: str, password: str, databases: Sequence[str]) -> None:
    """Create the admin user of a managed service, who has nearly all privileges, and its databases."""
    async with await server.connect() as connection:
        await connection.execute(
            sql.SQL("CREATE ROLE {} WITH LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(verifier(connection, name, password))
            )
        )
        for dbname in databases:
            await connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(dbname), sql.Identifier(name))
            )
