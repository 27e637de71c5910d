"""Compares two MySQL or MariaDB servers after a migration, and completes what replication leaves out."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from airflow_dbaas.verification import comparison
from airflow_dbaas.verification.connections import PROBE_SECONDS, Server
from airflow_dbaas.verification.engine import MISSING, Content, Digest, Entry, Pair, Table
from airflow_dbaas.verification.kinds import MYSQL, Definitions, Key
from airflow_dbaas.verification.mysql import catalog, privileges, rows
from airflow_dbaas.verification.mysql import event_catalog as events
from airflow_dbaas.verification.mysql.differing import Search
from airflow_dbaas.verification.mysql.rows import SAMPLED
from airflow_dbaas.verification.mysql.sessions import MysqlSession, session
from airflow_dbaas.verification.report import Level, Report, both

_GIGABYTE = 1 << 30
_ENDS = ("at the source", "in the target")
#: Kinds that are a part of what creates a table.
_IN_STATEMENTS = {"column", "order of columns", "index", "foreign key", "check constraint"}


class MysqlPair(Pair[MysqlSession]):
    """One MySQL or MariaDB database at both ends."""

    kinds = MYSQL
    session = staticmethod(session)
    is_empty = staticmethod(catalog.is_empty)
    size = staticmethod(catalog.size)

    def __init__(self, dbname: str, source: MysqlSession, target: MysqlSession, *, replicating: bool) -> None:
        super().__init__(dbname, source, target, replicating=replicating)
        #: What to read, by table.
        self._read: dict[str, rows.Columns] = {}
        #: Sums with all digits of FLOAT values, by table and address of the end.
        self._all_digits: dict[tuple[str, str], int] = defaultdict(int)
        self._lock = threading.Lock()
        #: Kinds that one of the logins does not see.
        self._hidden: set[str] = set()
        for end in (source, target):
            end.hold_view()

    @staticmethod
    def databases(session: MysqlSession) -> list[Entry]:
        """See ``Pair``."""
        return [Entry(name) for name in catalog.databases(session)]

    @staticmethod
    def parallel(session: MysqlSession) -> int:
        """See ``Pair``. A server does not tell how many cores it has; its memory grows with them."""
        ((pool,),) = session.rows("SELECT @@GLOBAL.innodb_buffer_pool_size")
        return max(2, min(8, int(pool) // (2 * _GIGABYTE)))

    @classmethod
    def compare_servers(cls, source: Any, target: Any, report: Report, *, replicating: bool) -> None:
        """See ``Pair``. Users are not migrated: which there are, and what they may do, is noted."""
        given = [privileges.grants(end) for end in (source, target)]
        for grants, where in zip(given, _ENDS, strict=True):
            if privileges.databases_hidden(grants):
                message = f"the login {where} lacks SHOW DATABASES, and does not see databases that it may not use"
                report.add(Level.NOTE, "", "database", "", message)
        wanted, found = (privileges.users(end, grants) for end, grants in zip((source, target), given, strict=True))
        for users, where in ((wanted, _ENDS[0]), (found, _ENDS[1])):
            if users is None:
                message = f"the login {where} lacks SELECT on the database mysql, and does not see other users"
                report.add(Level.NOT_COMPARED, "", "user", "", message)
        if wanted is None or found is None:
            return
        for user, granted in wanted.items():
            if user not in found:
                report.add(Level.NOTE, "", "user", user, MISSING)
            elif granted != found[user]:
                report.add(Level.NOTE, "", "user", user, f"privileges: {both(granted, found[user])}")

    @classmethod
    @contextmanager
    def join(cls, server: Server, dbname: str, snapshot: Any) -> Iterator[MysqlSession]:
        """See ``Pair``. No session can take on another one's view; each holds one of its own, from when it begins."""
        with session(server, dbname) as opened:
            opened.hold_view()
            yield opened

    def compare_objects(self, report: Report) -> None:
        """See ``Pair``."""
        for end, where in zip((self.source, self.target), _ENDS, strict=True):
            for kind, reason in privileges.hidden(end, privileges.grants(end), self.dbname):
                message = f"cannot be compared: the login {where} {reason}"
                report.add(Level.DIFFERENCE, self.dbname, kind, "", message)
                self._hidden |= {"procedure", "function"} if kind == "routine" else {kind}
        # Tables that the login does see are compared.
        self._hidden.discard("table")
        self.compare_definitions(report, *self._objects())

    def _objects(self) -> tuple[Definitions, Definitions]:
        """Definitions at both ends. Events are created disabled by a replication."""
        exact = self.source.release == self.target.release
        wanted, found = self.at_both(
            partial(
                catalog.objects,
                exact=exact,
                same_family=self.source.mariadb == self.target.mariadb,
                event_status=not self.replicating,
            )
        )
        # What is true of a whole table is not said of its parts again.
        single = {key.name for key in wanted.keys() ^ found.keys() if key.kind in {"table", "view", "sequence"}}
        shared = wanted.keys() & found.keys()
        wanted, found = (
            {
                key: definition
                for key, definition in end.items()
                if key.parent not in single and key.kind not in self._hidden
            }
            | catalog.order_of_columns(end, shared)
            for end in (wanted, found)
        )
        if exact and self.source.same_version(self.target):
            self._add_statements(wanted, found)
        return wanted, found

    def _add_statements(self, wanted: Definitions, found: Definitions) -> None:
        """Compare what creates a table as a whole, where nothing else of it differs."""
        differing = {
            key.parent
            for key in wanted.keys() | found.keys()
            if key.kind in _IN_STATEMENTS and wanted.get(key) != found.get(key)
        }
        tables = [key.name for key in wanted.keys() & found.keys() if key.kind == "table" and key.name not in differing]
        statements = self.at_both(partial(catalog.statements, tables=tables))
        for end, by_table in zip((wanted, found), statements, strict=True):
            for table in tables:
                key = Key("table", table)
                # One that cannot be read at an end is told when its rows are.
                if all(table in one for one in statements):
                    end[key] = {**(end[key] or {}), "statement": by_table[table]}

    def tables(self, report: Report) -> dict[str, tuple[Table, Table]]:
        """See ``Pair``."""
        self._read = rows.both(*self.at_both(rows.columns))
        source, target = self.at_both(partial(rows.readings, tables=self._read))
        self._note_history(report)
        return {table: (source.get(table, Table()), target.get(table, Table())) for table in self._read}

    def _note_history(self, report: Report) -> None:
        wanted, found = self.at_both(rows.versions)
        for table in sorted(wanted.keys() | found.keys()):
            one, other = wanted.get(table), found.get(table)
            # Without history at one end it is defined differently; if it cannot be read, its rows say so.
            if one is not None and other is not None and one != other:
                message = f"versions of rows, past ones included: {one} at the source, {other} in the target"
                report.add(Level.NOTE, self.dbname, "table", table, message)

    def digest(self, session: MysqlSession, table: str, *, part: Any, content: Content) -> Digest:
        """See ``Pair``."""
        found, *all_digits = rows.digest(session, table, self._read[table], part=part, content=content)
        for one in all_digits:
            with self._lock:
                self._all_digits[table, session.where] += one.sums[0]
        return found

    def look_closer(self, report: Report, tables: Collection[str]) -> None:
        """See ``Pair``. A dump carries six digits of a FLOAT."""
        for table in tables:
            one, other = (self._all_digits[table, end.where] for end in (self.source, self.target))
            if one != other:
                message = "FLOAT digits: values are equal in six digits, and differ in further ones"
                report.add(Level.NOTE, self.dbname, "table", table, message)

    def fingerprint(self, session: MysqlSession, table: str) -> str | None:
        """See ``Pair``: what the whole server had written."""
        return session.position

    def unchanged(self, session: MysqlSession, table: str, fingerprint: str, rows: int) -> bool:
        """See ``Pair``."""
        return session.position == fingerprint

    def kind_of(self, table: str) -> str:
        """See ``Pair``."""
        return "sequence" if self._read[table].sequence else "table"

    def rule(self, content: Content) -> str:
        """See ``Pair``."""
        if content == "count":
            return super().rule(content)
        which = {"all": "all rows", "sample": f"one row in {SAMPLED}, by its key"}[content]
        return f"{which}, 104 bits of hash for each (SHA-256)"

    def differing_rows(self, table: str, *, show_values: bool) -> str:
        """See ``Pair``."""
        return Search(self.at_both, table, self._read[table], show_values).words()

    def compare_what_is_left_out(self, report: Report) -> None:
        """Compare the counters of AUTO_INCREMENT: behind the source's, they give a number again."""
        wanted, found = self.at_both(catalog.counters)
        for table in sorted(wanted.keys() & found.keys()):
            text = f"AUTO_INCREMENT: {wanted[table]} at the source, {found[table]} in the target"
            if found[table] < wanted[table]:
                message = (
                    f"{text}: numbers that were given before would be given again; move it on with "
                    f"ALTER TABLE {catalog.quoted(table)} AUTO_INCREMENT = {wanted[table]}"
                )
                report.add(Level.DIFFERENCE, self.dbname, "table", table, message)
            elif found[table] > wanted[table]:
                report.add(Level.NOTE, self.dbname, "table", table, text)


