"""Databases move between real MariaDB servers: by dump and by replication."""

import pytest

from tests.integration.emulator.conftest import eventually
from tests.integration.emulator.mysql_ends import Target, login, rows, run

AWKWARD = "Shöp; 1_%"
SHOP = (
    f"CREATE DATABASE `{AWKWARD}` CHARACTER SET latin1 COLLATE latin1_german1_ci",
    f"USE `{AWKWARD}`",
    """
    CREATE TABLE `T é` (
        id int AUTO_INCREMENT PRIMARY KEY, raw longblob, t mediumtext CHARACTER SET utf8mb4, n decimal(30, 10),
        bits bit(9),
        twice decimal(31, 10) GENERATED ALWAYS AS (n * 2) STORED, size int GENERATED ALWAYS AS (length(t)) VIRTUAL,
        mood enum('a', 'o''k'), doc json, at timestamp(6) NULL, INDEX (size)
    )
    """,
    """
    INSERT INTO `T é` (raw, t, n, bits, mood, doc, at)
    SELECT UNHEX(SHA2(seq, 512)), CONCAT('line\\n\\r\\t''q'' \\\\ 😀 DELIMITER ;; ', seq), seq / 7, seq % 512,
        'o''k', JSON_OBJECT('i', seq), TIMESTAMP'2001-01-01 00:00:00' + INTERVAL seq HOUR
    FROM seq_1_to_1000
    """,
    "INSERT INTO `T é` (raw, t) VALUES (REPEAT(X'00ff0a0d5c27', 200000), REPEAT('x', 3000000)), (NULL, NULL), ('', '')",
    "CREATE TABLE child (id int PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES `T é` (id) ON DELETE CASCADE)",
    "INSERT INTO child VALUES (1, 1), (2, 2)",
    "CREATE TABLE keyless (a int, b varchar(50))",
    "INSERT INTO keyless SELECT seq % 10, 'v' FROM seq_1_to_500",
    "CREATE VIEW `a view` AS SELECT COUNT(*) AS c FROM keyless",
    "CREATE SEQUENCE numbers START 5",
    "CREATE TABLE log (what varchar(50))",
    "CREATE TRIGGER noted AFTER INSERT ON child FOR EACH ROW INSERT INTO log VALUES ('a child')",
    """
    CREATE DEFINER=ghost@nowhere PROCEDURE add_child(IN number int)
    BEGIN
      -- A comment is kept, and is no command to the program that loads it:
      /*
DELIMITER ;
USE `elsewhere`;
      */
      INSERT INTO child VALUES (number, 1);
      SELECT 'DEFINER=`a`@`b`
USE `elsewhere`;' AS text;
    END
    """,
    "CREATE FUNCTION twice(i int) RETURNS int DETERMINISTIC RETURN i * 2",
    "CREATE EVENT tick ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO INSERT INTO log VALUES ('tick')",
    "CREATE EVENT rest ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM log",
    "CREATE DATABASE across",
    # Its table comes after the view in the dump.
    f"CREATE VIEW across.seen AS SELECT id, twice FROM `{AWKWARD}`.`T é`",
    "CREATE DATABASE left_out",
    "CREATE TABLE left_out.t (a int)",
)
TABLES = [f"`{AWKWARD}`.`{table}`" for table in ("T é", "child", "keyless", "a view", "log")] + ["across.seen"]
OBJECTS = (
    "SELECT table_schema, table_name, table_type, engine, table_collation FROM information_schema.tables",
    "SELECT table_schema, table_name, column_name, column_type, column_default, is_nullable, extra, "
    "generation_expression, collation_name FROM information_schema.columns",
    "SELECT table_schema, table_name, index_name, seq_in_index, column_name, non_unique "
    "FROM information_schema.statistics",
    "SELECT constraint_schema, table_name, constraint_name, delete_rule FROM "
    "information_schema.referential_constraints",
    "SELECT routine_schema, routine_name, routine_type, routine_definition FROM information_schema.routines",
    "SELECT trigger_schema, trigger_name, event_manipulation, action_statement FROM information_schema.triggers",
    "SELECT event_schema, event_name, status, event_definition, interval_value FROM information_schema.events",
    "SELECT schema_name, default_character_set_name, default_collation_name, '' FROM information_schema.schemata",
)
OWN = "'mysql', 'information_schema', 'performance_schema', 'sys', 'left_out', 'defaultdb'"
IGNORED = {"ignore-dbs": "left_out , nothing"}


