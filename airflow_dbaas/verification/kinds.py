"""Which kinds of object are compared, and how much a difference weighs: the one table of it.

The page "What verification compares" has its tables from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from airflow_dbaas.verification.report import Level


class Key(NamedTuple):
    """What an object is called."""

    kind: str
    name: str
    #: The table, or whatever else it is a part of.
    parent: str = ""

    @property
    def label(self) -> str:
        """The name, with what the object is a part of."""
        return " ".join(filter(None, (self.name, self.parent and f"of {self.parent}")))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.label)))


#: What an object is made of, by part; None: it is there, and its definition cannot be read.
Definition = Mapping[str, str | None] | None
Definitions = dict[Key, Definition]


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    :param name: in words, as findings name it.
    :param parts: what of its definition makes a difference.
    :param notes: what of it is only noted.
    :param level: how much it weighs if such an object is at one end only.
    :param why: for notes and what is not compared: the reason.
    """

    name: str
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    level: Level = Level.DIFFERENCE
    why: str = ""

    def level_of(self, part: str) -> Level:
        """How much a difference in one part weighs."""
        if part in self.notes:
            return Level.NOTE
        if part in self.parts:
            return Level.DIFFERENCE if self.level is Level.DIFFERENCE else self.level
        raise KeyError(f"{self.name}: {part}")


POSTGRES: tuple[Kind, ...] = (
    Kind("table", ("definition",)),
    Kind("view", ("definition",)),
    Kind("index", ("definition",)),
    Kind("function", ("definition",)),
    Kind("trigger", ("definition",)),
    Kind("constraint", ("definition",)),
    Kind("type", ("definition",)),
    Kind("composite type", ("definition",)),
    Kind("sequence", ("definition", "position")),
    Kind("extension"),
    Kind("large objects:"),
)

_NOT_MIGRATED = "users are not migrated, so what they defined belongs to the target's administrator"
_COMMENT = "comments change nothing"
MYSQL: tuple[Kind, ...] = (
    Kind("database", ("character set", "collation"), ("comment",), why=_COMMENT),
    Kind(
        "table",
        ("type", "engine", "collation", "partitions", "statement", "AUTO_INCREMENT", "rows"),
        ("options", "comment", "versions of rows", "FLOAT digits"),
        why="options say how rows are stored; a dump carries neither history nor more than six digits of a FLOAT",
    ),
    Kind("sequence", ("type", "engine", "collation", "partitions"), ("options", "comment"), why=_COMMENT),
    Kind(
        "column",
        ("type", "character set", "collation", "nullable", "default", "attributes", "generated", "SRID"),
        ("comment",),
        why=_COMMENT,
    ),
    Kind("order of columns", ("columns",)),
    Kind(
        "view",
        ("query", "check option", "security", "algorithm", "character sets"),
        ("definer",),
        why=_NOT_MIGRATED,
    ),
    Kind("index", ("columns", "unique", "type", "ignored"), ("comment",), why=_COMMENT),
    Kind("foreign key", ("columns", "referenced", "on update", "on delete")),
    Kind("check constraint", ("clause", "enforced")),
    Kind("check constraints", ("number",)),
    *(
        Kind(
            name,
            ("parameters", "body", "deterministic", "data access", "security", "sql_mode", "character sets"),
            ("comment", "definer"),
            why=_NOT_MIGRATED,
        )
        for name in ("function", "procedure", "package", "package body")
    ),
    Kind("trigger", ("event", "body", "order", "sql_mode", "character sets"), ("definer",), why=_NOT_MIGRATED),
    Kind(
        "event",
        ("status", "body", "schedule", "on completion", "time zone", "sql_mode", "character sets"),
        ("comment", "definer"),
        why=_NOT_MIGRATED,
    ),
    Kind("user", notes=("privileges",), level=Level.NOTE, why="users and their privileges are not migrated"),
    Kind("password", level=Level.NOT_COMPARED, why="users are not migrated"),
    Kind("server setting", level=Level.NOT_COMPARED, why="the service has its own"),
    Kind("plugin and loadable function", level=Level.NOT_COMPARED, why="the service has its own"),
    Kind("statistics and histogram", level=Level.NOT_COMPARED, why="each server collects its own"),
    Kind("past version of a row", level=Level.NOT_COMPARED, why="history is not migrated; how much there is, is noted"),
)


def markdown(kinds: tuple[Kind, ...]) -> Iterator[str]:
    """The table as the documentation has it, line by line."""
    yield "| kind | a difference | a note | why |"
    yield "|---|---|---|---|"
    for kind in kinds:
        if kind.level is Level.NOT_COMPARED:
            yield f"| {kind.name} | not compared | | {kind.why} |"
            continue
        there = "that it is there"
        parts = [*([there] if kind.level is Level.DIFFERENCE else []), *kind.parts]
        notes = [*([there] if kind.level is Level.NOTE else []), *kind.notes]
        yield f"| {kind.name} | {', '.join(parts)} | {', '.join(notes)} | {kind.why} |"
