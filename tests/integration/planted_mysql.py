"""Differences to plant in a MariaDB target, each with the finding that it has to lead to."""

from __future__ import annotations

from typing import NamedTuple

from airflow_dbaas.verification.report import Level


class Planted(NamedTuple):
    """One difference.

    :param kind: of the object, as the finding has it.
    :param name: of the object, as the finding has it.
    :param text: what the finding's message has.
    :param change: made in the target.
    :param level: of the finding.
    :param at_source: ``change`` is made at the source instead.
    """

    kind: str
    name: str
    text: str
    change: str | tuple[str, ...]
    level: Level = Level.DIFFERENCE
    at_source: bool = False


NOTE = Level.NOTE
_WIDE_TEXT = "x" * 300
_COLUMNS = """id int AUTO_INCREMENT PRIMARY KEY, i int NOT NULL DEFAULT 5, s varchar(20) DEFAULT 'a',
    l varchar(20) CHARACTER SET latin1, c varchar(20) COLLATE utf8mb4_bin, u timestamp NULL ON UPDATE
    current_timestamp(), v int AS (i * 2) VIRTUAL, st int AS (i * 3) STORED, n varchar(20) DEFAULT NULL, hidden int,
    gone int, g point, ser int DEFAULT 1, remark int COMMENT 'it''s', e enum('a', 'b')"""

