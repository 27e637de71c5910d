"""Definitions that MySQL 5.7, MySQL 8 and MariaDB write differently read the same."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dbaas.verification.mysql import spelling


@pytest.mark.parametrize(
    ("mysql", "mariadb", "data_type"),
    [
        ({"value": None}, {"value": "NULL"}, "int"),
        ({"value": None}, {"value": None}, "int"),
        ({"value": "1"}, {"value": "1"}, "int"),
        ({"value": "-1.50"}, {"value": "-1.50"}, "decimal"),
        ({"value": ""}, {"value": "''"}, "varchar"),
        ({"value": 'it\'s \\ "x"'}, {"value": "'it''s \\\\ \"x\"'"}, "varchar"),
        ({"value": "NULL"}, {"value": "'NULL'"}, "varchar"),
        ({"value": "2001-01-01"}, {"value": "'2001-01-01'"}, "date"),
        ({"value": "b'101'"}, {"value": "b'101'"}, "bit"),
        ({"value": "CURRENT_TIMESTAMP"}, {"value": "current_timestamp()"}, "timestamp"),
        (
            {"value": "CURRENT_TIMESTAMP(3)", "extra": "DEFAULT_GENERATED"},
            {"value": "current_timestamp(3)"},
            "datetime",
        ),
        ({"value": "uuid()", "extra": "DEFAULT_GENERATED"}, {"value": "uuid()"}, "varchar"),
        (
            {"value": "concat(_utf8mb4\\'a\\',1)", "extra": "DEFAULT_GENERATED"},
            {"value": "concat('a',1)"},
            "varchar",
        ),
    ],
)
def test_defaults(mysql: dict[str, Any], mariadb: dict[str, Any], data_type: str) -> None:
    """MariaDB shows defaults as they are written in SQL, MySQL their values; of expressions it counts that they are."""
    read = [
        spelling.default(**{"extra": "", "data_type": data_type, "as_sql": as_sql, **end})
        for end, as_sql in ((mysql, False), (mariadb, True))
    ]
    assert read[0] == read[1]


@pytest.mark.parametrize(
    ("one", "other", "data_type"),
    [
        ("'1'", "'2'", "varchar"),
        ("''", "NULL", "varchar"),
        ("'NULL'", "NULL", "varchar"),
        ("current_timestamp()", "current_timestamp(3)", "datetime"),
        ("'uuid()'", "uuid()", "varchar"),
    ],
)
def test_other_defaults_stay_different(one: str, other: str, data_type: str) -> None:
    """Only the writing is made the same."""
    read = [spelling.default(value, data_type=data_type, extra="", as_sql=True) for value in (one, other)]
    assert read[0] != read[1]


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("int(11)", "int"),
        ("bigint(20) unsigned", "bigint unsigned"),
        ("tinyint(1)", "tinyint"),
        ("year(4)", "year"),
        ("int(5) unsigned zerofill", "int(5) unsigned zerofill"),
        ("varchar(10)", "varchar(10)"),
        ("point", "point"),
        ("enum('int(3)')", "enum('int(3)')"),
    ],
)
def test_types(shown: str, read: str) -> None:
    """A width goes where it only says how wide a number is shown."""
    assert spelling.type_of(shown) == read


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("BEGIN\n  -- all of them\n  DELETE FROM t; # now\nEND", "BEGIN\n  \n  DELETE FROM t; \nEND", True),
        ("SELECT /* a\nb */ 1 --", "SELECT  1", True),
        ("SELECT 1", "SELECT 11", False),
        ("SELECT 1--1", "SELECT 1", False),
        ("SELECT '/* a */'", "SELECT ''", False),
        ("SELECT 'it\\'s -- a', 1", "SELECT 'it\\'s -- b', 1", False),
        ("SELECT 'it''s  #a'", "SELECT 'it''s #a'", False),
        ('SELECT "#a"', 'SELECT "#b"', False),
        ("SELECT `#a`", "SELECT `#b`", False),
        ("SELECT /*!80000 1 + */ 1", "SELECT 1", False),
        ("SELECT /*M!100100 1 + */ 1", "SELECT 1", False),
        ("SELECT /*+ NO_ICP(t) */ 1", "SELECT 1", False),
    ],
)
def test_bodies(one: str, other: str, same: bool) -> None:
    """Comments and blanks have no effect, unless they are quoted, or are no comments in truth."""
    assert (spelling.body(one) == spelling.body(other)) is same


def test_remarks_and_character_sets() -> None:
    """What else there is that goes by two names."""
    assert spelling.remark("DEFAULT_GENERATED on update CURRENT_TIMESTAMP") == "on update current_timestamp"
    assert spelling.remark("on update current_timestamp()") == "on update current_timestamp"
    assert spelling.remark("on update current_timestamp(3)") == "on update current_timestamp(3)"
    assert spelling.charset("utf8") == spelling.charset("utf8mb3")
    assert spelling.charset("utf8_general_ci") == spelling.charset("utf8mb3_general_ci")
    assert spelling.charset("utf8mb4_general_ci") == "utf8mb4_general_ci"
    assert spelling.event_status("REPLICA_SIDE_DISABLED") == spelling.event_status("SLAVESIDE_DISABLED")
