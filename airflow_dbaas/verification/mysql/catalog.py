"""What a MySQL or MariaDB database holds: queries on its ``information_schema``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from itertools import chain, takewhile
from typing import Any

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification.kinds import Definition, Definitions, Key
from airflow_dbaas.verification.mysql import spelling
from airflow_dbaas.verification.mysql.sessions import MysqlSession

_SYSTEM = "('information_schema', 'mysql', 'ndbinfo', 'performance_schema', 'sys')"
# Here MariaDB would compare the name of the database without regard to case and accents.
EVENTS = "information_schema.events WHERE event_schema = CAST(DATABASE() AS BINARY)"
_CHARSETS = "character_set_client, collation_connection"
_COMMENT = re.compile(r" COMMENT '(?:[^'\\]|''|\\.)*'")


def databases(session: MysqlSession) -> list[str]:
    """The user's databases."""
    query = f"SELECT schema_name FROM information_schema.schemata WHERE LOWER(schema_name) NOT IN {_SYSTEM} ORDER BY 1"
    return [name for (name,) in session.rows(query)]


def is_empty(session: MysqlSession) -> bool:
    """Whether the database holds no table, view, routine or event."""
    return not any(
        session.rows(f"SELECT 1 FROM information_schema.{kind}s WHERE {kind}_schema = DATABASE() LIMIT 1")
        for kind in ("table", "routine", "event")
    )


def size(session: MysqlSession) -> int:
    """Bytes of the tables and indexes, as the server estimates them."""
    query = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    return int(session.rows(query)[0][0] or 0)


def quoted(name: str) -> str:
    """A name as it stands in a statement."""
    return f"`{name.replace('`', '``')}`"


def objects(session: MysqlSession, *, exact: bool, same_family: bool, event_status: bool) -> Definitions:
    """Definitions of all objects.

    :param exact: both ends are of one release: take definitions as the server writes them.
    :param same_family: neither end is MySQL while the other is MariaDB.
    :param event_status: compare which events are enabled.
    """
    return dict(
        chain(
            _database(session),
            _tables(session, exact=exact),
            _columns(session, exact=exact, same_family=same_family),
            _views(session, exact=exact),
            _indexes(session, exact=exact),
            _foreign_keys(session),
            _checks(session, exact=exact, same_family=same_family),
            _routines(session, exact=exact),
            _triggers(session, exact=exact),
            _events(session, exact=exact, status=event_status),
        )
    )


def statements(session: MysqlSession, tables: Iterable[str]) -> dict[str, str]:
    """What creates each table, in one order of lines and without what is compared by itself or only noted.

    ``information_schema`` does not show all: periods of time, for instance, are only in here. A table that this login
    may not read is left out.
    """
    found = {}
    for table in tables:
        with suppress(DbaasDatabaseError):
            _, *lines = session.rows(f"SHOW CREATE TABLE {quoted(table)}")[0][1].split("\n")
            # Then come the engine, and what is noted.
            body = takewhile(lambda line: not line.startswith(")"), lines)
            found[table] = "\n".join(sorted(_COMMENT.sub("", line).rstrip(",").strip() for line in body))
    return found


def counters(session: MysqlSession) -> dict[str, int]:
    """What ``AUTO_INCREMENT`` gives next, by table."""
    query = """SELECT table_name, auto_increment FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type <> 'SEQUENCE' AND auto_increment IS NOT NULL"""
    return {table: int(number) for table, number in session.rows(query)}


Found = Iterator[tuple[Key, Definition]]


def _database(session: MysqlSession) -> Found:
    comment = "schema_comment" if session.mariadb and session.version >= (10, 5) else "''"
    query = f"""SELECT default_character_set_name, default_collation_name, {comment}
        FROM information_schema.schemata WHERE schema_name = DATABASE()"""
    for charset, collation, remark in session.rows(query):
        definition = {"character set": spelling.charset(charset), "collation": spelling.charset(collation)}
        yield Key("database", ""), {**definition, "comment": remark}


def _tables(session: MysqlSession, *, exact: bool) -> Found:
    partitions: dict[str, list[str]] = defaultdict(list)
    # What rows go where is an expression, too.
    where = "partition_expression, subpartition_expression, partition_description" if exact else "NULL"
    query = f"""SELECT table_name, partition_name, subpartition_name, partition_method, subpartition_method, {where}
        FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL
        ORDER BY table_name, partition_ordinal_position, subpartition_ordinal_position"""
    for table, *partition in session.rows(query):
        partitions[table].append(_words(partition))
    query = """SELECT table_name, table_type, engine, table_collation, create_options, table_comment
        FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type NOT LIKE '%VIEW'"""
    for table, table_type, engine, collation, options, comment in session.rows(query):
        yield (
            Key("sequence" if table_type == "SEQUENCE" else "table", table),
            {
                "type": table_type,
                "engine": engine,
                "collation": spelling.charset(collation),
                "partitions": ", ".join(partitions[table]),
                "options": options if exact else "",
                "comment": comment,
            },
        )


