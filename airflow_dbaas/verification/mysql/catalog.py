"""What a MySQL or MariaDB database holds: queries on its ``information_schema``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set
from typing import Any

from airflow_dbaas.verification.engine import Digest
from airflow_dbaas.verification.kinds import Definitions, Key
from airflow_dbaas.verification.mysql import spelling
from airflow_dbaas.verification.mysql.sessions import MysqlSession

_SYSTEM = "('information_schema', 'mysql', 'ndbinfo', 'performance_schema', 'sys')"
# Here MariaDB would compare the name of the database without regard to case and accents.
EVENTS = "information_schema.events WHERE event_schema = CAST(DATABASE() AS BINARY)"
# What reads the same in every version, and is short.
_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}
_READABLE = _INTEGERS | {"decimal", "float", "double", "date", "time", "datetime", "timestamp", "year"}


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


def columns(session: MysqlSession) -> dict[str, dict[str, str]]:
    """The type of each column that stores something of its own, by table (or sequence) and name; not of views."""
    # Joined by the server, a table would be found together with a view whose name differs in case or accents.
    query = """SELECT table_name FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')"""
    found: dict[str, dict[str, str]] = {table: {} for (table,) in session.rows(query)}
    query = """SELECT table_name, column_name, data_type, extra FROM information_schema.columns
        WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"""
    for table, name, data_type, extra in session.rows(query):
        if table in found and " GENERATED" not in extra.upper():
            found[table][name] = data_type.lower()
    return found


def digest(session: MysqlSession, table: str, columns: dict[str, str], *, content: bool) -> Digest:
    """Number of rows and, with ``content``, a checksum that does not depend on their order.

    :param table: its name.
    :param columns: the columns to read, with their types.
    """
    rows = f"FROM {quoted(table)}"
    if not content or not columns:
        return Digest(session.rows(f"SELECT COUNT(*) {rows}")[0][0])
    # No value reads as "-" or has a comma in it, so what is NULL and where a value ends is clear.
    values = ", ".join(f"IFNULL({_readable(name, data_type)}, '-')" for name, data_type in columns.items())
    # MD5 is there in every version, and 128 bits summed in halves let no accident through.
    half = "SUM(CAST(CONV(SUBSTRING(h, {start}, 16), 16, 10) AS UNSIGNED))"
    query = f"""SELECT COUNT(*), {half.format(start=1)}, {half.format(start=17)}
        FROM (SELECT MD5(CONCAT_WS(',', {values})) AS h {rows}) hashes"""
    count, *sums = session.rows(query)[0]
    return Digest(count, tuple(int(half or 0) for half in sums), count)


def _readable(name: str, data_type: str) -> str:
    """A value as a short text: numbers and times as they read, anything else as a hash of its bytes.

    A FLOAT is shown with six digits by every server, and that is what a dump carries.
    """
    if data_type == "bit":
        return f"CONCAT({quoted(name)} + 0)"
    return f"CONCAT({quoted(name)})" if data_type in _READABLE else f"MD5({quoted(name)})"


def quoted(name: str) -> str:
    """A name as it stands in a statement."""
    return f"`{name.replace('`', '``')}`"


def objects(session: MysqlSession, *, exact: bool, same_family: bool, event_status: bool) -> Definitions:
    """Definitions of all objects.

    :param exact: both ends are of one release: take definitions as the server writes them.
    :param same_family: neither end is MySQL while the other is MariaDB.
    :param event_status: compare which events are enabled.
    """
    found: Definitions = {}
    for key, definition in (
        *_database(session),
        *_tables(session, exact=exact),
        *_columns(session, exact=exact, same_family=same_family),
        *_views(session, exact=exact),
        *_indexes(session, exact=exact),
        *_foreign_keys(session),
        *_checks(session, exact=exact, same_family=same_family),
        *_routines(session, exact=exact),
        *_triggers(session, exact=exact),
        *_events(session, exact=exact, status=event_status),
    ):
        found[key] = None if definition is None else {"definition": definition}
    return found


Found = Iterator[tuple[Key, str | None]]


def _database(session: MysqlSession) -> Found:
    query = """SELECT schema_name, default_character_set_name, default_collation_name
        FROM information_schema.schemata WHERE schema_name = DATABASE()"""
    for name, *charsets in session.rows(query):
        yield Key("database", name), _text(map(spelling.charset, charsets))


def _tables(session: MysqlSession, *, exact: bool) -> Found:
    partitions: dict[str, list[str]] = defaultdict(list)
    # What rows go where is an expression, too.
    where = "partition_expression, subpartition_expression, partition_description" if exact else "NULL"
    query = f"""SELECT table_name, partition_name, subpartition_name, partition_method, subpartition_method, {where}
        FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL
        ORDER BY table_name, partition_ordinal_position, subpartition_ordinal_position"""
    for table, *partition in session.rows(query):
        partitions[table].append(_text(partition))
    query = """SELECT table_name, table_type, engine, table_collation, table_comment FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type NOT LIKE '%VIEW'"""
    for table, table_type, engine, collation, comment in session.rows(query):
        kind = "sequence" if table_type == "SEQUENCE" else "table"
        yield Key(kind, table), _text([table_type, engine, spelling.charset(collation), comment, *partitions[table]])


