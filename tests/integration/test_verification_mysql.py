"""Source and target of a MySQL migration compared, and what replication leaves out completed, with real servers."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import secrets
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasDatabaseError
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.mysql import dump
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.verification import comparison, connections, mysql
from airflow_dbaas.verification.memory import Memory
from airflow_dbaas.verification.mysql import rows, sessions
from airflow_dbaas.verification.mysql.sessions import MysqlSession, session
from airflow_dbaas.verification.report import Finding, Level, Report, texts
from tests.integration import planted_mysql
from tests.integration.emulator.mysql_ends import endpoint

SCHEMA = (
    """CREATE TABLE `t é` (
        id int AUTO_INCREMENT PRIMARY KEY, f float, d double, n decimal(12,3), b bit(9), y year, z int(6) ZEROFILL,
        name varchar(40) NOT NULL DEFAULT 'it''s', old text CHARACTER SET latin1, raw blob, fixed binary(4),
        j json, g point, e enum('a', 'ü') DEFAULT 'a', s set('x', 'y'), dt datetime(3) DEFAULT current_timestamp(3),
        ts timestamp NULL ON UPDATE current_timestamp(), tm time(2), big bigint unsigned, small int(11) DEFAULT 1,
        twice int AS (small * 2) VIRTUAL, KEY short (name(3), e),
        CONSTRAINT few CHECK (n < 1000000), FULLTEXT KEY w (old)
    ) DEFAULT CHARSET utf8mb4""",
    """INSERT INTO `t é` (f, d, n, b, y, z, name, old, raw, fixed, j, g, e, s, dt, ts, tm, big)
        SELECT seq / 3, seq / 7, seq / 9, seq, 2000 + seq, seq, CONCAT('ñ', seq), 'é', UNHEX(MD5(seq)), x'00',
            JSON_OBJECT('a', seq), POINT(seq, -seq), 'ü', 'x,y', '2001-01-01', '2001-01-01 12:00:00', '-10:00:01.25',
            18446744073709551615 - seq FROM seq_1_to_150""",
    "INSERT INTO `t é` (ts, dt) VALUES (NULL, NULL)",
    "CREATE TABLE keyless (x int, w varchar(9))",
    "INSERT INTO keyless VALUES (1, 'a'), (1, 'a'), (2, NULL), (NULL, '')",
    """CREATE TABLE parts (a int) PARTITION BY RANGE (a)
        (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE)""",
    "INSERT INTO parts VALUES (1), (20)",
    "CREATE TABLE child (id int PRIMARY KEY, parent int, CONSTRAINT p FOREIGN KEY (parent) REFERENCES `t é` (id))",
    "CREATE VIEW v AS SELECT id, name FROM `t é` WHERE name LIKE 'ñ%'",
    "CREATE FUNCTION twice(i int) RETURNS int DETERMINISTIC RETURN i * 2",
    "CREATE PROCEDURE clear(IN i int) DELETE FROM keyless WHERE x = i",
    "CREATE TRIGGER stamp BEFORE INSERT ON keyless FOR EACH ROW SET NEW.w = IFNULL(NEW.w, '')",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM keyless",
)
ROWS = 151 + 4 + 2
AUTHORITY = Authority()


class End:
    """A server, as the package sees an end of a migration."""

    def __init__(self, server: MysqlServer, **changes: Any) -> None:
        self.server = server
        self.changes = changes

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        login = self.server.login()
        given = {"host": login["host"], "port": login["port"], "user": login["user"], "dbname": dbname or ""}
        mode = "REQUIRED" if self.server.tls else "DISABLED"
        wanted = {**given, "password": login["password"].decode(), "sslmode": mode, **self.changes}
        return {**wanted, "password": Secret.of(wanted["password"])}


@pytest.fixture(scope="module")
def servers(mysql_servers: Callable[..., MysqlServer]) -> tuple[MysqlServer, MysqlServer]:
    """A source without TLS, in another time zone and less strict, and a target with TLS only."""
    elsewhere = {"default-time-zone": "+05:00", "character-set-server": "latin1", "sql-mode": "ANSI_QUOTES"}
    return mysql_servers(elsewhere), mysql_servers(identity=AUTHORITY.issue(["127.0.0.1"]))


@pytest.fixture
def dbname(servers: tuple[MysqlServer, MysqlServer]) -> Iterator[str]:
    """A database that is the same at both ends."""
    name = f"d_{secrets.token_hex(4)}"
    for server in servers:
        change(server, None, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        change(server, name, *SCHEMA)
    yield name
    for server in servers:
        change(server, None, f"DROP DATABASE IF EXISTS {name}")


def change(server: MysqlServer, dbname: str | None, *statements: str) -> None:
    with closing(pymysql.connect(**server.login(dbname))) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'STRICT_TRANS_TABLES', time_zone = '+00:00'")
        for statement in statements:
            cursor.execute(statement)


def compare(servers: tuple[MysqlServer, MysqlServer], **changes: Any) -> Report:
    options = {"ignore": set(), "content": "all", "settle_seconds": 0, "replicating": False, "allow_empty": True}
    return mysql.compare(End(servers[0]), End(servers[1]), **{**options, **changes})


def differences(servers: Any, **changes: Any) -> list[str]:
    # What differs in a definition is looked at apart.
    return texts(compare(servers, **changes).differences)


def test_equal_ends(servers: Any, dbname: str) -> None:
    """Nothing differs, whatever the servers' own time zone, character set and mode; the report counts what there is."""
    report = compare(servers)
    assert texts(report.differences) == []
    (database,) = report.databases
    assert (database["name"], database["tables"], database["rows"]) == (dbname, 4, ROWS)
    assert database["bytes"] > 0


