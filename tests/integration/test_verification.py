"""Source and target compared, and what replication leaves out completed, with real servers."""

from __future__ import annotations

import importlib
import json
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.verification import comparison, connections, postgres
from airflow_dbaas.verification.memory import Memory
from airflow_dbaas.verification.postgres import differing, rows_catalog, sessions
from airflow_dbaas.verification.postgres.rows_catalog import Reading
from airflow_dbaas.verification.postgres.sessions import session
from airflow_dbaas.verification.report import Report, texts

SCHEMA = """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN age AS int CHECK (value >= 0);
    CREATE TABLE "T é" (id serial PRIMARY KEY, m mood, a age, f float8, at timestamptz, b bytea);
    INSERT INTO "T é" (m, a, f, at, b)
        SELECT 'ok', i, i / 7.0, timestamptz '2001-01-01' + i * interval '1 s', decode(md5(i::text), 'hex')
        FROM generate_series(1, 300) i;
    CREATE TABLE keyless (x int);
    INSERT INTO keyless VALUES (1), (1), (2), (NULL);
    CREATE TABLE parts (a int) PARTITION BY RANGE (a);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    INSERT INTO parts VALUES (1), (2);
    CREATE SEQUENCE down INCREMENT -2;
    CREATE VIEW v AS SELECT id FROM "T é";
    CREATE MATERIALIZED VIEW z_base AS SELECT count(*) FROM keyless;
    CREATE MATERIALIZED VIEW a_on_top AS SELECT * FROM z_base;
    CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2';
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER t BEFORE UPDATE ON keyless FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE INDEX i ON keyless (x) WHERE x > 1;
"""

# Columns, rows at the source, rows in the target: all of them differ.
DIFFERENT = {
    "values change places": ("a int, b text", "(1, 'x'), (2, 'y')", "(1, 'y'), (2, 'x')"),
    "columns change places": ("a text, b text", "('x', 'y')", "('y', 'x')"),
    "a letter changes its column": ("a text, b text", "('xy', 'z')", "('x', 'yz')"),
    "a comma": ("a text, b text", "('a,b', 'c')", "('a', 'b,c')"),
    "another one is there twice": ("a int", "(1), (1), (2)", "(1), (2), (2)"),
    "two pairs": ("a int", "(1), (1), (2)", "(3), (3), (2)"),
    "the sum is the same": ("a int", "(1), (4)", "(2), (3)"),
    "null instead of nothing": ("a text", "(NULL)", "('')"),
    "null as a word": ("a text", "(NULL)", "('NULL')"),
    "null in another column": ("a text, b text", "('', NULL)", "(NULL, '')"),
    "a blank at the end": ("a text", "('a')", "('a ')"),
    "a composed letter": ("a text", "(U&'\\00E9')", "(U&'e\\0301')"),
    "a capital letter": ("a text", "('ab')", "('aB')"),
    "minus zero": ("a float8", "('0')", "('-0')"),
    "the last digit of a float": ("a float8", "('0.3')", "('0.30000000000000004')"),
    "the scale of a number": ("a numeric", "(1.0)", "(1.00)"),
    "the last digit of a large number": ("a numeric", "(1e99)", "(1e99 + 1)"),
    "a microsecond": ("a timestamptz", "('2001-01-01Z')", "('2001-01-01 00:00:00.000001Z')"),
    "a zero byte": ("a bytea", r"('\x')", r"('\x00')"),
    "the spelling of json": ("a json", """('{"a":1}')""", """('{"a": 1}')"""),
    # PostgreSQL's own hash of each of these pairs is the same, or they are equal to it.
    "the halves of a bigint": ("a bigint", "(1)", "(4294967296)"),
    "the halves of a time": (
        "a timestamp",
        "(timestamp '2000-01-01' + 1 * interval '1 us')",
        "(timestamp '2000-01-01' + 4294967296 * interval '1 us')",
    ),
    "an interval": ("a interval", "('1 day')", "('24 hours')"),
    "a time zone": ("a timetz", "('12:00+00')", "('13:00+01')"),
    "a blank at the end of a bpchar": ("a bpchar", "('a')", "('a ')"),
    "minus zero in four bytes": ("a float4", "('0')", "('-0')"),
    "a number in jsonb": ("a jsonb", "('[1.0]')", "('[1.00]')"),
    "numbers in an array": ("a numeric[]", "('{1.0}')", "('{1.00}')"),
    "numbers in a range": ("a numrange", "('[1.0,2]')", "('[1.00,2]')"),
    "the bounds of an array": ("a int[]", "('{1}')", "('[0:0]={1}')"),
    "a number of a domain": ("a big", "(1)", "(4294967296)"),
    "in a composite type": ("a both_halves", "('(1)')", "('(4294967296)')"),
    "an address": ("a inet", "('10.0.0.1/8')", "('10.0.0.1/16')"),
    "rows that are only null": ("a int, b int", "(NULL, 0)", "(0, NULL)"),
    # The name that the query gives to the row.
    "beside a column t": ("t int, a int", "(1, 1)", "(1, 2)"),
    "a letter of millions": (
        "a text",
        "(repeat('xy', 1500000))",
        "(overlay(repeat('xy', 1500000) PLACING 'z' FROM 9e5::int))",
    ),
}


