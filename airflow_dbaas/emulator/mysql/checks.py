"""The checks before a MySQL migration: asked of the real source and the real target.

They are those of aiven-mysql-migrate, in its order and with its names. Unlike it, they report every reason at once. The
servers here are MariaDB's, so some checks test an equivalent:

* ``gtid_mode`` and ``Executed_Gtid_Set``: the binary log is on and ``gtid_binlog_pos`` is not empty. MariaDB has
  global transaction ids whenever it has a binary log.
* Versions: replication needs a MariaDB source from 10.3 up to the target's major.minor version. A MySQL source
  (5.7 to 8.4 are the versions the real check accepts) cannot be replicated from into MariaDB, whose transaction
  ids are different ones; it can be dumped.
* ``REPLICATION CLIENT`` is shown as ``BINLOG MONITOR`` by MariaDB 10.5 and newer.
* ``FLUSH TABLES WITH READ LOCK`` is not tried out, for it would stop the source's writers: the privilege that
  it needs (``RELOAD``) is looked for.
* A database with a comma in its name cannot be replicated: MariaDB's filters are lists separated by commas.

Two checks of the real tool can find nothing here. A target always has an address that it can be replicated to
(``TARGET_MASTER_SERVICE_URI``). And MariaDB has no ``replica_preserve_commit_order``, which the service does not
ask for either: it always commits in order.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import pymysql
from pymysql.constants import CR

from airflow_dbaas.emulator.mysql import databases
from airflow_dbaas.emulator.mysql.databases import MysqlDatabase
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint
from airflow_dbaas.emulator.mysql.target import MysqlTarget
from airflow_dbaas.emulator.sources import UnusableUri

MOST_DATABASES = 10_000
_OLDEST_MARIADB = (10, 3)
_MYSQL_SINCE, _MYSQL_BEFORE = (5, 7), (8, 5)
_GLOBAL_GRANT = re.compile(r"GRANT (.+?) ON \*\.\* TO ")
_VARIABLES = ("version", "server_id", "log_bin", "gtid_binlog_pos", "binlog_format")
_SHOWN = 5
"""Tables named in a text; of any others only the number."""


@dataclass(frozen=True)
class Finding:
    """One reason against a migration, or against replication."""

    word: str
    """The exception of the real tool, without what all of them begin and end with."""
    text: str

    def __str__(self) -> str:
        return f"aiven_mysql_migrate.exceptions.{self.word}Exception: {self.text}"


@dataclass
class Report:
    """The findings of the checks."""

    refusals: list[Finding] = field(default_factory=list)
    """Why there can be no migration."""
    no_replication: list[Finding] = field(default_factory=list)
    """Why it cannot be by replication."""
    databases: list[MysqlDatabase] = field(default_factory=list)

    def obstacles(self, method: str | None) -> list[Finding]:
        """Why there can be no migration by ``method`` (None: the best there is)."""
        return self.refusals + (self.no_replication if method == "replication" else [])

    def by_replication(self, method: str | None) -> bool:
        """Whether a migration by ``method`` that nothing is in the way of is by replication."""
        return method != "dump" and not self.no_replication

    def verdict(self, method: str | None) -> tuple[bool, str]:
        """Whether the migration would work with ``method``, and the text for it."""
        obstacles = self.obstacles(method)
        if obstacles:
            return False, ". ".join(map(str, obstacles))
        chosen = "Replication" if self.by_replication(method) else "MySQLDump"
        text = f"All pre-checks passed successfully, preferred migration method will be [{chosen}]"
        if method is None and self.no_replication:
            text += f". Replication is not possible: {'; '.join(found.text for found in self.no_replication)}"
        return True, text


async def verdict(uri: str, target: MysqlTarget, method: str | None, ignored: Collection[str]) -> tuple[bool, str]:
    """Whether the server that ``uri`` names can be migrated to ``target`` by ``method``, and the text for it."""
    try:
        source = MysqlEndpoint.from_uri(uri)
    except UnusableUri as error:
        return False, str(Finding("WrongMigrationConfiguration", str(error)))
    return (await check(source, target, ignored)).verdict(method)


async def check(
    source: MysqlEndpoint, target: MysqlTarget, ignored: Collection[str], *, most: int = MOST_DATABASES
) -> Report:
    """Check whether ``source`` can be migrated to ``target``.

    :param ignored: databases that are left out.
    :param most: how many databases one migration carries at most.
    """
    try:
        return await inspect(source, target, ignored, most=most)
    except pymysql.Error as error:
        if error.args and error.args[0] == CR.CR_SSL_CONNECTION_ERROR:
            finding = Finding("SSLNotSupported", f"TLS is required for the source: {source.words(error)}")
        elif isinstance(error, pymysql.OperationalError):
            finding = Finding("EndpointConnection", f"Cannot connect to the source: {source.words(error)}")
        else:
            finding = Finding("EndpointConnection", f"Failed to run query on source db: '{source.words(error)}'")
        return Report(refusals=[finding])


async def inspect(
    source: MysqlEndpoint, target: MysqlTarget, ignored: Collection[str], *, most: int = MOST_DATABASES
) -> Report:
    """As ``check``, but raises ``pymysql.Error`` if the source cannot be asked."""
    report = Report()
    if source.address == target.admin.address:
        report.refusals.append(Finding("WrongMigrationConfiguration", "Migrating to the same server is not supported"))
    if source.password_obstacle is not None:
        report.refusals.append(Finding("WrongMigrationConfiguration", source.password_obstacle))
    if report.refusals:
        return report
    # The first login: if the source refuses it, it does so here.
    variables = await _variables(source)
    found = report.databases = await databases.to_migrate(source, ignored)
    if not found:
        report.refusals.append(Finding("NothingToMigrate", "No databases to migrate"))
    elif len(found) > most:
        report.refusals.append(
            Finding("TooManyDatabases", f"Too many databases to migrate: {len(found)}, at most {most} are possible")
        )
    size = sum(database.size for database in found)
    if size > target.disk:
        report.refusals.append(
            Finding("DatabaseTooLarge", f"Databases do not fit: {size} bytes at the source, the plan has {target.disk}")
        )
    goal, granted = await _variables(target.superuser), await _granted(source)
    report.no_replication += [
        *_version(variables["version"], goal["version"]),
        *_grants(source, granted),
        *_gtid(variables, "source"),
        *_gtid(goal, "target"),
        *await _engines(source, [database.name for database in found]),
        *_server_ids(variables["server_id"], goal["server_id"]),
        *_binlog_format(variables["binlog_format"]),
        *_read_lock(source, granted),
        *_names([database.name for database in found]),
    ]
    return report


async def _variables(server: MysqlEndpoint) -> dict[str, str]:
    """Settings of a server; MySQL has not all of them."""
    listed = ", ".join(f"'{name}'" for name in _VARIABLES)
    rows = await server.query(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({listed})")
    return dict(rows)


def _version(source: str, target: str) -> list[Finding]:
    version, ours = _major_minor(source), _major_minor(target)
    if "mariadb" not in source.lower():
        word = (
            "" if _MYSQL_SINCE <= version < _MYSQL_BEFORE else " (nor would MySQL replicate from it: 5.7 to 8.4 only)"
        )
        return [
            Finding(
                "UnsupportedMySQLVersion",
                f"the source is MySQL {source} and the target MariaDB {target}, "
                f"whose global transaction ids differ{word}",
            )
        ]
    if _OLDEST_MARIADB <= version <= ours:
        return []
    wanted = f"{_dotted(_OLDEST_MARIADB)} to {_dotted(ours)}, the target's"
    return [Finding("UnsupportedMySQLVersion", f"the source is version {source}, replication needs {wanted}")]


def _major_minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _grants(source: MysqlEndpoint, granted: set[str]) -> list[Finding]:
    missing = [] if granted & {"REPLICATION SLAVE"} else ["REPLICATION SLAVE"]
    if not granted & {"REPLICATION CLIENT", "BINLOG MONITOR"}:
        missing.append("REPLICATION CLIENT (BINLOG MONITOR)")
    if not missing or "ALL PRIVILEGES" in granted:
        return []
    return [
        Finding(
            "MissingReplicationGrants",
            f"user '{source.user}' of the source has no {' and no '.join(missing)} ON *.*",
        )
    ]


async def _granted(source: MysqlEndpoint) -> set[str]:
    """Privileges that the source's user has on everything."""
    lines = [row[0] for row in await source.query("SHOW GRANTS FOR CURRENT_USER()")]
    matches = [match for line in lines if (match := _GLOBAL_GRANT.match(line)) is not None]
    return {name.strip() for match in matches for name in match[1].split(",")}


