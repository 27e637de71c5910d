"""Source and target compared, and what replication leaves out completed, with real servers."""

from __future__ import annotations

import importlib
import os
import secrets
import socket
import threading
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
from airflow_dbaas.verification.postgres import catalog, sessions
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


@pytest.fixture(params=["hash", "MD5"])
def checksum(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rows are compared by: the servers' hash function, or MD5 as where they have none."""
    if request.param == "MD5":
        monkeypatch.setattr(catalog, "hashing", lambda _: None)


@pytest.mark.usefixtures("checksum")
def test_each_difference_between_rows_is_found(servers: Any, dbname: str) -> None:
    """However little it is, and whatever else stays the same."""
    for server, at in ((servers[0], 0), (servers[1], 1)):
        for table, (columns, *rows) in DIFFERENT.items():
            change(server, dbname, f'CREATE TABLE "{table}" ({columns})', f'INSERT INTO "{table}" VALUES {rows[at]}')
    found = differences(servers)
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


def test_servers_that_hash_in_another_way_are_compared_by_md5(servers: Any, dbname: str) -> None:
    """As such with other processors may."""
    used = []

    def digest(*arguments: Any, hashed: bool, **options: Any) -> Any:
        used.append(hashed)
        return original(*arguments, hashed=hashed, **options)

    original = catalog.digest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "digest", digest)
        assert differences(servers) == []
        assert set(used) == {True}
        used.clear()
        patch.setattr(catalog, "hashing", lambda opened: ("UTF8", opened.major))
        assert differences(servers) == []
        assert set(used) == {False}


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ('UPDATE "T é" SET f = f + 1e-12 WHERE id = 7', 'table public."T é": the same number of rows, other content'),
        ("UPDATE keyless SET x = 2 WHERE ctid = (SELECT min(ctid) FROM keyless)", "table public.keyless: the same"),
        ("DELETE FROM parts WHERE a = 1", "table public.parts_1: rows (2 at the source, 1 in the target)"),
        ("SELECT nextval('down')", "sequence public.down: -1 (not used) at the source, -1 (used) in the target"),
        ("DROP VIEW v", "view public.v is missing in the target"),
        ("CREATE VIEW w AS SELECT 1", "view public.w is in the target only"),
        ("CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 3'", "function public.twice(i"),
        ("DROP INDEX i", "index public.i is missing in the target"),
        ("DROP TRIGGER t ON keyless", "trigger t on public.keyless is missing in the target"),
        ("ALTER TABLE keyless ADD CHECK (x < 9)", "constraint keyless_x_check on public.keyless is in the target only"),
        ("ALTER TYPE mood ADD VALUE 'new'", "type public.mood is defined differently"),
        ("ALTER TABLE keyless ALTER x SET NOT NULL", "table public.keyless is defined differently"),
        ("SELECT lo_create(0)", "large objects: 0 is missing in the target"),
        ("CREATE EXTENSION hstore", "extension hstore is in the target only"),
        ("REFRESH MATERIALIZED VIEW a_on_top WITH NO DATA", "view public.a_on_top is not filled in the target"),
        ("DROP TABLE keyless CASCADE", "table public.keyless is missing in the target"),
        ("DROP SEQUENCE down", "sequence public.down is missing in the target"),
        ("ALTER SEQUENCE down MINVALUE -9 CYCLE", "sequence public.down is defined differently"),
        ("CREATE TYPE pair AS (a int)", "composite type public.pair is in the target only"),
    ],
)
def test_each_kind_of_difference_is_found(servers: Any, dbname: str, statement: str, difference: str) -> None:
    """By database, kind and name."""
    prepare = ["DELETE FROM keyless WHERE x IS NULL"] if "NOT NULL" in statement else []
    change(servers[0], dbname, *prepare)
    change(servers[1], dbname, *prepare, statement)
    found = differences(servers)
    assert any(difference in text for text in found), found
    assert all(text.startswith(f"{dbname}: ") for text in found)


def test_without_content_rows_are_only_counted(servers: Any, dbname: str) -> None:
    """A cheaper look for large servers."""
    change(servers[1], dbname, 'UPDATE "T é" SET f = 0')
    assert differences(servers, content="count") == []
    change(servers[1], dbname, 'DELETE FROM "T é" WHERE id = 1')
    assert len(differences(servers, content="count")) == 1


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
