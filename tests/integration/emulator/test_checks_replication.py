"""The migration check and what is in the way of replication.

Asked for, a replication that cannot be is refused, by the check and by the migration, and never becomes a dump. Left
open, the migration is a dump and the check says why. By dump, none of it matters.

``aiven_extras``, with which the service replicates for users who may not, is an extension that no server here has.
"""

from contextlib import closing

import pytest

from tests.integration.emulator.checking import forwarded, refusal, verdict
from tests.integration.emulator.conftest import eventually, execute, query, source_of, uri_of

USER = {"username": "plain", "password": "plain-word"}


@pytest.fixture(scope="module")
def service(api):
    """The target: PostgreSQL 17."""
    return api.service()


@pytest.fixture(scope="module")
def settled(postgres_source):
    """A source with a database, a user who may read it and no more, and one who may replicate."""
    execute(
        postgres_source,
        "postgres",
        "CREATE DATABASE one",
        "CREATE ROLE plain LOGIN PASSWORD 'plain-word'",
        "CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'plain-word'",
    )
    execute(postgres_source, "one", "CREATE TABLE t AS SELECT 1 AS a", "GRANT SELECT ON t TO plain, replicator")
    return postgres_source


@pytest.fixture
def source(api, service, settled):
    """The source as it was; the target without what was migrated."""
    yield settled
    api.request("POST", f"/dbaas-postgres/{service}/migration/stop")
    eventually(
        lambda: api.request("GET", f"/dbaas-migration-status/{service}").status_code, lambda status: status == 404
    )
    with closing(api.connect(service, "defaultdb")) as target:
        for dbname in ("one", "two"):
            target.execute(f"DROP DATABASE IF EXISTS {dbname}")


@pytest.fixture
def configure(settled):
    """Restarts the source with other settings, and afterwards with its own."""

    def restart(**settings):
        execute(settled, "postgres", *(f"ALTER SYSTEM SET {name} TO '{value}'" for name, value in settings.items()))
        settled.stop()
        settled.start()

    yield restart
    execute(settled, "postgres", "ALTER SYSTEM RESET ALL")
    settled.stop()
    settled.start()


def assert_in_the_way(api, service, source, text, **login):
    """Of a replication that is asked for; not of one that may as well be a dump, and not of a dump."""
    uri = uri_of(source, **login)
    assert text in refusal(api, service, uri, method="replication")
    status = api.migrate(service, **source_of(source, method="replication", **login))
    assert (status["status"], status["error"], status["method"]) == ("failed", "Migration process failed", "")
    (detail,) = status["details"]
    assert (detail["dbname"], detail["status"]) == ("one", "failed")
    assert text in detail["error"]
    assert api.ok("GET", f"/dbaas-postgres/{service}")["databases"] == ["defaultdb"]

    success, result = verdict(api, service, uri)
    assert success is True
    assert result.startswith("Migration method will be 'dump'. Replication is not possible: ")
    assert text in result
    assert verdict(api, service, uri, method="dump") == (True, "Migration method will be 'dump'.")
    status = api.migrate(service, **source_of(source, **login))
    assert (status["status"], status["error"], status["method"]) == ("done", "", "pg_dump")
    assert status["details"] == [{"dbname": "one", "method": "pg_dump", "status": "done"}]


@pytest.mark.fact("pg-replication-needs")
def test_wal_level_has_to_be_logical(api, service, source, configure):
    """The text names the level that it is."""
    configure(wal_level="replica")
    assert_in_the_way(api, service, source, "wal_level of the source is 'replica', replication needs 'logical'")


@pytest.mark.fact("pg-replication-needs")
def test_replication_slots_have_to_be_free(api, service, source, configure):
    """One for each database; and one for the copy of a table, without which it would never end."""
    configure(max_replication_slots=2)
    execute(source, "postgres", "SELECT pg_create_physical_replication_slot('taken')")
    try:
        text = "free replication slots of the source: 1 (max_replication_slots is 2), 2 are needed"
        assert_in_the_way(api, service, source, text)
    finally:
        execute(source, "postgres", "SELECT pg_drop_replication_slot('taken')")


def test_wal_senders_have_to_be_free(api, service, source, configure):
    """As many as slots."""
    configure(max_wal_senders=1)
    text = "free WAL senders of the source: 1 (max_wal_senders is 1), 2 are needed"
    assert_in_the_way(api, service, source, text)


def test_as_many_slots_and_senders_as_are_needed_are_enough(api, service, source, configure):
    """Two for one database: it is replicated."""
    configure(max_replication_slots=2, max_wal_senders=2)
    success, result = verdict(api, service, uri_of(source), method="replication")
    assert (success, result.split(" Warning")[0]) == (True, "Migration method will be 'replication'.")
    assert api.migrate(service, **source_of(source, method="replication"))["status"] == "syncing"


@pytest.mark.fact("pg-fall-back")
def test_the_user_has_to_be_privileged(api, service, source):
    """Neither a superuser nor allowed to replicate: the one reason for which the service is known to fall back."""
    text = "user 'plain' of the source has insufficient privilege: neither SUPERUSER nor REPLICATION"
    assert_in_the_way(api, service, source, text, **USER)