#: What both ends have at first.
SCHEMA = (
    "CREATE TABLE columns_ (" + _COLUMNS + ")",
    "CREATE TABLE ordered (a int, b int)",
    "CREATE TABLE missing_table (i int)",
    "CREATE TABLE engine_ (i int PRIMARY KEY) ENGINE=InnoDB",
    "CREATE TABLE collation_ (i int PRIMARY KEY) DEFAULT CHARSET utf8mb4",
    """CREATE TABLE partitions_ (i int) PARTITION BY RANGE (i)
        (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE)""",
    "CREATE TABLE options_ (i int PRIMARY KEY)",
    "CREATE TABLE comment_ (i int PRIMARY KEY) COMMENT 'one'",
    "CREATE TABLE versioned (i int PRIMARY KEY)",
    """CREATE TABLE periods (i int, a date NOT NULL, b date NOT NULL, PERIOD FOR p (a, b),
        UNIQUE KEY k (i, p WITHOUT OVERLAPS))""",
    "CREATE TABLE counter_behind (i int AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 1000",
    "CREATE TABLE counter_ahead (i int AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 1000",
    """CREATE TABLE indexes (i int, t varchar(50), u int, x text, KEY missing_index (i), KEY prefix (t(5)),
        UNIQUE KEY unique_ (u), KEY unused (i, u), KEY remark (u, i) COMMENT 'one', KEY kind (x(5)))""",
    "CREATE TABLE parent (i int PRIMARY KEY, j int, k int, UNIQUE KEY (j), UNIQUE KEY (k))",
    """CREATE TABLE child (a int, b int, c int, d int, e int, KEY (a), KEY (b), KEY (c), KEY (d), KEY (e),
        CONSTRAINT missing_fk FOREIGN KEY (a) REFERENCES parent (i),
        CONSTRAINT other_column FOREIGN KEY (b) REFERENCES parent (i),
        CONSTRAINT other_reference FOREIGN KEY (c) REFERENCES parent (i),
        CONSTRAINT on_update FOREIGN KEY (d) REFERENCES parent (i) ON UPDATE CASCADE,
        CONSTRAINT on_delete FOREIGN KEY (e) REFERENCES parent (i) ON DELETE CASCADE)""",
    "CREATE TABLE checks (i int, CONSTRAINT missing_check CHECK (i > 1), CONSTRAINT clause CHECK (i > 2))",
    "CREATE SEQUENCE missing_sequence",
    "CREATE SEQUENCE position_ START WITH 10",
    *(
        f"CREATE ALGORITHM=MERGE DEFINER=root SQL SECURITY DEFINER VIEW {name} AS SELECT i FROM parent WHERE i < 9"
        for name in (
            "missing_view",
            "query_",
            "check_option",
            "view_security",
            "algorithm_",
            "view_charset",
            "view_definer",
        )
    ),
    *(
        f"CREATE DEFINER=root FUNCTION {name}(a int) RETURNS int DETERMINISTIC NO SQL COMMENT 'one' RETURN a + 1"
        for name in (
            *("missing_function", "parameter", "returned", "body_", "determined", "access", "f_security", "mode_"),
            *("f_charset", "f_comment", "f_definer"),
        )
    ),
    "CREATE PROCEDURE missing_procedure() SELECT 1",
    "CREATE PROCEDURE mode_of_parameter(IN a int) SELECT 1",
    "SET sql_mode = 'ORACLE'",
    "CREATE PACKAGE pack AS FUNCTION f RETURN int; END",
    "CREATE PACKAGE BODY pack AS FUNCTION f RETURN int AS BEGIN RETURN 1; END; END",
    "SET sql_mode = 'STRICT_TRANS_TABLES'",
    *(
        statement
        for name in ("missing_trigger", "timing", "t_body", "t_mode", "t_charset", "t_definer", "first")
        for statement in (
            f"CREATE TABLE on_{name} (i int)",
            f"CREATE DEFINER=root TRIGGER {name} BEFORE INSERT ON on_{name} FOR EACH ROW SET NEW.i = 1",
        )
    ),
    "CREATE TRIGGER second BEFORE INSERT ON on_first FOR EACH ROW SET NEW.i = 2",
    *(
        f"CREATE DEFINER=root EVENT {name} ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' COMMENT 'one' DO SET @a = 1"
        for name in (
            *("missing_event", "status_", "e_body", "schedule_", "completion", "e_mode", "e_charset", "zone"),
            *("e_comment", "e_definer"),
        )
    ),
    # Rows.
    """CREATE TABLE row_values (id int PRIMARY KEY, i int, t varchar(20), u varchar(20) CHARACTER SET utf16,
        l varchar(20) CHARACTER SET latin1, d double, dec_ decimal(9, 2), b bit(9), w text, bl blob, j json,
        e enum('', 'a'), s set('x', 'y'), ts timestamp NULL, dt datetime(6), tm time(2), y year, g geometry,
        uu uuid, ip inet6)""",
    f"""INSERT INTO row_values SELECT seq, 7, 'a', 'ü', 'é', 0, 1.10, b'101', '{_WIDE_TEXT}', REPEAT('y', 300),
        '{{"a": 1}}', 'a', 'x', '2001-01-01 12:00:00', '2001-01-01 12:00:00.5', '-10:00:01.25', 2001, POINT(1, 2),
        '123e4567-e89b-12d3-a456-426655440000', '2001:db8::1' FROM seq_1_to_40""",
    *(
        statement
        for name in ("more_values", "time_values")
        for statement in (f"CREATE TABLE {name} LIKE row_values", f"INSERT INTO {name} SELECT * FROM row_values")
    ),
    "CREATE TABLE swapped (id int PRIMARY KEY, t varchar(9))",
    "INSERT INTO swapped SELECT seq, CHAR(94 + seq) FROM seq_1_to_9",
    "CREATE TABLE boundaries (a varchar(9), b varchar(9))",
    "INSERT INTO boundaries VALUES ('a,1:b', 'c')",
    "CREATE TABLE repeated (a int)",
    "INSERT INTO repeated VALUES (1), (1), (2)",
    "CREATE TABLE text_keys (k varchar(20), l int, v int, PRIMARY KEY (k, l))",
    "INSERT INTO text_keys SELECT CONCAT('k', seq), seq, seq FROM seq_1_to_3000",
    "CREATE TABLE floats (i int PRIMARY KEY, f float)",
    "INSERT INTO floats VALUES (1, 1 / 3), (2, 16777217)",
    "CREATE TABLE other_floats LIKE floats",
    "INSERT INTO other_floats SELECT * FROM floats",
    "CREATE TABLE history (i int PRIMARY KEY, v varchar(9)) WITH SYSTEM VERSIONING",
    "INSERT INTO history VALUES (1, 'a'), (2, 'b')",
    "CREATE TABLE nothing_stored (one int AS (1))",
    "CREATE TABLE bigger (id bigint PRIMARY KEY, v int)",
    "INSERT INTO bigger SELECT seq * 1000, seq FROM seq_1_to_5000",
)


def _view(name: str, text: str, head: str, tail: str = "", level: Level = Level.DIFFERENCE) -> Planted:
    return Planted(
        "view",
        name,
        text,
        f"CREATE OR REPLACE {head} VIEW {name} AS SELECT i FROM parent WHERE {tail or 'i < 9'}",
        level,
    )