def _columns(session: MysqlSession, *, exact: bool, same_family: bool) -> Found:
    as_sql = session.mariadb and session.version >= (10, 2)
    expression = "generation_expression" if exact else "IF(generation_expression > '', '()', '')"
    systems = _spatial_systems(session)
    query = f"""SELECT table_name, column_name, data_type, column_type, is_nullable, column_default, extra,
        character_set_name, collation_name, {expression}, column_comment
        FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"""
    for table, name, data_type, *shown, generated, comment in session.rows(query):
        kind, nullable, default, extra, charset, collation = shown
        if exact:
            remark = extra
            # As it is shown by MySQL, an empty text would look like none.
            default = default if as_sql or default is None else f"'{default}'"
        else:
            kind, remark = spelling.type_of(kind), spelling.remark(extra)
            default = spelling.default(default, data_type=data_type, extra=extra, as_sql=as_sql)
            default = None if default is None else f"'{default}'"
        charset, collation = spelling.charset(charset), spelling.charset(collation)
        if not same_family and data_type == "json":
            # MariaDB keeps JSON as a text.
            kind, charset, collation = "longtext", "utf8mb4", "utf8mb4_bin"
        yield (
            Key("column", name, table),
            {
                "type": kind,
                "character set": charset,
                "collation": collation,
                "nullable": nullable,
                "default": default,
                "attributes": remark,
                "generated": generated or "",
                "SRID": systems.get((table, name)) if same_family else None,
                "comment": comment,
            },
        )


def _spatial_systems(session: MysqlSession) -> dict[tuple[str, str], str]:
    """The spatial reference systems of columns that have one, by table and column."""
    if session.mariadb:
        query = """SELECT f_table_name, g_geometry_column, srid FROM information_schema.geometry_columns
            WHERE f_table_schema = DATABASE() AND srid <> 0"""
    elif session.version >= (8,):
        query = """SELECT table_name, column_name, srs_id FROM information_schema.columns
            WHERE table_schema = DATABASE() AND srs_id IS NOT NULL"""
    else:
        return {}
    return {(table, column): str(system) for table, column, system in session.rows(query)}


def order_of_columns(definitions: Definitions, both: Set[Key]) -> Definitions:
    """In which order the columns of each table and view come.

    :param definitions: of one end, as ``objects`` gives them.
    :param both: what is there at both ends: one more column does not put the others into another order.
    """
    order: dict[Key, list[str]] = defaultdict(list)
    for key in definitions:
        if key.kind == "column" and key in both:
            order[Key("order of columns", "", key.parent)].append(key.name)
    return {key: {"columns": ", ".join(names)} for key, names in order.items()}


def _views(session: MysqlSession, *, exact: bool) -> Found:
    # The server rewrites what a view is made from. Its columns are compared in any case, as those of tables.
    algorithm = "algorithm" if session.mariadb and exact else "''"
    query = f"""SELECT table_name, view_definition, check_option, security_type, {algorithm}, definer,
        {_CHARSETS} FROM information_schema.views WHERE table_schema = DATABASE()"""
    for view, body, check, security, merging, definer, *charsets in session.rows(query):
        definition = {
            "query": body if exact else "",
            "check option": check,
            "security": security,
            "algorithm": merging,
            "character sets": _charsets(charsets, exact=exact),
            "definer": definer,
        }
        yield Key("view", view), definition if body or not exact else None


def _indexes(session: MysqlSession, *, exact: bool) -> Found:
    expression, ignored = "NULL", "'NO'"
    if session.mariadb:
        if session.version >= (10, 6):
            ignored = "ignored"
    elif session.version >= (8,):
        ignored = "IF(is_visible = 'YES', 'NO', 'YES')"
        if session.version >= (8, 0, 13):
            expression = "expression" if exact else f"IF(expression > '', '{spelling.EXPRESSION}', NULL)"
    query = f"""SELECT table_name, index_name, non_unique, index_type, {ignored}, index_comment, column_name,
        {expression}, sub_part, collation FROM information_schema.statistics WHERE table_schema = DATABASE()
        ORDER BY table_name, index_name, seq_in_index"""
    for key, rows in _grouped(session, "index", query).items():
        not_unique, kind, unused, comment, *_ = rows[0]
        yield (
            key,
            {
                "columns": ", ".join(_words(row[4:]) for row in rows),
                "unique": "no" if int(not_unique) else "yes",
                "type": kind,
                "ignored": unused.lower(),
                "comment": comment,
            },
        )


def _foreign_keys(session: MysqlSession) -> Found:
    # Two words for one thing.
    rules = ", ".join(f"REPLACE(r.{rule}_rule, 'NO ACTION', 'RESTRICT')" for rule in ("update", "delete"))
    query = f"""SELECT k.table_name, k.constraint_name, {rules}, k.referenced_table_schema, k.referenced_table_name,
        k.column_name, k.referenced_column_name
        FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name
            AND r.constraint_name = k.constraint_name
        WHERE k.constraint_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
        ORDER BY k.table_name, k.constraint_name, k.ordinal_position"""
    for key, rows in _grouped(session, "foreign key", query).items():
        on_update, on_delete, schema, table, *_ = rows[0]
        yield (
            key,
            {
                "columns": ", ".join(row[4] for row in rows),
                "referenced": f"{schema}.{table} ({', '.join(row[5] for row in rows)})",
                "on update": on_update,
                "on delete": on_delete,
            },
        )