class End:
    """One database of a server, as the package sees an end of a migration."""

    def __init__(self, server: PostgresServer, **changes: Any) -> None:
        self.server = server
        self.changes = changes

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        given = conninfo_to_dict(self.server.conninfo(dbname=dbname or "postgres"))
        wanted = {**given, "sslmode": "disable", **self.changes}
        return {**wanted, "password": Secret.of(wanted["password"])}


@pytest.fixture(scope="module")
def servers(postgres_servers: Callable[..., PostgresServer]) -> tuple[PostgresServer, PostgresServer]:
    """A source of version 16 and a target of version 17."""
    return postgres_servers(16), postgres_servers(17)


@pytest.fixture
def dbname(servers: tuple[PostgresServer, PostgresServer]) -> Iterator[str]:
    """A database that is the same at both ends."""
    name = f"d_{secrets.token_hex(4)}"
    for server in servers:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        change(server, name, SCHEMA)
    yield name
    for server in servers:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")


def change(server: PostgresServer, dbname: str, *statements: str) -> None:
    with psycopg.connect(server.conninfo(dbname=dbname), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def compare(servers: tuple[PostgresServer, PostgresServer], **changes: Any) -> Report:
    options = {"ignore": set(), "content": "all", "settle_seconds": 0, "replicating": False, "allow_empty": True}
    return postgres.compare(End(servers[0]), End(servers[1]), **{**options, **changes})


def differences(servers: Any, **changes: Any) -> list[str]:
    return texts(compare(servers, **changes).differences)


def test_equal_ends(servers: Any, dbname: str) -> None:
    """Nothing differs, also from one major version to the next; the report counts what there is."""
    report = compare(servers)
    assert texts(report.differences) == []
    (database,) = report.databases
    assert (database["name"], database["rows"]) == (dbname, 300 + 4 + 2 + 1 + 1)
    assert database["bytes"] > 0


def test_the_order_of_rows_does_not_matter(servers: Any, dbname: str) -> None:
    """Rows that were written anew are at another place, and the same."""
    change(servers[1], dbname, 'UPDATE "T é" SET m = m WHERE id < 100', 'CLUSTER "T é" USING "T é_pkey"')
    change(servers[1], dbname, "DELETE FROM keyless", "INSERT INTO keyless VALUES (NULL), (2), (1), (1)")
    assert differences(servers) == []


#: What servers say of how they hash, from which follows by what rows are compared.
HASHING: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "columns": (hashing := rows_catalog.hashing),
    "text": lambda opened: (*hashing(opened)[:2], None),
    "md5": lambda opened: (opened.major,),
}


