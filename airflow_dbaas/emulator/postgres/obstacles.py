"""Obstacles to replicating a source, and what replication does not copy unchanged.

None of it is in the way of a dump.
"""

from __future__ import annotations

import psycopg

from airflow_dbaas.emulator.postgres import replication

_FIRST_WITH_REPLICATION = 100000


def release(server_version: int) -> str:
    """Release as people write it, from the number that a server reports: ``17``, before 10 ``9.6``."""
    major, rest = divmod(server_version, 10000)
    return str(major) if server_version >= _FIRST_WITH_REPLICATION else f"{major}.{rest // 100}"


async def of_server(connection: psycopg.AsyncConnection, wanted: int) -> list[str]:
    """Why the server of ``connection`` cannot be replicated from by its user.

    :param wanted: number of databases to be replicated.
    """
    version = connection.info.server_version
    if version < _FIRST_WITH_REPLICATION:
        return [f"the source is PostgreSQL {release(version)}, replication needs 10 or newer"]
    cursor = await connection.execute(
        """
        SELECT current_setting('wal_level'), rolsuper OR rolreplication, rolname,
            current_setting('max_replication_slots')::int, (SELECT count(*) FROM pg_replication_slots),
            current_setting('max_wal_senders')::int, (SELECT count(*) FROM pg_stat_replication)
        FROM pg_roles WHERE rolname = current_user
        """
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  (current_user is a role)
    wal_level, privileged, user, slots, slots_used, senders, senders_used = row
    found = []
    if wal_level != "logical":
        found.append(f"wal_level of the source is '{wal_level}', replication needs 'logical'")
    if not privileged:
        found.append(f"user '{user}' of the source has insufficient privilege: neither SUPERUSER nor REPLICATION")
    for what, setting, limit, used in (
        ("replication slots", "max_replication_slots", slots, slots_used),
        ("WAL senders", "max_wal_senders", senders, senders_used),
    ):
        # The initial copy of a table needs another one, besides that of its database.
        if limit - used < wanted + 1:
            found.append(
                f"free {what} of the source: {limit - used} ({setting} is {limit}), {wanted + 1} are needed: "
                "one for each database and one for copying tables"
            )
    return found


async def of_database(connection: psycopg.AsyncConnection, dbname: str) -> list[str]:
    """Why the user of ``connection`` cannot publish the tables of its database."""
    if connection.info.server_version < _FIRST_WITH_REPLICATION:
        return []
    cursor = await connection.execute("SELECT current_user, has_database_privilege(current_database(), 'CREATE')")
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  (a query without FROM returns a row)
    user, may_create = row
    found = []
    if not may_create:
        found.append(f"user '{user}' of the source has insufficient privilege: no CREATE on database '{dbname}'")
    foreign = [table for table in await replication.tables(connection) if not table.owned]
    if foreign:
        found.append(
            f"user '{user}' of the source has insufficient privilege: "
            f"it does not own {_named(foreign)} of database '{dbname}'"
        )
    return found


async def warnings(connection: psycopg.AsyncConnection, dbname: str) -> list[str]:
    """Warnings about replicating a database."""
    found = []
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")
    row = await cursor.fetchone()
    if row is not None and row[0]:
        found.append(f"database '{dbname}' has large objects, which replication does not copy")
    if connection.info.server_version >= _FIRST_WITH_REPLICATION:
        keyless = [table for table in await replication.tables(connection) if not table.has_identity]
        if keyless:
            found.append(
                f"database '{dbname}' has tables without primary key ({_named(keyless)}), "
                "which get REPLICA IDENTITY FULL at the source while they are replicated"
            )
        found += [
            f"rows of table {table.schema}.{table.name} of database '{dbname}' cannot be updated or deleted while it "
            f"is replicated: it has no primary key, and values of {', '.join(table.incomparable)} cannot be compared"
            for table in keyless
            if table.incomparable
        ]
    return found


def _named(tables: list[replication.Table]) -> str:
    more = f" and {len(tables) - 1} more" if len(tables) > 1 else ""
    return f"table {tables[0].schema}.{tables[0].name}{more}"
