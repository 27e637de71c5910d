"""Databases move: by dump and by replication, with real rows between real servers."""

import threading
import time
from contextlib import closing

import psycopg
import pytest

from tests.integration.emulator.conftest import eventually, execute, query, source_of, uri_of

SHOP = (
    """
    CREATE SCHEMA "Räume";
    CREATE TYPE mood AS ENUM ('sad', 'o''k');
    CREATE TABLE "Räume"."T é" (
        id bigserial PRIMARY KEY, m mood, tags text[], doc jsonb, raw bytea, at timestamptz, n numeric, big text
    );
    INSERT INTO "Räume"."T é" (m, tags, doc, raw, at, n, big)
        SELECT 'o''k', ARRAY['a', NULL, 'ü'], jsonb_build_object('i', i), decode(md5(i::text), 'hex'),
            timestamptz '2001-01-01' + i * interval '1 day', i / 7.0, repeat('x', 10000)
        FROM generate_series(1, 2000) AS i;
    CREATE TABLE keyless (a int, b text);
    INSERT INTO keyless SELECT i, 'v' || i FROM generate_series(1, 500) AS i;
    CREATE TABLE empty (a int PRIMARY KEY);
    CREATE TABLE parts (a int, b text, PRIMARY KEY (a)) PARTITION BY RANGE (a);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (1000);
    INSERT INTO parts SELECT i, 'p' FROM generate_series(1, 300) AS i;
    CREATE VIEW seen AS SELECT count(*) AS c FROM keyless;
    CREATE FUNCTION double(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2';
    CREATE TABLE child (id int PRIMARY KEY, parent bigint REFERENCES "Räume"."T é" (id));
    INSERT INTO child VALUES (1, 1), (2, 2);
    GRANT SELECT ON keyless TO clerk;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO clerk;
    CREATE PUBLICATION theirs FOR TABLE child;
    """,
)
COUNTS = {
    '"Räume"."T é"': 2000,
    "keyless": 500,
    "empty": 0,
    "parts": 300,
    "seen": 1,
    "child": 2,
}
LONG_NAME = "a_name_that_is_longer_than_the_document_lets_answers_be"


def counts(connection: psycopg.Connection) -> dict[str, int]:
    return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTS}


def replication_objects(server) -> list[tuple]:
    """What a migration would leave behind at the source."""
    found = query(server, "postgres", "SELECT 'slot', slot_name FROM pg_replication_slots")
    for (dbname,) in query(server, "postgres", "SELECT datname FROM pg_database WHERE datallowconn"):
        found += query(server, dbname, "SELECT 'publication', pubname FROM pg_publication WHERE pubname <> 'theirs'")
        found += query(server, dbname, "SELECT 'identity', relname FROM pg_class WHERE relreplident = 'f'")
    return found


@pytest.fixture(scope="module")
def source(postgres_source):
    """A source with an awkward database, a plain one, one to ignore, and a role."""
    execute(
        postgres_source,
        "postgres",
        "CREATE ROLE clerk LOGIN PASSWORD 'x' CREATEDB",
        'CREATE DATABASE "Shöp"',
        "ALTER DATABASE \"Shöp\" SET work_mem TO '7MB'",
        'ALTER DATABASE "Shöp" SET search_path TO "$user", public, "Räume"',
        f"CREATE DATABASE {LONG_NAME}",
        "CREATE DATABASE left_out",
    )
    execute(postgres_source, "Shöp", *SHOP)
    execute(postgres_source, LONG_NAME, "CREATE TABLE t AS SELECT 1 AS a")
    return postgres_source


@pytest.fixture
def service(api):
    """A running service, deleted afterwards."""
    name = api.service()
    yield name
    assert api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))["state"] == "success"


