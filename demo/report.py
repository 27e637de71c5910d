"""The output in the terminal: plain lines during the run, a table at the end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

NARROWEST = 100
GOOD = frozenset({"success", "done", "syncing", "running"})
BAD = frozenset({"failed", "upstream_failed", "error"})


@dataclass(frozen=True)
class DatabaseLine:
    """One line of the closing table."""

    database: str
    method: str
    status: str
    tables: int
    rows: int
    bytes: int
    seconds: float
    differences: int


class Report:
    """Prints lines with the time since the start, and remembers how long each phase took."""

    def __init__(self) -> None:
        # Without a terminal rich assumes 80 columns, which would break addresses.
        self._console = Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console.width = max(self._console.width, NARROWEST)
        self._start = time.monotonic()
        self.phases: list[tuple[str, float]] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def line(self, subject: str, text: str, state: str = "") -> None:
        """One line: subject, text, and the state that determines its colour."""
        style = "green" if state in GOOD else "red" if state in BAD else "dim" if state else ""
        shown = f" [{style}]{escape(state)}[/]" if style else f" {escape(state)}" if state else ""
        self._console.print(f"[dim]{self.elapsed:6.1f} s[/]  [bold]{escape(subject):<9}[/] {escape(text)}{shown}")

    def block(self, title: str, text: str) -> None:
        """A text from elsewhere, unchanged."""
        self._console.print(f"\n[bold red]{escape(title)}[/]")
        self._console.print(text, markup=False)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure the time of a block."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.phases.append((name, time.monotonic() - start))

    def databases(self, lines: Sequence[DatabaseLine]) -> None:
        """The closing table."""
        table = Table(title="\nwhat was moved", title_justify="left")
        for name in ("database", "method", "status"):
            table.add_column(name)
        for name in ("tables", "rows", "bytes", "seconds", "differences"):
            table.add_column(name, justify="right")
        for line in lines:
            style = "green" if line.status in GOOD and not line.differences else "red"
            table.add_row(
                escape(line.database),
                escape(line.method),
                f"[{style}]{escape(line.status)}[/]",
                f"{line.tables:,}",
                f"{line.rows:,}",
                f"{line.bytes:,}",
                f"{line.seconds:.1f}",
                f"[{style}]{line.differences}[/]",
            )
        self._console.print(table)

    def times(self) -> None:
        """How long each phase took, and all of it."""
        phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.phases)
        self._console.print(f"\nrun: {self.elapsed:.1f} s ({escape(phases)})")