@pytest.fixture(params=HASHING)
def checksum(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What rows are compared by: hashes of columns, of their text where servers are older, or MD5 as where they hash
    in another way."""
    monkeypatch.setattr(rows_catalog, "hashing", HASHING[request.param])
    return str(request.param)


def test_each_difference_between_rows_is_found(servers: Any, dbname: str, checksum: str) -> None:
    """However little it is, and whatever else stays the same."""
    for server, at in ((servers[0], 0), (servers[1], 1)):
        change(server, dbname, "CREATE DOMAIN big AS bigint", "CREATE TYPE both_halves AS (a bigint)")
        for table, (columns, *rows) in DIFFERENT.items():
            change(server, dbname, f'CREATE TABLE "{table}" ({columns})', f'INSERT INTO "{table}" VALUES {rows[at]}')
    report = compare(servers)
    assert all(f"({checksum})" in table.rule for table in report.tables)
    found = texts(report.differences)
    expected = [f'{dbname}: table public."{table}": the same number of rows, other content' for table in DIFFERENT]
    assert [text.partition(" (")[0] for text in found] == sorted(expected)


@pytest.mark.usefixtures("checksum")
def test_what_the_same_rows_are_stored_in_does_not_matter(servers: Any, dbname: str) -> None:
    """A column that was dropped at the source is not in the target at all; rows lie in another order there, and of
    equal ones there are as many."""
    change(servers[0], dbname, "CREATE TABLE t (gone text, a int, b text)", "INSERT INTO t VALUES ('x', 0, 'x')")
    change(servers[0], dbname, "ALTER TABLE t DROP gone", "TRUNCATE t", "INSERT INTO t VALUES (1, 'a'), (2, NULL)")
    change(servers[0], dbname, "INSERT INTO t VALUES (1, 'a')")
    change(servers[1], dbname, "CREATE TABLE t (a int, b text)", "INSERT INTO t VALUES (2, NULL), (1, 'a'), (1, 'a')")
    # "Not a number" has another form if it was computed than if it was read.
    for server, value in ((servers[0], "'inf'::float8 - 'inf'"), (servers[1], "'NaN'")):
        change(server, dbname, "CREATE TABLE n (a float8, b float4)", f"INSERT INTO n VALUES ({value}, 'NaN')")
    assert differences(servers) == []


def test_databases_of_other_encodings_are_compared_by_their_letters(servers: Any, dbname: str) -> None:
    """Their bytes differ, so hashes of these would."""
    for server, encoding in zip(servers, ("LATIN1", "UTF8"), strict=True):
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {dbname}")
            connection.execute(f"CREATE DATABASE {dbname} ENCODING {encoding} TEMPLATE template0")
        change(server, dbname, "CREATE TABLE t (a text)", "INSERT INTO t VALUES ('été')")
    assert differences(servers) == []
    change(servers[1], dbname, "UPDATE t SET a = 'étè'")
    assert len(differences(servers)) == 1


def test_without_content_rows_are_only_counted(servers: Any, dbname: str) -> None:
    """A cheaper look for large servers."""
    change(servers[1], dbname, 'UPDATE "T é" SET f = 0')
    assert differences(servers, content="count") == []
    change(servers[1], dbname, 'DELETE FROM "T é" WHERE id = 1')
    assert len(differences(servers, content="count")) == 1


def test_a_sample_says_how_much_it_says(servers: Any, dbname: str) -> None:
    """It is the same rows at each look: by their key, and where there is none by all of them."""
    for server in servers:
        change(server, dbname, "CREATE TABLE s (id int PRIMARY KEY, v int)")
        change(server, dbname, "INSERT INTO s SELECT i, i FROM generate_series(1, 3000) i")
    report = compare(servers, content="sample")
    assert texts(report.differences) == []
    (text,) = texts(report.not_compared)
    assert text.startswith(f"{dbname}: rows: a sample of ")
    assert "with 95 % confidence, fewer than " in text
    assert [texts(compare(servers, content="sample").not_compared)] == [[text]]
    change(servers[1], dbname, "UPDATE s SET v = 0")
    assert len(differences(servers, content="sample")) == 1
    change(servers[1], dbname, "DELETE FROM s WHERE id = 5")
    assert "rows (3000 at the source, 2999 in the target)" in differences(servers, content="sample")[0]


def test_large_tables_are_read_in_parts(servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end has parts of its own, by blocks; together they are the table."""
    monkeypatch.setattr(rows_catalog, "_PART_BLOCKS", 4)
    for server in servers:
        change(server, dbname, "CREATE TABLE large (id int PRIMARY KEY, v text)")
        change(server, dbname, "INSERT INTO large SELECT i, repeat('x', 90) FROM generate_series(1, 3000) i")
    # So many rows are dead that there are twice as many blocks.
    change(servers[1], dbname, "UPDATE large SET v = v")
    for server in servers:
        change(server, dbname, "ANALYZE large")
    parts: list[Any] = []
    original = Reading.digest

    def digest(reading: Reading, session: Any, part: Any, content: Any) -> Any:
        parts.append(part)
        return original(reading, session, part, content)

    monkeypatch.setattr(Reading, "digest", digest)
    assert differences(servers, parallel=3, tables=["public.large"]) == []
    assert len([part for part in parts if part]) > 20
    change(servers[1], dbname, "UPDATE large SET v = 'y' WHERE id = 2999")
    assert "id 2999 differs" in differences(servers, parallel=3)[0]


def test_which_rows_differ_is_said(servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By ranges of the key, and up to ten keys; values only if they are asked for."""
    monkeypatch.setattr(differing, "FETCHED", 50)
    for server in servers:
        change(server, dbname, "CREATE TABLE w (name text, no int, v text, PRIMARY KEY (name, no))")
        change(server, dbname, "INSERT INTO w SELECT 'it''s % ' || i, i % 3, 'x' || i FROM generate_series(1, 9000) i")
        change(server, dbname, "CREATE TABLE m (id uuid PRIMARY KEY, v int)")
        change(server, dbname, "INSERT INTO m SELECT md5(i::text)::uuid, i FROM generate_series(1, 9000) i")
    change(servers[1], dbname, "UPDATE w SET v = 'secret' WHERE name LIKE '% 4711'", "UPDATE m SET v = 0 WHERE v < 40")
    change(servers[1], dbname, "UPDATE keyless SET x = 7 WHERE x = 2")
    keyless, m, w = sorted(differences(servers))
    assert keyless.endswith("(4 at the source, 4 in the target): without a key, rows cannot be named")
    assert m.count(" differs") == 10
    assert m.endswith("among others")
    assert "name it's % 4711, no 1 differs" in w
    assert "secret" not in w
    assert "no 1: v: x4711 at the source, secret in the target" in sorted(differences(servers, show_values=True))[2]


def test_what_an_earlier_try_found_equal_is_not_read_again(servers: Any, dbname: str) -> None:
    """Unless something was written there since; other tables may be written to."""
    kept: dict[str, Any] = {}

    def looked_at(**options: Any) -> list[str]:
        memory = Memory(json.loads(json.dumps(kept)), save=kept.update)
        report = compare(servers, memory=memory, **options)
        (database,) = report.databases
        assert (texts(report.differences), database["rows"]) == ([], 308)
        return sorted(table.name for table in report.tables)

    first = looked_at()
    assert len(first) == 5
    assert looked_at() == []
    change(servers[0], dbname, "UPDATE keyless SET x = x WHERE x = 2")
    assert looked_at() == ["public.keyless"]
    # Deleted and written anew, in one end only.
    change(servers[1], dbname, "BEGIN; DELETE FROM parts WHERE a = 2; INSERT INTO parts VALUES (2); COMMIT")
    assert looked_at() == ["public.parts_1"]
    # As it is compared by another rule.
    assert looked_at(content="count") == first
    change(servers[1], dbname, "UPDATE keyless SET x = 9 WHERE x = 2")
    report = compare(servers, memory=Memory(kept, save=kept.update))
    assert [finding.name for finding in report.differences] == ["public.keyless"]
    assert "public.keyless" not in kept[dbname]


def test_one_that_is_broken_off_ends_soon_and_goes_on_later(
    servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Airflow ends a task: statements that run are cancelled; a retry reads what was left."""
    kept: dict[str, Any] = {}
    original = Reading.digest

    def slow(reading: Reading, opened: Any, part: Any, content: Any) -> Any:
        if reading.relation.name == "public.keyless":
            opened.rows("SELECT pg_catalog.pg_sleep(60)")
        return original(reading, opened, part, content)

    def ended(*_: Any) -> None:
        raise TimeoutError("the task is ended")

    before = signal.signal(signal.SIGALRM, ended)
    began = time.monotonic()
    try:
        monkeypatch.setattr(Reading, "digest", slow)
        signal.setitimer(signal.ITIMER_REAL, 3)
        with pytest.raises(TimeoutError, match="the task is ended"):
            compare(servers, memory=Memory(save=kept.update), parallel=2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        monkeypatch.undo()
    assert time.monotonic() - began < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("verify-")]
    with psycopg.connect(servers[0].conninfo(), autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        assert connection.execute(query).fetchone() == (0,)
    report = compare(servers, memory=Memory(kept, save=kept.update))
    assert texts(report.differences) == []
    assert [table.name for table in report.tables] == ["public.keyless"]


def test_only_the_tables_asked_for(servers: Any, dbname: str) -> None:
    """With or without the name of their database; nothing else is looked at. One that is not there is a difference."""
    change(servers[1], dbname, "DROP VIEW v", "DELETE FROM parts WHERE a = 1", "UPDATE keyless SET x = 7 WHERE x = 2")
    report = compare(servers, tables=["public.keyless", f"{dbname}.public.parts_1", "public.nowhere"])
    assert [(finding.name, finding.message[:4]) for finding in report.differences] == [
        ("public.keyless", "the "),
        ("public.parts_1", "rows"),
        ("public.nowhere", "is n"),
    ]
    assert [table.name for table in report.tables] == ["public.keyless", "public.parts_1"]


def test_what_cannot_be_seen_is_a_difference(servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that cannot be read, or is locked, a database without a way in: the rest is compared all the same."""
    for module in (connections, sessions):
        monkeypatch.setattr(module, "LOCK_SECONDS", 0.3)
    hidden = [f"{dbname}_{what}" for what in ("template", "shut", "private")]
    for server in servers:
        change(server, dbname, "CREATE TABLE locked (a int)")
        change(server, "postgres", *(f"CREATE DATABASE {name}" for name in hidden))
    source = servers[0]
    change(
        source,
        "postgres",
        f"ALTER DATABASE {hidden[0]} IS_TEMPLATE true",
        f"ALTER DATABASE {hidden[1]} ALLOW_CONNECTIONS false",
        f"REVOKE CONNECT ON DATABASE {hidden[2]} FROM PUBLIC",
        "CREATE ROLE half LOGIN PASSWORD 'pw'",
    )
    change(
        source,
        dbname,
        "GRANT USAGE ON SCHEMA public TO half",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO half",
        "GRANT SELECT ON SEQUENCE down TO half",
        "REVOKE SELECT ON keyless FROM half",
        'ALTER TABLE "T é" ENABLE ROW LEVEL SECURITY',
    )
    change(servers[1], dbname, 'ALTER TABLE "T é" ENABLE ROW LEVEL SECURITY', "DELETE FROM parts WHERE a = 1")
    try:
        with psycopg.connect(servers[1].conninfo(dbname=dbname)) as holder:
            holder.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            half = End(source, user="half", password="pw")
            report = postgres.compare(half, End(servers[1]), expected=[dbname, "of_the_status"])
        found = {(finding.database, finding.name): finding.message for finding in report.differences}
        assert "is a template; leave it out with ignore_dbs" in found[hidden[0], ""]
        assert found[hidden[1], ""] == "cannot be compared: at the source no connections to it are allowed"
        assert found[hidden[2], ""] == "cannot be compared: at the source the login has no privilege CONNECT on it"
        assert found["of_the_status", ""] == "the migration has it, and the source does not show it"
        assert "permission denied for table keyless" in found[dbname, "public.keyless"]
        assert "row-level security policy" in found[dbname, 'public."T é"']
        assert "another session has held a lock" in found[dbname, "public.locked"]
        assert found[dbname, "public.parts_1"].startswith("rows (2 at the source, 1 in the target)")
        assert "may not read its position" in found[dbname, 'public."T é_id_seq"']
        # The lock may be gone at the next try.
        assert {finding.name for finding in report.differences if finding.retryable} >= {"public.locked"}
    finally:
        change(source, dbname, "DROP OWNED BY half")
        change(
            source, "postgres", "DROP OWNED BY half", "DROP ROLE half", f"ALTER DATABASE {hidden[0]} IS_TEMPLATE false"
        )
        for server in servers:
            change(server, "postgres", *(f"DROP DATABASE {name}" for name in hidden))


def test_comparing_nothing_is_a_failure(servers: Any, dbname: str) -> None:
    """Unless it is allowed."""
    (text,) = differences(servers, ignore={dbname}, allow_empty=False)
    assert text.startswith("no database was compared")
    assert differences(servers, ignore={dbname}) == []


def test_a_view_that_was_out_of_date_is_a_note(servers: Any, dbname: str) -> None:
    """A restore fills it from the tables; one that holds something else is a difference."""
    change(servers[1], dbname, "INSERT INTO keyless VALUES (8)", "REFRESH MATERIALIZED VIEW z_base")
    change(servers[0], dbname, "INSERT INTO keyless VALUES (8)")
    report = compare(servers)
    assert texts(report.differences) == []
    (note,) = texts(report.notes)
    assert (
        note == f"{dbname}: materialized view public.z_base: refreshed in the target; at the source it was out of date"
    )
    assert not report.failures()
    assert report.failures(strict=True)


def test_the_report_for_programs(servers: Any, dbname: str) -> None:
    """It is JSON, and says when, what and how."""
    change(servers[1], dbname, "DELETE FROM parts WHERE a = 1", "ALTER TABLE keyless SET (fillfactor = 50)")
    report = compare(servers)
    told = json.loads(json.dumps(report.to_json()))
    assert told["equal"] is False
    assert told["differences"][0] == {
        "database": dbname,
        "kind": "table",
        "name": "public.parts_1",
        "message": "rows (2 at the source, 1 in the target): without a key, rows cannot be named",
    }
    assert [note["kind"] for note in told["notes"]] == ["table"]
    assert told["databases"][0]["rows"] == 307
    assert {table["name"]: table["equal"] for table in told["tables"]}["public.keyless"] is True
    assert told["content"] == "all"


def test_a_missing_database_is_found_unless_it_is_ignored(servers: Any, dbname: str) -> None:
    """Databases are looked for by name."""
    with psycopg.connect(servers[1].conninfo(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {dbname}")
    assert differences(servers) == [f"{dbname}: missing in the target"]
    assert differences(servers, ignore={dbname}) == []


def test_a_missing_database_without_tables_is_found(servers: Any, dbname: str) -> None:
    """One that holds only a function is not empty."""
    for server in servers:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {dbname}")
    with psycopg.connect(servers[0].conninfo(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {dbname}")
    assert differences(servers) == []
    change(servers[0], dbname, "CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2'")
    assert differences(servers) == [f"{dbname}: missing in the target"]


def test_rows_that_are_hidden_from_the_login_are_no_equal_ones(servers: Any, dbname: str) -> None:
    """Row security would hide the same rows at both ends, or those that differ: the comparison fails and says so. What
    fills views goes by it, as the source did."""
    policy = (
        "GRANT SELECT ON keyless TO half",
        "ALTER TABLE keyless ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY few ON keyless FOR SELECT USING (x = 1)",
    )
    change(servers[0], dbname, "CREATE ROLE half LOGIN PASSWORD 'pw'", *policy)
    try:
        with (
            session(End(servers[0], user="half", password="pw"), dbname) as opened,
            pytest.raises(DbaasDatabaseError, match="affected by row-level security policy"),
        ):
            opened.rows("SELECT pg_catalog.count(*) FROM public.keyless")
        with session(End(servers[0], user="half", password="pw"), dbname, read_only=False) as opened:
            assert opened.rows("SELECT pg_catalog.count(*) FROM public.keyless") == [(2,)]
    finally:
        change(servers[0], dbname, "DROP OWNED BY half", "DROP ROLE half")


def test_no_end_breaks_off_while_the_other_is_read(servers: Any, dbname: str) -> None:
    """However soon the server usually ends a connection that is idle, or a statement that takes long."""
    limits = ("statement_timeout", "idle_session_timeout", "transaction_timeout")
    change(servers[1], dbname, *(f"ALTER DATABASE {dbname} SET {limit} = '5s'" for limit in limits))
    with session(End(servers[1]), dbname) as opened:
        assert [opened.rows(f"SHOW {limit}") for limit in limits] == [[("0",)]] * 3


@pytest.fixture(params=["psycopg", "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Either driver."""
    module = importlib.import_module(request.param)
    monkeypatch.setattr(sessions, "_driver", lambda: module)
    return module


def test_an_idle_connection_is_kept_alive(servers: Any, driver: Any) -> None:
    """The system probes it before a NAT on the way forgets it, and tells if it is gone."""
    with session(End(servers[0])) as opened:
        number = opened._connection.fileno()
        with closing(socket.socket(fileno=os.dup(number))) as found:
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            for option, value in (
                (socket.TCP_KEEPIDLE, 60),
                (socket.TCP_KEEPINTVL, 10),
                (socket.TCP_KEEPCNT, 6),
                (socket.TCP_USER_TIMEOUT, 120_000),
            ):
                assert found.getsockopt(socket.IPPROTO_TCP, option) == value


def test_a_lock_is_not_waited_for_without_end(
    servers: Any, dbname: str, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what holds things up, and where to look."""
    for module in (connections, sessions):
        monkeypatch.setattr(module, "LOCK_SECONDS", 0.2)
    with psycopg.connect(servers[1].conninfo(dbname=dbname)) as holder, session(End(servers[1]), dbname) as opened:
        holder.execute("LOCK TABLE keyless IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DbaasDatabaseError) as caught:
            opened.rows("SELECT * FROM public.keyless")
    text = str(caught.value)
    assert "another session has held a lock for 0.2 seconds, look for it with pg_locks and pg_stat_activity" in text
    assert f"127.0.0.1:{servers[1].port}, database {dbname}" in text
    assert caught.value.retryable


def test_what_is_no_postgres_server(servers: Any, driver: Any) -> None:
    """Whatever the driver makes of what it says, it is one clear error; an IPv6 address stands in brackets."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            with listener.accept()[0] as asking:
                asking.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with (
            pytest.raises(DbaasDatabaseError, match=rf"connection to \[::1\]:{port}, database postgres failed: "),
            session(End(servers[0], host="::1", port=port)),
        ):
            pass


def test_what_replication_leaves_out_is_completed(servers: Any, dbname: str) -> None:
    """Sequences move on, in their own direction and never back; views are filled, also one upon another."""
    source, target = servers
    change(source, dbname, "SELECT nextval('down'), nextval('down')", "SELECT setval('\"T é_id_seq\"', 500)")
    change(target, dbname, "REFRESH MATERIALIZED VIEW a_on_top WITH NO DATA")
    change(target, dbname, "REFRESH MATERIALIZED VIEW z_base WITH NO DATA")
    assert len(differences(servers)) == 4
    # While it replicates, this is as it has to be.
    assert differences(servers, replicating=True) == []
    assert postgres.complete_replication(End(source), End(target), ignore=set()) == {"sequences": 2, "views": 2}
    assert differences(servers) == []
    assert postgres.complete_replication(End(source), End(target), ignore=set()) == {"sequences": 0, "views": 0}
    # An application has begun to use the target: its sequence is not moved back.
    change(target, dbname, "SELECT setval('\"T é_id_seq\"', 900)", "SELECT nextval('down')")
    assert postgres.complete_replication(End(source), End(target), ignore=set()) == {"sequences": 0, "views": 0}


def test_a_lag_is_waited_for(servers: Any, dbname: str) -> None:
    """Tables of a replicating target may be a moment behind."""
    change(servers[0], dbname, "INSERT INTO parts VALUES (3)")
    looked: list[str] = []

    def catch_up(_: float) -> None:
        looked.append("again")
        change(servers[1], dbname, "INSERT INTO parts VALUES (3)")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison.time, "sleep", catch_up)
        assert differences(servers, settle_seconds=30, replicating=True) == []
    assert looked == ["again"]


def test_reading_changes_nothing(servers: Any, dbname: str) -> None:
    """Comparing asks the servers to refuse any change."""
    with session(End(servers[0]), dbname) as opened, pytest.raises(DbaasDatabaseError, match="read-only transaction"):
        opened.run("INSERT INTO public.parts VALUES (4)")


def test_a_server_that_cannot_be_reached_is_named_without_its_password(servers: Any) -> None:
    """Driver's words, host and port; no password."""
    password = "wr@ng/pass"
    with pytest.raises(DbaasDatabaseError) as caught:
        postgres.compare(
            End(servers[0], password=password),
            End(servers[1]),
            ignore=set(),
            content="all",
            settle_seconds=0,
            replicating=False,
        )
    text = str(caught.value)
    assert f"127.0.0.1:{servers[0].port}" in text
    assert "password authentication failed" in text
    assert password not in text
    assert caught.value.retryable
