"""Differences planted in a PostgreSQL target: each is found, and a copy with nothing planted is equal.

All are planted in one database and found by one comparison; the copy is a real dump, from one version to another.
"""

# ruff: noqa: E501 - a line for each difference
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from airflow_dbaas.emulator.postgres import PostgresServer, installed
from airflow_dbaas.verification import postgres
from airflow_dbaas.verification.kinds import POSTGRES
from airflow_dbaas.verification.report import Level, Report, texts
from tests.integration.test_verification import End

SOURCE = r"""
    CREATE SCHEMA empty; CREATE SCHEMA other; COMMENT ON SCHEMA other IS 'of others';
    CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, b text); CREATE TYPE span AS RANGE (subtype = int);
    CREATE DOMAIN age AS int CONSTRAINT positive CHECK (value >= 0); CREATE DOMAIN needed AS text NOT NULL;
    CREATE COLLATION plain (lc_collate = 'C', lc_ctype = 'C');
    CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int NOT NULL, b text DEFAULT 'x', c numeric,
        d text COLLATE plain, e text, m mood, g int GENERATED ALWAYS AS (a * 2) STORED, u text, w int);
    COMMENT ON COLUMN t.a IS 'the first';
    INSERT INTO t (a, b, c, m) SELECT i, 'b' || i, i / 7.0, 'ok' FROM generate_series(1, 300) i;
    CREATE TABLE child (id int PRIMARY KEY, t bigint REFERENCES t, n int CONSTRAINT small CHECK (n < 100));
    CREATE TABLE secured (id int PRIMARY KEY, who text); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON secured USING (who = current_user); CREATE POLICY strict ON secured AS RESTRICTIVE USING (id > 0);
    CREATE TABLE open_one (id int PRIMARY KEY); CREATE TABLE kept (id int PRIMARY KEY, x int);
    CREATE TABLE ident (id int NOT NULL, x int); CREATE UNIQUE INDEX ident_id ON ident (id);
    CREATE TABLE heir (y int) INHERITS (kept); CREATE TABLE commented (id int); COMMENT ON TABLE commented IS 'one';
    CREATE TABLE parts (a int, b text) PARTITION BY RANGE (a); CREATE INDEX parts_b ON parts (b);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
    INSERT INTO parts VALUES (1, 'a'), (12, 'b');
    CREATE TABLE ev (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    INSERT INTO ev (at) SELECT date '2024-01-01' + i FROM generate_series(0, 20) i;
    CREATE TABLE rows_added (id int PRIMARY KEY, v text); INSERT INTO rows_added VALUES (1, 'a'), (2, 'b');
    CREATE TABLE rows_changed (id int PRIMARY KEY, v text);
    INSERT INTO rows_changed SELECT i, i::text FROM generate_series(1, 1000) i;
    CREATE VIEW v AS SELECT t.id, t.a FROM t WHERE t.a > 1; CREATE VIEW barred AS SELECT id FROM t;
    CREATE VIEW checked AS SELECT id, x FROM kept WHERE x > 0 WITH CHECK OPTION;
    CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM t;
    CREATE MATERIALIZED VIEW filled AS SELECT max(a) AS n FROM t;
    CREATE MATERIALIZED VIEW wrong AS SELECT 1 AS n;
    CREATE RULE quiet AS ON DELETE TO kept DO INSTEAD NOTHING; CREATE RULE loud AS ON UPDATE TO kept DO ALSO NOTHING;
    CREATE SEQUENCE s1; CREATE SEQUENCE s2; CREATE SEQUENCE s3 OWNED BY kept.x; CREATE SEQUENCE s4;
    CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b) WHERE a > 5; CREATE INDEX t_c ON t (c); CREATE INDEX t_e ON t (e);
    CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2';
    CREATE FUNCTION secured(i int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT i';
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE FUNCTION stamp2() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
    CREATE TRIGGER trg BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER trg2 BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER trg3 BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = ===);
    CREATE OPERATOR CLASS ops FOR TYPE mood USING hash AS OPERATOR 1 = (anyenum, anyenum), FUNCTION 1 hashenum(anyenum);
    CREATE FUNCTION to_pair(int) RETURNS pair LANGUAGE sql AS 'SELECT ROW($1, NULL)::pair';
    CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
    CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple, STOPWORDS = english);
    CREATE TEXT SEARCH CONFIGURATION conf (COPY = pg_catalog.simple);
    CREATE STATISTICS st (dependencies) ON a, b FROM t;
    CREATE FOREIGN DATA WRAPPER fdw; CREATE SERVER fs FOREIGN DATA WRAPPER fdw OPTIONS (host 'a');
    CREATE FOREIGN TABLE ft (x int OPTIONS (col 'x')) SERVER fs OPTIONS (tab 'x');
    CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER evt ON ddl_command_end EXECUTE FUNCTION et();
    SELECT lo_from_bytea(70001, 'one'), lo_from_bytea(70002, repeat('two', 90000)::bytea), lo_from_bytea(70003, 'three');
"""


