"""How far a comparison has come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_SECONDS_BETWEEN_LINES = 30.0
_MB = 1_000_000

log = logging.getLogger(__name__)


def ignored(_: Progress) -> None:
    """Nobody wants to be told."""


class Progress:
    """Counts tables and bytes; logs a line now and then.

    :param report_to: called whenever a table is done, in any thread.
    """

    def __init__(self, report_to: Callable[[Progress], None] = ignored) -> None:
        self._report_to = report_to
        self._lock = threading.Lock()
        self._began = self._told = time.monotonic()
        self.tables = self.tables_done = 0
        self.bytes = self.bytes_done = 0
        self.rows = 0
        #: Database and name of the table that was done last.
        self.last = ("", "")

    @property
    def seconds(self) -> float:
        """Since the comparison began."""
        return time.monotonic() - self._began

    @property
    def seconds_left(self) -> float | None:
        """As it looks now; None: that cannot be said yet."""
        if not self.bytes_done:
            return None
        return self.seconds * (self.bytes - self.bytes_done) / self.bytes_done

    def expect(self, tables: int, size: int) -> None:
        """Further tables are going to be read."""
        with self._lock:
            self.tables += tables
            self.bytes += size

    def read(self, size: int) -> None:
        """So many bytes of those expected have been read."""
        with self._lock:
            self.bytes_done += size
        self._tell()

    def done(self, database: str, table: str, rows: int) -> None:
        """A table is done."""
        with self._lock:
            self.tables_done += 1
            self.rows += rows
            self.last = (database, table)
        self._report_to(self)

    def _tell(self) -> None:
        with self._lock:
            if time.monotonic() - self._told < _SECONDS_BETWEEN_LINES:
                return
            self._told = time.monotonic()
        log.info("%s", self)

    def __str__(self) -> str:
        left = self.seconds_left
        eta = "" if left is None else f", {duration(left)} left"
        share = 100 * self.bytes_done / self.bytes if self.bytes else 0.0
        return (
            f"Compared {self.tables_done:,} of {self.tables:,} tables, {self.bytes_done / _MB:,.0f} of "
            f"{self.bytes / _MB:,.0f} MB ({share:.0f} %), {self.rows:,} rows, in {duration(self.seconds)}{eta}"
        )


def duration(seconds: float) -> str:
    """A time for people."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
