"""The migration check of a MySQL service: each reason against a migration, made to happen on a real server."""

import socket

import pytest

from airflow_dbaas.emulator.mysql import checks
from airflow_dbaas.emulator.mysql.target import MysqlTarget
from tests.conftest import mariadb
from tests.integration.emulator.conftest import eventually
from tests.integration.emulator.mysql_ends import endpoint, login, rows, run, uri_of

PREFIX = "aiven_mysql_migrate.exceptions."
BY_REPLICATION = "All pre-checks passed successfully, preferred migration method will be [Replication]"
BY_DUMP = "All pre-checks passed successfully, preferred migration method will be [MySQLDump]"


@pytest.fixture(scope="module")
def service(api):
    """The target of the checks."""
    return api.record("mysql")


@pytest.fixture(scope="module")
def source(mysql_servers):
    """A source that can be replicated from, with one database and users of all sorts."""
    server = mysql_servers()
    run(
        server,
        "CREATE DATABASE one",
        "CREATE TABLE one.t (a int) ENGINE=InnoDB",
        "INSERT INTO one.t VALUES (1)",
        "CREATE USER reader IDENTIFIED BY 'reader'",
        "GRANT SELECT, RELOAD ON *.* TO reader",
        "CREATE USER copier IDENTIFIED BY 'copier'",
        "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO copier",
        "CREATE USER long_one IDENTIFIED BY 'üüüüüüüüüüüüüüüüü'",
        "GRANT ALL PRIVILEGES ON *.* TO long_one",
    )
    return server


@pytest.fixture(scope="module")
def other(mysql_servers):
    """A server that says it is a MariaDB newer than any, and has no binary log."""
    server = mysql_servers(settings={"version": "99.1.2-MariaDB-lie", "log-bin": "", "skip-log-bin": ""})
    run(server, "CREATE DATABASE one")
    return server


@pytest.fixture(scope="module")
def old_mysql(mysql_servers):
    """A server that says it is MySQL 5.6, and has not logged any transaction."""
    server = mysql_servers(settings={"version": "5.6.51-lie"})
    run(server, "SET sql_log_bin = 0", "CREATE DATABASE one", "CREATE TABLE one.t (a int)")
    return server


def verdict(api, service, uri, **body):
    task = api.check(service, **{"source-service-uri": uri}, **body)
    assert (task["task-type"], task["result-codes"]) == ("mysql_migration_check", [])
    return task["success"], task["result"]


def assert_only_no_replication(api, service, uri, word, *texts, **body):
    """The rule of the facts: it is dumped where the method is left open, and refused where replication is forced."""
    success, result = verdict(api, service, uri, **body)
    assert success, result
    assert result.startswith(f"{BY_DUMP}. Replication is not possible: ")
    assert all(text in result for text in texts), result
    assert verdict(api, service, uri, method="dump", **body) == (True, BY_DUMP)
    success, result = verdict(api, service, uri, method="replication", **body)
    assert not success
    assert f"{PREFIX}{word}Exception: " in result
    assert all(text in result for text in texts), result


def test_a_good_source_passes(api, service, source):
    """By replication unless a dump is asked for, with and without a mode of TLS that it can do."""
    for query in ("", "?ssl-mode=DISABLED"):
        assert verdict(api, service, uri_of(source, query)) == (True, BY_REPLICATION)
    assert verdict(api, service, uri_of(source), method="replication") == (True, BY_REPLICATION)
    assert verdict(api, service, uri_of(source), method="dump") == (True, BY_DUMP)


@pytest.mark.fact("mysql-uri")
@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("postgres://u:p@h:1/d", "must begin with mysql://"),
        ("mysql://u:secret@h/d", "it has no port"),
        ("mysql://h:1/d", "it has no user, password"),
        ("mysql://u:secret@h:70000", "expected mysql://user:password@host:port/"),
        ("mysql://u:secret%FF@h:1", "special characters percent-encoded"),
        ("mysql://u:secret@h:1/?charset=latin1", "option charset is not supported, only ssl-mode is"),
        ("mysql://u:secret@h:1/?ssl-mode=PREFERRED", "ssl-mode must be DISABLED or REQUIRED"),
    ],
)
def test_a_source_that_cannot_be_understood_is_refused(api, service, uri, text):
    """Whatever the method, and without a word of what may be a password."""
    for body in ({}, {"method": "dump"}):
        success, result = verdict(api, service, uri, **body)
        assert not success
        assert result.startswith(f"{PREFIX}WrongMigrationConfigurationException: Invalid source connection string: ")
        assert text in result
        assert "secret" not in result