def test_a_migration_by_dump_from_check_to_deletion(api, service, source):
    """Checked, started, watched, finished, stopped; everything is there, nothing was left at the source."""
    check = api.check(service, **{"source-service-uri": uri_of(source, "postgres"), "method": "dump"})
    assert (check["success"], check["task-type"]) == (True, "pg_migration_check")
    assert check["result"].startswith("Migration method will be 'dump'.")

    status = api.migrate(service, **source_of(source, **{"method": "dump", "ignore-dbs": "left_out , nothing"}))
    assert status["error"] == ""
    assert (status["status"], status["method"]) == ("done", "pg_dump")
    assert status["details"] == [
        {"dbname": dbname, "method": "pg_dump", "status": "done"} for dbname in ("Shöp", LONG_NAME)
    ]
    shown = api.ok("GET", f"/dbaas-postgres/{service}")
    assert shown["databases"] == ["Shöp", "defaultdb"], "longer names than the document allows are not listed"
    assert "clerk" in {user["username"] for user in shown["users"]}
    revealed = api.ok("GET", f"/dbaas-postgres/{service}/user/clerk/password/reveal")
    assert revealed["password"].startswith("placeholder_")
    with closing(api.connect(service, "Shöp")) as target:
        assert counts(target) == COUNTS
        assert target.execute("""SELECT last_value FROM "Räume"."T é_id_seq" """).fetchone() == (2000,)
        assert target.execute("SELECT double(21), current_setting('work_mem')").fetchone() == (42, "7MB")
        assert target.execute("SELECT has_table_privilege('clerk', 'keyless', 'SELECT')").fetchone() == (True,)
        assert target.execute("SHOW search_path").fetchone() == ('"$user", public, "Räume"',)
        content = 'SELECT md5(string_agg(t::text, \'|\' ORDER BY id)) FROM "Räume"."T é" AS t'
        assert target.execute(content).fetchall() == query(source, "Shöp", content)
    with closing(api.connect(service, LONG_NAME)) as target:
        assert target.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert replication_objects(source) == []

    # Once more into the same databases would double the rows.
    again = api.migrate(service, **source_of(source, **{"method": "dump", "ignore-dbs": "left_out"}))
    assert (again["status"], again["method"], again["error"]) == ("failed", "", "Migration process failed")
    assert all("not empty" in detail["error"] for detail in again["details"])
    with closing(api.connect(service, "Shöp")) as target:
        assert counts(target) == COUNTS
    assert api.stop(service)["state"] == "success"
    api.refused(404, "GET", f"/dbaas-migration-status/{service}")


def test_replication_carries_what_is_written_meanwhile(api, service, source):
    """Writes during the copy and after it arrive; a stop loses none and leaves the source as it was."""
    check = api.check(service, **{"source-service-uri": uri_of(source)})
    assert check["success"] is True
    assert check["result"].startswith("Migration method will be 'replication'. Warning: database 'Shöp' has tables w")
    writing = threading.Event()
    writing.set()

    def write() -> None:
        with closing(psycopg.connect(source.conninfo("Shöp"), autocommit=True)) as connection:
            number = 1000
            while writing.is_set():
                number += 1
                connection.execute("INSERT INTO keyless VALUES (%s, 'during')", [number])
                # Neither of these may be refused because the table has no key.
                connection.execute("UPDATE keyless SET b = 'changed' WHERE a = %s", [number - 5])
                connection.execute("DELETE FROM keyless WHERE a = %s", [number - 50])
                connection.execute("UPDATE child SET parent = %s WHERE id = 1", [number % 2000 + 1])
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        migration = source_of(source, **{"method": "replication", "ignore-dbs": "left_out"})
        status = api.migrate(service, **migration)
        assert (status["status"], status["method"], status["error"]) == ("syncing", "replication", "")
        assert [detail["status"] for detail in status["details"]] == ["syncing", "syncing"]
        assert "already running" in api.refused(409, "PUT", f"/dbaas-postgres/{service}", {"migration": migration})
        time.sleep(0.5)
    finally:
        writing.clear()
        writer.join()
    # The burst at the end is what a stop that does not wait would lose.
    execute(source, "Shöp", "INSERT INTO keyless SELECT i, 'late' FROM generate_series(1, 20000) AS i")
    operation = api.ok("POST", f"/dbaas-postgres/{service}/migration/stop")
    api.refused(409, "POST", f"/dbaas-postgres/{service}/migration/stop")
    assert api.finish(operation)["state"] == "success"
    api.refused(404, "GET", f"/dbaas-migration-status/{service}")
    content = "SELECT count(*), md5(string_agg(k::text, '|' ORDER BY k)) FROM keyless AS k"
    with closing(api.connect(service, "Shöp")) as target:
        assert target.execute(content).fetchall() == query(source, "Shöp", content)
        assert target.execute("SELECT * FROM child").fetchall() == query(source, "Shöp", "SELECT * FROM child")
        # Logical replication does not carry sequences, here as at the real service.
        assert target.execute("""SELECT last_value FROM "Räume"."T é_id_seq" """).fetchone() == (1,)
        assert target.execute("SELECT count(*) FROM pg_subscription").fetchone() == (0,)
    assert replication_objects(source) == []
    execute(source, "Shöp", "DELETE FROM keyless WHERE a > 1000 OR b = 'late'")


