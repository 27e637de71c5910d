"""Verifying: what a row costs a server, and how long a database of 40 tables takes. With the MariaDB that is installed.

The case ``before`` is what this package did before its verification was rewritten: it added up two halves of the MD5
of each row's text, one table after the other.
"""

from __future__ import annotations

import atexit
import functools
import secrets
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from benchmarks.frame import Case, Quantity, Role, Subject, Values
from benchmarks.verification import NARROW_ROWS, TABLES, WIDE_ROWS, measure, mixed_tables, pid_of

SUBJECT = Subject(
    title="Verify MySQL",
    quantities=(
        Quantity("narrow", "CPU of one server for a row of five columns, ns", share=0.3),
        Quantity("wide", "CPU of one server for a row of 16 columns, 800 bytes, ns", share=0.5),
        Quantity("database", f"a database of {TABLES} mixed tables, definitions and rows, s", digits=2),
        Quantity("servers", "the same, CPU of both servers, s", digits=2),
    ),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS),
        Case("before", "airflow-dbaas before, sums of MD5", Role.PEER),
        Case("checksum_tool", "pt-table-checksum's expression, XOR of CRC32", Role.PLAIN),
        Case("checksum", "CHECKSUM TABLE", Role.LIMIT),
    ),
    together=True,
    pinned=False,
)

_NARROW = (
    """CREATE TABLE {name} (id int PRIMARY KEY, account int NOT NULL, amount decimal(12, 2), name varchar(30),
        at datetime NOT NULL)""",
    """INSERT INTO {name} SELECT seq, seq * 7919 % 100003, (seq * 31 % 1000000) / 100, CONCAT('name ', seq % 5000),
        '2020-01-01' + INTERVAL seq SECOND FROM seq_1_to_{rows}""",
)
_WIDE = (
    """CREATE TABLE {name} (id bigint PRIMARY KEY, a int, b int, c bigint, d double, e decimal(18, 4), t1 varchar(100),
        t2 varchar(200), t3 text, t4 text CHARACTER SET latin1, j json, bl varbinary(64), dt datetime(6),
        ts timestamp NULL, en enum('a', 'b', 'c'), da date)""",
    """INSERT INTO {name} SELECT seq, seq, seq * 3 % 977, seq * 1000003, seq / 7, seq / 3, CONCAT('customer ', seq),
        REPEAT(MD5(seq), 4), REPEAT(CONCAT('text é ', seq, ' '), 20), REPEAT('latin é ', 10),
        JSON_OBJECT('k', seq, 'v', MD5(seq)), UNHEX(SHA2(seq, 256)), '2020-01-01' + INTERVAL seq SECOND,
        '2020-01-01' + INTERVAL seq MINUTE, ELT(1 + seq % 3, 'a', 'b', 'c'), '2020-01-01' + INTERVAL seq % 1000 DAY
        FROM seq_1_to_{rows}""",
)


def prepare(case: str, url: str) -> Callable[[], Values]:  # noqa: ARG001 - nothing is sent
    """Get a case ready."""
    source, target = _servers()
    comparisons = {"ours": _compare, "before": _compare_as_before}
    return functools.partial(measure, case, source, target, _cost_of_a_row, comparisons)


def _cost_of_a_row(case: str, server: Any, table: str, rows: int) -> float:
    from airflow_dbaas.verification.mysql import rows as digests
    from airflow_dbaas.verification.mysql.sessions import session

    with session(_End(server), "row_cost") as opened:
        read = digests.columns(opened)[table]
        work: dict[str, Callable[[], Any]] = {
            "ours": lambda: digests.digest(opened, table, read, part=None, content="all"),
            "before": lambda: opened.rows(_before(table, read)),
            "checksum_tool": lambda: opened.rows(_checksum_tool(table, read)),
            "checksum": lambda: opened.rows(f"CHECKSUM TABLE {table}"),
        }
        begin = _nanoseconds(server)
        work[case]()
        return (_nanoseconds(server) - begin) / rows