def _in_mode(statement: str, mode: str, charset: str) -> tuple[str, ...]:
    """A statement in a SQL mode and a character set, which what it creates keeps."""
    return (
        f"SET sql_mode = '{mode}', character_set_client = {charset}",
        statement,
        "SET sql_mode = 'STRICT_TRANS_TABLES', character_set_client = utf8mb4",
    )


def _function(
    name: str,
    text: str,
    *,
    head: str = "DEFINER=root",
    takes: str = "a int",
    returns: str = "int",
    how: str = "DETERMINISTIC NO SQL COMMENT 'one'",
    body: str = "a + 1",
    level: Level = Level.DIFFERENCE,
    mode: str = "STRICT_TRANS_TABLES",
    charset: str = "utf8mb4",
) -> Planted:
    change = _in_mode(
        f"CREATE OR REPLACE {head} FUNCTION {name}({takes}) RETURNS {returns} {how} RETURN {body}", mode, charset
    )
    return Planted("function", name, text, change, level)


def _trigger(
    name: str,
    text: str,
    *,
    head: str = "DEFINER=root",
    when: str = "BEFORE INSERT",
    body: str = "SET NEW.i = 1",
    level: Level = Level.DIFFERENCE,
    mode: str = "STRICT_TRANS_TABLES",
    charset: str = "utf8mb4",
) -> Planted:
    change = _in_mode(f"CREATE OR REPLACE {head} TRIGGER {name} {when} ON on_{name} FOR EACH ROW {body}", mode, charset)
    return Planted("trigger", f"{name} of on_{name}", text, change, level)


def _event(
    name: str,
    text: str,
    *,
    head: str = "DEFINER=root",
    when: str = "EVERY 1 DAY STARTS '2037-01-01'",
    how: str = "COMMENT 'one'",
    body: str = "SET @a = 1",
    level: Level = Level.DIFFERENCE,
    settings: str = "time_zone = '+00:00'",
) -> Planted:
    change = (
        f"SET {settings}",
        f"CREATE OR REPLACE {head} EVENT {name} ON SCHEDULE {when} {how} DO {body}",
        "SET sql_mode = 'STRICT_TRANS_TABLES', character_set_client = utf8mb4, time_zone = '+00:00'",
    )
    return Planted("event", name, text, change, level)


def _value(table: str, key: int, column: str, value: str) -> Planted:
    """Another value in one column of one row."""
    change = f"UPDATE {table} SET {column} = {value} WHERE id = {key}"
    return Planted("table", table, f"id={key} (differs in {column})", change)