def test_a_service_is_created_with_a_migration(api, source):
    """It starts as soon as the service runs, and deleting the service cleans up the source."""
    name = api.service(migration=source_of(source, **{"ignore-dbs": f"left_out,{LONG_NAME}"}))
    status = api.migrated(name)
    assert [(each["dbname"], each["status"]) for each in status["details"]] == [("Shöp", "syncing")]
    assert replication_objects(source) != []
    assert api.finish(api.ok("DELETE", f"/dbaas-postgres/{name}"))["state"] == "success"
    assert replication_objects(source) == []


def test_without_a_method_replication_falls_back_to_dump(api, service, postgres_servers):
    """A source that cannot be replicated from is dumped; asked for replication, it is refused."""
    source = postgres_servers(settings={"wal_level": "replica"})
    execute(source, "postgres", "CREATE TABLE notes AS SELECT 1 AS a")
    check = api.check(service, **{"source-service-uri": uri_of(source)})
    assert check["success"] is True
    assert check["result"].startswith("Migration method will be 'dump'. Replication is not possible: wal_level")
    check = api.check(service, **{"source-service-uri": uri_of(source), "method": "replication"})
    assert (check["success"], "wal_level" in check["result"]) == (False, True)

    forced = api.migrate(service, **source_of(source, method="replication"))
    assert (forced["status"], forced["error"]) == ("failed", "Migration process failed")
    assert "wal_level" in forced["details"][0]["error"]
    status = api.migrate(service, **source_of(source))
    # The database "postgres" exists everywhere; it is carried because somebody made a table in it.
    assert status["details"] == [{"dbname": "postgres", "method": "pg_dump", "status": "done"}]


def test_a_database_that_fails_does_not_stop_the_others(api, service, postgres_servers):
    """It fails with its own error and leaves nothing behind; the rest is migrated."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE DATABASE a_good", "CREATE DATABASE b_bad", "CREATE DATABASE c_good")
    for dbname in ("a_good", "b_bad", "c_good"):
        execute(source, dbname, "CREATE TABLE t AS SELECT 1 AS a")
    # Only a superuser may make these, which no role is in a managed service.
    execute(
        source,
        "b_bad",
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
    )
    for method in ("dump", "replication"):
        status = api.migrate(service, **source_of(source, method=method))
        outcome = {each["dbname"]: each["status"] for each in status["details"]}
        good = "done" if method == "dump" else "syncing"
        assert outcome == {"a_good": good, "b_bad": "failed", "c_good": good}
        assert (status["status"], status["error"], status["method"]) == ("failed", "Migration process failed", "")
        assert "event trigger" in next(each["error"] for each in status["details"] if "error" in each)
        assert "b_bad" not in api.ok("GET", f"/dbaas-postgres/{service}")["databases"]
        api.stop(service)
        for dbname in ("a_good", "c_good"):
            with closing(api.connect(service, "defaultdb")) as target:
                target.execute(f"DROP DATABASE {dbname}")
    assert replication_objects(source) == []


@pytest.mark.parametrize("method", ["dump", "replication"])
def test_a_stop_while_copying_leaves_nothing_half_copied(api, service, postgres_servers, method):
    """The database under way is taken out of the target again, and the API answers all the while."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE DATABASE big")
    execute(
        source,
        "big",
        "CREATE TABLE t AS SELECT i, md5(i::text) AS a, md5(i::text || 'x') AS b FROM generate_series(1, 800000) AS i",
    )
    api.ok("PUT", f"/dbaas-postgres/{service}", {"migration": source_of(source, method=method)})
    eventually(
        lambda: api.ok("GET", f"/dbaas-migration-status/{service}"),
        lambda found: [each["method"] for each in found["details"]] != [""] and found["details"],
    )
    api.slowest = 0.0
    for _ in range(20):
        assert api.ok("GET", f"/dbaas-migration-status/{service}")["status"] == "running"
        time.sleep(0.01)
    assert api.slowest < 1
    assert api.stop(service)["state"] == "success"
    assert api.ok("GET", f"/dbaas-postgres/{service}")["databases"] == ["defaultdb"]
    assert query(source, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'pg_dump'") == [
        (0,)
    ]
    assert replication_objects(source) == []


