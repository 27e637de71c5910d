"""Extensions and languages that a database of the source uses: whether the target can have them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg

from airflow_dbaas.emulator.postgres import databases
from airflow_dbaas.emulator.postgres.endpoint import Endpoint


@dataclass(frozen=True)
class Available:
    """The version of an extension that the target would install."""

    version: str
    needs_superuser: bool


async def available(target: psycopg.AsyncConnection) -> dict[str, Available]:
    """Extensions that can be installed at the server ``target`` is connected to, by name."""
    cursor = await target.execute(
        """
        SELECT e.name, v.version, v.superuser AND NOT v.trusted
        FROM pg_available_extensions AS e
        JOIN pg_available_extension_versions AS v ON v.name = e.name AND v.version = e.default_version
        """
    )
    return {row[0]: Available(row[1], row[2]) for row in await cursor.fetchall()}


async def problems(
    source: psycopg.AsyncConnection, target: Endpoint, dbname: str, installable: dict[str, Available]
) -> list[str]:
    """Why the target cannot have what database ``dbname``, which ``source`` is connected to, uses.

    :param installable: what ``available`` said of the target.
    """
    used, languages = await _installed(source), await _plain_languages(source)
    present: dict[str, str] = {}
    if await databases.exists(target, dbname):
        async with await target.connect(dbname) as connection:
            present = await _installed(connection)
            cursor = await connection.execute("SELECT lanname FROM pg_language")
            languages -= {str(row[0]) for row in await cursor.fetchall()}
    found = [_problem(name, version, dbname, present, installable) for name, version in used.items()]
    if languages:
        found.append(
            f"Languages not installed in target: {', '.join(sorted(languages))} (database '{dbname}'); "
            "only languages that are extensions can be installed"
        )
    return [problem for problem in found if problem is not None]


async def _installed(connection: psycopg.AsyncConnection) -> dict[str, str]:
    return dict(await (await connection.execute("SELECT extname, extversion FROM pg_extension ORDER BY 1")).fetchall())


async def _plain_languages(connection: psycopg.AsyncConnection) -> set[str]:
    """User-defined languages that do not belong to an extension."""
    cursor = await connection.execute(
        """
        SELECT lanname FROM pg_language AS l WHERE oid >= 16384 AND NOT EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e'
        )
        """
    )
    return {str(row[0]) for row in await cursor.fetchall()}


def _problem(
    name: str, version: str, dbname: str, present: dict[str, str], installable: dict[str, Available]
) -> str | None:
    if name in present:
        if _older(present[name], version):
            return (
                f"Installed extension '{name}' in target database '{dbname}' is older than in source, "
                f"target version: {present[name]}, source version: {version}; update it there first"
            )
        return None
    if name not in installable:
        return (
            f"Extension '{name}' of database '{dbname}' is not available for installation in target "
            f"(source version: {version})"
        )
    if _older(installable[name].version, version):
        return (
            f"Extension '{name}' of database '{dbname}': version available for installation in target is too old, "
            f"source version: {version}, target version: {installable[name].version}"
        )
    if installable[name].needs_superuser:
        return (
            f"Installing extension '{name}' of database '{dbname}' in target requires superuser, which is not "
            "available there, and it is not a trusted extension"
        )
    return None


def _older(version: str, than: str) -> bool:
    """Whether an extension's version comes before another; they are mostly, not always, numbers."""
    return [int(part) for part in re.findall(r"\d+", version)] < [int(part) for part in re.findall(r"\d+", than)]