@pytest.fixture(scope="module")
def source(mysql_servers):
    """A source with all sorts of objects."""
    server = mysql_servers()
    run(server, *SHOP)
    return server


@pytest.fixture
def target(api):
    """A running service, deleted afterwards."""
    made = Target(api)
    yield made
    made.delete()


def assert_equal(source, target):
    """Every row and every object of the source is in the target, and nothing else is."""
    for table in TABLES:
        statement = f"SELECT * FROM {table}"
        expected, found = rows(source, statement), target.rows(statement)
        assert sorted(found, key=repr) == sorted(expected, key=repr), table
        assert expected
    for statement in OBJECTS:
        asked = f"SELECT * FROM ({statement}) AS found"
        expected = [row for row in rows(source, asked) if f"'{row[0]}'" not in OWN]
        found = [row for row in target.rows(asked) if f"'{row[0]}'" not in OWN]
        assert sorted(found, key=repr) == sorted(expected, key=repr), statement


@pytest.mark.fact("mysql-left-out")
def test_a_migration_by_dump(target, source):
    """Everything is there, owned by the admin user; nothing of a database that was left out; no users."""
    run(source, f"INSERT INTO `{AWKWARD}`.log VALUES ('one')")
    status = target.migrate(source, method="dump", **IGNORED)
    details = [{"dbname": name, "method": "mysqldump", "status": "done"} for name in (AWKWARD, "across")]
    assert status == {"status": "done", "method": "mysqldump", "error": "", "details": details}
    assert_equal(source, target)
    assert target.databases() == [AWKWARD, "across", "defaultdb"]
    definers = " UNION ".join(
        f"SELECT DISTINCT definer FROM information_schema.{kind} WHERE definer NOT LIKE 'mariadb.sys@%'"
        for kind in ("routines", "triggers", "events", "views")
    )
    assert target.rows(definers) == [("avnadmin@%",)]
    assert target.rows(f"SELECT `{AWKWARD}`.twice(21)") == [(42,)]
    assert target.rows(f"SELECT NEXT VALUE FOR `{AWKWARD}`.numbers") == rows(
        source, f"SELECT GREATEST(5, NEXT VALUE FOR `{AWKWARD}`.numbers)"
    )

    # Once more into the same databases would overwrite what was written since.
    again = target.migrate(source, method="dump", **IGNORED)
    assert (again["status"], again["method"], again["error"]) == ("failed", "", "Migration process failed")
    assert all("of the target is not empty" in detail["error"] for detail in again["details"])
    assert target.stop()["state"] == "success"
    target.api.refused(404, "GET", f"/dbaas-migration-status/{target.name}")
    assert AWKWARD in target.databases()


def test_a_migration_by_replication(api, source):
    """From a service's creation on; changes arrive until the stop, definitions of tables as well."""
    target = Target(api)
    try:
        status = target.migrate(source, **IGNORED)
        assert (status["status"], status["method"], status["error"]) == ("syncing", "replication", "")
        assert [each["status"] for each in status["details"]] == ["syncing", "syncing"]
        refused = api.refused(409, "PUT", f"/dbaas-mysql/{target.name}", {"migration": login(source)})
        assert "already running" in refused
        run(
            source,
            # With and without a database chosen; what is done elsewhere stays there.
            "CREATE TABLE across.later (a int)",
            "INSERT INTO across.later VALUES (1)",
            "CREATE USER stranger IDENTIFIED BY 'x'",
            "CREATE PROCEDURE left_out.p() SELECT 1",
            "ALTER PROCEDURE left_out.p COMMENT 'changed'",
            "DROP PROCEDURE left_out.p",
            "CREATE EVENT left_out.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "ALTER EVENT left_out.e DISABLE",
            "DROP EVENT left_out.e",
            "CREATE DATABASE newer",
            "CREATE TABLE newer.t (a int)",
            f"USE `{AWKWARD}`",
            "UPDATE keyless SET b = 'changed' WHERE a = 3",
            "DELETE FROM keyless WHERE a = 4 LIMIT 7",
            "INSERT INTO child VALUES (10, 5)",
            "DELETE FROM `T é` WHERE id = 2",
            "ALTER TABLE keyless ADD c int DEFAULT 7",
        )
        # The burst at the end is what a stop that does not wait would lose.
        run(source, "INSERT INTO keyless (a, b) SELECT seq, 'late' FROM seq_1_to_50000", dbname=AWKWARD)
        operation = api.ok("POST", f"/dbaas-mysql/{target.name}/migration/stop")
        api.refused(409, "POST", f"/dbaas-mysql/{target.name}/migration/stop")
        assert api.finish(operation)["state"] == "success"
        api.refused(404, "GET", f"/dbaas-migration-status/{target.name}")
        run(source, "DROP DATABASE newer", "DROP USER stranger")
        assert_equal(source, target)
        assert target.rows("SELECT a FROM across.later") == [(1,)]
        assert target.databases() == [AWKWARD, "across", "defaultdb"]
        assert {user["username"] for user in api.ok("GET", f"/dbaas-mysql/{target.name}")["users"]} == {"avnadmin"}
        target.assert_no_replica()
    finally:
        target.delete()
    assert eventually(lambda: rows(source, "SHOW SLAVE HOSTS"), lambda found: not found) == []
    run(source, "DROP TABLE across.later")


