"""Replication of a MySQL source that is written to without a pause, from before the copy to after the stop."""

import threading
import time
from contextlib import closing
from functools import partial

import pymysql

from tests.integration.emulator.mysql_ends import Target, rows, run

SECONDS = 30
ROUND = 10
"""Rows written in one transaction."""
PAUSE = 0.02


class Writer(threading.Thread):
    """Inserts, updates and deletes rows of three tables, one of them without a key, until it is told to end."""

    def __init__(self, source) -> None:
        super().__init__()
        self.source = source
        self.rows = 0
        self.committed = 0
        """Number of the last transaction that is certainly in the source."""
        self.failure: Exception | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            with closing(pymysql.connect(**self.source.login("live") | {"autocommit": False})) as connection:
                number = 0
                while not self.ended.wait(PAUSE):
                    number += 1
                    with connection.cursor() as cursor:
                        self.rows += self.write(cursor, number)
                    connection.commit()
                    self.committed = number
        except (pymysql.Error, OSError) as error:
            self.failure = error

    def write(self, cursor, number: int) -> int:
        """One transaction; returns how many rows it inserted, changed and deleted."""
        keys = range(number * ROUND, (number + 1) * ROUND)
        changed = cursor.executemany("INSERT INTO orders VALUES (%s, %s, 0)", [(key, number) for key in keys])
        changed += cursor.executemany("INSERT INTO `lines` VALUES (%s, %s, 'new')", [(key, number) for key in keys])
        changed += cursor.execute("INSERT INTO journal VALUES (%s, 'new'), (%s, 'new')", (number, number))
        changed += cursor.execute("UPDATE orders SET amount = amount + 1 WHERE number = %s", (number // 2,))
        changed += cursor.execute("UPDATE journal SET what = 'old' WHERE number = %s LIMIT 1", (number - 5,))
        changed += cursor.execute("DELETE FROM `lines` WHERE number = %s", (number - 20,))
        changed += cursor.execute("DELETE FROM journal WHERE number = %s", (number - 100,))
        return int(changed)


def test_nothing_written_before_the_stop_is_missing(api, mysql_servers, record_property):
    """Written to during the copy and for 30 s of replication; then the stop, while writing goes on."""
    source = mysql_servers()
    run(
        source,
        "CREATE DATABASE live",
        "USE live",
        "CREATE TABLE orders (id int PRIMARY KEY, number int, amount int, INDEX (number))",
        "CREATE TABLE `lines` (id int, number int, note text, PRIMARY KEY (id, number), INDEX (number))",
        "CREATE TABLE journal (number int, what varchar(10), INDEX (number))",
        # So that the copy takes a while.
        "CREATE TABLE ballast SELECT seq, SHA2(seq, 512) AS text FROM seq_1_to_100000",
        "ALTER TABLE ballast ADD PRIMARY KEY (seq)",
    )
    target, writer = Target(api), Writer(source)
    writer.start()
    begun = time.monotonic()
    try:
        target.start(source, method="replication")
        before_copy = writer.committed
        status = api.migrated(target.name)
        after_copy = writer.committed
        assert (status["status"], status["method"], status["error"]) == ("syncing", "replication", "")
        while time.monotonic() - begun < SECONDS:
            assert target.status()["details"] == [{"dbname": "live", "method": "replication", "status": "syncing"}]
            time.sleep(0.5)
        seconds = time.monotonic() - begun
        written, committed = writer.rows, writer.committed
        # Asked to stop while transactions go on: what was committed until now has to arrive.
        assert target.stop()["state"] == "success"
    finally:
        writer.ended.set()
        writer.join()
    assert writer.failure is None
    assert after_copy > before_copy, "nothing was written during the copy"
    assert written >= 200 * SECONDS
    record_property("rows_per_second", round(written / seconds))
    print(f"{written} rows in {seconds:.0f} s: {written / seconds:.0f} rows/s")

    # Both end with a whole transaction, the target's none earlier than the last one before the stop was asked for.
    ((last,),) = target.rows("SELECT MAX(number) FROM live.orders")
    assert committed <= last <= writer.committed
    for there, end in ((target.rows, last), (partial(rows, source), writer.committed)):
        for table, content in expected(end).items():
            assert sorted(there(f"SELECT * FROM live.`{table}`")) == content, table
    ballast = "CHECKSUM TABLE live.ballast"
    assert target.rows(ballast) == rows(source, ballast)
    target.delete()


def expected(last: int) -> dict[str, list[tuple]]:
    """Rows of the tables after transaction ``last``."""
    numbers = range(1, last + 1)
    keys = {number: range(number * ROUND, (number + 1) * ROUND) for number in numbers}
    return {
        "orders": [(key, n, (2 * n <= last) + (2 * n + 1 <= last)) for n in numbers for key in keys[n]],
        "lines": [(key, n, "new") for n in numbers if n > last - 20 for key in keys[n]],
        "journal": [
            row for n in numbers if n > last - 100 for row in [(n, "new"), (n, "old" if n <= last - 5 else "new")]
        ],
    }