@pytest.mark.fact("mysql-connection", "mysql-uri")
def test_a_source_that_cannot_be_reached_is_refused(api, service, source):
    """No server, no host, a wrong password, TLS where there is none, the target itself; whatever the method."""
    password = login(source)["password"]
    cases = [
        (uri_of(source, port=1), "EndpointConnection", "Connection refused"),
        (uri_of(source, host="no.such.host.invalid"), "EndpointConnection", "no.such.host.invalid"),
        (uri_of(source, host="a" * 70), "EndpointConnection", "failed to resolve"),
        (uri_of(source, password="wröng"), "EndpointConnection", "Access denied for user 'root'"),
        (uri_of(source, "?ssl-mode=REQUIRED"), "SSLNotSupported", "the server doesn't support it"),
        (uri_of(source, username="long_one", password="ü" * 17), "WrongMigrationConfiguration", "it has 34 bytes"),
    ]
    for uri, word, text in cases:
        for body in ({}, {"method": "dump"}):
            success, result = verdict(api, service, uri, **body)
            assert not success
            assert result.startswith(f"{PREFIX}{word}Exception: ")
            assert text in result
            assert password not in result
            assert "wröng" not in result
    params = api.ok("GET", f"/dbaas-mysql/{service}")["uri-params"]
    itself = uri_of(source, port=params["port"])
    assert "Migrating to the same server is not supported" in verdict(api, service, itself)[1]


@pytest.mark.fact("mysql-databases")
def test_no_database_is_refused(api, service, source):
    """Also if all there are were left out; the server's own never count."""
    for body in ({}, {"method": "dump"}):
        result = verdict(api, service, uri_of(source), **{"ignore-dbs": " one ,two"}, **body)
        assert result == (False, f"{PREFIX}NothingToMigrateException: No databases to migrate")


@pytest.mark.fact("mysql-databases")
async def test_too_much_is_refused(source, mysql_source):
    """Too many databases, or more than the disk of the target's plan holds; whatever the method."""
    size = rows(
        source, "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema='one'"
    )
    there = endpoint(mysql_source)
    target = MysqlTarget(there, there, mariadb(), disk=int(size[0][0]))
    assert (await checks.check(endpoint(source), target, [])).verdict(None) == (True, BY_REPLICATION)
    small = MysqlTarget(there, there, mariadb(), disk=int(size[0][0]) - 1)
    run(source, "CREATE DATABASE two")
    try:
        many = await checks.check(endpoint(source), target, [], most=1)
        big = await checks.check(endpoint(source), small, [])
    finally:
        run(source, "DROP DATABASE two")
    for method in (None, "dump"):
        text = "TooManyDatabasesException: Too many databases to migrate: 2, at most 1 are possible"
        assert many.verdict(method) == (False, f"{PREFIX}{text}")
        success, result = big.verdict(method)
        assert not success
        assert result.startswith(f"{PREFIX}DatabaseTooLargeException: Databases do not fit: {size[0][0]} bytes")


@pytest.mark.fact("mysql-replication-needs", "mysql-fall-back")
def test_versions_that_cannot_be_replicated_are_dumped(api, service, other, old_mysql):
    """A MariaDB newer than the target, and any MySQL."""
    word = "UnsupportedMySQLVersion"
    assert_only_no_replication(api, service, uri_of(other), word, "the source is version 99.1.2-MariaDB-lie")
    assert_only_no_replication(api, service, uri_of(old_mysql), word, "the source is MySQL 5.6.51-lie", "5.7 to 8.4")


@pytest.mark.fact("mysql-replication-needs")
async def test_a_binary_log_is_needed_for_replication_at_both_ends(api, service, source, other, old_mysql):
    """And the source's has to have something in it."""
    word = "GTIDModeDisabled"
    assert_only_no_replication(api, service, uri_of(other), word, "the binary log of the source is off (log_bin)")
    assert_only_no_replication(api, service, uri_of(old_mysql), word, "gtid_binlog_pos is empty")
    there = endpoint(other)
    report = await checks.check(endpoint(source), MysqlTarget(there, there, mariadb(), disk=2**40), [])
    assert [(each.word, each.text) for each in report.no_replication] == [
        (word, "the binary log of the target is off (log_bin), replication needs its global transaction ids")
    ]