class Planted(NamedTuple):
    """A difference: the statement that makes it in the target, and how it is found."""

    statement: str
    kind: str
    name: str
    says: str
    level: Level = Level.DIFFERENCE


D, N = Level.DIFFERENCE, Level.NOTE
MISSING, MORE = "missing in the target", "in the target only"
PLANTED = [
    Planted("DROP SCHEMA empty", "schema", "empty", MISSING),
    Planted("CREATE SCHEMA more", "schema", "more", MORE),
    Planted("COMMENT ON SCHEMA other IS 'of us'", "schema", "other", "comment: of others at the source, of us in the"),
    Planted("ALTER SCHEMA other OWNER TO planted", "schema", "other", "owner: postgres at the source, planted in", N),
    Planted("ALTER TYPE mood ADD VALUE 'new'", "type", "public.mood", "labels: 'sad', 'ok' at the source, 'sad', 'ok', "),
    Planted("ALTER TYPE pair ADD ATTRIBUTE c int", "column", "c of public.pair", MORE),
    Planted("ALTER DOMAIN age DROP CONSTRAINT positive", "constraint", "positive of public.age", MISSING),
    Planted("ALTER DOMAIN needed DROP NOT NULL", "type", "public.needed", "also differing: not null"),
    Planted("ALTER DOMAIN needed SET DEFAULT 'y'", "type", "public.needed", "default"),
    Planted("DROP TYPE span", "type", "public.span", MISSING),
    Planted("CREATE COLLATION more (lc_collate = 'POSIX', lc_ctype = 'POSIX')", "collation", "public.more", MORE),
    Planted("ALTER TABLE t ALTER id SET GENERATED BY DEFAULT", "column", "id of public.t", "identity: a at the source, d"),
    Planted("ALTER TABLE t ALTER a DROP NOT NULL", "column", "a of public.t", "not null: not null at the source, nothing"),
    Planted("COMMENT ON COLUMN t.a IS NULL", "column", "a of public.t", "comment"),
    Planted("ALTER TABLE t ALTER b SET DEFAULT 'y'", "column", "b of public.t", "default: 'x'::text at the source, 'y'::"),
    Planted("ALTER TABLE t ALTER c TYPE numeric(20, 3)", "column", "c of public.t", "type: numeric at the source, numeric("),
    Planted('ALTER TABLE t ALTER d TYPE text COLLATE "POSIX"', "column", "d of public.t", "collation: public.plain at"),
    Planted("ALTER TABLE t ALTER e SET STORAGE EXTERNAL", "column", "e of public.t", "storage: nothing at the source, e", N),
    Planted("ALTER TABLE t DROP g", "column", "g of public.t", MISSING),
    Planted("ALTER TABLE t ADD more int", "column", "more of public.t", MORE),
    Planted("GRANT SELECT (w) ON t TO planted", "column", "w of public.t", "SELECT to planted in the target", N),
    Planted("ALTER TABLE child DISABLE TRIGGER ALL", "constraint", "child_t_fkey of public.child", "triggers enabled: noth"),
    Planted("ALTER TABLE child DROP CONSTRAINT small", "constraint", "small of public.child", "definition: CHECK ((n < 100)"),
    Planted("ALTER TABLE child ADD CONSTRAINT small CHECK (n < 10) NOT VALID", "constraint", "small of public.child", "valid"),
    Planted("ALTER TABLE secured DISABLE ROW LEVEL SECURITY", "table", "public.secured", "row security: enabled at the so"),
    Planted("ALTER TABLE secured FORCE ROW LEVEL SECURITY", "table", "public.secured", "forced row security"),
    Planted("ALTER POLICY own ON secured USING (true)", "policy", "own of public.secured", "using: (who = CURRENT_USER) at"),
    Planted("DROP POLICY strict ON secured", "policy", "strict of public.secured", MISSING),
    Planted("ALTER TABLE open_one SET UNLOGGED", "table", "public.open_one", "persistence: nothing at the source, unlogged"),
    Planted("ALTER TABLE open_one SET (fillfactor = 50)", "table", "public.open_one", "options: nothing at the source", N),
    Planted("GRANT SELECT ON open_one TO planted", "table", "public.open_one", "grants", N),
    Planted("ALTER TABLE ident REPLICA IDENTITY USING INDEX ident_id", "table", "public.ident", "replica identity: nothing"),
    Planted("ALTER TABLE heir NO INHERIT kept", "table", "public.heir", "inherits: public.kept at the source, nothing in"),
    Planted("COMMENT ON TABLE commented IS 'two'", "table", "public.commented", "comment: one at the source, two in the t"),
    Planted("ALTER TABLE parts DETACH PARTITION parts_2", "table", "public.parts_2", "partition of: public.parts at the so"),
    Planted("DROP TABLE ev_1", "table", "public.ev_1", MISSING),
    Planted("INSERT INTO rows_added VALUES (3, 'c')", "table", "public.rows_added", "id 3 is in the target only"),
    Planted("UPDATE rows_changed SET v = 'y' WHERE id = 700", "table", "public.rows_changed", "id 700 differs"),
    Planted("CREATE OR REPLACE VIEW v AS SELECT id, a FROM t WHERE a > 2", "view", "public.v", "definition"),
    Planted("ALTER VIEW barred SET (security_barrier)", "view", "public.barred", "options: nothing at the source, security"),
    Planted("ALTER VIEW barred OWNER TO planted", "view", "public.barred", "owner", N),
    Planted("ALTER VIEW checked RESET (check_option)", "view", "public.checked", "options: check_option=cascaded at the"),
    Planted("DROP MATERIALIZED VIEW mv", "materialized view", "public.mv", MISSING),
    Planted("REFRESH MATERIALIZED VIEW filled WITH NO DATA", "materialized view", "public.filled", "not filled"),
    Planted("DROP RULE quiet ON kept", "rule", "quiet of public.kept", MISSING),
    Planted("ALTER TABLE kept DISABLE RULE loud", "rule", "loud of public.kept", "enabled: origin at the source, disabled"),
    Planted("SELECT nextval('s1')", "sequence", "public.s1", "1 (not used) at the source, 1 (used) in the target"),
    Planted("ALTER SEQUENCE s2 INCREMENT 2 CYCLE", "sequence", "public.s2", "increment: 1 at the source, 2 in the target; al"),
    Planted("ALTER SEQUENCE s3 OWNED BY NONE", "sequence", "public.s3", "owned by: public.kept.x at the source, nothing in"),
    Planted("DROP SEQUENCE s4", "sequence", "public.s4", MISSING),
    Planted("DROP INDEX t_a", "index", "public.t_a", MISSING),
    Planted("DROP INDEX t_b; CREATE INDEX t_b ON t (b) WHERE a > 6", "index", "public.t_b", "definition"),
    Planted("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_c'::regclass", "index", "public.t_c", "valid: "),
    Planted("UPDATE pg_index SET indisready = false WHERE indexrelid = 't_e'::regclass", "index", "public.t_e", "ready: "),
    Planted("CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 3'", "function",
            "public.twice(i integer)", "SELECT i * 2"),
    Planted("ALTER FUNCTION secured(int) SECURITY INVOKER", "function", "public.secured(i integer)", "SECURITY DEFINER"),
    Planted("REVOKE ALL ON FUNCTION stamp2() FROM PUBLIC", "function", "public.stamp2()", "grants: EXECUTE to PUBLIC at", N),
    Planted("DROP PROCEDURE p()", "procedure", "public.p()", MISSING),
    Planted("ALTER TABLE t DISABLE TRIGGER trg", "trigger", "trg of public.t", "enabled: origin at the source, disabled in"),
    Planted("DROP TRIGGER trg2 ON t", "trigger", "trg2 of public.t", MISSING),
    Planted("ALTER TABLE parts_1 DISABLE TRIGGER trg3", "trigger", "trg3 of public.parts_1", "enabled: origin at the source"),
    Planted("CREATE OR REPLACE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '1')", "aggregate",
            "public.total(integer)", "state: integer, 0, 0 at the source, integer, 0, 1 in the target"),
    Planted("DROP OPERATOR === (int, int)", "operator", "public.===(integer, integer)", MISSING),
    Planted("DROP OPERATOR FAMILY ops USING hash CASCADE", "operator class", "public.ops using hash", MISSING),
    Planted("SELECT 1", "operator family", "public.ops using hash", MISSING),
    Planted("DROP CAST (int AS pair); CREATE CAST (int AS pair) WITH FUNCTION to_pair(int) AS IMPLICIT", "cast",
            "(integer AS public.pair)", "context: e at the source, i in the target"),
    Planted("DROP CONVERSION conv", "conversion", "public.conv", MISSING),
    Planted("ALTER TEXT SEARCH DICTIONARY dict (STOPWORDS)", "text search dictionary", "public.dict", "options: stopwords"),
    Planted("ALTER TEXT SEARCH CONFIGURATION conf DROP MAPPING FOR word", "text search configuration", "public.conf", "map"),
    Planted("ALTER STATISTICS st SET STATISTICS 5", "extended statistics", "public.st", "statistics target: nothing", N),
    Planted("ALTER SERVER fs OPTIONS (SET host 'b')", "foreign server", "fs", "options: host=a at the source, host=b in"),
    Planted("ALTER FOREIGN TABLE ft OPTIONS (SET tab 'y')", "table", "public.ft", "foreign options: tab=x at the source"),
    Planted("ALTER FOREIGN TABLE ft ALTER x OPTIONS (SET col 'y')", "column", "x of public.ft", "foreign options: col=x"),
    Planted("CREATE FOREIGN DATA WRAPPER more_fdw", "foreign data wrapper", "more_fdw", MORE),
    Planted("CREATE USER MAPPING FOR planted SERVER fs", "user mapping", "planted on fs", MORE),
    Planted("ALTER EVENT TRIGGER evt DISABLE", "event trigger", "evt", "enabled: origin at the source, disabled in the tar"),
    Planted("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO planted", "default privileges", "of postgres on tables",
            MORE, N),
    Planted("CREATE PUBLICATION pub FOR TABLE t", "publication", "pub", MORE, N),
    Planted("ALTER DATABASE planted SET search_path = other", "settings of the database", "", MORE),
    Planted("ALTER ROLE planted IN DATABASE planted SET work_mem = '5MB'", "settings of a role in the database", "planted",
            MORE, N),
    Planted("COMMENT ON DATABASE planted IS 'new'", "database", "", "comment: nothing at the source, new in the target"),
    Planted("ALTER DATABASE planted CONNECTION LIMIT 9", "database", "", "connection limit: nothing at the source, 9 in", N),
    # Which one there is depends on where the server comes from.
    Planted("CREATE EXTENSION {extension}", "extension", "{extension}", MORE),
    Planted("UPDATE pg_extension SET extversion = '0.1' WHERE extname = 'plpgsql'", "extension", "plpgsql", "version: 1.0 at", N),
    Planted("SELECT lo_put(70002, 5, 'x')", "large object", "large objects", "oid 70002 differs"),
    Planted("SELECT lo_unlink(70003)", "large object", "large objects", "oid 70003 is missing in the target"),
]  # fmt: skip
#: Each is beside its own: a copy leaves it behind.
NOT_CARRIED = [
    Planted("CREATE ROLE of_source LOGIN", "role", "of_source", MISSING, N),
    Planted("CREATE PUBLICATION of_source FOR TABLE t", "publication", "of_source", MISSING, N),
]