def _grouped(session: MysqlSession, kind: str, query: str) -> dict[Key, list[list[Any]]]:
    """Parts of tables that rows of a query make up together, which begin with table and name."""
    parts: dict[Key, list[list[Any]]] = defaultdict(list)
    for table, name, *part in session.rows(query):
        parts[Key(kind, name, table)].append(part)
    return parts


def _checks(session: MysqlSession, *, exact: bool, same_family: bool) -> Found:
    if session.mariadb:
        query = """SELECT table_name, constraint_name, check_clause, 'YES'
            FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()"""
    elif session.version >= (8, 0, 16):
        query = """SELECT t.table_name, c.constraint_name, c.check_clause, t.enforced
            FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
            ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
            WHERE c.constraint_schema = DATABASE() AND t.constraint_type = 'CHECK'"""
    else:
        return
    checks = session.rows(query)
    if same_family:
        for table, name, clause, enforced in checks:
            yield Key("check constraint", name, table), {"clause": clause if exact else "", "enforced": enforced}
        return
    # MySQL and MariaDB do not even give them the same names, and MariaDB checks JSON by one.
    count: dict[str, int] = defaultdict(int)
    for table, _, clause, _ in checks:
        count[table] += not clause.startswith("json_valid(")
    for table, number in count.items():
        if number:
            yield Key("check constraints", "", table), {"number": str(number)}


def _routines(session: MysqlSession, *, exact: bool) -> Found:
    parameters: dict[tuple[str, str], list[str]] = defaultdict(list)
    query = """SELECT routine_type, specific_name, parameter_mode, parameter_name, dtd_identifier
        FROM information_schema.parameters WHERE specific_schema = DATABASE()
        ORDER BY routine_type, specific_name, ordinal_position"""
    for kind, name, mode, parameter, data_type in session.rows(query):
        shown = data_type if exact else spelling.type_of(data_type)
        # What a function returns comes first, without a name.
        parameters[kind, name].append(_words([mode or "RETURNS", parameter, shown]))
    query = f"""SELECT routine_type, routine_name, routine_definition, is_deterministic, sql_data_access, security_type,
        {_mode(exact=exact)}, routine_comment, definer, {_CHARSETS}, database_collation
        FROM information_schema.routines WHERE routine_schema = DATABASE()"""
    for kind, name, body, deterministic, access, security, mode, comment, definer, *charsets in session.rows(query):
        definition = {
            "parameters": ", ".join(parameters[kind, name]),
            "body": spelling.body(body or ""),
            "deterministic": deterministic,
            "data access": access,
            "security": security,
            "sql_mode": mode,
            "character sets": _charsets(charsets, exact=exact),
            "comment": comment,
            "definer": definer,
        }
        yield Key(kind.lower(), name), None if body is None else definition


def _triggers(session: MysqlSession, *, exact: bool) -> Found:
    query = f"""SELECT trigger_name, event_object_table, action_statement, action_timing, event_manipulation,
        action_order, {_mode(exact=exact)}, definer, {_CHARSETS}, database_collation
        FROM information_schema.triggers WHERE trigger_schema = DATABASE()"""
    for name, table, body, timing, event, order, mode, definer, *charsets in session.rows(query):
        definition = {
            "event": f"{timing} {event}",
            "body": spelling.body(body or ""),
            "order": str(order),
            "sql_mode": mode,
            "character sets": _charsets(charsets, exact=exact),
            "definer": definer,
        }
        yield Key("trigger", name, table), None if body is None else definition


def _events(session: MysqlSession, *, exact: bool, status: bool) -> Found:
    query = f"""SELECT event_name, status, event_definition, event_type, execute_at, interval_value, interval_field,
        starts, ends, on_completion, time_zone, {_mode(exact=exact)}, event_comment, definer, {_CHARSETS},
        database_collation FROM {EVENTS}"""
    for name, shown, body, *schedule, completion, zone, mode, comment, definer, one, two, three in session.rows(query):
        definition = {
            "status": spelling.event_status(shown) if status else "",
            "body": spelling.body(body or ""),
            "schedule": _words(schedule),
            "on completion": completion,
            "time zone": zone,
            "sql_mode": mode,
            "character sets": _charsets([one, two, three], exact=exact),
            "comment": comment,
            "definer": definer,
        }
        yield Key("event", name), None if body is None else definition


def _mode(*, exact: bool) -> str:
    """The mode that something runs in; each release has words of its own."""
    return "sql_mode" if exact else "''"


def _charsets(names: list[str], *, exact: bool) -> str:
    """Those of the client that made something, which texts in it are read and compared by."""
    return ", ".join(map(spelling.charset, names)) if exact else ""


def _words(parts: Iterable[Any]) -> str:
    return " ".join(str(part) for part in parts if part not in {None, ""})