def _before(table: str, read: Any) -> str:
    """The query of before."""
    values = ", ".join(
        f"IFNULL({'MD5' if column.is_text else 'CONCAT'}({name}), '-')" for name, column in read.columns.items()
    )
    half = "SUM(CAST(CONV(SUBSTRING(h, {start}, 16), 16, 10) AS UNSIGNED))"
    return f"""SELECT COUNT(*), {half.format(start=1)}, {half.format(start=17)}
        FROM (SELECT MD5(CONCAT_WS(',', {values})) AS h FROM {table}) hashes"""


def _checksum_tool(table: str, read: Any) -> str:
    """The query of pt-table-checksum 3, for one chunk that is the whole table."""
    values = ", ".join(f"CONVERT({name} USING utf8mb4)" if one.is_text else name for name, one in read.columns.items())
    nulls = ", ".join(f"ISNULL({name})" for name in read.columns)
    return f"""SELECT COUNT(*), COALESCE(LOWER(CONV(BIT_XOR(CAST(CRC32(CONCAT_WS('#', {values}, CONCAT({nulls})))
        AS UNSIGNED)), 10, 16)), 0) FROM {table}"""


def _compare(source: Any, target: Any) -> None:
    from airflow_dbaas.verification import mysql

    report = mysql.compare(_End(source), _End(target), ignore={"row_cost"})
    if report.findings or report.databases[0]["tables"] != TABLES:
        raise RuntimeError(f"not equal: {report.findings[:3]}")


def _compare_as_before(source: Any, target: Any) -> None:
    from airflow_dbaas.verification.mysql import catalog, rows
    from airflow_dbaas.verification.mysql.sessions import session

    with (
        session(_End(source), "mixed") as at_source,
        session(_End(target), "mixed") as at_target,
        ThreadPoolExecutor(2) as pool,
    ):
        ends = (at_source, at_target)
        list(pool.map(lambda end: catalog.objects(end, exact=True, same_family=True, event_status=True), ends))
        for table, read in rows.columns(at_source).items():
            query = _before(table, read)
            wanted, found = pool.map(lambda end, query=query: end.rows(query), ends)
            if wanted != found:
                raise RuntimeError(f"not equal: {table}")


class _End:
    """A server, as a comparison takes it."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        from airflow_dbaas.api.redaction import Secret

        login = self._server.login()
        given = {name: login[name] for name in ("host", "port", "user")}
        password = Secret.of(login["password"].decode())
        return {**given, "password": password, "dbname": dbname or "", "sslmode": "DISABLED"}


@functools.cache
def _servers() -> tuple[Any, Any]:
    """Two servers with the same databases, until this process ends."""
    import pymysql

    from airflow_dbaas.emulator.mysql import binaries
    from airflow_dbaas.emulator.mysql.server import MysqlServer

    found = binaries.installed()
    if found is None:
        raise RuntimeError("mariadb-server is not installed (apt-get install mariadb-server)")
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-verify-")))
    servers = []
    for name in ("source", "target"):
        server = MysqlServer(
            binaries=found,
            directory=folder / name,
            superuser="root",
            password=secrets.token_hex(8),
            # All of it fits: what is measured is not reading from disk.
            settings={"innodb-buffer-pool-size": "512M"},
        )
        servers.append(stack.enter_context(server))
        with closing(pymysql.connect(**server.login())) as connection, connection.cursor() as cursor:
            tables = [("row_cost", "narrow", _NARROW, NARROW_ROWS), ("row_cost", "wide", _WIDE, WIDE_ROWS)]
            tables += [("mixed", *table) for table in mixed_tables(_NARROW, _WIDE)]
            for dbname in ("row_cost", "mixed"):
                cursor.execute(f"CREATE DATABASE {dbname}")
            for dbname, table, statements, rows in tables:
                cursor.execute(f"USE {dbname}")
                for statement in statements:
                    cursor.execute(statement.format(name=table, rows=rows))
    return servers[0], servers[1]


def _nanoseconds(server: Any) -> int:
    """CPU of a server's threads."""
    threads = Path(f"/proc/{pid_of(server)}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)