@pytest.mark.fact("mysql-fall-back")
def test_without_a_method_replication_falls_back_to_dump(target, mysql_servers):
    """A source that cannot be replicated from is dumped; where replication was asked for, it is refused."""
    source = mysql_servers(settings={"binlog-format": "MIXED"})
    run(source, "CREATE DATABASE d", "CREATE TABLE d.t SELECT 1 AS a")
    forced = target.migrate(source, method="replication")
    assert (forced["status"], forced["method"], forced["details"]) == ("failed", "", [])
    assert "UnsupportedBinLogFormatException: binlog_format of the source is 'MIXED'" in forced["error"]
    status = target.migrate(source)
    assert status["details"] == [{"dbname": "d", "method": "mysqldump", "status": "done"}]
    assert target.rows("SELECT a FROM d.t") == [(1,)]


@pytest.mark.parametrize("method", ["dump", "replication"])
def test_a_database_that_fails_does_not_stop_the_others(target, source, method):
    """One cannot be read, one not written, one not told in a dump: they leave nothing behind; the rest is migrated."""
    run(
        source,
        "CREATE DATABASE `a\nb`",
        "CREATE TABLE `a\nb`.t (a int)",
        "CREATE DATABASE b_unreadable",
        "CREATE TABLE b_unreadable.t (a int)",
        "CREATE VIEW b_unreadable.v AS SELECT * FROM b_unreadable.t",
        "DROP TABLE b_unreadable.t",
        "CREATE DATABASE c_unwritable",
        # Of a database that is left out.
        "CREATE VIEW c_unwritable.v AS SELECT * FROM left_out.t",
    )
    try:
        status = target.migrate(source, method=method, **IGNORED)
    finally:
        run(source, "DROP DATABASE `a\nb`", "DROP DATABASE b_unreadable", "DROP DATABASE c_unwritable")
    assert (status["status"], status["error"], status["method"]) == ("failed", "Migration process failed", "")
    good = "done" if method == "dump" else "syncing"
    details = {each["dbname"]: each for each in status["details"]}
    found = {name: each["status"] for name, each in details.items()}
    bad = dict.fromkeys(("a\nb", "b_unreadable", "c_unwritable"), "failed")
    assert found == {AWKWARD: good, "across": good} | bad
    assert "line break in its name" in details["a\nb"]["error"]
    assert "'b_unreadable.v' references invalid table" in details["b_unreadable"]["error"]
    assert "'left_out.t' doesn't exist" in details["c_unwritable"]["error"]
    assert target.databases() == [AWKWARD, "across", "defaultdb"]
    target.stop()
    assert_equal(source, target)


def test_what_is_wrong_at_the_start_is_said(target, source):
    """A source that is down or refuses the login: "done" with an error, as at the real service."""
    for changes, text in (({"port": 1}, "Connection refused"), ({"password": "wröng"}, "Access denied")):
        status = target.migrate(source, **changes)
        assert (status["status"], status["method"], status["details"]) == ("done", "", [])
        assert status["error"].startswith("Failed to run query on source db: '")
        assert text in status["error"]
        assert "wröng" not in status["error"]
    status = target.migrate(source, ssl=True)
    assert "SSL is required but the server doesn't support it" in status["error"]
