"""How servers write definitions, brought to one way of writing where the two ends are of different releases.

MySQL 5.7, MySQL 8 and MariaDB show the same column in different words: ``int`` or ``int(11)``, ``x`` or ``'x'``,
``CURRENT_TIMESTAMP`` or ``current_timestamp()``. Expressions each rewrites in its own way, so between releases it only
counts that there is one. Only ``charset`` and ``body`` are for equal releases, too.
"""

from __future__ import annotations

import re

#: What stands for any expression.
EXPRESSION = "(an expression)"

_WIDTH = re.compile(r"^(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)")
_NOW = re.compile(r"(?:current_timestamp|now|localtimestamp|localtime)(?:\((\d*)\))?", re.IGNORECASE)
_PLAIN = re.compile(r"-?[0-9.]+(?:e[+-]?[0-9]+)?|[bx]'[0-9a-f]*'|0x[0-9a-f]+", re.IGNORECASE)
_OLD_UTF8 = re.compile(r"\butf8(?=_|\b)")

# Of a statement: what is quoted, what is a comment and has no effect, and blanks.
_QUOTED_OR_EMPTY = re.compile(
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)|(?:/\*(?!M?!|\+).*?\*/|--(?=\s|$)[^\n]*|\#[^\n]*|\s+)+""",
    re.DOTALL,
)


def charset(name: str | None) -> str:
    """A character set or collation: ``utf8`` has been called ``utf8mb3`` by newer servers."""
    return _OLD_UTF8.sub("utf8mb3", name or "")


def type_of(text: str) -> str:
    """A type without the display width of integers, which means nothing unless it is filled up with zeros."""
    return text if "zerofill" in text else _WIDTH.sub(r"\1", text)


def default(value: str | None, *, data_type: str, extra: str, as_sql: bool) -> str | None:
    """A column's default.

    :param value: as the server shows it.
    :param data_type: of the column.
    :param extra: what else the server says of the column.
    :param as_sql: whether the server shows it as it would be written in SQL, as MariaDB does since 10.2.
    """
    if value is None or (as_sql and value == "NULL"):
        return None
    now = _NOW.fullmatch(value)
    if now and data_type in {"timestamp", "datetime"}:
        return f"current_timestamp({now[1] or ''})"
    if as_sql and value.startswith("'"):
        return re.sub(r"\\(.)|'(')", lambda found: found[1] or found[2], value[1:-1])
    if "DEFAULT_GENERATED" in extra or (as_sql and not _PLAIN.fullmatch(value)):
        return EXPRESSION
    return value


def remark(text: str) -> str:
    """What else is said of a column, such as ``auto_increment``."""
    words = text.lower().replace("default_generated", "").replace("current_timestamp()", "current_timestamp")
    return " ".join(words.split())


def body(text: str) -> str:
    """What a routine, trigger or event does, without comments: the client program that loads a dump may drop them."""
    return _QUOTED_OR_EMPTY.sub(lambda found: found[1] or " ", text).strip()


def event_status(status: str) -> str:
    """``DISABLED`` may be so for a replica only, which newer servers call by another name."""
    return status.replace("REPLICA_SIDE", "SLAVESIDE")
