"""The log of a MariaDB server: where entries begin, and what is hidden of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_dbaas.emulator.mysql.serverlog import ServerLog

#: As MariaDB 10.11 writes it; of an hour before ten the first digit is a blank.
LOG = """\
a line from before the first entry
2026-11-23  9:05:01 0 [Note] /usr/sbin/mariadbd: ready for connections.
Version: '10.11.19-MariaDB-log'  socket: ''  port: 4711  Debian 12
2026-11-23  9:05:01 7 [Warning] Access denied for user 'app'@'127.0.0.1' (using password: YES)
2026-11-23 10:00:00 8 [ERROR] Slave SQL: it is hunter2 that is wrong
"""


def log_of(path: Path, text: str, *secrets: str) -> ServerLog:
    path.write_text(text)
    return ServerLog(path, "mariadb.service", lambda: secrets)


def test_an_entry_is_a_line_with_a_time_and_those_after_it_without(tmp_path):
    """Times are in UTC, stamps rise where several entries share one, and secrets are not shown."""
    log = log_of(tmp_path / "log", LOG, "hunter2", "")
    stamps = list(log.stamps())
    assert stamps == sorted(set(stamps))
    first, second, third = log.entries(0, len(stamps))
    assert first.time == second.time == datetime(2026, 11, 23, 9, 5, 1, tzinfo=UTC)
    assert first.message.startswith("0 [Note] /usr/sbin/mariadbd: ready for connections.\nVersion: '10.11.19")
    assert second.message == "7 [Warning] Access denied for user 'app'@'127.0.0.1' (using password: YES)"
    assert third.message == "8 [ERROR] Slave SQL: it is *** that is wrong"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE USER a IDENTIFIED BY 'sesame'",
        "ALTER USER a IDENTIFIED\nBY 'sesame'",
        "SET PASSWORD FOR a = 'sesame'",
        "INSERT INTO t VALUES ('mysql://u:sesame@h')",
    ],
)
def test_a_statement_that_may_hold_a_password_is_hidden(tmp_path, statement):
    """The whole of it, in whichever entry it is quoted; others are shown."""
    said = "2026-11-23 10:00:00 8 [ERROR] Error 'x' on query. Default database: 'd'. Query: '"
    log = log_of(tmp_path / "log", f"{said}{statement}'\n{said}DROP TABLE t'\n")
    assert len(log.stamps()) == 2
    hidden, shown = log.entries(0, 2)
    assert hidden.message.endswith("Query: (hidden, it may contain a password)")
    assert shown.message.endswith("Query: 'DROP TABLE t'")