ALL = (
    Planted(
        "database",
        "",
        "also differing: comment",
        "ALTER DATABASE COMMENT 'two'",
    ),
    Planted("table", "missing_table", "missing in the target", "DROP TABLE missing_table"),
    Planted("table", "extra_table", "in the target only", "CREATE TABLE extra_table (i int)"),
    Planted(
        "table", "engine_", "engine: InnoDB at the source, MyISAM in the target", "ALTER TABLE engine_ ENGINE=MyISAM"
    ),
    Planted(
        "table",
        "collation_",
        "collation: utf8mb4_general_ci at the source, utf8mb4_bin",
        "ALTER TABLE collation_ COLLATE utf8mb4_bin",
    ),
    Planted("table", "partitions_", "partitions: ", "ALTER TABLE partitions_ DROP PARTITION high"),
    Planted(
        "table",
        "options_",
        "options: nothing at the source, row_format=COMPACT",
        "ALTER TABLE options_ ROW_FORMAT=COMPACT",
        NOTE,
    ),
    Planted(
        "table",
        "comment_",
        "comment: one at the source, two in the target",
        "ALTER TABLE comment_ COMMENT 'two'",
    ),
    Planted(
        "table",
        "versioned",
        "type: BASE TABLE at the source, SYSTEM VERSIONED",
        "ALTER TABLE versioned ADD SYSTEM VERSIONING",
    ),
    Planted(
        "table",
        "periods",
        "statement: ",
        ("ALTER TABLE periods DROP KEY k", "ALTER TABLE periods ADD UNIQUE KEY k (i, b, a)"),
    ),
    Planted(
        "table",
        "counter_behind",
        "AUTO_INCREMENT: 1000 at the source, 7 in the target: numbers that were given before",
        "ALTER TABLE counter_behind AUTO_INCREMENT = 7",
    ),
    Planted(
        "table",
        "counter_ahead",
        "AUTO_INCREMENT: 1000 at the source, 2000",
        "ALTER TABLE counter_ahead AUTO_INCREMENT = 2000",
        NOTE,
    ),
    Planted("column", "gone of columns_", "missing in the target", "ALTER TABLE columns_ DROP gone"),
    Planted("column", "extra of columns_", "in the target only", "ALTER TABLE columns_ ADD extra int"),
    Planted(
        "column",
        "i of columns_",
        "type: int(11) at the source, bigint(20) in the target",
        "ALTER TABLE columns_ MODIFY i bigint NOT NULL DEFAULT 5",
    ),
    Planted(
        "column",
        "s of columns_",
        "default: 'a' at the source, NULL in the target",
        "ALTER TABLE columns_ ALTER s SET DEFAULT NULL",
    ),
    Planted(
        "column",
        "n of columns_",
        "default: NULL at the source, 'NULL' in the target",
        "ALTER TABLE columns_ ALTER n SET DEFAULT 'NULL'",
    ),
    Planted(
        "column",
        "l of columns_",
        "character set: latin1",
        "ALTER TABLE columns_ MODIFY l varchar(20) CHARACTER SET utf8mb4",
    ),
    Planted(
        "column",
        "c of columns_",
        "collation: utf8mb4_bin",
        "ALTER TABLE columns_ MODIFY c varchar(20) COLLATE utf8mb4_unicode_ci",
    ),
    Planted(
        "column",
        "u of columns_",
        "attributes: on update current_timestamp()",
        "ALTER TABLE columns_ MODIFY u timestamp NULL",
    ),
    Planted("column", "v of columns_", "generated: ", "ALTER TABLE columns_ MODIFY v int AS (i * 4) VIRTUAL"),
    Planted(
        "column",
        "st of columns_",
        "attributes: STORED GENERATED at the source, VIRTUAL GENERATED",
        ("ALTER TABLE columns_ DROP st", "ALTER TABLE columns_ ADD st int AS (i * 3) VIRTUAL AFTER v"),
    ),
    Planted(
        "column",
        "hidden of columns_",
        "attributes: nothing at the source, INVISIBLE",
        "ALTER TABLE columns_ MODIFY hidden int INVISIBLE",
    ),
    Planted(
        "column",
        "ser of columns_",
        "nullable: YES at the source, NO",
        "ALTER TABLE columns_ MODIFY ser int NOT NULL DEFAULT 1",
    ),
    Planted(
        "column",
        "g of columns_",
        "SRID: nothing at the source, 4326",
        "ALTER TABLE columns_ MODIFY g point REF_SYSTEM_ID=4326",
    ),
    Planted("column", "e of columns_", "type: enum('a','b')", "ALTER TABLE columns_ MODIFY e enum('b', 'a')"),
    Planted(
        "column",
        "remark of columns_",
        "comment: it's at the source, two",
        "ALTER TABLE columns_ MODIFY remark int COMMENT 'two'",
    ),
    Planted(
        "order of columns",
        "of ordered",
        "columns: a, b at the source, b, a",
        "ALTER TABLE ordered MODIFY a int AFTER b",
    ),
    Planted("index", "missing_index of indexes", "missing in the target", "ALTER TABLE indexes DROP KEY missing_index"),
    Planted("index", "extra of indexes", "in the target only", "ALTER TABLE indexes ADD KEY extra (i, t)"),
    Planted(
        "index",
        "prefix of indexes",
        "columns: t 5 A at the source, t 4 A",
        "ALTER TABLE indexes DROP KEY prefix, ADD KEY prefix (t(4))",
    ),
    Planted(
        "index",
        "unique_ of indexes",
        "unique: yes at the source, no",
        "ALTER TABLE indexes DROP KEY unique_, ADD KEY unique_ (u)",
    ),
    Planted(
        "index", "unused of indexes", "ignored: no at the source, yes", "ALTER TABLE indexes ALTER INDEX unused IGNORED"
    ),
    Planted(
        "index",
        "kind of indexes",
        "also differing: type",
        "ALTER TABLE indexes DROP KEY kind, ADD FULLTEXT KEY kind (x)",
    ),
    Planted(
        "index",
        "remark of indexes",
        "comment: one at the source, two",
        "ALTER TABLE indexes DROP KEY remark, ADD KEY remark (u, i) COMMENT 'two'",
    ),
    Planted(
        "foreign key", "missing_fk of child", "missing in the target", "ALTER TABLE child DROP FOREIGN KEY missing_fk"
    ),
    Planted(
        "foreign key",
        "other_column of child",
        "columns: b at the source, a",
        (
            "ALTER TABLE child DROP FOREIGN KEY other_column",
            "ALTER TABLE child ADD CONSTRAINT other_column FOREIGN KEY (a) REFERENCES parent (i)",
        ),
    ),
    Planted(
        "foreign key",
        "other_reference of child",
        "parent (j) in the target",
        (
            "ALTER TABLE child DROP FOREIGN KEY other_reference",
            "ALTER TABLE child ADD CONSTRAINT other_reference FOREIGN KEY (c) REFERENCES parent (j)",
        ),
    ),
    Planted(
        "foreign key",
        "on_update of child",
        "on update: CASCADE at the source, RESTRICT",
        (
            "ALTER TABLE child DROP FOREIGN KEY on_update",
            "ALTER TABLE child ADD CONSTRAINT on_update FOREIGN KEY (d) REFERENCES parent (i)",
        ),
    ),
    Planted(
        "foreign key",
        "on_delete of child",
        "on delete: CASCADE at the source, SET NULL",
        (
            "ALTER TABLE child DROP FOREIGN KEY on_delete",
            "ALTER TABLE child ADD CONSTRAINT on_delete FOREIGN KEY (e) REFERENCES parent (i) ON DELETE SET NULL",
        ),
    ),
    Planted(
        "check constraint",
        "missing_check of checks",
        "missing in the target",
        "ALTER TABLE checks DROP CONSTRAINT missing_check",
    ),
    Planted(
        "check constraint",
        "extra of checks",
        "in the target only",
        "ALTER TABLE checks ADD CONSTRAINT extra CHECK (i < 9)",
    ),
    Planted(
        "check constraint",
        "clause of checks",
        "clause: `i` > 2 at the source, `i` > 3",
        "ALTER TABLE checks DROP CONSTRAINT clause, ADD CONSTRAINT clause CHECK (i > 3)",
    ),
    Planted("sequence", "missing_sequence", "missing in the target", "DROP SEQUENCE missing_sequence"),
    Planted(
        "sequence",
        "position_",
        "next_not_cached_value: 10 at the source, 5001 in the target",
        "DO SETVAL(position_, 5000)",
    ),
    Planted("view", "missing_view", "missing in the target", "DROP VIEW missing_view"),
    Planted("view", "extra_view", "in the target only", "CREATE VIEW extra_view AS SELECT 1 AS a"),
    _view("query_", "query: ", "ALGORITHM=MERGE DEFINER=root", "i < 8"),
    _view(
        "check_option",
        "check option: NONE at the source, CASCADED",
        "ALGORITHM=MERGE DEFINER=root",
        "i < 9 WITH CHECK OPTION",
    ),
    _view(
        "view_security", "security: DEFINER at the source, INVOKER", "ALGORITHM=MERGE DEFINER=root SQL SECURITY INVOKER"
    ),
    _view("algorithm_", "algorithm: MERGE at the source, TEMPTABLE", "ALGORITHM=TEMPTABLE DEFINER=root"),
    Planted(
        "view",
        "view_charset",
        "character sets: utf8mb4",
        (
            "SET NAMES latin1",
            "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=root VIEW view_charset AS SELECT i FROM parent WHERE i < 9",
            "SET NAMES utf8mb4",
        ),
    ),
    _view(
        "view_definer",
        "definer: root@% at the source, other@% in the target",
        "ALGORITHM=MERGE DEFINER=other",
        level=NOTE,
    ),
    Planted("function", "missing_function", "missing in the target", "DROP FUNCTION missing_function"),
    Planted(
        "function",
        "extra_function",
        "in the target only",
        "CREATE FUNCTION extra_function() RETURNS int DETERMINISTIC RETURN 1",
    ),
    _function("parameter", "parameters: ", takes="a bigint"),
    _function("returned", "parameters: ", returns="bigint"),
    _function("body_", "body: RETURN a + 1 at the source, RETURN a + 2", body="a + 2"),
    _function("determined", "deterministic: YES at the source, NO", how="NOT DETERMINISTIC NO SQL COMMENT 'one'"),
    _function(
        "access", "data access: NO SQL at the source, READS SQL DATA", how="DETERMINISTIC READS SQL DATA COMMENT 'one'"
    ),
    _function(
        "f_security",
        "security: DEFINER at the source, INVOKER",
        how="DETERMINISTIC NO SQL SQL SECURITY INVOKER COMMENT 'one'",
    ),
    _function("mode_", "sql_mode: STRICT_TRANS_TABLES at the source, ", mode="NO_ZERO_DATE"),
    _function("f_charset", "character sets: utf8mb4", charset="latin1"),
    _function("f_comment", "comment: one at the source, two", how="DETERMINISTIC NO SQL COMMENT 'two'"),
    _function("f_definer", "definer: root@% at the source, other@%", head="DEFINER=other", level=NOTE),
    Planted("procedure", "missing_procedure", "missing in the target", "DROP PROCEDURE missing_procedure"),
    Planted(
        "procedure",
        "mode_of_parameter",
        "parameters: IN a int(11) at the source, OUT a",
        "CREATE OR REPLACE PROCEDURE mode_of_parameter(OUT a int) SELECT 1",
    ),
    Planted(
        "package body",
        "pack",
        "body: ",
        (
            "SET sql_mode = 'ORACLE'",
            "CREATE OR REPLACE PACKAGE BODY pack AS FUNCTION f RETURN int AS BEGIN RETURN 2; END; END",
            "SET sql_mode = 'STRICT_TRANS_TABLES'",
        ),
    ),
    Planted(
        "trigger", "missing_trigger of on_missing_trigger", "missing in the target", "DROP TRIGGER missing_trigger"
    ),
    Planted(
        "trigger",
        "extra_trigger of on_timing",
        "in the target only",
        "CREATE TRIGGER extra_trigger AFTER UPDATE ON on_timing FOR EACH ROW SET @a = 1",
    ),
    _trigger("t_body", "body: SET NEW.i = 1 at the source, SET NEW.i = 2", body="SET NEW.i = 2"),
    _trigger("t_mode", "sql_mode: STRICT_TRANS_TABLES at the source, ", mode="NO_ZERO_DATE"),
    _trigger("t_charset", "character sets: utf8mb4", charset="latin1"),
    _trigger("t_definer", "definer: root@% at the source, other@%", head="DEFINER=other", level=NOTE),
    Planted(
        "trigger",
        "first of on_first",
        "order: 1 at the source, 2 in the target",
        (
            "DROP TRIGGER first",
            "CREATE DEFINER=root TRIGGER first BEFORE INSERT ON on_first FOR EACH ROW FOLLOWS second SET NEW.i = 1",
        ),
    ),
    Planted("trigger", "second of on_first", "order: 2 at the source, 1 in the target", ()),
    _trigger("timing", "event: BEFORE INSERT at the source, BEFORE UPDATE", when="BEFORE UPDATE"),
    Planted("event", "missing_event", "missing in the target", "DROP EVENT missing_event"),
    Planted("event", "status_", "status: ENABLED at the source, DISABLED", "ALTER EVENT status_ DISABLE"),
    _event("e_body", "body: SET @a = 1 at the source, SET @a = 2", body="SET @a = 2"),
    _event("schedule_", "schedule: RECURRING 1 DAY", when="EVERY 2 DAY STARTS '2037-01-01'"),
    _event(
        "completion", "on completion: NOT PRESERVE at the source, PRESERVE", how="ON COMPLETION PRESERVE COMMENT 'one'"
    ),
    _event("e_mode", "sql_mode: STRICT_TRANS_TABLES at the source, ", settings="sql_mode = 'NO_ZERO_DATE'"),
    _event("e_charset", "character sets: utf8mb4", settings="character_set_client = latin1"),
    _event(
        "zone",
        "time zone: +00:00 at the source, +01:00",
        settings="time_zone = '+01:00'",
    ),
    _event("e_comment", "comment: one at the source, two", how="COMMENT 'two'"),
    _event("e_definer", "definer: root@% at the source, other@%", head="DEFINER=other", level=NOTE),
    _value("row_values", 1, "i", "8"),
    _value("row_values", 2, "t", "'A'"),
    _value("row_values", 3, "t", "'a '"),
    _value("row_values", 4, "i", "NULL"),
    _value("row_values", 5, "u", "'ǘ'"),
    _value("row_values", 6, "l", "'e'"),
    _value("row_values", 7, "d", "5e-324"),
    _value("row_values", 8, "dec_", "1.11"),
    _value("row_values", 9, "b", "b'111'"),
    _value("more_values", 1, "w", f"'{_WIDE_TEXT[:-1]}X'"),
    _value("more_values", 2, "bl", "CONCAT(REPEAT('y', 299), x'00')"),
    _value("more_values", 3, "j", """'{"a": 2}'"""),
    _value("more_values", 4, "e", "''"),
    _value("more_values", 5, "s", "'x,y'"),
    _value("more_values", 6, "g", "ST_GeomFromText('POINT(1 2)', 4326)"),
    _value("more_values", 7, "uu", "'123e4567-e89b-12d3-a456-426655440001'"),
    _value("more_values", 8, "ip", "'2001:db8::2'"),
    _value("time_values", 1, "ts", "'2001-01-01 12:00:01'"),
    _value("time_values", 2, "dt", "'2001-01-01 12:00:00.500001'"),
    _value("time_values", 3, "tm", "'-10:00:01.26'"),
    _value("time_values", 4, "y", "2002"),
    Planted("table", "time_values", "id=5 (missing in the target)", "DELETE FROM time_values WHERE id = 5"),
    Planted("table", "time_values", "id=41 (in the target only)", "INSERT INTO time_values (id) VALUES (41)"),
    Planted("table", "time_values", "other content (40 at the source, 40 in the target): id 1 to 5, 41; rows", ()),
    Planted(
        "table",
        "swapped",
        "id 3 to 4; rows id=3 (differs in t), id=4 (differs in t)",
        "UPDATE swapped SET t = CHAR(101 - id) WHERE id IN (3, 4)",
    ),
    Planted(
        "table",
        "boundaries",
        "rows without a key: 1 at the source only, 1 in the target only",
        "UPDATE boundaries SET a = 'a', b = '1:b,c'",
    ),
    Planted(
        "table",
        "repeated",
        "rows without a key: 1 at the source only, 1 in the target only",
        "UPDATE repeated SET a = 2 WHERE a = 1 LIMIT 1",
    ),
    Planted(
        "table",
        "text_keys",
        "rows k=k17 l=17 (differs in v), k=k2900 l=2900 (differs in v)",
        "UPDATE text_keys SET v = 0 WHERE l IN (17, 2900)",
    ),
    Planted(
        "table",
        "floats",
        "FLOAT digits: values are equal in six digits",
        "UPDATE floats SET f = 0.333333 WHERE i = 1",
        NOTE,
    ),
    Planted("table", "other_floats", "i 1; rows i=1 (differs in f)", "UPDATE other_floats SET f = 0.33334 WHERE i = 1"),
    Planted(
        "table",
        "history",
        "versions of rows, past ones included: 4 at the source, 2 in the target",
        ("UPDATE history SET v = 'z' WHERE i = 1", "UPDATE history SET v = 'a' WHERE i = 1"),
        NOTE,
        at_source=True,
    ),
    Planted(
        "table", "nothing_stored", "rows (0 at the source, 1 in the target)", "INSERT INTO nothing_stored VALUES ()"
    ),
    Planted(
        "table",
        "bigger",
        "id 7000, 1234000, 4999000 to 5000000; rows id=7000 (differs in v)",
        "UPDATE bigger SET v = 0 WHERE id IN (7000, 1234000, 4999000, 5000000)",
    ),
    # Last: what is made in the database has it, too.
    Planted(
        "database",
        "",
        "collation: utf8mb4_general_ci at the source, utf8mb4_bin in the target",
        "ALTER DATABASE COLLATE utf8mb4_bin",
    ),
)


def changes(*, at_source: bool) -> list[str]:
    """What to do at one end to plant all of it."""
    return [
        statement
        for one in ALL
        if one.at_source == at_source
        for statement in ((one.change,) if isinstance(one.change, str) else one.change)
    ]