def test_the_order_of_rows_does_not_matter(servers: Any, dbname: str) -> None:
    """Rows that were written anew are at another place, and the same; NULL is no empty text."""
    change(
        servers[1],
        dbname,
        "DROP TRIGGER stamp",
        "DELETE FROM keyless",
        "INSERT INTO keyless VALUES (NULL, ''), (2, NULL), (1, 'a'), (1, 'a')",
        SCHEMA[-2],
    )
    assert differences(servers) == []


def test_each_planted_difference_is_found(servers: Any) -> None:
    """Every one at its level, and named; nothing else; and before they are planted nothing at all."""
    source, target = servers
    name = f"planted_{secrets.token_hex(4)}"
    extra = f"{name}_extra"
    for server in servers:
        change(server, None, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        change(server, name, *planted_mysql.SCHEMA)
    try:
        silent = compare(servers)
        assert [str(finding) for finding in silent.findings] == []
        for server, at_source in ((source, True), (target, False)):
            change(server, name, *planted_mysql.changes(at_source=at_source))
        change(target, None, f"CREATE DATABASE {extra}", f"CREATE TABLE {extra}.t (i int)")
        change(source, None, "CREATE USER missing", "CREATE USER less", "GRANT SELECT ON *.* TO less")
        change(target, None, "CREATE USER less")
        report = compare(servers)
    finally:
        change(target, None, f"DROP DATABASE IF EXISTS {extra}", "DROP USER IF EXISTS less")
        change(source, None, "DROP USER IF EXISTS missing, less")
        for server in servers:
            change(server, None, f"DROP DATABASE {name}")
    planted = [
        *((one.level, name, one.kind, one.name, one.text) for one in planted_mysql.ALL),
        (Level.NOTE, extra, "database", "", "in the target only"),
        (Level.NOTE, "", "user", "'missing'@'%'", "missing in the target"),
        (Level.NOTE, "", "user", "'less'@'%'", "privileges: SELECT on *.* at the source, USAGE on *.* in the target"),
    ]

    def tells(finding: Finding, level: Level, database: str, kind: str, label: str, text: str) -> bool:
        about = (finding.level, finding.database, finding.kind, finding.name)
        return about == (level, database, kind, label) and text in finding.message

    missed = [one for one in planted if not any(tells(finding, *one) for finding in report.findings)]
    besides = [finding for finding in report.findings if not any(tells(finding, *one) for one in planted)]
    assert (missed, besides) == ([], [])


def test_what_a_dump_makes_of_it_is_equal(servers: Any) -> None:
    """No difference after a real copy; what it does not carry is noted: definers, history, digits of FLOAT."""
    source, target = servers
    name = f"dumped_{secrets.token_hex(4)}"
    cases = (
        "CREATE TABLE h (id int PRIMARY KEY, v varchar(9)) WITH SYSTEM VERSIONING",
        "INSERT INTO h VALUES (1, 'a'), (2, 'b')",
        "UPDATE h SET v = 'a2' WHERE id = 1",
        "DELETE FROM h WHERE id = 2",
        "CREATE TABLE m (a int, f float)",
        "INSERT INTO m VALUES (1, 1/3), (2, 2/3), (3, 1), (4, 4/3), (5, 5/3)",
        "CREATE TABLE k (i int PRIMARY KEY, f float)",
        "INSERT INTO k VALUES (1, 16777217)",
    )
    for server in servers:
        change(server, None, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    try:
        change(source, name, *planted_mysql.SCHEMA, *cases)
        ended: dict[str, str] = {}
        asyncio.run(dump.copy(source.binaries, endpoint(source), endpoint(target), [name], ended.__setitem__))
        assert ended == {name: ""}
        report = compare(servers)
    finally:
        for server in servers:
            change(server, None, f"DROP DATABASE {name}")
    assert texts(report.differences) == []
    notes = texts(finding for finding in report.notes if "definer: " not in finding.message)
    digits = "FLOAT digits: values are equal in six digits, and differ in further ones"
    assert notes == [
        f"{name}: table h: versions of rows, past ones included: 3 at the source, 1 in the target",
        f"{name}: table floats: {digits}",
        f"{name}: table k: {digits}",
        f"{name}: table m: {digits}",
        f"{name}: table other_floats: {digits}",
    ]


def test_what_is_easily_overlooked(servers: Any, dbname: str) -> None:
    """The order of columns, where a sequence stands, and rows of a table that stores nothing of its own; a view is no
    table, whatever its name."""
    same = (
        "CREATE SEQUENCE numbers",
        "CREATE TABLE derived (one int AS (1))",
        "CREATE TABLE `naïve` (i int)",
        "CREATE VIEW `naive` AS SELECT i FROM `naïve`",
    )
    for server, columns in zip(servers, ("a int, b int", "b int, a int"), strict=True):
        change(server, dbname, *same, f"CREATE TABLE pair ({columns})", "INSERT INTO pair (a, b) VALUES (1, 2)")
    change(servers[0], dbname, "DO NEXTVAL(numbers)", "DO SETVAL(numbers, 5000)", "INSERT INTO derived VALUES ()")
    report = compare(servers)
    assert texts(report.differences) == [
        f"{dbname}: order of columns of pair: columns: a, b at the source, b, a in the target",
        f"{dbname}: table derived: rows (1 at the source, 0 in the target)",
        f"{dbname}: sequence numbers: the same number of rows, other content (1 at the source, 1 in the target): "
        "next_not_cached_value: 5001 at the source, 1 in the target",
    ]
    assert report.databases[0]["tables"] == 8


def test_databases_whose_names_are_alike(servers: Any, dbname: str) -> None:
    """What is in one of them is not looked for in another."""
    alike = dbname.upper()
    for server in servers:
        change(server, None, f"CREATE DATABASE {alike} CHARACTER SET utf8mb4")
    change(servers[1], dbname, "DROP EVENT nightly", "DROP FUNCTION twice", "DROP VIEW v")
    found = differences(servers)
    for server in servers:
        change(server, None, f"DROP DATABASE {alike}")
    assert found == [
        f"{dbname}: event nightly: missing in the target",
        f"{dbname}: function twice: missing in the target",
        f"{dbname}: view v: missing in the target",
    ]


def test_comments_in_what_a_program_does(servers: Any, dbname: str) -> None:
    """A client program may drop them when it loads a dump: they make no difference."""
    for server, comment in zip(servers, ("/* which\n is old */", ""), strict=True):
        change(
            server,
            dbname,
            f"CREATE OR REPLACE PROCEDURE clear(IN i int) DELETE {comment} FROM keyless WHERE x = i",
            f"CREATE OR REPLACE TRIGGER stamp BEFORE INSERT ON keyless FOR EACH ROW SET NEW.w {comment} = ''",
            f"ALTER EVENT nightly DO DELETE {comment} FROM keyless",
        )
    assert differences(servers) == []


@pytest.mark.fact("mysql-dbname")
def test_the_database_that_an_end_names_does_not_matter(servers: Any, dbname: str) -> None:
    """All are compared, as all are migrated; it may as well not be there."""
    report = mysql.compare(
        *(End(server, dbname="nowhere") for server in servers),
        ignore=set(),
        content="all",
        settle_seconds=0,
        replicating=False,
    )
    assert texts(report.differences) == []
    assert [database["name"] for database in report.databases] == [dbname]


def test_no_end_breaks_off_while_the_other_is_read(servers: Any) -> None:
    """However soon the server usually ends a connection that is idle, or a statement that takes long."""
    limits = "wait_timeout", "max_statement_time"
    change(servers[0], None, *(f"SET GLOBAL {limit} = 1" for limit in limits))
    try:
        with session(End(servers[0])) as opened:
            ((idle, statement),) = opened.rows("SELECT @@wait_timeout, @@max_statement_time")
    finally:
        change(servers[0], None, *(f"SET GLOBAL {limit} = DEFAULT" for limit in limits))
    assert idle > 24 * 60 * 60
    assert statement == 0


def test_what_only_releases_write_differently_is_no_difference(
    servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between servers of different releases widths and expressions count for nothing; what they mean still does."""
    monkeypatch.setattr(MysqlSession, "release", property(id))
    change(servers[1], dbname, "ALTER TABLE keyless MODIFY x int(5)")
    change(servers[1], dbname, "CREATE OR REPLACE VIEW v AS SELECT id, name FROM `t é`")
    assert differences(servers) == []
    change(
        servers[1], dbname, "ALTER TABLE keyless MODIFY x bigint", "CREATE OR REPLACE VIEW v AS SELECT id FROM `t é`"
    )
    assert differences(servers) == [
        f"{dbname}: column name of v: missing in the target",
        f"{dbname}: column x of keyless: type: int at the source, bigint in the target",
    ]


def test_without_content_rows_are_only_counted(servers: Any, dbname: str) -> None:
    """A cheaper look for large servers."""
    change(servers[1], dbname, "UPDATE `t é` SET f = 0")
    assert differences(servers, content="count") == []
    change(servers[1], dbname, "DELETE FROM `t é` WHERE id = 1")
    assert len(differences(servers, content="count")) == 1


def test_a_missing_database_is_found_unless_it_is_ignored_or_empty(servers: Any, dbname: str) -> None:
    """Databases are looked for by name; those of the system are nobody's."""
    change(servers[1], None, f"DROP DATABASE {dbname}")
    assert differences(servers) == [f"{dbname}: missing in the target"]
    assert differences(servers, ignore={dbname}) == []
    change(servers[0], None, f"DROP DATABASE {dbname}", f"CREATE DATABASE {dbname}")
    assert differences(servers) == []


@contextmanager
def login(server: MysqlServer, *grants: str) -> Iterator[End]:
    """An end seen by a login that may do only so much."""
    change(server, None, "CREATE USER half IDENTIFIED BY 'pw'", *(f"GRANT {grant} TO half" for grant in grants))
    try:
        yield End(server, user="half", password="pw")
    finally:
        change(server, None, "DROP USER half")


def test_what_a_login_does_not_see_is_said(servers: Any, dbname: str) -> None:
    """Objects that the server hides from it, without a word, are no reason to call the ends equal."""
    grants = "SELECT, SHOW VIEW, RELOAD, LOCK TABLES, EVENT, REPLICATION SLAVE, BINLOG MONITOR ON *.*"
    change(
        servers[0],
        dbname,
        "CREATE TABLE o (i int PRIMARY KEY, seen int)",
        "CREATE TRIGGER tr BEFORE INSERT ON o FOR EACH ROW SET NEW.seen = 1",
        "CREATE PROCEDURE pr() SELECT 1",
        "CREATE FUNCTION fn() RETURNS int DETERMINISTIC RETURN 7",
    )
    change(servers[1], dbname, "CREATE TABLE o (i int PRIMARY KEY, seen int)", "DROP TRIGGER stamp")
    with login(servers[0], grants) as source:
        report = mysql.compare(source, End(servers[1]))
        assert mysql.unseen(source) == [f"{dbname}: the login lacks TRIGGER on the database, and sees no triggers"]
        assert mysql.unseen(source, ignore={dbname}) == []
    assert mysql.unseen(End(servers[0])) == []
    hidden = "cannot be compared: the login at the source lacks TRIGGER on the database, and sees no triggers"
    assert texts(report.differences) == [
        f"{dbname}: trigger: {hidden}",
        f"{dbname}: function fn: missing in the target",
        f"{dbname}: procedure pr: missing in the target",
    ]


def test_a_table_that_cannot_be_read_does_not_hide_the_rest(servers: Any, dbname: str) -> None:
    """It is named, with the end and the reason, and all else is compared."""
    change(
        servers[1],
        dbname,
        "UPDATE parts SET a = 3 WHERE a = 1",
        "CREATE OR REPLACE VIEW v AS SELECT 1 AS id, 2 AS name",
    )
    grants = (f"SELECT ON {dbname}.parts", f"INSERT ON {dbname}.keyless", f"SELECT (id) ON {dbname}.child")
    with login(servers[0], *grants, f"SELECT, SHOW VIEW ON {dbname}.v") as source:
        report = mysql.compare(source, End(servers[1]))
    found = texts(report.differences)
    lacks = f"{dbname}: {{kind}}: cannot be compared: the login at the source lacks"
    for kind, privilege in (("table", "SELECT"), ("trigger", "TRIGGER"), ("event", "EVENT"), ("routine", "EXECUTE")):
        assert any(text.startswith(f"{lacks.format(kind=kind)} {privilege} on the database") for text in found), kind
    (unread,) = (text for text in found if text.startswith(f"{dbname}: table keyless: cannot be compared: "))
    assert f"query at 127.0.0.1:{servers[0].port}, database {dbname} failed" in unread
    assert "SELECT command denied" in unread
    assert any(text.startswith(f"{dbname}: table parts: the same number of rows, other content") for text in found)
    assert any(text.startswith(f"{dbname}: view v: query: ") for text in found)
    assert f"{dbname}: table t é: in the target only" in found
    assert f"{dbname}: column parent of child: in the target only" in found
    # What it cannot see of the server is noted.
    assert texts(report.notes) == [
        "database: the login at the source lacks SHOW DATABASES, and does not see databases that it may not use"
    ]
    assert texts(report.not_compared) == [
        "user: the login at the source lacks SELECT on the database mysql, and does not see other users"
    ]


def test_a_view_whose_query_is_hidden(servers: Any, dbname: str) -> None:
    """A login that does not see what a view is made from is no reason to call it different."""
    with login(servers[0], f"SELECT, TRIGGER, EVENT, EXECUTE ON {dbname}.*", "SELECT ON mysql.proc") as source:
        found = texts(mysql.compare(source, End(servers[1]), content="count").differences)
    assert found == [f"{dbname}: view v: cannot be compared: the login at the source may not read its definition"]


def test_parts_of_a_large_table_are_read_apart(servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By key ranges, which each end chooses for itself, and which leave no row out."""
    monkeypatch.setattr(rows, "_PART_BYTES", 2000)
    for server in servers:
        change(server, dbname, "CREATE TABLE large (id bigint PRIMARY KEY, f float)")
        change(server, dbname, "INSERT INTO large SELECT CAST(seq AS SIGNED) * 7 - 2000, seq / 3 FROM seq_1_to_2000")
        change(server, dbname, f"INSERT INTO large VALUES ({-(2**63)}, 1)")
    parted: list[str | None] = []
    digest = rows.digest

    def noted(*args: Any, part: str | None, **options: Any) -> Any:
        parted.append(part)
        return digest(*args, part=part, **options)

    monkeypatch.setattr(rows, "digest", noted)
    assert differences(servers, tables=["large"]) == []
    assert len(parted) > 10
    assert len(set(parted)) == len(parted) / 2
    change(servers[1], dbname, f"UPDATE large SET f = 2 WHERE id IN ({-(2**63)}, 12000)")
    assert differences(servers, tables=["large"]) == [
        f"{dbname}: table large: the same number of rows, other content (2001 at the source, 2001 in the target): "
        f"id {-(2**63)}, 12000; rows id={-(2**63)} (differs in f), id=12000 (differs in f)"
    ]


def test_a_sample_is_the_same_at_both_ends(servers: Any, dbname: str) -> None:
    """It is chosen by key, counts all rows, and finds what is in it."""
    for server in servers:
        change(server, dbname, "CREATE TABLE many (id int PRIMARY KEY, v int)")
        change(server, dbname, "INSERT INTO many SELECT seq, seq FROM seq_1_to_2000")
    assert differences(servers, content="sample") == []
    change(servers[1], dbname, "UPDATE many SET v = 0")
    (found,) = differences(servers, content="sample", show_values=True)
    assert "id=1 (v: 1 at the source, 0 in the target)" in found
    assert found.endswith(" and others")


def test_values_are_shown_only_on_request(servers: Any, dbname: str) -> None:
    """As they are, shortened; of long ones the hash; and none of them otherwise."""
    changes = "w = 'secret', x = NULL WHERE x = 2"
    change(servers[1], dbname, f"UPDATE keyless SET {changes}", "UPDATE `t é` SET old = REPEAT('z', 300) WHERE id = 2")
    assert "secret" not in str(differences(servers))
    keyless, keyed = differences(servers, show_values=True)
    assert keyless.endswith("rows without a key: 1 at the source only (2, NULL), 1 in the target only (NULL, secret)")
    hashed = hashlib.sha256(b"z" * 300).hexdigest()[:60]
    assert f"id=2 (old: \\xe9 at the source, a text with the SHA-256 {hashed}… in the target; ts: " in keyed


def test_a_row_that_is_too_long_to_hash(servers: Any, dbname: str) -> None:
    """The server would hash nothing instead, and the ends would look equal."""
    for server in servers:
        change(server, dbname, f"CREATE TABLE long_ ({', '.join(f't{i} varchar(255)' for i in range(9))})")
        change(server, dbname, f"INSERT INTO long_ VALUES ({', '.join(['REPEAT(0, 250)'] * 9)})")
    change(servers[1], None, "SET GLOBAL max_allowed_packet = 1024")
    try:
        (found,) = differences(servers, tables=["long_"])
    finally:
        change(servers[1], None, "SET GLOBAL max_allowed_packet = DEFAULT")
    assert "long_ is too long for the server to hash: raise max_allowed_packet" in found


def test_a_session_keeps_its_view(servers: Any, dbname: str) -> None:
    """What is written meanwhile is not seen, and that something was written can be told later."""
    with session(End(servers[0]), dbname) as opened:
        opened.hold_view()
        change(servers[0], dbname, "INSERT INTO parts VALUES (7)")
        assert opened.rows("SELECT COUNT(*) FROM parts") == [(2,)]
        with session(End(servers[0]), dbname) as later:
            later.hold_view()
            assert later.rows("SELECT COUNT(*) FROM parts") == [(3,)]
            assert opened.position is not None
            assert later.position != opened.position
        with session(End(servers[0]), dbname) as again:
            again.hold_view()
            assert again.position == later.position


def test_tables_that_were_equal_are_not_read_again(servers: Any, dbname: str) -> None:
    """A retry goes on from what an earlier try has found, unless something was written."""
    saved: dict[str, Any] = {}
    memory = Memory(save=saved.update)
    assert differences(servers, memory=memory) == []
    assert set(saved[dbname]) == {"t é", "keyless", "parts", "child"}
    again = compare(servers, memory=Memory(found=saved, save=saved.update))
    assert (again.tables, again.databases[0]["rows"]) == ([], ROWS)
    change(servers[0], dbname, "INSERT INTO parts VALUES (7)")
    assert len(differences(servers, memory=Memory(found=saved, save=saved.update))) == 1


def test_a_statement_can_be_broken_off(servers: Any) -> None:
    """The server ends it, so that nothing goes on there when a task has been stopped."""
    with session(End(servers[0])) as opened:
        threading.Timer(0.5, opened.interrupt).start()
        with pytest.raises(DbaasDatabaseError, match="interrupted"):
            opened.rows("SELECT SLEEP(100)")


def test_events_that_came_by_replication_are_enabled(servers: Any, dbname: str) -> None:
    """A replica disables them; they run when it is one no longer, and are otherwise what they were."""
    change(servers[0], dbname, "CREATE EVENT off ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DISABLE DO SELECT 1")
    change(servers[1], dbname, "CREATE EVENT off ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DISABLE DO SELECT 1")
    change(servers[1], dbname, "ALTER EVENT nightly DISABLE ON SLAVE")
    assert differences(servers) == [
        f"{dbname}: event nightly: status: ENABLED at the source, SLAVESIDE_DISABLED in the target"
    ]
    # While it replicates, this is as it has to be.
    assert differences(servers, replicating=True) == []
    assert mysql.complete_replication(End(servers[0]), End(servers[1]), ignore={dbname}) == {
        "events": 0,
        "sequences": 0,
    }
    assert mysql.complete_replication(End(servers[0]), End(servers[1]), ignore=set()) == {"events": 1, "sequences": 0}
    assert differences(servers) == []
    # One that somebody disabled in the target by intention stays so. A counter is moved on.
    change(servers[1], dbname, "ALTER EVENT nightly DISABLE")
    change(servers[0], dbname, "ALTER TABLE `t é` AUTO_INCREMENT = 5000")
    assert mysql.complete_replication(End(servers[0]), End(servers[1]), ignore=set()) == {"events": 0, "sequences": 1}


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
    with session(End(servers[0]), dbname) as opened, pytest.raises(DbaasDatabaseError, match="READ ONLY transaction"):
        opened.run("INSERT INTO parts VALUES (4)")


def test_a_server_that_cannot_be_reached_is_named_without_its_password(servers: Any) -> None:
    """Driver's words, host and port; no password."""
    password = "wr@ng/päss"
    with pytest.raises(DbaasDatabaseError) as caught, session(End(servers[0], password=password)):
        pass
    text = str(caught.value)
    assert f"127.0.0.1:{servers[0].port}" in text
    assert "Access denied" in text
    assert password not in text
    assert caught.value.retryable


@pytest.mark.parametrize(("host", "text"), [("a" * 70, "too long"), ("no.such.host.invalid", "Errno")])
def test_a_host_that_is_none_is_named(servers: Any, host: str, text: str) -> None:
    """Also one that no host can be called."""
    with (
        pytest.raises(DbaasDatabaseError, match=f"connection to {host}:{servers[0].port} failed: .*{text}"),
        session(End(servers[0], host=host)),
    ):
        pass


def test_a_server_that_says_nothing_is_not_waited_for(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and no more, such as a proxy whose server is down."""
    monkeypatch.setattr(sessions, "CONNECT_SECONDS", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(DbaasDatabaseError, match="timed out") as caught,
        session(End(servers[0], port=silent.getsockname()[1])),
    ):
        pass
    assert caught.value.retryable


def test_tls(servers: Any) -> None:
    """With TLS demanded a server without it is refused, without it one that demands it refuses; certificates are
    verified if the connection asks for that."""
    plain, encrypted = servers
    with session(End(encrypted)) as opened:
        assert opened.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]
    with session(End(plain)) as opened:
        assert not opened.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]
    for end in (
        End(plain, sslmode="REQUIRED"),
        End(encrypted, sslmode="DISABLED"),
        End(encrypted, sslmode="VERIFY_CA"),
    ):
        with pytest.raises(DbaasDatabaseError, match=f"connection to 127.0.0.1:{end.server.port} failed"), session(end):
            pass


def test_a_file_of_authorities_is_used(servers: Any, tmp_path: Path) -> None:
    """The server's own authority is trusted, another one is not; a file that cannot be read is named."""
    _, encrypted = servers
    right, wrong = tmp_path / "right.pem", tmp_path / "wrong.pem"
    right.write_text(AUTHORITY.pem)
    wrong.write_text(Authority().pem)
    with session(End(encrypted, sslmode="VERIFY_CA", sslrootcert=str(right))) as opened:
        assert opened.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]
    with (
        pytest.raises(DbaasDatabaseError, match="certificate verify failed"),
        session(End(encrypted, sslmode="VERIFY_CA", sslrootcert=str(wrong))),
    ):
        pass
    with (
        pytest.raises(DbaasConfigurationError, match=r"its TLS files \(/no/such.pem\) cannot be used here"),
        session(End(encrypted, sslmode="VERIFY_CA", sslrootcert="/no/such.pem")),
    ):
        pass


def test_a_login_by_ed25519(servers: Any) -> None:
    """Without PyNaCl the driver cannot make it: the error says what to install; the password is not in it."""
    assert importlib.util.find_spec("nacl") is None, "with PyNaCl installed there is nothing to be told"
    server = servers[0]
    change(server, None, "INSTALL SONAME 'auth_ed25519'")
    change(server, None, "CREATE USER odd IDENTIFIED VIA ed25519 USING PASSWORD('p@ss word')")
    advice = r"ed25519, for which PyMySQL needs a further package: pip install 'PyMySQL\[ed25519\]'"
    try:
        with (
            pytest.raises(DbaasConfigurationError, match=advice) as caught,
            session(End(server, user="odd", password="p@ss word")),
        ):
            pass
    finally:
        change(server, None, "DROP USER odd", "UNINSTALL SONAME 'auth_ed25519'")
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "p@ss" not in str(caught.value)
    assert not caught.value.retryable


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


@pytest.mark.parametrize(
    ("plugin", "advice"),
    [
        ("auth_gssapi_client", "the authentication plugin auth_gssapi_client, which PyMySQL does not know; create a"),
        ("caching_sha2_password", r"without TLS .* needs a further package: pip install 'PyMySQL\[rsa\]'"),
    ],
)
def test_a_login_that_the_driver_cannot_make(
    servers: Any, plugin: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the server's plugin and what to do."""
    monkeypatch.setattr(pymysql._auth, "_have_cryptography", False)
    abilities = 0x1 | 0x200 | 0x8000 | 0x80000
    greeting = b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"saltsalt\0" + struct.pack("<H", abilities & 0xFFFF)
    greeting += b"\x2d\x02\x00" + struct.pack("<H", abilities >> 16) + b"\x15" + bytes(10) + b"saltsaltsalt\0"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            # It ends the connection once it knows that it cannot log in.
            with listener.accept()[0] as asking, suppress(OSError):
                asking.sendall(packet(0, greeting + b"mysql_native_password\0"))
                asking.recv(4096)
                asking.sendall(packet(2, b"\xfe" + plugin.encode() + b"\0" + b"saltsaltsaltsaltsalt\0"))
                asking.recv(4096)
                # Only for caching_sha2_password: all of the login is needed, then the key for it.
                asking.sendall(packet(4, b"\x01\x04"))
                asking.recv(4096)
                asking.sendall(packet(6, b"\x01a key"))

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(DbaasConfigurationError, match=advice), session(End(servers[0], port=port)):
            pass


@pytest.mark.parametrize(
    "said",
    [
        b"\x01\x00\x00\x00\x0a",
        b"\x05\x00\x00\x00\x0a8.0\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x10\x00\x00\x00\x0ax.y.z\x00" + b"\xff" * 8,
    ],
)
def test_what_is_no_mysql_server(servers: Any, said: bytes) -> None:
    """Whatever it says, and whatever the driver makes of that, is one clear error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            # It may still wait for the second one when the listener is closed.
            with suppress(OSError):
                for _ in range(2):
                    with listener.accept()[0] as asking:
                        asking.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        with (
            pytest.raises(DbaasDatabaseError, match=f"connection to 127.0.0.1:{port} failed: "),
            session(End(servers[0], port=port)),
        ):
            pass


def test_an_idle_connection_is_kept_alive(servers: Any) -> None:
    """The system probes it before a NAT on the way forgets it, and tells if it is gone."""
    with session(End(servers[0])) as opened:
        found = opened._connection._sock
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for option, value in (
            (socket.TCP_KEEPIDLE, 60),
            (socket.TCP_KEEPINTVL, 10),
            (socket.TCP_KEEPCNT, 6),
            (socket.TCP_USER_TIMEOUT, 120_000),
        ):
            assert found.getsockopt(socket.IPPROTO_TCP, option) == value


def test_a_lock_is_not_waited_for_without_end(servers: Any, dbname: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what holds things up, and where to look."""
    monkeypatch.setattr(sessions, "LOCK_SECONDS", 1)
    monkeypatch.setattr(connections, "LOCK_SECONDS", 1)
    with closing(pymysql.connect(**servers[1].login(dbname))) as holder, session(End(servers[1]), dbname) as opened:
        holder.cursor().execute("LOCK TABLES keyless WRITE")
        with pytest.raises(DbaasDatabaseError) as caught:
            opened.rows("SELECT * FROM keyless")
    where = f"127.0.0.1:{servers[1].port}, database {dbname}"
    assert "another session has held a lock for 1 seconds, look for it with SHOW FULL PROCESSLIST" in str(caught.value)
    assert where in str(caught.value)
    assert caught.value.retryable


def test_an_older_driver_goes_on_without_tls(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is refused if it has no TLS in the end, whatever the driver makes of what it was told."""
    connect = pymysql.connect

    def without(**arguments: Any) -> Any:
        return connect(**{**arguments, "ssl": None, "ssl_disabled": True})

    monkeypatch.setattr(pymysql, "connect", without)
    with (
        pytest.raises(DbaasDatabaseError, match="TLS is demanded") as caught,
        session(End(servers[0], sslmode="REQUIRED")),
    ):
        pass
    assert not caught.value.retryable


def test_without_a_driver(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DbaasConfigurationError, match=r"install airflow-dbaas\[mysql\]"), session(End(servers[0])):
        pass
