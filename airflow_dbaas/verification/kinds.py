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
            return self.level
        raise KeyError(f"{self.name}: {part}")


_OWNERS = "a migration gives all to the service's administrator, and grants what there are roles for"
_DROPPED = ("owner", "grants")

POSTGRES: tuple[Kind, ...] = (
    Kind(
        "database",
        ("comment",),
        ("collation", "character classes", "encoding", "connection limit", *_DROPPED),
        why="the service creates databases with settings of its own",
    ),
    Kind("settings of the database", ("settings",), why="a dump does not carry ALTER DATABASE … SET: set them again"),
    Kind("settings of a role in the database", (), ("settings",), Level.NOTE, "roles are not migrated"),
    Kind("role", (), ("attributes", "member of", "settings"), Level.NOTE, "roles are not migrated"),
    Kind("schema", ("comment",), _DROPPED, why=_OWNERS),
    Kind("extension", ("schema",), ("version",), why="the service has versions of its own"),
    Kind(
        "table",
        (
            *("form", "persistence", "row security", "forced row security", "replica identity", "partition key"),
            *("inherits", "partition of", "partition bounds", "of type", "server", "foreign options"),
            *("order of columns", "comment", "rows"),
        ),
        ("options", "access method", "tablespace", *_DROPPED),
        why="how a table is stored does not change what it means",
    ),
    Kind(
        "column",
        (
            *("type", "collation", "not null", "default", "identity", "generated", "generated is", "foreign options"),
            "comment",
        ),
        ("options", "storage", "compression", "statistics target", "grants"),
        why="how a column is stored does not change what it means",
    ),
    Kind("view", ("definition", "order of columns", "options", "comment"), _DROPPED, why=_OWNERS),
    Kind(
        "materialized view",
        ("definition", "order of columns", "comment", "filled", "rows"),
        ("options", *_DROPPED, "rows, if it was out of date at the source"),
        why="a restore fills it from the tables as they are",
    ),
    Kind(
        "sequence",
        (
            *("type", "start", "increment", "minimum", "maximum", "cache", "cycle", "persistence", "owned by"),
            *("comment", "position"),
        ),
        _DROPPED,
        why=_OWNERS,
    ),
    Kind(
        "index",
        ("definition", "valid", "ready", "attached to", "replica identity", "comment"),
        ("clustered", "tablespace"),
        why="where an index lies does not change what it means",
    ),
    Kind("constraint", ("definition", "validated", "triggers enabled", "comment")),
    Kind("trigger", ("definition", "enabled", "comment")),
    Kind("rule", ("definition", "enabled", "comment")),
    Kind("policy", ("command", "form", "roles", "using", "check", "comment")),
    Kind("extended statistics", ("definition", "comment"), ("statistics target", "owner"), why=_OWNERS),
    Kind("function", ("definition", "comment"), _DROPPED, why=_OWNERS),
    Kind("procedure", ("definition", "comment"), _DROPPED, why=_OWNERS),
    Kind(
        "aggregate",
        (
            *("form", "returns", "state function", "final function", "combine function", "serialize function"),
            *("deserialize function", "moving state function", "inverse function", "moving final function"),
            *("state", "moving state", "options", "sort operator", "comment"),
        ),
        _DROPPED,
        why=_OWNERS,
    ),
    Kind("operator", ("function", "returns", "commutator", "negator", "options", "comment"), ("owner",), why=_OWNERS),
    Kind("operator class", ("type", "storage", "default", "family", "comment"), ("owner",), why=_OWNERS),
    Kind("operator family", ("operators", "functions", "comment"), ("owner",), why=_OWNERS),
    Kind("cast", ("function", "context", "method", "comment")),
    Kind(
        "type",
        ("form", "base type", "default", "not null", "collation", "labels", "range", "functions", "comment"),
        _DROPPED,
        why=_OWNERS,
    ),
    Kind("composite type", ("order of columns", "comment"), _DROPPED, why=_OWNERS),
    Kind("collation", ("provider", "locale", "deterministic", "rules", "comment"), ("owner",), why=_OWNERS),
    Kind("conversion", ("definition", "comment"), ("owner",), why=_OWNERS),
    Kind("text search configuration", ("parser", "mappings", "comment"), ("owner",), why=_OWNERS),
    Kind("text search dictionary", ("template", "options", "comment"), ("owner",), why=_OWNERS),
    Kind("text search parser", ("comment",)),
    Kind("text search template", ("comment",)),
    Kind("language", ("trusted", "handler", "comment"), _DROPPED, why=_OWNERS),
    Kind("transform", ("from sql", "to sql")),
    Kind("event trigger", ("event", "function", "tags", "enabled", "comment"), ("owner",), why=_OWNERS),
    Kind("foreign data wrapper", ("handler", "validator", "options", "comment"), _DROPPED, why=_OWNERS),
    Kind("foreign server", ("wrapper", "type", "version", "options", "comment"), _DROPPED, why=_OWNERS),
    Kind("user mapping", why="whether it is there; its options hold secrets"),
    Kind("default privileges", (), ("grants",), Level.NOTE, "they belong to roles, which are not migrated"),
    Kind("publication", (), ("tables", "actions"), Level.NOTE, "a migration does not carry them"),
    Kind("large object", ("content",), why="their number, and the content of all of them"),
    Kind("subscription", level=Level.NOT_COMPARED, why="they hold secrets, and a migration does not carry them"),
    Kind("table of an extension", level=Level.NOT_COMPARED, why="the extension makes them"),
    Kind("temporary table", level=Level.NOT_COMPARED, why="they end with their session"),
    Kind("virtual generated column", level=Level.NOT_COMPARED, why="nothing is stored; its expression is compared"),
    Kind("statistics of the planner", level=Level.NOT_COMPARED, why="the service collects its own"),
    Kind("security label", level=Level.NOT_COMPARED, why="the service has no provider of them"),
    Kind("tablespace", level=Level.NOT_COMPARED, why="the service has none"),
)

