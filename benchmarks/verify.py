"""Verifying: what a row costs the servers, and how long a database of 40 tables takes. With PostgreSQL 17.

The case ``before`` is what this package did before its verification was rewritten: two hashes of each row's text, one
table after the other.
"""

from __future__ import annotations

import atexit
import functools
import secrets
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.frame import Case, Quantity, Role, Subject, Values
from benchmarks.verification import NARROW_ROWS, TABLES, WIDE_ROWS, measure, mixed_tables

SUBJECT = Subject(
    title="Verify PostgreSQL",
    quantities=(
        Quantity("narrow", "CPU of one server for a row of five columns, ns", share=0.6),
        Quantity("wide", "CPU of one server for a row of ten columns, 800 bytes, ns", share=0.6),
        Quantity("database", f"a database of {TABLES} mixed tables, definitions and rows, s", digits=2),
        Quantity("servers", "the same, CPU of both servers, s", digits=2),
    ),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS),
        Case("before", "airflow-dbaas before, two hashes of the row's text", Role.PEER),
        Case("plain", "sum(hashtextextended(t::text, 0))", Role.PLAIN),
        Case("count", "count(*)", Role.LIMIT),
    ),
    together=True,
    pinned=False,
)

_NARROW = """
    CREATE TABLE {name} (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12, 2), at timestamptz,
        state text);
    INSERT INTO {name} SELECT i, i % 1000, (i % 10007) / 100.0, timestamptz '2020-01-01' + i * interval '1 s',
        'state ' || (i % 7) FROM generate_series(1, {rows}) i
"""
_WIDE = """
    CREATE TABLE {name} (id bigint PRIMARY KEY, a text, b text, j jsonb, u uuid, f float8, d date, ts timestamp,
        raw bytea, list int[]);
    INSERT INTO {name} SELECT i, repeat(md5(i::text), 8), md5((i + 1)::text),
        jsonb_build_object('a', i, 'c', md5(i::text)), md5(i::text)::uuid, i / 7.0, date '2000-01-01' + (i % 1000)::int,
        timestamp '2020-01-01' + i * interval '1 s', decode(repeat(md5(i::text), 4), 'hex'), array[i, i + 1, i + 2]
        FROM generate_series(1, {rows}) i
"""


def prepare(case: str, url: str) -> Callable[[], Values]:  # noqa: ARG001 - nothing is sent
    """Get a case ready."""
    source, target = _servers()
    comparisons = {"ours": _compare, "before": _compare_as_before}
    return functools.partial(measure, case, source, target, _cost_of_a_row, comparisons)


def _cost_of_a_row(case: str, server: Any, table: str, rows: int) -> float:
    from airflow_dbaas.verification.postgres import rows_catalog
    from airflow_dbaas.verification.postgres.sessions import session

    with session(_End(server), "rows") as opened:
        # A server process, not several.
        opened.run("SET LOCAL max_parallel_workers_per_gather = 0")
        pid = opened.rows("SELECT pg_catalog.pg_backend_pid()")[0][0]
        name = f"public.{table}"
        reading = rows_catalog.Reading(rows_catalog.relations(opened)[name], rows_catalog.method(opened, opened))
        work: dict[str, Callable[[], Any]] = {
            "ours": lambda: reading.digest(opened, None, "all"),
            "before": lambda: opened.rows(_before(name)),
            "plain": lambda: opened.rows(f"SELECT sum(hashtextextended(t::text, 0)) FROM {name} t"),
            "count": lambda: opened.rows(f"SELECT count(*) FROM {name}"),
        }
        begin = _nanoseconds(pid)
        work[case]()
        return (_nanoseconds(pid) - begin) / rows


def _before(table: str) -> str:
    """The query of before."""
    return f"""SELECT count(*), sum(hashtextextended(r, 0)), sum(hashtextextended(r, 1))
        FROM (SELECT (t.*)::text COLLATE pg_catalog."C" AS r FROM ONLY {table} t OFFSET 0) texts"""


def _compare(source: Any, target: Any) -> None:
    from airflow_dbaas.verification import postgres

    report = postgres.compare(_End(source), _End(target), ignore={"rows", "postgres"})
    if report.findings or report.databases[0]["tables"] != TABLES:
        raise RuntimeError(f"not equal: {report.findings[:3]}")


def _compare_as_before(source: Any, target: Any) -> None:
    from airflow_dbaas.verification.postgres.definitions_catalog import definitions
    from airflow_dbaas.verification.postgres.sessions import session

    with (
        session(_End(source), "mixed") as at_source,
        session(_End(target), "mixed") as at_target,
        ThreadPoolExecutor(2) as pool,
    ):
        ends = (at_source, at_target)
        list(pool.map(definitions, ends))
        for number in range(TABLES):
            query = _before(f"public.t{number}")
            wanted, found = pool.map(lambda end, query=query: end.rows(query), ends)
            if wanted != found:
                raise RuntimeError(f"not equal: t{number}")


class _End:
    """A server, as a comparison takes it."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        from psycopg.conninfo import conninfo_to_dict

        from airflow_dbaas.api.redaction import Secret

        given = conninfo_to_dict(self._server.conninfo(dbname=dbname or "postgres"))
        return {**given, "password": Secret.of(str(given["password"]))}


@functools.cache
def _servers() -> tuple[Any, Any]:
    """Two servers with the same databases, until this process ends."""
    import psycopg

    from airflow_dbaas.emulator.postgres import PostgresServer, installed

    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-verify-")))
    servers = []
    for name in ("source", "target"):
        directory = folder / name
        server = PostgresServer(
            binaries=installed()[17], directory=directory, superuser="postgres", password=secrets.token_hex(8)
        )
        servers.append(stack.enter_context(server))
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            for dbname in ("rows", "mixed"):
                connection.execute(f"CREATE DATABASE {dbname}")
        with psycopg.connect(server.conninfo(dbname="rows"), autocommit=True) as connection:
            connection.execute(_NARROW.format(name="narrow", rows=NARROW_ROWS))
            connection.execute(_WIDE.format(name="wide", rows=WIDE_ROWS))
            connection.execute("VACUUM FREEZE ANALYZE")
        with psycopg.connect(server.conninfo(dbname="mixed"), autocommit=True) as connection:
            for table, kind, rows in mixed_tables(_NARROW, _WIDE):
                connection.execute(kind.format(name=table, rows=rows))
            connection.execute("VACUUM FREEZE ANALYZE")
    return servers[0], servers[1]


def _nanoseconds(pid: int) -> int:
    """CPU of a process."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
