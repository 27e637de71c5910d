"""The comparison sees every kind of difference, on a real server and with the demo's own awkward schema."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import demo
from airflow_dbaas.emulator.postgres import PostgresServer
from demo.compare import Comparison, compare

SCRIPT = Path(demo.__file__).with_name("awkward.sql")

Changed = Callable[[str], Comparison]


@pytest.fixture(scope="module")
def server(postgres_source: PostgresServer) -> PostgresServer:
    login = conninfo_to_dict(postgres_source.conninfo())
    with psycopg.connect(postgres_source.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE original")
    subprocess.run(
        [
            *(postgres_source.binaries.tool("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"),
            *(f"--host={login['host']}", f"--port={login['port']}", f"--username={login['user']}"),
            *(f"--file={SCRIPT}", "original"),
        ],
        env={"PGPASSWORD": str(login["password"])},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return postgres_source


@pytest.fixture
def changed(server: PostgresServer) -> Changed:
    """Compare the original with a copy of it that a statement has changed."""

    def change(statement: str) -> Comparison:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS copy")
            connection.execute("CREATE DATABASE copy TEMPLATE original")
        with psycopg.connect(server.conninfo("copy"), autocommit=True) as connection:
            connection.execute(statement.encode())
        return compare(server.conninfo("original"), server.conninfo("copy"))

    return change


def test_a_faithful_copy_has_no_differences(changed: Changed) -> None:
    outcome = changed("SELECT 1")

    assert outcome.differences == []
    assert outcome.tables == 22
    assert outcome.rows > 21_000
    assert outcome.bytes > 1_000_000


def test_the_order_of_rows_does_not_matter(changed: Changed) -> None:
    statement = """
        CREATE TEMP TABLE aside AS SELECT * FROM "ohne Schlüssel";
        TRUNCATE "ohne Schlüssel";
        INSERT INTO "ohne Schlüssel" SELECT * FROM aside ORDER BY wert DESC"""

    assert changed(statement).differences == []


@pytest.mark.parametrize(
    ("statement", "kind", "name"),
    [
        ("UPDATE werte SET ganz = ganz + 1 WHERE id = 30", "rows", "public.werte"),
        ("UPDATE werte SET f8 = 0 WHERE f8 = 0", "rows", "public.werte"),
        ("UPDATE werte SET genau = genau * 10 WHERE id = 40", "rows", "public.werte"),
        ("UPDATE werte SET moment = moment + interval '1 us' WHERE id = 50", "rows", "public.werte"),
        ("UPDATE werte SET j = j::jsonb::json WHERE id = 10", "rows", "public.werte"),
        ("UPDATE werte SET zeichen = NULL WHERE id = 10", "rows", "public.werte"),
        ("UPDATE felder SET zahlen = '[0:2]={1,NULL,9223372036854775807}' WHERE id = 2", "rows", "public.felder"),
        # As many rows and the same values, but one occurs twice instead of another.
        (
            """UPDATE "ohne Schlüssel" SET wert = NULL, zahl = NULL
               WHERE ctid = (SELECT min(ctid) FROM "ohne Schlüssel" WHERE wert = 'doppelt')""",
            "rows",
            'public."ohne Schlüssel"',
        ),
        ("DELETE FROM messung WHERE wann = '2025-06-01 00:00+00'", "rows", 'public."messung_2025 AT/CH"'),
        ("DELETE FROM ONLY tier", "rows", "public.tier"),
        ("INSERT INTO nichts DEFAULT VALUES", "rows", "public.nichts"),
        ('REFRESH MATERIALIZED VIEW "Größe & Co".summe WITH NO DATA', "state of view", '"Größe & Co".summe'),
        ("REFRESH MATERIALIZED VIEW ungefüllt", "state of view", 'public."ungefüllt"'),
        ("DROP TABLE leer", "table", "public.leer"),
        ("CREATE TABLE neu ()", "table", "public.neu"),
        ("ALTER TABLE felder RESET (fillfactor)", "table", "public.felder"),
        ("ALTER TABLE messung DETACH PARTITION messung_2026", "table", "public.messung_2026"),
        ("ALTER TABLE person REPLICA IDENTITY DEFAULT", "replica identity", "public.person"),
        ("SELECT nextval('gesetzt')", "sequence", "public.gesetzt"),
        ("SELECT nextval('\"nie benutzt\"')", "sequence", 'public."nie benutzt"'),
        ("ALTER SEQUENCE im_kreis NO CYCLE", "sequence", "public.im_kreis"),
        ("ALTER SEQUENCE rückwärts INCREMENT -1", "sequence", 'public."rückwärts"'),
        ("ALTER SEQUENCE protokoll_nr_seq OWNED BY NONE", "sequence", "public.protokoll_nr_seq"),
        ("DROP INDEX werte_u_idx", "index", "public.werte_u_idx"),
        ('ALTER TABLE person DROP CONSTRAINT "nicht zu alt"', "constraint", 'public.person "nicht zu alt"'),
        ('ALTER TABLE person VALIDATE CONSTRAINT "erst ab jetzt"', "constraint", 'public.person "erst ab jetzt"'),
        (
            "ALTER TABLE person ALTER CONSTRAINT person_chef_fkey DEFERRABLE INITIALLY IMMEDIATE",
            "constraint",
            "public.person person_chef_fkey",
        ),
        ("ALTER TABLE leer ENABLE TRIGGER abgeschaltet", "trigger", "public.leer abgeschaltet"),
        ('DROP TRIGGER "nach jeder Änderung" ON person', "trigger", 'public.person "nach jeder Änderung"'),
        ("DROP RULE nie ON leer", "rule", "public.leer nie"),
        ("CREATE POLICY neu ON leer", "policy", "public.leer neu"),
        ("CREATE STATISTICS neu ON ganz, klein FROM werte", "statistics", "public.neu"),
        (
            'CREATE OR REPLACE VIEW über_summe AS SELECT max(anzahl)::numeric AS alles FROM "Größe & Co".summe',
            "view",
            'public."über_summe"',
        ),
        ('ALTER VIEW "alle Personen" RESET (security_barrier)', "table", 'public."alle Personen"'),
        ("DROP MATERIALIZED VIEW ungefüllt", "materialized view", 'public."ungefüllt"'),
        (
            "CREATE OR REPLACE FUNCTION ist_gerade(n bigint) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true",
            "function",
            "public.ist_gerade(n bigint)",
        ),
        (
            "ALTER FUNCTION gruß(text, text[]) COST 8",
            "function",
            'public."gruß"(wer text, VARIADIC mehr text[])',
        ),
        ("DROP PROCEDURE aufräumen", "function", 'public."aufräumen"(INOUT n integer)'),
        ("DROP AGGREGATE produkt(numeric)", "function", "public.produkt(numeric)"),
        ("ALTER TYPE stimmung ADD VALUE 'neu'", "type", "public.stimmung"),
        ("ALTER DOMAIN positiv SET DEFAULT 1", "type", "public.positiv"),
        ('ALTER TYPE "Größe & Co"."Adresse" RENAME ATTRIBUTE plz TO "PLZ"', "type", '"Größe & Co"."Adresse"'),
        ("ALTER TABLE leer ALTER was DROP NOT NULL", "column", "public.leer.was"),
        ("ALTER TABLE leer ALTER was SET DEFAULT ''", "column", "public.leer.was"),
        ("ALTER TABLE leer ALTER was TYPE varchar(100)", "column", "public.leer.was"),
        ('ALTER TABLE leer ALTER was TYPE text COLLATE "POSIX"', "column", "public.leer.was"),
        ("ALTER TABLE werte ALTER id SET GENERATED BY DEFAULT", "column", "public.werte.id"),
        ("ALTER TABLE felder ALTER texte SET STORAGE MAIN", "column", "public.felder.texte"),
        ("COMMENT ON TYPE stimmung IS 'otherwise'", "comment", "type public.stimmung"),
        ('COMMENT ON COLUMN "Käse & ""Wein""".🐘 IS NULL', "comment", 'table column public."Käse & ""Wein"""."🐘"'),
        ("CREATE SCHEMA neu", "schema", "neu"),
    ],
)
def test_a_change_is_found(changed: Changed, statement: str, kind: str, name: str) -> None:
    differences = changed(statement).differences

    found = {(difference.kind, difference.name) for difference in differences}
    assert (kind, name) in found, "\n".join(map(str, differences))


def test_what_may_not_be_read_is_a_difference(changed: Changed, server: PostgresServer) -> None:
    changed("SELECT 1")
    with psycopg.connect(server.conninfo("copy"), autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'not secret'")
    stranger = make_conninfo(server.conninfo("copy"), user="stranger", password="not secret")

    outcome = compare(server.conninfo("original"), stranger)

    unreadable = {difference.name for difference in outcome.differences if difference.kind == "access"}
    assert {"table public.leer", "sequence public.gesetzt"} <= unreadable
