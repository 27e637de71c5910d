"""MySQL migrations that are stopped amid their copy, or lose their source."""

from contextlib import closing

import pymysql
import pytest

from tests.integration.emulator.conftest import eventually
from tests.integration.emulator.mysql_ends import Target, login, rows, run


@pytest.fixture
def target(api):
    """A running service, deleted afterwards."""
    made = Target(api)
    yield made
    made.delete()


@pytest.mark.parametrize("method", ["dump", "replication"])
def test_a_stop_while_copying_leaves_nothing_half_copied(target, mysql_servers, method):
    """What is under way is taken out of the target again, and the source is left alone."""
    source = mysql_servers()
    run(source, "CREATE DATABASE big", "CREATE TABLE big.t SELECT 1 AS a", "CREATE TABLE big.z SELECT 1 AS a")
    # The dump waits for the second table's lock for as long as the test wants.
    with closing(pymysql.connect(**source.login())) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLES big.z WRITE")
        target.start(source, method=method)
        eventually(target.databases, lambda found: "big" in found)
        assert target.status()["status"] == "running"
        assert target.stop()["state"] == "success"
    assert target.databases() == ["defaultdb"]
    target.assert_no_replica()
    reading = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'big' OR command = 'Binlog Dump'"
    eventually(lambda: rows(source, reading), lambda found: found == [(0,)])


def test_a_source_that_goes_away_while_replicating_shows_and_comes_back(target, mysql_servers):
    """Failed while it is away, syncing again afterwards; a stop without it says what is not known."""
    source = mysql_servers()
    run(source, "CREATE DATABASE d", "CREATE TABLE d.t (a int PRIMARY KEY)")
    assert target.migrate(source)["status"] == "syncing"
    source.stop()
    failed = target.until("failed")
    assert (failed["error"], failed["details"][0]["status"]) == ("Migration process failed", "failed")
    assert failed["details"][0]["error"]
    assert login(source)["password"] not in str(failed)
    source.start()
    run(source, "INSERT INTO d.t VALUES (1)")
    target.until("syncing")
    eventually(lambda: target.rows("SELECT a FROM d.t"), lambda found: found == [(1,)])

    # A row that somebody wrote in the target is in the way of the source's; once it is gone, it goes on.
    target.rows("INSERT INTO d.t VALUES (2)")
    run(source, "INSERT INTO d.t VALUES (2)")
    assert "Duplicate entry '2'" in target.until("failed")["details"][0]["error"]
    target.rows("DELETE FROM d.t WHERE a = 2")
    target.until("syncing")
    eventually(lambda: target.rows("SELECT a FROM d.t"), lambda found: found == [(1,), (2,)])

    source.stop()
    stopped = target.stop()
    assert (stopped["state"], stopped["reason"]) == ("failure", "partial")
    assert "the source could not be queried" in stopped["message"]
    target.api.refused(404, "GET", f"/dbaas-migration-status/{target.name}")
    target.assert_no_replica()
    assert target.rows("SELECT a FROM d.t") == [(1,), (2,)]


def test_a_stop_of_a_replication_that_is_down_says_that_changes_may_be_missing(target, mysql_servers):
    """Somebody wrote to the target, and the source's row no longer fits in: it ends, but not as a success."""
    source = mysql_servers()
    run(source, "CREATE DATABASE d", "CREATE TABLE d.t (a int PRIMARY KEY)")
    assert target.migrate(source)["status"] == "syncing"
    target.rows("INSERT INTO d.t VALUES (1)")
    run(source, "INSERT INTO d.t VALUES (1)")
    target.until("failed")
    stopped = target.stop()
    assert (stopped["state"], stopped["reason"]) == ("failure", "partial")
    assert stopped["message"].startswith("Migration stopped, but the target may lack changes of the source: the target")
    assert "Duplicate entry '1'" in stopped["message"]
    target.api.refused(404, "GET", f"/dbaas-migration-status/{target.name}")
    target.assert_no_replica()
