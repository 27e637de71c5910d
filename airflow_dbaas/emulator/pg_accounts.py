"""Users and databases of a PostgreSQL server, as the API makes and removes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.postgres import databases, roles
from airflow_dbaas.emulator.postgres.endpoint import Endpoint

_LONGEST_NAME = 63
_OWN_DATABASE = "postgres"
_STATUS: dict[type[psycopg.Error], int] = {
    psycopg.errors.DuplicateObject: 409,
    psycopg.errors.DuplicateDatabase: 409,
    psycopg.errors.ObjectInUse: 409,
}


# Classes of errors that say nothing of the request: no connection, no resources, a server that is going down.
_PASSING = ("08", "53", "57")


@contextlib.contextmanager
def refusals(server: Endpoint, service: str) -> Iterator[None]:
    """Turn errors of the server into an answer with its message; 409 if it cannot be queried now."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None or error.sqlstate.startswith(_PASSING):
            raise ApiError(409, f"Service {service} cannot be queried now: {server.words(error)}") from error
        raise ApiError(_STATUS.get(type(error), 400), server.words(error)) from error


async def databases_and_users(superuser: Endpoint, admin: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Databases and users that the server has now, without those that are the service's own."""
    async with await superuser.connect() as connection:
        cursor = await connection.execute(
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datdba <> 10 ORDER BY datname"
        )
        names = [str(row[0]) for row in await cursor.fetchall()]
        cursor = await connection.execute(
            "SELECT rolname, rolreplication FROM pg_roles WHERE rolcanlogin AND oid <> 10 ORDER BY oid"
        )
        users = [
            {"username": name, "type": "primary" if name == admin else "normal", "allow-replication": replication}
            for name, replication in await cursor.fetchall()
        ]
    return names, users


async def create_user(admin: Endpoint, username: str, password: str, *, replication: bool) -> None:
    """Make a role that logs in, as the admin user so that it may act for the new one."""
    _require_name("username", username)
    async with await admin.connect() as connection:
        await connection.execute(
            sql.SQL("CREATE ROLE {} WITH LOGIN {} PASSWORD {}").format(
                sql.Identifier(username),
                sql.SQL("REPLICATION" if replication else "NOREPLICATION"),
                sql.Literal(roles.verifier(connection, username, password)),
            )
        )


async def drop_user(superuser: Endpoint, username: str) -> bool:
    """Remove a role that logs in; False if there is none."""
    async with await superuser.connect() as connection:
        if not await _has_user(connection, username):
            return False
        await connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(username)))
    return True


async def set_password(superuser: Endpoint, username: str, password: str) -> bool:
    """Change the password of a role that logs in; False if there is none."""
    _require_text("password", password)
    async with await superuser.connect() as connection:
        if not await _has_user(connection, username):
            return False
        verifier = roles.verifier(connection, username, password)
        await connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(username), sql.Literal(verifier))
        )
    return True


async def create_database(admin: Endpoint, dbname: str, collate: str | None, ctype: str | None) -> None:
    """Make an empty database that belongs to the admin user."""
    _require_name("database-name", dbname)
    parts: list[sql.Composable] = [sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(dbname))]
    for place, word, locale in (("lc-collate", "LC_COLLATE", collate), ("lc-ctype", "LC_CTYPE", ctype)):
        if locale is not None:
            _require_text(place, locale)
            parts.append(sql.SQL("{} {}").format(sql.SQL(word), sql.Literal(locale)))
    async with await admin.connect() as connection:
        await connection.execute(sql.SQL(" ").join(parts))


async def drop_database(superuser: Endpoint, dbname: str) -> bool:
    """Remove a database, even with open connections; False if there is none that can be removed."""
    if dbname == _OWN_DATABASE:
        raise ApiError(400, f"Database {dbname} is the server's own and cannot be deleted")
    async with await superuser.connect() as connection:
        cursor = await connection.execute(
            "SELECT FROM pg_database WHERE datname = %s AND NOT datistemplate", [_comparable(dbname)]
        )
        if await cursor.fetchone() is None:
            return False
    await databases.drop(superuser, dbname)
    return True


async def _has_user(connection: psycopg.AsyncConnection, username: str) -> bool:
    cursor = await connection.execute(
        "SELECT FROM pg_roles WHERE rolname = %s AND rolcanlogin AND oid <> 10", [_comparable(username)]
    )
    return await cursor.fetchone() is not None


def _comparable(name: str) -> str:
    """A name that can be sent to a server; others do not exist."""
    return "" if "\0" in name else name


def _require_text(place: str, text: str) -> None:
    if "\0" in text:
        raise ApiError(400, f"{place}: must not contain a NUL character")


def _require_name(place: str, name: str) -> None:
    """The server would cut longer names off without an error."""
    _require_text(place, name)
    if len(name.encode()) > _LONGEST_NAME:
        raise ApiError(400, f"{place}: must have at most {_LONGEST_NAME} bytes, has {len(name.encode())}")