@pytest.mark.fact("mysql-replication-needs")
def test_grants_are_needed_for_replication(api, service, source):
    """REPLICATION SLAVE and CLIENT, and RELOAD for the lock."""
    reader = uri_of(source, username="reader", password="reader")
    missing = "no REPLICATION SLAVE and no REPLICATION CLIENT (BINLOG MONITOR) ON *.*"
    assert_only_no_replication(api, service, reader, "MissingReplicationGrants", "user 'reader'", missing)
    copier = uri_of(source, username="copier", password="copier")
    assert_only_no_replication(api, service, copier, "NoFlushTableWithReadLock", "user 'copier'", "RELOAD")


@pytest.mark.fact("mysql-replication-needs")
def test_tables_of_other_engines_are_not_replicated(api, service, source):
    """They are named; where their database is left out they do not matter."""
    run(source, "CREATE DATABASE old", *(f"CREATE TABLE old.t{i} (a int) ENGINE=MyISAM" for i in range(7)))
    try:
        text = "old.t0 (MyISAM), old.t1 (MyISAM), old.t2 (MyISAM), old.t3 (MyISAM), old.t4 (MyISAM) and 2 more"
        assert_only_no_replication(api, service, uri_of(source), "UnsupportedMySQLEngine", text)
        assert verdict(api, service, uri_of(source), **{"ignore-dbs": "old"}) == (True, BY_REPLICATION)
    finally:
        run(source, "DROP DATABASE old")


@pytest.mark.fact("mysql-replication-needs")
def test_settings_that_replication_cannot_do_with(api, service, source):
    """A format of the binary log other than ROW; a comma in a database's name."""
    run(source, "SET GLOBAL binlog_format = MIXED")
    text = "binlog_format of the source is 'MIXED', replication needs 'ROW'"
    assert_only_no_replication(api, service, uri_of(source), "UnsupportedBinLogFormat", text)
    run(source, "SET GLOBAL binlog_format = ROW", "CREATE DATABASE `a,b`")
    assert_only_no_replication(api, service, uri_of(source), "ReplicationNotAvailable", "database 'a,b' has a comma")
    run(source, "DROP DATABASE `a,b`")


@pytest.mark.fact("mysql-replication-needs")
async def test_equal_server_ids_are_in_the_way_of_replication(source, mysql_source):
    """One of two servers with the same number would take the other's changes for its own."""
    there = endpoint(mysql_source)
    ((before,),) = rows(source, "SELECT @@server_id")
    ((number,),) = rows(mysql_source, "SELECT @@server_id")
    run(source, f"SET GLOBAL server_id = {number}")
    try:
        report = await checks.check(endpoint(source), MysqlTarget(there, there, mariadb(), disk=2**40), [])
    finally:
        run(source, f"SET GLOBAL server_id = {before}")
    text = f"source and target have the same server_id, {number}"
    assert report.verdict(None) == (True, f"{BY_DUMP}. Replication is not possible: {text}")
    assert report.verdict("dump") == (True, BY_DUMP)
    assert report.verdict("replication") == (False, f"{PREFIX}ServerIdsOverlappingException: {text}")


def test_sources_that_say_nothing_hold_up_nobody_else(api, service, source):
    """However many of them are waited for: logs are shown and other sources are checked meanwhile."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        body = {"source-service-uri": f"mysql://u:p@127.0.0.1:{silent.getsockname()[1]}/"}
        made = [api.ok("POST", f"/dbaas-task-migration-check/{service}", body) for _ in range(40)]
        assert api.ok("POST", f"/dbaas-service-logs/{service}")["logs"]
        assert verdict(api, service, uri_of(source)) == (True, BY_REPLICATION)
        paths = [f"/dbaas-task/{service}/{operation['reference']['id']}" for operation in made]
        assert not any("success" in api.ok("GET", path) for path in paths)
    for path in paths:
        assert eventually(lambda path=path: api.ok("GET", path), lambda found: "success" in found)["success"] is False
