"""Migrations that are under way when the emulator is killed: taken up again, and at their end both ends are equal."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg
import pymysql
import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.emulator.conftest import Api, eventually, execute, query, source_of
from tests.integration.emulator.mysql_ends import Target, rows, run
from tests.integration.emulator.test_state import Start, kill, started

__all__ = ["started"]

_SLOW = """CREATE OR REPLACE FUNCTION waits(s int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN {} RETURN true; END $$"""
_CONTENTS = "SELECT (SELECT s FROM slow), count(*), sum(a) FROM log"


def make_slow(server: PostgresServer, dbname: str) -> None:
    """A database that takes very long to copy, because a row of it is slow to check."""
    execute(server, "postgres", f"CREATE DATABASE {dbname}")
    execute(
        server,
        dbname,
        _SLOW.format(""),
        "CREATE TABLE slow (s int PRIMARY KEY CHECK (waits(s)))",
        "INSERT INTO slow VALUES (600)",
        # Without a key: while it is replicated its rows are told apart by all they have.
        "CREATE TABLE log AS SELECT n AS a FROM generate_series(1, 1000) AS n",
        _SLOW.format("PERFORM pg_catalog.pg_sleep(s);"),
    )


def make_fast(server: PostgresServer, dbname: str) -> None:
    """Let the next copy be a quick one."""
    execute(server, dbname, "UPDATE slow SET s = 0")


def copying(api: Api, service: str, dbname: str) -> bool:
    """Whether the target is checking the slow row now."""
    with api.connect(service, "defaultdb") as connection:
        # Of other users' statements it sees but what they wait for.
        found = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
        return bool(connection.execute(found, [dbname]).fetchone()[0])


def detail(api: Api, service: str, dbname: str) -> dict[str, Any]:
    """One database of the migration's status; empty before it is known."""
    details = api.ok("GET", f"/dbaas-migration-status/{service}")["details"]
    return next((each for each in details if each["dbname"] == dbname), {})


def oid(api: Api, dbname: str) -> int:
    """What tells a database of the target from another of its name."""
    with api.connect("target", dbname) as connection:
        return connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()[0]


@pytest.mark.parametrize("by_signal", [False, True])
def test_a_dump_is_taken_up_again(started: Start, postgres_servers, by_signal):
    """A database that was done stays as it is, one that was not is copied anew; users' databases are left alone."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE ROLE clerk LOGIN PASSWORD 'x'", "CREATE DATABASE quick")
    execute(source, "quick", "CREATE TABLE t AS SELECT 1 AS a")
    make_slow(source, "slow")
    api = started()
    api.service("target")
    api.ok("PUT", "/dbaas-postgres/target", {"migration": source_of(source, method="dump")})
    eventually(lambda: copying(api, "target", "slow"), bool)
    eventually(lambda: detail(api, "target", "quick"), lambda found: found["status"] == "done")
    first = oid(api, "quick")
    clerk = "/dbaas-postgres/target/user/clerk/password/reveal"
    password = api.ok("GET", clerk)
    if by_signal:
        assert api.emulator.stop() == 0
    else:
        kill(api)

    make_fast(source, "slow")
    api = started()
    assert api.migrated("target")["status"] == "done"
    assert oid(api, "quick") == first
    assert api.ok("GET", clerk) == password
    with api.connect("target", "slow") as connection:
        assert connection.execute(_CONTENTS).fetchall() == [(0, 1000, 500500)]
    assert api.stop("target")["state"] == "success"


def test_a_replication_is_taken_up_again(started: Start, postgres_servers):
    """Killed while it copies, while it follows and while it is stopped: the source is as it was in the end."""
    source = postgres_servers()
    make_slow(source, "slow")
    api = started()
    api.service("target")
    api.ok("PUT", "/dbaas-postgres/target", {"migration": source_of(source, method="replication")})
    copy = "SELECT 1 FROM pg_stat_replication WHERE application_name LIKE 'pg_%_sync_%'"
    eventually(lambda: query(source, "slow", copy), bool)
    assert detail(api, "target", "slow")["status"] == "running"
    kill(api)

    make_fast(source, "slow")
    api = started()
    followed = eventually(lambda: detail(api, "target", "slow"), lambda found: found["status"] == "syncing")
    assert followed["method"] == "replication"
    kill(api)

    # Nobody follows now: the source keeps it until somebody does.
    execute(source, "slow", "INSERT INTO log VALUES (2000)", "DELETE FROM log WHERE a = 1")
    api = started()
    execute(source, "slow", "INSERT INTO log VALUES (3000)")

    def contents() -> list[tuple[Any, ...]]:
        with api.connect("target", "slow") as connection:
            return connection.execute(_CONTENTS).fetchall()

    eventually(contents, lambda found: found == [(0, 1001, 505499)])
    eventually(lambda: detail(api, "target", "slow"), lambda found: found["status"] == "syncing")
    identity = "SELECT relreplident::text FROM pg_class WHERE relname = 'log'"
    assert query(source, "slow", identity) == [("f",)]
    with psycopg.connect(source.conninfo("slow")) as application:
        # What is to be cleaned up at the source has to wait for this.
        application.execute("LOCK TABLE log IN ACCESS SHARE MODE")
        operation = api.ok("POST", "/dbaas-postgres/target/migration/stop")
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'log'::regclass"
        eventually(lambda: query(source, "slow", waiting), bool)
        kill(api)
    api = started()
    assert api.finish(operation)["state"] == "success"
    api.refused(404, "GET", "/dbaas-migration-status/target")
    assert query(source, "slow", identity) == [("d",)]
    left = "SELECT (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_replication_slots)"
    assert query(source, "slow", left) == [(0, 0)]
    assert contents() == [(0, 1001, 505499)]


@pytest.mark.parametrize("method", ["dump", "replication"])
def test_a_mysql_migration_is_taken_up_again(started: Start, mysql_servers, method):
    """Killed amid its copy it copies anew; a replication that is killed later goes on where it was."""
    source = mysql_servers()
    run(source, "CREATE DATABASE big", "CREATE TABLE big.t (a int PRIMARY KEY)", "INSERT INTO big.t VALUES (1), (2)")
    run(source, "CREATE TABLE big.z SELECT 1 AS a")
    api = started()
    target = Target(api)
    name = target.name
    # The dump waits for the second table's lock for as long as the test wants.
    with closing(pymysql.connect(**source.login())) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLES big.z WRITE")
        target.start(source, method=method)
        eventually(lambda: "big" in target.databases() and target.rows("SHOW TABLES FROM big"), bool)
        kill(api)
    target.api = api = started()
    if method == "dump":
        assert api.migrated(name)["status"] == "done"
    else:
        target.until("syncing")
        kill(api)
        run(source, "INSERT INTO big.t VALUES (3)", "CREATE DATABASE other", "CREATE TABLE other.t SELECT 1 AS a")
        target.api = api = started()
        run(source, "INSERT INTO big.t VALUES (4)")
        eventually(lambda: len(target.rows("SELECT a FROM big.t")), lambda found: found == 4)
        target.until("syncing")
        assert target.rows("SELECT @@GLOBAL.event_scheduler") == [("OFF",)]
    assert target.stop()["state"] == "success"
    target.assert_no_replica()
    assert target.databases() == ["big", "defaultdb"]
    assert target.rows("SELECT a FROM big.t ORDER BY a") == rows(source, "SELECT a FROM big.t ORDER BY a")
    assert target.rows("SELECT @@GLOBAL.event_scheduler") == [("ON",)]
