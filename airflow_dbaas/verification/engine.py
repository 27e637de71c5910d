"""What a kind of server has to offer so that two of its kind can be compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from airflow_dbaas.verification.connections import Server, Session
from airflow_dbaas.verification.kinds import Definitions, Key, Kind
from airflow_dbaas.verification.report import Level, Report, both

SessionT = TypeVar("SessionT", bound=Session)
FoundT = TypeVar("FoundT")

#: How deep rows are compared: a checksum of each, of a sample of them, or only their number.
Content = Literal["all", "sample", "count"]


MISSING = "missing in the target"
IN_TARGET_ONLY = "in the target only"


@dataclass(frozen=True)
class Entry:
    """A database in a server's list.

    :param name: its name.
    :param hidden: why this login cannot compare it; empty if it can.
    """

    name: str
    hidden: str = ""


@dataclass(frozen=True)
class Digest:
    """The rows of a table, or of a part of it. Those of parts add up to that of the table.

    :param rows: their number.
    :param sums: sums of their hashes; empty if they were only counted.
    :param hashed: how many of them are in the sums.
    """

    rows: int
    sums: tuple[int, ...] = ()
    hashed: int = 0

    def __add__(self, other: Digest) -> Digest:
        sums = tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)) if self.sums and other.sums else ()
        return Digest(self.rows + other.rows, sums or self.sums or other.sums, self.hashed + other.hashed)

    def __str__(self) -> str:
        return ":".join(f"{one & (1 << 128) - 1:x}" for one in self.sums)


@dataclass(frozen=True)
class Table:
    """A table at one end.

    :param bytes: to read, as the server estimates them.
    :param parts: what can be read apart, at the same time; each end has its own. None is the whole table.
    """

    bytes: int = 0
    parts: tuple[Any, ...] = (None,)


class Pair(ABC, Generic[SessionT]):
    """One database at both ends, each as it was at one moment.

    :param dbname: its name.
    :param source: session at the source.
    :param target: session in the target.
    :param replicating: replication goes on: what it leaves out is not compared.
    """

    #: What is compared, and how much a difference weighs.
    kinds: ClassVar[tuple[Kind, ...]]
    #: Opens a session: server, name of the database or None for the server's own.
    session: ClassVar[Callable[..., AbstractContextManager[Any]]]
    #: Databases that every server has; an empty one is nobody's.
    everywhere: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, dbname: str, source: SessionT, target: SessionT, *, replicating: bool) -> None:
        self.dbname = dbname
        self.source = source
        self.target = target
        self.replicating = replicating

    # What there is on a server.

    @staticmethod
    @abstractmethod
    def databases(session: Any) -> list[Entry]:
        """The user's databases of a server, also those that this login cannot compare."""

    @staticmethod
    @abstractmethod
    def is_empty(session: Any) -> bool:
        """Whether a database holds nothing of the user's."""

    @staticmethod
    @abstractmethod
    def size(session: Any) -> int:
        """Bytes of a database: of the user's tables and indexes."""

    @staticmethod
    def parallel(session: Any) -> int:
        """How many tables may be read at once without taking the server from others."""
        return 2

    @classmethod
    def compare_servers(cls, source: Any, target: Any, report: Report, *, replicating: bool) -> None:
        """Compare what belongs to no database, such as roles; nothing by default."""

    # One database. Sessions of readers see it as the pair's own sessions do.

    @staticmethod
    def snapshot(session: Any) -> Any:
        """What ``join`` takes for another session to see what this one sees."""
        return None

    @classmethod
    def join(cls, server: Server, dbname: str, snapshot: Any) -> AbstractContextManager[SessionT]:
        """A further session that sees what another one sees."""
        opened: AbstractContextManager[SessionT] = cls.session(server, dbname)
        return opened

    @abstractmethod
    def tables(self, report: Report) -> dict[str, tuple[Table, Table]]:
        """Whatever holds rows at both ends, by name. What cannot be compared is told to the report."""

    @abstractmethod
    def digest(self, session: SessionT, table: str, *, part: Any, content: Content) -> Digest:
        """The rows of a table, or of a part of it. Called in several threads at once."""

    def look_closer(self, report: Report, tables: Collection[str]) -> None:
        """Note what is different about tables whose digests are equal; nothing by default."""

    def differing_rows(self, table: str, *, show_values: bool) -> str:
        """Which rows of a table differ, in words; nothing if that cannot be said."""
        return ""

    def fingerprint(self, session: SessionT, table: str) -> str | None:
        """What ``unchanged`` needs to tell later whether a table was written to; None: that cannot be told."""
        return None

    def unchanged(self, session: SessionT, table: str, fingerprint: str, rows: int) -> bool:
        """Whether nothing was written to a table since its fingerprint was taken. Called in several threads at once.

        :param rows: that it had.
        """
        return False

    def explain(self, table: str, in_target: Digest) -> str:
        """Why a table may differ all the same, in words; empty: it may not."""
        return ""

    def kind_of(self, table: str) -> str:
        """What kind of object holds the rows."""
        return "table"

    def rule(self, content: Content) -> str:
        """How rows are compared, in words."""
        return {"all": "all rows", "sample": "a sample of the rows", "count": "the number of rows"}[content]

    def compare_what_is_left_out(self, report: Report) -> None:
        """Compare what replication leaves out; nothing by default."""

    @abstractmethod
    def compare_objects(self, report: Report) -> None:
        """Compare definitions."""

    def compare_definitions(self, report: Report, wanted: Definitions, found: Definitions) -> None:
        """Report where definitions at the source and in the target differ."""
        for level, key, message in unequal(self.kinds, wanted, found):
            report.add(level, self.dbname, key.kind, key.label, message)

    def at_both(self, read: Callable[[SessionT], FoundT]) -> tuple[FoundT, FoundT]:
        """What there is to read at the source and in the target, read at the same time."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            ends = [pool.submit(read, end) for end in (self.source, self.target)]
            return ends[0].result(), ends[1].result()


def unequal(kinds: tuple[Kind, ...], wanted: Definitions, found: Definitions) -> Iterator[tuple[Level, Key, str]]:
    """Where definitions at the source and in the target differ, how much that weighs, and what differs."""
    by_name = {kind.name: kind for kind in kinds}
    for key in sorted(wanted.keys() | found.keys()):
        for level, message in _unequal(by_name[key.kind], key, wanted, found):
            yield level, key, message


def _unequal(kind: Kind, key: Key, wanted: Definitions, found: Definitions) -> list[tuple[Level, str]]:
    """What differs, and how much that weighs: at most one message for each level."""
    if key not in found:
        return [(kind.level, MISSING)]
    if key not in wanted:
        return [(kind.level, IN_TARGET_ONLY)]
    at_source, in_target = wanted[key], found[key]
    for definition, where in ((at_source, "at the source"), (in_target, "in the target")):
        if definition is None:
            return [(Level.DIFFERENCE, f"cannot be compared: the login {where} may not read its definition")]
    assert at_source is not None and in_target is not None  # noqa: PT018, S101 - as just seen
    by_level: dict[Level, list[str]] = {}
    for part in {**at_source, **in_target}:
        if (one := at_source.get(part)) != (other := in_target.get(part)):
            by_level.setdefault(kind.level_of(part), []).append(f"{part}: {both(one, other)}")
    return [(level, _first(messages)) for level, messages in by_level.items()]


def _first(messages: list[str]) -> str:
    if len(messages) == 1:
        return messages[0]
    others = ", ".join(message.partition(":")[0] for message in messages[1:])
    return f"{messages[0]}; also differing: {others}"