def test_a_source_that_goes_away_while_replicating_shows_and_comes_back(api, service, postgres_servers):
    """Failed while it is away, syncing again afterwards; a stop without it says what is not known."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE DATABASE d")
    execute(source, "d", "CREATE TABLE t (a int PRIMARY KEY)")
    assert api.migrate(service, **source_of(source))["status"] == "syncing"
    source.stop()
    path = f"/dbaas-migration-status/{service}"
    failed = eventually(lambda: api.ok("GET", path), lambda found: found["status"] == "failed")
    assert failed["details"][0]["error"]
    # Down is not over: a second one beside it would double rows.
    assert "already running" in api.refused(409, "PUT", f"/dbaas-postgres/{service}", {"migration": source_of(source)})
    source.start()
    execute(source, "d", "INSERT INTO t VALUES (1)")
    eventually(lambda: api.ok("GET", path), lambda found: found["status"] == "syncing")
    with closing(api.connect(service, "d")) as target:
        eventually(lambda: target.execute("SELECT a FROM t").fetchall(), lambda found: found == [(1,)])
        source.stop()
        stopped = api.stop(service)
        assert (stopped["state"], stopped["reason"]) == ("failure", "partial")
        assert "could not be queried" in stopped["message"]
        api.refused(404, "GET", path)
        assert target.execute("SELECT count(*) FROM pg_subscription").fetchone() == (0,)


def test_a_deletion_during_a_stop_leaves_nothing_at_the_source(api, postgres_servers):
    """Both clean up at the same time; neither is in the other's way."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE DATABASE d")
    execute(source, "d", "CREATE TABLE t (a int PRIMARY KEY)")
    service = api.service()
    assert api.migrate(service, **source_of(source))["status"] == "syncing"
    stopping = api.ok("POST", f"/dbaas-postgres/{service}/migration/stop")
    deleting = api.ok("DELETE", f"/dbaas-service/{service}")
    assert api.finish(deleting)["state"] == "success"
    api.finish(stopping)
    assert replication_objects(source) == []


def test_a_copy_that_cannot_succeed_says_why(api, service, source):
    """The replication worker's own error, not just that something is wrong."""
    execute(
        source,
        "left_out",
        "CREATE TABLE secret (a int PRIMARY KEY)",
        "CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'pässword'",
        "GRANT CREATE ON DATABASE left_out TO replicator",
        "ALTER TABLE secret OWNER TO replicator",
        "REVOKE SELECT ON secret FROM replicator",
    )
    migration = source_of(source, username="replicator", password="pässword")
    ignored = f"Shöp,{LONG_NAME}"
    status = api.migrate(service, **migration, **{"method": "replication", "ignore-dbs": ignored})
    assert status["details"][0]["status"] == "failed"
    assert "permission denied" in status["details"][0]["error"]
    assert api.stop(service)["state"] == "success"
    assert api.ok("GET", f"/dbaas-postgres/{service}")["databases"] == ["defaultdb"]
    assert replication_objects(source) == []
