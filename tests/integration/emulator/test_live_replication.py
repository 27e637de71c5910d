"""Replication from a source that is written to all the while: during the copy, after it, and while it is stopped."""

import secrets
import threading
import time
from collections import Counter
from contextlib import closing

import psycopg
import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.emulator.conftest import eventually, execute, query, source_of

SECONDS = 30
ROWS_A_SECOND = 200
SEEDED = 60_000

SCHEMA = f"""
CREATE TABLE orders (id int PRIMARY KEY, amount int NOT NULL, payload text NOT NULL);
-- Out of line and not compressed: what an update leaves alone is not sent again.
ALTER TABLE orders ALTER payload SET STORAGE EXTERNAL;
CREATE TABLE lines (id int, line int, note text, PRIMARY KEY (id, line));
CREATE TABLE journal (n int, note text);
INSERT INTO orders SELECT -i, i, md5(i::text) FROM generate_series(1, {SEEDED}) AS i;
INSERT INTO journal SELECT -i, 'seed' FROM generate_series(1, 200) AS i;
"""


class Rows:
    """What the three tables hold after so many of the writer's transactions."""

    def __init__(self, source: PostgresServer, dbname: str) -> None:
        self.orders = query(source, dbname, "SELECT * FROM orders")
        self.journal = Counter(query(source, dbname, "SELECT * FROM journal"))

    def replay(self, transactions: int) -> list[Counter]:
        """The tables' rows, each with how many times it is there."""
        orders = {row[0]: row for row in self.orders}
        lines: dict[tuple[int, int], str] = {}
        journal = self.journal.copy()
        for n in range(1, transactions + 1):
            orders |= {3 * n + i: (3 * n + i, n, payload(n)) for i in range(3)}
            if (changed := 3 * (n // 2)) in orders:
                orders[changed] = (changed, orders[changed][1] + 1, orders[changed][2])
            if n > 20:
                del orders[3 * (n - 20) + 1]
            lines[n, 1] = "new"
            if n > 3:
                lines[n - 3, 1001] = lines.pop((n - 3, 1))
            journal[n, "new"] = 2
            if n > 5:
                journal[n - 5, "changed"] = journal.pop((n - 5, "new"))
            if n > 40:
                del journal[n - 40, "changed"]
        return [Counter(orders.values()), Counter((*key, note) for key, note in lines.items()), journal]


def payload(n: int) -> str:
    return f"{n:08}" * 300


def content(connection: psycopg.Connection) -> list[Counter]:
    """All rows of the three tables as they are in a database."""
    return [
        Counter(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in ("orders", "lines", "journal")
    ]


def differences(some: list[Counter], other: list[Counter]) -> list[tuple[Counter, Counter]]:
    """Rows of each table that only one side has, or has more often."""
    return [(one - two, two - one) for one, two in zip(some, other, strict=True)]


NONE = 3 * [(Counter(), Counter())]


class Writer(threading.Thread):
    """Goes on inserting, updating and deleting until told to end, and remembers what was committed."""

    def __init__(self, source: PostgresServer, dbname: str) -> None:
        super().__init__()
        self.dbname = dbname
        self.seed = Rows(source, dbname)
        self._conninfo = source.conninfo(dbname)
        self._end = threading.Event()
        self.transactions = 0
        """Number of the last transaction whose commit has returned."""
        self.rows = 0
        self.began = self.ended = 0.0

    def run(self) -> None:
        with closing(psycopg.connect(self._conninfo)) as connection:
            self.began = time.monotonic()
            while not self._end.wait(0.01):
                n = self.transactions + 1
                rows = self._write(connection, n)
                connection.commit()
                self.transactions, self.rows = n, self.rows + rows
            self.ended = time.monotonic()

    def _write(self, connection: psycopg.Connection, n: int) -> int:
        """Rows that transaction ``n`` changes; ``Rows.replay`` says the same in Python."""
        statements = [
            ("INSERT INTO orders SELECT 3 * %s + i, %s, %s FROM generate_series(0, 2) AS i", (n, n, payload(n))),
            ("UPDATE orders SET amount = amount + 1 WHERE id = %s", (3 * (n // 2),)),
            ("INSERT INTO lines VALUES (%s, 1, 'new')", (n,)),
            # A key that changes, and a table without one, whose rows are there twice.
            ("UPDATE lines SET line = 1001 WHERE id = %s AND line = 1", (n - 3,)),
            ("INSERT INTO journal VALUES (%s, 'new'), (%s, 'new')", (n, n)),
        ]
        if n > 5:
            statements.append(("UPDATE journal SET note = 'changed' WHERE n = %s", (n - 5,)))
        if n > 20:
            statements.append(("DELETE FROM orders WHERE id = %s", (3 * (n - 20) + 1,)))
        if n > 40:
            statements.append(("DELETE FROM journal WHERE n = %s", (n - 40,)))
        return sum(connection.execute(*statement).rowcount for statement in statements)

    def end(self) -> None:
        """End after the transaction under way."""
        self._end.set()
        self.join()

    @property
    def rate(self) -> float:
        """Rows a second, once it has ended."""
        return self.rows / (self.ended - self.began)


@pytest.fixture(scope="module")
def service(api):
    """The target: PostgreSQL 17."""
    return api.service()


@pytest.fixture
def writer(postgres_source):
    """Writes to a database of its own at the source."""
    dbname = f"d_{secrets.token_hex(4)}"
    execute(postgres_source, "postgres", f"CREATE DATABASE {dbname}")
    execute(postgres_source, dbname, *filter(None, map(str.strip, SCHEMA.split(";\n"))))
    made = Writer(postgres_source, dbname)
    made.start()
    yield made
    made.end()


def follow(api, service, source, writer) -> dict[str, int]:
    """Start replicating the writer's database; the statuses until it follows, with the writer's rows at each."""
    names = query(source, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate")
    others = ",".join(name for (name,) in names if name != writer.dbname)
    eventually(lambda: writer.transactions, lambda count: count > 10)
    migration = source_of(source, **{"method": "replication", "ignore-dbs": others})
    api.ok("PUT", f"/dbaas-postgres/{service}", {"migration": migration})
    seen: dict[str, int] = {}

    def status() -> str:
        found = api.ok("GET", f"/dbaas-migration-status/{service}")
        assert found["error"] == "", found
        seen.setdefault(found["status"], writer.rows)
        return found["status"]

    eventually(status, lambda found: found == "syncing")
    return seen


@pytest.mark.extended
def test_half_a_minute_of_writes_is_replicated_row_by_row(api, service, postgres_source, writer, record_property):
    """200 rows a second for 30 seconds, from before the copy until the stop; then both ends hold the same rows."""
    seen = follow(api, service, postgres_source, writer)
    assert list(seen) == ["running", "syncing"]
    assert 0 < seen["running"] < seen["syncing"], "nothing was written during the copy"
    copied = writer.rows
    eventually(
        lambda: (time.monotonic() - writer.began, writer.rows),
        lambda found: found[0] >= SECONDS and found[1] >= SECONDS * ROWS_A_SECOND,
        seconds=4 * SECONDS,
    )
    assert writer.rows > copied
    assert api.ok("GET", f"/dbaas-migration-status/{service}")["status"] == "syncing"
    writer.end()
    # At once, while the last of it is still on its way.
    assert api.stop(service)["state"] == "success"
    record_property("rows", writer.rows)
    record_property("rows_per_second", round(writer.rate))
    print(f"{writer.rows} rows in {writer.transactions} transactions, {writer.rate:.0f} rows/s")
    assert writer.rows >= SECONDS * ROWS_A_SECOND

    with (
        closing(psycopg.connect(postgres_source.conninfo(writer.dbname))) as source,
        closing(api.connect(service, writer.dbname)) as target,
    ):
        recorded, at_source, in_target = writer.seed.replay(writer.transactions), content(source), content(target)
    assert differences(at_source, recorded) == NONE
    assert differences(at_source, in_target) == NONE
    assert sum(at_source[0].values()) > SEEDED


def test_what_was_committed_before_a_stop_is_there_while_writes_go_on(api, service, postgres_source, writer):
    """The target ends at one transaction of the source, not before the last one committed when the stop was called."""
    follow(api, service, postgres_source, writer)
    begun = writer.transactions
    eventually(lambda: writer.transactions, lambda count: count > begun + 100)
    before = writer.transactions
    operation = api.ok("POST", f"/dbaas-postgres/{service}/migration/stop")
    assert api.finish(operation)["state"] == "success"
    during = writer.transactions
    # The source is as usable as before: nothing is published any more.
    eventually(lambda: writer.transactions, lambda count: count > during + 20)
    writer.end()
    assert before < during

    with closing(api.connect(service, writer.dbname)) as target:
        (reached,) = target.execute("SELECT max(n) FROM journal").fetchone()
        assert before <= reached <= during
        assert differences(content(target), writer.seed.replay(reached)) == NONE
    with closing(psycopg.connect(postgres_source.conninfo(writer.dbname))) as source:
        assert differences(content(source), writer.seed.replay(writer.transactions)) == NONE
        left = "SELECT (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_replication_slots), relreplident"
        assert source.execute(f"{left} FROM pg_class WHERE relname = 'journal'").fetchone() == (0, 0, "d")


def test_a_stop_of_a_replication_that_is_down_says_that_changes_may_be_missing(api, service, postgres_source):
    """Somebody wrote to the target, and the source's rows no longer fit in: it ends, but not as a success."""
    dbname = "in_conflict"
    execute(postgres_source, "postgres", f"CREATE DATABASE {dbname}")
    execute(postgres_source, dbname, "CREATE TABLE t (a int PRIMARY KEY)")
    names = query(postgres_source, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate")
    ignored = ",".join(name for (name,) in names if name != dbname)
    assert api.migrate(service, **source_of(postgres_source, **{"ignore-dbs": ignored}))["status"] == "syncing"
    with closing(api.connect(service, dbname)) as target:
        target.execute("INSERT INTO t VALUES (1)")
    execute(postgres_source, dbname, "INSERT INTO t VALUES (1), (2)")
    path = f"/dbaas-migration-status/{service}"
    failed = eventually(lambda: api.ok("GET", path), lambda found: found["status"] == "failed")
    assert "duplicate key" in failed["details"][0]["error"]
    stopped = api.stop(service)
    assert (stopped["state"], stopped["reason"]) == ("failure", "partial")
    assert stopped["message"].startswith(
        f"Migration stopped, but the target may lack changes of the source: database '{dbname}' of the target is at "
    )
    assert "duplicate key" in stopped["message"]
    api.refused(404, "GET", path)
    assert query(postgres_source, dbname, "SELECT slot_name FROM pg_replication_slots") == []
