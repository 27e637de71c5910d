"""Users and databases of a MariaDB server, as the API makes and removes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pymysql
from pymysql.constants import CR, ER

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint, identifier

SUPERUSER = "root"
OWN_USERS = frozenset({SUPERUSER, "mariadb.sys"})
"""Users that are the server's own."""
OWN_DATABASES = frozenset({"information_schema", "mysql", "performance_schema", "sys"})

# Privileges of ordinary users, and of the admin user, in every database. MariaDB cannot exclude databases, not even its
# own, so users could grant themselves more.
_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER, SHOW DATABASES"
)
_ADMIN_PRIVILEGES = f"{_PRIVILEGES}, CREATE USER, PROCESS, RELOAD, REPLICATION CLIENT, REPLICATION SLAVE"
_LOCK_SECONDS = 2
_STATUS = {ER.DB_CREATE_EXISTS: 409, ER.CANNOT_USER: 409, ER.LOCK_WAIT_TIMEOUT: 409}
# Errors that say nothing of the request: no connection to spare, or a server that is going down.
_PASSING = {
    CR.CR_CONN_HOST_ERROR,
    CR.CR_SERVER_GONE_ERROR,
    CR.CR_SERVER_LOST,
    ER.CON_COUNT_ERROR,
    ER.SERVER_SHUTDOWN,
    ER.OUT_OF_RESOURCES,
}


@contextlib.contextmanager
def refusals(server: MysqlEndpoint, service: str) -> Iterator[None]:
    """Turn errors of the server into an answer with its message; 409 if it cannot be queried now."""
    try:
        yield
    except pymysql.Error as error:
        if error.args[0] in _PASSING:
            raise ApiError(409, f"Service {service} cannot be queried now: {server.words(error)}") from error
        raise ApiError(_STATUS.get(error.args[0], 400), server.words(error)) from error


async def databases(server: MysqlEndpoint) -> list[str]:
    """Databases that are not the server's own."""
    rows = await server.query("SHOW DATABASES")
    return sorted(name for (name,) in rows if name not in OWN_DATABASES)


async def users(server: MysqlEndpoint) -> list[str]:
    """Users that can log in from anywhere, without the server's own."""
    rows = await server.query("SELECT User FROM mysql.user WHERE Host = '%' AND is_role = 'N'")
    return sorted(name for (name,) in rows if name not in OWN_USERS)


async def create_user(server: MysqlEndpoint, username: str, password: str, *, admin: bool = False) -> None:
    """Create a user with all privileges in all databases; the admin user may also create users."""
    _require_foreign(username)
    await server.query("CREATE USER %s@'%%' IDENTIFIED BY %s", (username, password))
    # Directly after its creation, before the password is known.
    privileges, more = (_ADMIN_PRIVILEGES, " WITH GRANT OPTION") if admin else (_PRIVILEGES, "")
    await server.query(f"GRANT {privileges} ON *.* TO %s@'%%'{more}", (username,))


async def drop_user(server: MysqlEndpoint, username: str) -> bool:
    """Remove a user; False if there is none."""
    if username not in await users(server):
        return False
    await server.query("DROP USER %s@'%%'", (username,))
    return True


async def set_password(server: MysqlEndpoint, username: str, password: str) -> bool:
    """Change a user's password; False if there is none."""
    if username not in await users(server):
        return False
    await server.query("ALTER USER %s@'%%' IDENTIFIED BY %s", (username, password))
    return True


async def create_database(server: MysqlEndpoint, dbname: str) -> None:
    """Make an empty database."""
    await server.query(f"CREATE DATABASE {identifier(dbname)}")


async def drop_database(server: MysqlEndpoint, dbname: str) -> bool:
    """Remove a database, even with open connections; False if there is none that can be removed."""
    if dbname in OWN_DATABASES:
        raise ApiError(400, f"Database {dbname} is the server's own and cannot be deleted")
    if dbname not in await databases(server):
        return False
    for (number,) in await server.query("SELECT id FROM information_schema.processlist WHERE db = %s", (dbname,)):
        with contextlib.suppress(pymysql.Error):
            # It may have been removed meanwhile.
            await server.query(f"KILL {int(number)}")
    # A session in another database may be using this one.
    await server.query(f"SET STATEMENT lock_wait_timeout = {_LOCK_SECONDS} FOR DROP DATABASE {identifier(dbname)}")
    return True


def _require_foreign(username: str) -> None:
    if username in OWN_USERS:
        raise ApiError(409, f"User {username} is the server's own")