def change(server: PostgresServer, dbname: str, *statements: str) -> None:
    with psycopg.connect(server.conninfo(dbname=dbname), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def copy(source: PostgresServer, target: PostgresServer, dbname: str, folder: Path) -> None:
    """As a migration copies, by the target's programs."""
    archive = folder / f"{dbname}.dump"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    for program, server, options in (
        ("pg_dump", source, ["-Fc", "--no-owner", "--no-publications", "--no-subscriptions", "-f", str(archive)]),
        ("pg_restore", target, ["--no-owner", "--no-tablespaces", "--exit-on-error", str(archive)]),
    ):
        subprocess.run(
            [target.binaries.tool(program), *options, "-d", server.conninfo(dbname=dbname)],
            check=True,
            env=environment,
            capture_output=True,
        )


def compare(source: PostgresServer, target: PostgresServer, **options: Any) -> Report:
    return postgres.compare(End(source), End(target), ignore={"postgres"}, **options)


@pytest.mark.parametrize(
    "majors",
    [pair for pair in ((16, 17), (16, 18), (17, 17)) if {*pair} <= {*installed()}],
    ids=lambda pair: "to".join(map(str, pair)),
)
def test_planted_differences(
    majors: tuple[int, int], postgres_servers: Callable[..., PostgresServer], tmp_path: Path
) -> None:
    """A copy is equal to its source, but for what a migration leaves behind; then each difference is found."""
    source, target = (postgres_servers(major, {"allow_system_table_mods": "on"}) for major in majors)
    for server in (source, target):
        change(server, "postgres", "CREATE DATABASE planted", "CREATE ROLE planted")
    change(source, "planted", SOURCE, *(one.statement for one in NOT_CARRIED))
    copy(source, target, "planted", tmp_path)
    # As the service's own extension, which it needs for a replication.
    change(target, "planted", "CREATE SCHEMA aiven_extras")

    report = compare(source, target)
    assert texts(report.differences) == []
    assert [(note.kind, note.name, note.message) for note in report.notes] == [one[1:4] for one in NOT_CARRIED]

    extension = {17: "hstore", 18: "vector"}[majors[1]]
    planted = [Planted(*(str(text).format(extension=extension) for text in one[:4]), one.level) for one in PLANTED]
    change(target, "planted", *(one.statement for one in planted))
    # A view that was out of date at the source is a note; one that holds something else is a difference.
    change(source, "planted", "INSERT INTO child (id) VALUES (1)")
    report = compare(source, target)
    missed = [
        one
        for one in planted
        if not any(
            (finding.level, finding.kind, finding.name) == (one.level, one.kind, one.name)
            and one.says in finding.message
            for finding in report.findings
        )
    ]
    found = {level: sum(finding.level is level for finding in report.findings) for level in Level}
    print(f"planted {len(planted)}, missed {len(missed)}, found {found}")
    shown = "\n".join(texts(report.findings))
    assert missed == [], f"{missed}\n{shown}"
    assert all(finding.database in {"planted", ""} for finding in report.findings)


#: What people have reported: objects that a correct copy has, and yet were called different, or the other way round.
REPORTED = {
    "partitions": """
        CREATE TABLE ev (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, kind text NOT NULL,
            PRIMARY KEY (id, at, kind)) PARTITION BY RANGE (at);
        CREATE TABLE ev_2024 PARTITION OF ev FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00')
            PARTITION BY LIST (kind);
        CREATE TABLE ev_2024_a PARTITION OF ev_2024 FOR VALUES IN ('a', 'A');
        CREATE TABLE ev_2024_rest PARTITION OF ev_2024 DEFAULT; CREATE TABLE ev_rest PARTITION OF ev DEFAULT;
        INSERT INTO ev (at, kind) SELECT timestamptz '2023-12-31 23:00+00' + i * interval '1 day',
            (ARRAY['a', 'A', 'b'])[1 + i % 3] FROM generate_series(0, 400) i;
        CREATE INDEX evk ON ev (kind);
        CREATE TABLE ref (eid bigint, eat timestamptz, ek text, FOREIGN KEY (eid, eat, ek) REFERENCES ev);
        CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER pt BEFORE INSERT ON ev FOR EACH ROW EXECUTE FUNCTION tf();""",
    "large_objects": """
        SELECT lo_from_bytea(80000 + i, convert_to(repeat('large ', i * 1000), 'UTF8')) FROM generate_series(1, 20) i;
        CREATE TABLE docs (id int PRIMARY KEY, lo oid);
        INSERT INTO docs SELECT row_number() OVER (), oid FROM pg_largeobject_metadata;""",
    "unlogged": """
        CREATE UNLOGGED TABLE sessions (id int PRIMARY KEY, v text); CREATE TABLE logged (id int PRIMARY KEY);
        INSERT INTO sessions SELECT i, 's' FROM generate_series(1, 10) i; INSERT INTO logged VALUES (1);""",
    "matviews": """
        CREATE TABLE b (id int PRIMARY KEY, v int); INSERT INTO b SELECT i, i FROM generate_series(1, 10) i;
        CREATE MATERIALIZED VIEW z AS SELECT count(*) n FROM b;
        CREATE MATERIALIZED VIEW a_top AS SELECT n + 1 m FROM z; CREATE UNIQUE INDEX ON a_top (m);
        CREATE MATERIALIZED VIEW never_filled AS SELECT 1 x WITH NO DATA;
        CREATE MATERIALIZED VIEW stale AS SELECT sum(v) FROM b; INSERT INTO b VALUES (1000, 1000);""",
    "force_rls": """
        CREATE TABLE rl (id int PRIMARY KEY, who text); INSERT INTO rl VALUES (1, 'app'), (2, 'other');
        ALTER TABLE rl OWNER TO app; ALTER TABLE rl ENABLE ROW LEVEL SECURITY; ALTER TABLE rl FORCE ROW LEVEL SECURITY;
        CREATE POLICY p1 ON rl USING (who = current_user);
        CREATE TABLE beside (id int PRIMARY KEY); ALTER TABLE beside OWNER TO app;""",
}


def test_what_people_have_reported(postgres_servers: Callable[..., PostgresServer], tmp_path: Path) -> None:
    """Each in a database of its own, copied from one version to the next."""
    source, target = (postgres_servers(major) for major in (16, 17))
    for server in (source, target):
        change(
            server, "postgres", "CREATE ROLE app LOGIN PASSWORD 'pw'", *(f"CREATE DATABASE {name}" for name in REPORTED)
        )
    for name, statements in REPORTED.items():
        change(source, name, statements)
        copy(source, target, name, tmp_path)
    report = compare(source, target)
    assert texts(report.differences) == []
    refreshed = "refreshed in the target; at the source it was out of date"
    assert [(note.database, note.name, note.message) for note in report.notes if note.kind == "materialized view"] == [
        ("matviews", f"public.{name}", refreshed) for name in ("a_top", "stale", "z")
    ]

    change(target, "large_objects", "SELECT lo_put(80007, 100, 'small')")
    # A replication does not carry its rows.
    change(target, "unlogged", "TRUNCATE sessions")
    change(target, "force_rls", "INSERT INTO beside VALUES (7)")
    found = {(one.database, one.name): one.message for one in compare(source, target).differences}
    assert found.keys() == {
        ("force_rls", "public.beside"),
        ("large_objects", "large objects"),
        ("unlogged", "public.sessions"),
    }
    assert found["large_objects", "large objects"].endswith("oid 80007 differs")
    assert "rows (10 at the source, 0 in the target)" in found["unlogged", "public.sessions"]
    # Not even its owner sees all rows of a table that forces row security; all else is compared.
    by_owner = postgres.compare(End(source, user="app", password="pw"), End(target), ignore={"postgres"})
    messages = {(one.database, one.name): one.message for one in by_owner.differences}
    assert "row-level security" in messages["force_rls", "public.rl"]
    assert "id 7 is in the target only" in messages["force_rls", "public.beside"]
    assert ("unlogged", "public.sessions") in messages


def test_every_kind_has_a_planted_difference() -> None:
    """No kind is in the table without being looked for."""
    covered = {one.kind for one in (*PLANTED, *NOT_CARRIED)}
    # What cannot be made without C code, or is made by making something else, which has the difference.
    without = {"text search parser", "text search template", "language", "transform", "composite type"}
    assert {kind.name for kind in POSTGRES if kind.level is not Level.NOT_COMPARED} - covered == without
