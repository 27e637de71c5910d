"""What a login may see of a MySQL or MariaDB server.

``information_schema`` leaves out what the login may not see, without a word: a trigger, say, is not there for who lacks
TRIGGER. So what it shows is all there is only where the login's grants say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from airflow_dbaas.verification.mysql.sessions import MysqlSession

_NAME = r"(?:`(?:[^`]|``)*`|\*)"
_GRANT = re.compile(rf"(GRANT|REVOKE) (.+?) ON ({_NAME})\.({_NAME}) (?:TO|FROM) ")
_ALL = "ALL PRIVILEGES"
#: Each shows names of routines; their bodies are shown to some only, which is seen by routine.
_ON_ROUTINES = ("EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE")
_SYSTEM_USERS = "('mysql.sys', 'mysql.session', 'mysql.infoschema', 'mariadb.sys')"


@dataclass
class Grants:
    """A login's privileges on databases and tables.

    :param granted: privileges, each with the pattern of a database's name and the table's name, ``*`` for all.
    :param revoked: those that are taken away from single databases again, as MySQL can do since 8.0.16.
    """

    granted: list[tuple[str, str, set[str]]] = field(default_factory=list)
    revoked: list[tuple[str, str, set[str]]] = field(default_factory=list)

    def has(self, privilege: str, dbname: str, table: str = "*") -> bool:
        """Whether a privilege is given on all of a database, or on one of its tables."""
        if any(privilege in privileges and name == dbname for name, _, privileges in self.revoked):
            return False
        return any(
            (privilege in privileges or _ALL in privileges) and of in {"*", table} and _matches(name, dbname)
            for name, of, privileges in self.granted
        )


def grants(session: MysqlSession) -> Grants:
    """What the login may do, with the roles that are active."""
    statement = "SHOW GRANTS"
    if not session.mariadb and session.version >= (8,):
        ((roles,),) = session.rows("SELECT CURRENT_ROLE()")
        if roles != "NONE":
            statement = f"SHOW GRANTS FOR CURRENT_USER() USING {roles}"
    return parsed(line for (line,) in session.rows(statement))


def parsed(lines: Iterable[str]) -> Grants:
    """What the lines say that ``SHOW GRANTS`` gives."""
    found = Grants()
    for line in lines:
        if grant := _GRANT.match(line):
            verb, privileges, database, table = grant.groups()
            place = (_plain(database), _plain(table), set(privileges.split(", ")))
            (found.granted if verb == "GRANT" else found.revoked).append(place)
    return found


def hidden(session: MysqlSession, given: Grants, dbname: str) -> Iterator[tuple[str, str]]:
    """Kinds of object of a database that the login does not see, or not all of them, each with the reason."""
    if not given.has("SELECT", dbname):
        yield "table", "lacks SELECT on the database, and does not see tables that it has no privilege on"
    for kind in ("trigger", "event"):
        if not given.has(kind.upper(), dbname):
            yield kind, f"lacks {kind.upper()} on the database, and sees no {kind}s"
    if not any(given.has(privilege, dbname) for privilege in _ON_ROUTINES) and not _reads_routines(session, given):
        yield "routine", "lacks EXECUTE on the database, and sees no procedures and functions"


def databases_hidden(given: Grants) -> bool:
    """Whether there may be databases that the login does not even see the names of."""
    return not any(
        name == "*" and privileges & {"SELECT", "SHOW DATABASES", _ALL} for name, _, privileges in given.granted
    )


def _reads_routines(session: MysqlSession, given: Grants) -> bool:
    if session.mariadb:
        return given.has("SELECT", "mysql", "proc")
    if session.version < (8,):
        return given.has("SELECT", "mysql", "proc")
    return any(name == "*" and privileges & {"SELECT", "SHOW_ROUTINE", _ALL} for name, _, privileges in given.granted)


def users(session: MysqlSession, given: Grants) -> dict[str, str] | None:
    """Privileges by user; None if the login may not read those of others."""
    if not given.has("SELECT", "mysql"):
        return None
    found: dict[str, list[str]] = {}
    for scope, place in (
        ("user", "'*.*'"),
        ("schema", "CONCAT(table_schema, '.*')"),
        ("table", "CONCAT(table_schema, '.', table_name)"),
        ("column", "CONCAT(table_schema, '.', table_name, ' (', column_name, ')')"),
    ):
        query = f"""SELECT grantee, {place}, privilege_type FROM information_schema.{scope}_privileges
            WHERE SUBSTRING_INDEX(SUBSTRING(grantee, 2), '''', 1) NOT IN {_SYSTEM_USERS} ORDER BY 1, 2, 3"""
        privileges: dict[tuple[str, str], list[str]] = {}
        for user, on, privilege in session.rows(query):
            privileges.setdefault((user, on), []).append(privilege)
        for (user, on), names in privileges.items():
            found.setdefault(user, []).append(f"{', '.join(names)} on {on}")
    return {user: "; ".join(texts) for user, texts in found.items()}


def _plain(name: str) -> str:
    return name if name == "*" else name[1:-1].replace("``", "`")


def _matches(pattern: str, dbname: str) -> bool:
    """Whether a database has a name that a grant is for: in it ``%`` and ``_`` stand for any letters, or one."""
    if pattern == "*":
        return True
    parts = re.findall(r"\\.|[^\\]|\\$", pattern)
    wildcards = {"%": ".*", "_": "."}
    return bool(re.fullmatch("".join(wildcards.get(part) or re.escape(part[-1]) for part in parts), dbname, re.DOTALL))