compare = partial(comparison.compare, MysqlPair)


def unseen(server: Server, *, ignore: Collection[str] = ()) -> list[str]:
    """What a login does not see of a server, which a dump by this login would leave out without a word.

    :param server: the source, before a migration.
    :param ignore: databases to leave out.
    :return: a text for each database and kind of object.
    """
    found = []
    with session(server) as opened:
        given = privileges.grants(opened)
        for dbname in catalog.databases(opened):
            if dbname not in ignore:
                found += [f"{dbname}: the login {reason}" for _, reason in privileges.hidden(opened, given, dbname)]
    return found


def complete_replication(source: Server, target: Server, *, ignore: set[str]) -> dict[str, int]:
    """Do what replication leaves out: enable the events that the source runs, bring counters over.

    A replica keeps an event that comes to it disabled, so that it is not run at both ends. Counters of
    ``AUTO_INCREMENT`` follow the rows; one that the source has moved on without a row is moved on, never back.

    :param source: where it is seen which events are to run, and where counters are.
    :param target: what is completed.
    :param ignore: databases to leave out.
    :return: how many ``events`` were enabled, and how many ``sequences``, which are counters, were moved.
    """
    enabled = moved = 0
    for at_source, at_target in comparison.to_complete(MysqlPair, source, target, ignore=ignore):
        wanted, found = events.of_database(at_source), events.of_database(at_target)
        for name, event in found.items():
            if event.waits_for_promotion and name in wanted and wanted[name].enabled:
                events.enable(at_target, name, event)
                enabled += 1
        ahead, behind = catalog.counters(at_source), catalog.counters(at_target)
        for table, number in ahead.items():
            if number > behind.get(table, number):
                at_target.run(f"ALTER TABLE {catalog.quoted(table)} AUTO_INCREMENT = {number}")
                moved += 1
    return {"events": enabled, "sequences": moved}


def same_server(source: Server, target: Server) -> bool:
    """Whether two logins lead to one and the same server, whatever their addresses.

    A lock that is taken at one is seen at the other, then. No other server has it, not even a replica.

    :param source: one login.
    :param target: the other one.
    """
    name = f"airflow-dbaas-{secrets.token_hex(16)}"
    with (
        session(target, connect_seconds=PROBE_SECONDS) as at_target,
        session(source, connect_seconds=PROBE_SECONDS) as at_source,
    ):
        at_source.rows("SELECT GET_LOCK(%s, 0)", (name,))
        ((holder,),) = at_target.rows("SELECT IS_USED_LOCK(%s)", (name,))
    return holder is not None
