"""The checks before a migration: asked of the real source and the real target.

What is checked, and why each matters, follows what the service is known to check. Unlike it, every reason
for a refusal is given at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import psycopg

from airflow_dbaas.emulator.postgres import databases
from airflow_dbaas.emulator.postgres.endpoint import Endpoint

# Restoring needs room for indexes being built and for the write-ahead log.
_DISK_FACTOR = 1.3


@dataclass
class Report:
    """What the checks found."""

    refusals: list[str] = field(default_factory=list)
    """Why there can be no migration."""
    no_replication: list[str] = field(default_factory=list)
    """Why it cannot be by replication."""
    warnings: list[str] = field(default_factory=list)

    def verdict(self, method: str | None) -> tuple[bool, str]:
        """Whether the migration would work with ``method`` (None: the best there is), and the text for it."""
        refusals = self.refusals + (self.no_replication if method == "replication" else [])
        if refusals:
            return False, ". ".join(refusals)
        chosen = method or ("dump" if self.no_replication else "replication")
        texts = [f"Migration method will be '{chosen}'."]
        if method is None and self.no_replication:
            texts.append(f"Replication is not possible: {'; '.join(self.no_replication)}.")
        texts += [f"Warning: {warning}." for warning in self.warnings]
        return True, " ".join(texts)


async def check(source: Endpoint, target: Endpoint, ignored: Collection[str], disk: int, *, tls: bool = True) -> Report:
    """Check whether ``source`` can be migrated to ``target``, whose plan has ``disk`` bytes.

    :param tls: whether the target's programs can speak TLS, which a source may demand.
    """
    report = Report()
    if source.address == target.address:
        report.refusals.append("Migrating to the same server is not supported")
        return report
    try:
        obstacle = None if tls else await tls_obstacle(source)
        if obstacle is not None:
            report.refusals.append(obstacle)
            return report
        await _check(report, source, target, ignored, disk)
    except psycopg.OperationalError as error:
        report.refusals.append(f"Cannot connect to the source: {source.words(error)}")
    except psycopg.Error as error:
        report.refusals.append(f"Failed to run query on source db: '{source.words(error)}'")
    return report


async def tls_obstacle(source: Endpoint) -> str | None:
    """Why a target that was built without TLS cannot read from ``source``; None if it can.

    Raises ``psycopg.OperationalError`` if the source cannot be reached in any way.
    """
    if source.sslmode in {"disable", "allow", "prefer"}:
        try:
            await (await replace(source, sslmode="disable").connect()).close()
        except psycopg.OperationalError:
            # Reached as it was asked for? Then it was for want of TLS.
            await (await source.connect()).close()
        else:
            return None
    return "TLS is demanded for the source, but the target's version of PostgreSQL was built without it"


async def _check(report: Report, source: Endpoint, target: Endpoint, ignored: Collection[str], disk: int) -> None:
    async with await source.connect() as connection, await target.connect() as goal:
        source_version, target_version = connection.info.server_version // 10000, goal.info.server_version // 10000
        if source_version > target_version:
            report.refusals.append(
                "Migrating to older major PostgreSQL server version is not supported "
                f"(source {source_version}, target {target_version})"
            )
        found = await databases.to_migrate(source, ignored)
        if not found:
            report.refusals.append("No databases to migrate")
        size = sum(database.size for database in found)
        if size * _DISK_FACTOR > disk:
            report.refusals.append(
                f"Databases do not fit: {size} bytes at the source need {int(size * _DISK_FACTOR)} bytes of disk, "
                f"the plan has {disk}"
            )
        report.no_replication += await replication_obstacles(connection, len(found))
        available = await _available_extensions(goal)
    missing: set[str] = set()
    for database in found:
        missing |= await _check_database(report, source, target, database.name, available)
    if missing:
        report.refusals.append(f"Languages not installed in target: {', '.join(sorted(missing))}")


async def replication_obstacles(connection: psycopg.AsyncConnection, wanted_slots: int) -> list[str]:
    """Why the server that ``connection`` is of cannot be replicated from by its user."""
    cursor = await connection.execute(
        """
        SELECT current_setting('wal_level'), rolsuper OR rolreplication, rolname,
            current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)
        FROM pg_roles WHERE rolname = current_user
        """
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  (current_user is a role)
    wal_level, privileged, user, free_slots = row
    obstacles = []
    if wal_level != "logical":
        obstacles.append(f"wal_level of the source is '{wal_level}', replication needs 'logical'")
    if not privileged:
        obstacles.append(f"user '{user}' of the source has insufficient privilege: neither SUPERUSER nor REPLICATION")
    if free_slots < wanted_slots:
        obstacles.append(
            f"the source has {free_slots} free replication slots (max_replication_slots), "
            f"{wanted_slots} databases need one each"
        )
    return obstacles


@dataclass(frozen=True)
class _Extension:
    version: str
    needs_superuser: bool


async def _available_extensions(connection: psycopg.AsyncConnection) -> dict[str, _Extension]:
    cursor = await connection.execute(
        """
        SELECT e.name, v.version, v.superuser AND NOT v.trusted
        FROM pg_available_extensions AS e
        JOIN pg_available_extension_versions AS v ON v.name = e.name AND v.version = e.default_version
        """
    )
    return {row[0]: _Extension(row[1], row[2]) for row in await cursor.fetchall()}


async def _check_database(
    report: Report, source: Endpoint, target: Endpoint, dbname: str, available: dict[str, _Extension]
) -> set[str]:
    """Check one database; returns languages it has that come with no extension the target could install."""
    async with await source.connect(dbname) as connection:
        used = await _used_extensions(connection)
        cursor = await connection.execute("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")
        row = await cursor.fetchone()
        if row is not None and row[0]:
            report.warnings.append(f"database {dbname!r} has large objects, which replication does not carry")
        cursor = await connection.execute(
            """
            SELECT lanname FROM pg_language AS l WHERE oid >= 16384 AND NOT EXISTS (
                SELECT FROM pg_depend AS d
                WHERE d.classid = 'pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e'
            )
            """
        )
        languages = {str(row[0]) for row in await cursor.fetchall()}
    present: dict[str, str] = {}
    if await databases.exists(target, dbname):
        async with await target.connect(dbname) as goal:
            present = await _used_extensions(goal)
            cursor = await goal.execute("SELECT lanname FROM pg_language")
            languages -= {str(row[0]) for row in await cursor.fetchall()}
    report.refusals += [
        problem
        for name, version in used.items()
        if (problem := _extension_problem(name, version, dbname, present, available)) is not None
    ]
    return languages


async def _used_extensions(connection: psycopg.AsyncConnection) -> dict[str, str]:
    return dict(await (await connection.execute("SELECT extname, extversion FROM pg_extension ORDER BY 1")).fetchall())


def _extension_problem(
    name: str, version: str, dbname: str, present: dict[str, str], available: dict[str, _Extension]
) -> str | None:
    if name in present:
        if _older(present[name], version):
            return (
                f"Installed extension '{name}' in target database '{dbname}' is older than in source, "
                f"target version: {present[name]}, source version: {version}"
            )
        return None
    if name not in available:
        return f"Extension '{name}' of database '{dbname}' is not available for installation in target"
    if _older(available[name].version, version):
        return (
            f"Extension '{name}' version available for installation in target is too old, "
            f"source version: {version}, target version: {available[name].version}"
        )
    if available[name].needs_superuser:
        return f"Installing extension '{name}' in target requires superuser (database '{dbname}')"
    return None


def _older(version: str, than: str) -> bool:
    """Whether an extension's version comes before another; they are mostly, not always, numbers."""
    return [int(part) for part in re.findall(r"\d+", version)] < [int(part) for part in re.findall(r"\d+", than)]