_NOT_MIGRATED = "users are not migrated, so what they defined belongs to the target's administrator"
MYSQL: tuple[Kind, ...] = (
    Kind("database", ("character set", "collation", "comment")),
    Kind(
        "table",
        ("type", "engine", "collation", "partitions", "statement", "AUTO_INCREMENT", "comment", "rows"),
        ("options", "versions of rows", "FLOAT digits", "AUTO_INCREMENT, if it is ahead of the source's"),
        why="options say how rows are stored; a dump carries neither past versions nor more than six digits of a FLOAT",
    ),
    Kind("sequence", ("type", "engine", "collation", "comment", "position"), ("options",), why="as of tables"),
    Kind(
        "column",
        ("type", "character set", "collation", "nullable", "default", "attributes", "generated", "SRID", "comment"),
    ),
    Kind("order of columns", ("columns",)),
    Kind(
        "view",
        ("query", "check option", "security", "algorithm", "character sets"),
        ("definer",),
        why=_NOT_MIGRATED,
    ),
    Kind("index", ("columns", "unique", "type", "ignored", "comment")),
    Kind("foreign key", ("columns", "referenced", "on update", "on delete")),
    Kind("check constraint", ("clause", "enforced")),
    Kind("check constraints", ("number",), why="between MySQL and MariaDB, which name and write them differently"),
    *(
        Kind(
            name,
            ("parameters", "body", "deterministic", "data access", "security", "sql_mode", "character sets", "comment"),
            ("definer",),
            why=_NOT_MIGRATED,
        )
        for name in ("function", "procedure", "package", "package body")
    ),
    Kind("trigger", ("event", "body", "order", "sql_mode", "character sets"), ("definer",), why=_NOT_MIGRATED),
    Kind(
        "event",
        ("status", "body", "schedule", "on completion", "time zone", "sql_mode", "character sets", "comment"),
        ("definer",),
        why=_NOT_MIGRATED,
    ),
    Kind("user", (), ("privileges",), Level.NOTE, "users are not migrated"),
    Kind("password", level=Level.NOT_COMPARED, why="users are not migrated"),
    Kind("privilege on a single routine", level=Level.NOT_COMPARED, why="users are not migrated"),
    Kind("server setting", level=Level.NOT_COMPARED, why="the service has its own"),
    Kind("plugin or loadable function", level=Level.NOT_COMPARED, why="the service has its own"),
    Kind("statistics and histograms", level=Level.NOT_COMPARED, why="each server collects its own"),
    Kind("past version of a row", level=Level.NOT_COMPARED, why="a dump does not carry them; their number is noted"),
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