def test_the_user_has_to_own_what_is_published(api, service, source):
    """And may make the publication; the attribute alone lets nobody replicate."""
    login = USER | {"username": "replicator"}
    result = refusal(api, service, uri_of(source, **login), method="replication")
    assert "insufficient privilege: no CREATE on database 'one'" in result
    assert "it does not own table public.t of database 'one'" in result
    execute(source, "postgres", "GRANT CREATE ON DATABASE one TO replicator")
    result = refusal(api, service, uri_of(source, **login), method="replication")
    assert result == (
        "user 'replicator' of the source has insufficient privilege: it does not own table public.t of database 'one'"
    )
    status = api.migrate(service, **source_of(source, method="replication", **login))
    assert (status["status"], status["details"][0]["status"]) == ("failed", "failed")
    assert "must be owner of table t" in status["details"][0]["error"]
    execute(source, "postgres", "REVOKE CREATE ON DATABASE one FROM replicator")


def test_one_database_is_replicated_and_another_dumped(api, service, source):
    """Where privileges differ, each goes as it can; the outcome has the form that was observed."""
    execute(source, "postgres", "CREATE DATABASE two OWNER replicator")
    execute(source, "two", "SET ROLE replicator", "CREATE TABLE mine (a int PRIMARY KEY)")
    login = USER | {"username": "replicator"}
    try:
        success, result = verdict(api, service, uri_of(source, **login))
        assert success is True
        assert result.startswith("Migration method will be 'replication'. Database 'one' will be dumped: user 'replic")
        status = api.migrate(service, **source_of(source, **login))
        assert (status["status"], status["method"], status["error"]) == ("done", "", "")
        assert status["details"] == [
            {"dbname": "one", "method": "pg_dump", "status": "done"},
            {"dbname": "two", "method": "replication", "status": "syncing"},
        ]
    finally:
        api.stop(service)
        execute(source, "postgres", "DROP DATABASE two")


@pytest.mark.fact("pg-replication-needs")
def test_a_source_before_10_cannot_be_replicated(api, service, source):
    """A real server behind a port where it calls itself 9.6, for that cannot be run any more: the check alone."""
    text = "the source is PostgreSQL 9.6, replication needs 10 or newer"
    with forwarded(source.port, replaced=(b"server_version\0" + b"16.14", b"server_version\0" + b"9.6.2")) as port:
        uri = uri_of(source, port=port)
        assert refusal(api, service, uri, method="replication") == text
        expected = f"Migration method will be 'dump'. Replication is not possible: {text}."
        assert verdict(api, service, uri) == (True, expected)
        assert verdict(api, service, uri, method="dump") == (True, "Migration method will be 'dump'.")


def test_all_that_is_in_the_way_is_said_at_once(api, service, source, configure):
    """Reasons against any migration first, those against replication after them."""
    configure(wal_level="replica", max_replication_slots=0)
    execute(source, "one", "CREATE LANGUAGE mine HANDLER plpgsql_call_handler")
    try:
        result = refusal(api, service, uri_of(source, **USER), method="replication")
    finally:
        execute(source, "one", "DROP LANGUAGE mine")
    parts = [
        "Languages not installed",
        "wal_level",
        "neither SUPERUSER",
        "replication slots of the source: 0 ",
        "no CREATE",
    ]
    places = [result.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places), result


@pytest.mark.fact("pg-warnings")
def test_tables_without_primary_key_and_large_objects_are_warnings(api, service, source):
    """Of a replication; a dump carries both as they are."""
    execute(source, "one", "SELECT lo_create(4711)")
    try:
        success, result = verdict(api, service, uri_of(source))
        assert success is True
        assert result == (
            "Migration method will be 'replication'. "
            "Warning: database 'one' has large objects, which replication does not copy. "
            "Warning: database 'one' has tables without primary key (table public.t), "
            "which get REPLICA IDENTITY FULL at the source while they are replicated."
        )
        assert verdict(api, service, uri_of(source), method="dump") == (True, "Migration method will be 'dump'.")
    finally:
        execute(source, "one", "SELECT lo_unlink(4711)")
    assert api.migrate(service, **source_of(source, method="replication"))["status"] == "syncing"
    identity = "SELECT relreplident FROM pg_class WHERE relname = 't'"
    assert query(source, "one", identity) == [("f",)]
    assert api.stop(service)["state"] == "success"
    assert query(source, "one", identity) == [("d",)]


def test_rows_that_replication_cannot_tell_apart_are_a_warning(api, service, source):
    """Without a key they are found by all of their values, and those of some types cannot be compared."""
    execute(source, "one", "CREATE TABLE said (number int, doc json, at point)")
    try:
        _, result = verdict(api, service, uri_of(source), method="replication")
    finally:
        execute(source, "one", "DROP TABLE said")
    assert result.endswith(
        "Warning: rows of table public.said of database 'one' cannot be updated or deleted while it is replicated: "
        "it has no primary key, and values of doc json, at point cannot be compared."
    )
    assert "cannot be compared" not in verdict(api, service, uri_of(source), method="replication")[1]
