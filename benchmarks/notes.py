"""What becomes of tasks, as Airflow's metadata database (SQLite) notes it itself, to the millisecond."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_NOTE = """
CREATE TABLE changes (run TEXT, task TEXT, state TEXT, at REAL);
CREATE TRIGGER note AFTER UPDATE OF state ON task_instance WHEN new.state IS NOT old.state BEGIN
    INSERT INTO changes VALUES (new.run_id, new.task_id, new.state, (julianday('now') - 2440587.5) * 86400);
END;
"""


def take(database: str) -> None:
    """Have each change of a task's state noted from now on.

    :param database: SQLAlchemy's URL of the metadata database.
    """
    with closing(_connected(database)) as connection:
        connection.executescript(_NOTE)


def read(database: str, run: str, tasks: str = "%") -> list[tuple[str, str, float]]:
    """Task, state and time of the changes of a run, in order.

    :param database: SQLAlchemy's URL of the metadata database.
    :param run: id of the run.
    :param tasks: the tasks, as SQL's LIKE takes them.
    """
    query = "SELECT task, state, at FROM changes WHERE run = ? AND task LIKE ? ORDER BY at"
    with closing(_connected(database)) as connection:
        return connection.execute(query, (run, tasks)).fetchall()


def count(database: str, state: str) -> int:
    """How many tasks are in a state.

    :param database: SQLAlchemy's URL of the metadata database.
    :param state: the state.
    """
    with closing(_connected(database)) as connection:
        found: int = connection.execute("SELECT count(*) FROM task_instance WHERE state = ?", (state,)).fetchone()[0]
    return found


def _connected(database: str) -> sqlite3.Connection:
    return sqlite3.connect(Path(database.removeprefix("sqlite:///")), timeout=30)