def _columns(session: MysqlSession, *, exact: bool, same_family: bool) -> Found:
    as_sql = session.mariadb and session.version >= (10, 2)
    expression = "generation_expression" if exact else "IF(generation_expression > '', '()', '')"
    query = f"""SELECT table_name, column_name, data_type, column_type, is_nullable, column_default, extra,
        character_set_name, collation_name, {expression}, column_comment
        FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"""
    for table, name, data_type, shown, nullable, shown_default, extra, charset, collation, *others in session.rows(
        query
    ):
        kind = [shown, spelling.charset(charset), spelling.charset(collation)]
        remark, default = extra, shown_default
        if not exact:
            kind[0], remark = spelling.type_of(shown), spelling.remark(extra)
            default = spelling.default(shown_default, data_type=data_type, extra=extra, as_sql=as_sql)
        if not same_family and data_type == "json":
            # MariaDB keeps JSON as a text.
            kind = ["longtext", "utf8mb4", "utf8mb4_bin"]
        yield Key("column", name, table), _text([*kind, nullable, default, remark, *others])


def order_of_columns(definitions: Definitions, both: Set[Key]) -> Definitions:
    """In which order the columns of each table and view come.

    :param definitions: of one end, as ``objects`` gives them.
    :param both: what is there at both ends: one more column does not put the others into another order.
    """
    order: dict[Key, list[str]] = defaultdict(list)
    for key in definitions:
        if key.kind == "column" and key in both:
            order[Key("order of columns", "", key.parent)].append(key.name)
    return {key: {"definition": _text(names)} for key, names in order.items()}


def _views(session: MysqlSession, *, exact: bool) -> Found:
    # The server rewrites what a view is made from. Its columns are compared in any case, as those of tables.
    query = """SELECT table_name, view_definition, check_option, security_type FROM information_schema.views
        WHERE table_schema = DATABASE()"""
    for view, definition, *options in session.rows(query):
        readable = definition or not exact
        yield Key("view", view), _text([definition if exact else "", *options]) if readable else None


def _indexes(session: MysqlSession, *, exact: bool) -> Found:
    expression = "NULL"
    if not session.mariadb and session.version >= (8, 0, 13):
        expression = "expression" if exact else f"IF(expression > '', '{spelling.EXPRESSION}', NULL)"
    query = f"""SELECT table_name, index_name, non_unique, index_type, column_name, {expression}, sub_part, collation
        FROM information_schema.statistics WHERE table_schema = DATABASE()
        ORDER BY table_name, index_name, seq_in_index"""
    yield from _grouped(session, "index", query)


def _foreign_keys(session: MysqlSession) -> Found:
    # Two words for one thing.
    rules = ", ".join(f"REPLACE(r.{rule}_rule, 'NO ACTION', 'RESTRICT')" for rule in ("update", "delete"))
    query = f"""SELECT k.table_name, k.constraint_name, {rules}, k.column_name,
        k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name
        FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name
            AND r.constraint_name = k.constraint_name
        WHERE k.constraint_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
        ORDER BY k.table_name, k.constraint_name, k.ordinal_position"""
    yield from _grouped(session, "foreign key", query)


def _grouped(session: MysqlSession, kind: str, query: str) -> Found:
    """Parts of tables that rows of a query make up together, which begin with table and name."""
    parts: dict[Key, list[str]] = defaultdict(list)
    for table, name, *part in session.rows(query):
        parts[Key(kind, name, table)].append(_text(part))
    for key, texts in parts.items():
        yield key, _text(texts)


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
            yield Key("check constraint", name, table), _text([clause if exact else "", enforced])
        return
    # MySQL and MariaDB do not even give them the same names, and MariaDB checks JSON by one.
    count: dict[str, int] = defaultdict(int)
    for table, _, clause, _ in checks:
        count[table] += not clause.startswith("json_valid(")
    for table, number in count.items():
        if number:
            yield Key("check constraints", "", table), str(number)


def _routines(session: MysqlSession, *, exact: bool) -> Found:
    parameters: dict[tuple[str, str], list[str]] = defaultdict(list)
    query = """SELECT routine_type, specific_name, parameter_mode, parameter_name, dtd_identifier
        FROM information_schema.parameters WHERE specific_schema = DATABASE()
        ORDER BY routine_type, specific_name, ordinal_position"""
    for kind, name, mode, parameter, data_type in session.rows(query):
        parameters[kind, name].append(_text([mode, parameter, data_type if exact else spelling.type_of(data_type)]))
    sql_mode = "sql_mode" if exact else "NULL"
    query = f"""SELECT routine_type, routine_name, routine_definition, is_deterministic, sql_data_access, security_type,
        {sql_mode} FROM information_schema.routines WHERE routine_schema = DATABASE()"""
    for kind, name, body, *options in session.rows(query):
        definition = None if body is None else _text([*parameters[kind, name], spelling.body(body), *options])
        yield Key(kind.lower(), name), definition


def _triggers(session: MysqlSession, *, exact: bool) -> Found:
    sql_mode = "sql_mode" if exact else "NULL"
    query = f"""SELECT trigger_name, event_object_table, action_statement, action_timing, event_manipulation,
        action_order, {sql_mode} FROM information_schema.triggers WHERE trigger_schema = DATABASE()"""
    for name, table, body, *others in session.rows(query):
        yield Key("trigger", name, table), _text([spelling.body(body), *others])


def _events(session: MysqlSession, *, exact: bool, status: bool) -> Found:
    sql_mode = "sql_mode" if exact else "NULL"
    query = f"""SELECT event_name, status, event_definition, event_type, execute_at, interval_value, interval_field,
        starts, ends, on_completion, time_zone, {sql_mode}
        FROM {EVENTS}"""
    for name, shown, body, *others in session.rows(query):
        state = spelling.event_status(shown) if status else ""
        yield Key("event", name), _text([state, spelling.body(body), *others])


def _text(parts: Any) -> str:
    return repr([None if part is None else str(part) for part in parts])