def _gtid(variables: dict[str, str], server: str) -> list[Finding]:
    if variables["log_bin"] != "ON":
        text = f"the binary log of the {server} is off (log_bin), replication needs its global transaction ids"
    elif server == "source" and not variables.get("gtid_binlog_pos"):
        text = "the source has logged no transaction (gtid_binlog_pos is empty): there is no position to start from"
    else:
        return []
    return [Finding("GTIDModeDisabled", text)]


async def _engines(source: MysqlEndpoint, dbnames: list[str]) -> list[Finding]:
    rows = await source.query(
        """
        SELECT table_schema, table_name, engine FROM information_schema.tables
        WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE') AND engine <> 'InnoDB'
        ORDER BY table_schema, table_name
        """
    )
    wrong = [f"{schema}.{table} ({engine})" for schema, table, engine in rows if schema in dbnames]
    if not wrong:
        return []
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return [
        Finding(
            "UnsupportedMySQLEngine",
            f"replication needs tables of the engine InnoDB, these are not: {', '.join(wrong[:_SHOWN])}{more}",
        )
    ]


def _server_ids(source: str, target: str) -> list[Finding]:
    if source != target:
        return []
    return [Finding("ServerIdsOverlapping", f"source and target have the same server_id, {source}")]


def _binlog_format(value: str) -> list[Finding]:
    if value == "ROW":
        return []
    return [Finding("UnsupportedBinLogFormat", f"binlog_format of the source is '{value}', replication needs 'ROW'")]


def _read_lock(source: MysqlEndpoint, granted: set[str]) -> list[Finding]:
    if granted & {"RELOAD", "ALL PRIVILEGES"}:
        return []
    return [
        Finding(
            "NoFlushTableWithReadLock",
            f"user '{source.user}' of the source may not FLUSH TABLES WITH READ LOCK: it lacks RELOAD ON *.*",
        )
    ]


def _names(dbnames: list[str]) -> list[Finding]:
    return [
        Finding(
            "ReplicationNotAvailable",
            f"database '{dbname}' has a comma in its name, so no replication filter can name it",
        )
        for dbname in dbnames
        if "," in dbname
    ]
