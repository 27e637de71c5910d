"""The checks before a migration: asked of the real source and the real target.

The checks follow the known checks of the service. Unlike the service, they report all reasons for a refusal at once. A
migration without a preceding check is refused for the same reasons.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import psycopg

from airflow_dbaas.emulator.postgres import databases, extensions, obstacles
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.databases import Database
from airflow_dbaas.emulator.postgres.endpoint import Endpoint

# Restoring needs disk space for building indexes and for the write-ahead log.
_DISK_FACTOR = 1.3
_OLDEST_DUMPED = 90200
"""Server version from which on every pg_dump that the emulator has can read."""


@dataclass
class Report:
    """The findings of the checks."""

    databases: list[Database] = field(default_factory=list)
    """The databases to migrate."""
    refusals: list[str] = field(default_factory=list)
    """Why there can be no migration."""
    no_replication: list[str] = field(default_factory=list)
    """Why no database can be replicated."""
    dumped: dict[str, str] = field(default_factory=dict)
    """Databases that cannot be replicated, though others can, and why."""
    warnings: list[str] = field(default_factory=list)
    replication_warnings: list[str] = field(default_factory=list)
    """Properties that matter only to a replication."""

    def verdict(self, method: str | None) -> tuple[bool, str]:
        """Whether the migration would work with ``method`` (None: the best there is), and the text for it."""
        obstacles = self.no_replication + list(self.dumped.values())
        refusals = self.refusals + (obstacles if method == "replication" else [])
        if refusals:
            return False, ". ".join(refusals)
        impossible = self.no_replication or all(each.name in self.dumped for each in self.databases)
        chosen = method or ("dump" if impossible else "replication")
        texts = [f"Migration method will be '{chosen}'."]
        if method is None and impossible:
            texts.append(f"Replication is not possible: {'; '.join(obstacles)}.")
        elif method is None:
            texts += [f"Database '{name}' will be dumped: {why}." for name, why in self.dumped.items()]
        warnings = self.warnings + (self.replication_warnings if chosen == "replication" else [])
        return True, " ".join([*texts, *(f"Warning: {warning}." for warning in warnings)])


async def check(
    source: Endpoint, target: Endpoint, ignored: Collection[str], disk: int, *, binaries: PostgresBinaries
) -> Report:
    """Check whether ``source`` can be migrated to ``target``, whose plan has ``disk`` bytes.

    :param binaries: the target's programs.
    """
    try:
        return await examine(source, target, ignored, disk, binaries=binaries)
    except psycopg.OperationalError as error:
        return Report(refusals=[f"Cannot connect to the source {source.shown}: {source.words(error)}"])
    except psycopg.Error as error:
        return Report(refusals=[f"Failed to run query on source db: '{source.words(error)}'"])


async def examine(
    source: Endpoint, target: Endpoint, ignored: Collection[str], disk: int, *, binaries: PostgresBinaries
) -> Report:
    """The checks themselves: raises ``psycopg.Error`` if the source cannot be reached or asked."""
    report = Report()
    if source.address == target.address:
        report.refusals.append(_same_server(source))
        return report
    obstacle = None if binaries.tls else await tls_obstacle(source)
    if obstacle is not None:
        report.refusals.append(obstacle)
        return report
    async with await source.connect() as connection, await target.connect() as goal:
        if await _is_same(connection, goal):
            report.refusals.append(_same_server(source))
            return report
        report.refusals += _unsuitable_versions(connection.info.server_version, goal.info.server_version, binaries)
        report.warnings += await _superusers(connection, goal)
        installable = await extensions.available(goal)
    report.databases = found = await databases.to_migrate(source, ignored)
    opened = [database for database in found if not database.closed]
    report.warnings += [
        f"database '{database.name}' cannot be connected to, its migration will fail "
        f"unless it is opened or ignored: {database.closed}"
        for database in found
        if database.closed
    ]
    if not opened:
        report.refusals.append(_nothing(found, ignored))
    size = sum(database.size for database in found)
    if size * _DISK_FACTOR > disk:
        report.refusals.append(
            f"Databases do not fit: {size} bytes at the source need {int(size * _DISK_FACTOR)} bytes of disk, "
            f"the plan has {disk}; take a larger plan or leave databases out (ignore-dbs)"
        )
    async with await source.connect() as connection:
        report.no_replication += await obstacles.of_server(connection, len(opened))
    for database in opened:
        async with await source.connect(database.name) as connection:
            report.refusals += await extensions.problems(connection, target, database.name, installable)
            found_here = await obstacles.of_database(connection, database.name)
            if found_here:
                report.dumped[database.name] = "; ".join(found_here)
            report.replication_warnings += await obstacles.warnings(connection, database.name)
    return report


async def tls_obstacle(source: Endpoint) -> str | None:
    """Why a target that was built without TLS cannot read from ``source``; None if it can.

    Raises ``psycopg.OperationalError`` if the source cannot be reached in any way.
    """
    if source.sslmode in {"disable", "allow", "prefer"}:
        try:
            await (await replace(source, sslmode="disable").connect()).close()
        except psycopg.OperationalError:
            # If it can be reached without TLS, TLS was the problem.
            await (await source.connect()).close()
        else:
            return None
    return "TLS is required for the source, but the target's version of PostgreSQL was built without it"


def _same_server(source: Endpoint) -> str:
    return (
        f"Migrating to the same server is not supported: {source.place} is the target itself; "
        "name the server that has the data now"
    )


async def _is_same(connection: psycopg.AsyncConnection, goal: psycopg.AsyncConnection) -> bool:
    """Whether two connections lead to the same server, independent of names and ports."""
    if connection.info.server_version != goal.info.server_version:
        return False
    # Precise to the microsecond, and any user may query it; the system identifier is shared by copies of a cluster.
    began = [await (await each.execute("SELECT pg_postmaster_start_time()")).fetchone() for each in (connection, goal)]
    return began[0] == began[1]


def _unsuitable_versions(source: int, target: int, binaries: PostgresBinaries) -> list[str]:
    refusals = []
    if source // 10000 > target // 10000:
        refusals.append(
            "Migrating to older major PostgreSQL server version is not supported "
            f"(source {obstacles.release(source)}, target {obstacles.release(target)}); "
            f"take a service of version {obstacles.release(source)} or newer"
        )
    if source < _OLDEST_DUMPED:
        refusals.append(
            f"No suitable pg_dump: that of PostgreSQL {binaries.version} reads servers from "
            f"{obstacles.release(_OLDEST_DUMPED)} on, the source is {obstacles.release(source)}"
        )
    for name in ("pg_dump", "pg_restore"):
        try:
            binaries.tool(name)
        except FileNotFoundError as error:
            refusals.append(f"No suitable {name}: {error}")
    return refusals


async def _superusers(connection: psycopg.AsyncConnection, goal: psycopg.AsyncConnection) -> list[str]:
    """Warnings about roles that lose privileges, except those that already exist in the target."""
    roles = [
        {str(row[0]) for row in await (await each.execute(query)).fetchall()}
        for each, query in (
            (connection, "SELECT rolname FROM pg_roles WHERE rolsuper"),
            (goal, "SELECT rolname FROM pg_roles"),
        )
    ]
    return [
        f"role '{name}' of the source is a superuser, but no role of the target can be: it is created without that "
        "attribute"
        for name in sorted(roles[0] - roles[1])
    ]


def _nothing(found: Collection[Database], ignored: Collection[str]) -> str:
    left_out = f", ignored ones ({', '.join(sorted(ignored))})" if ignored else ""
    closed = ", those that cannot be connected to" if found else ""
    return f"No databases to migrate: the source has none but templates{left_out}{closed} and an empty 'postgres'"
