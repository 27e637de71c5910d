"""Copying databases with mariadb-dump and mariadb, streamed from one into the other.

All databases are one dump, and so one state of the source, and views find the tables of other databases. The stream is
split where the database changes, and each part goes to a separate client, so that a database that cannot be loaded does
not affect the others.
"""

from __future__ import annotations

import contextlib
import re
from asyncio import StreamReader
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint, identifier
from airflow_dbaas.emulator.mysql.server import environment
from airflow_dbaas.emulator.servers.program import Program

_PIECE = 256 * 1024
_CLIENT = ("--default-character-set=utf8mb4", "--max-allowed-packet=1G", "--protocol=tcp")
_DUMP = (
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--routines",
    "--triggers",
    "--events",
    "--skip-comments",
    "--no-create-db",
    "--no-tablespaces",
)
_NAME = rb"`(?:[^`]|``)*`"
_DEFINER = rb"DEFINER=" + _NAME + rb"(?:@" + _NAME + rb")? ?"
# Users are not migrated; their objects belong to the target's admin user.
_VIEW_DEFINER = re.compile(rb"^(/\*!50013 )" + _DEFINER)
_BODY_DEFINER = re.compile(rb"^((?:/\*!\d+ )?CREATE(?: OR REPLACE)?(?: ?\*/ /\*!\d+)? )" + _DEFINER)
_POSITION = re.compile(rb"^-- SET GLOBAL gtid_slave_pos='([^']*)'")
_VIEW = b"/*!50001 DROP VIEW IF EXISTS"


class CopyFailed(RuntimeError):
    """A copy broke off; the text is the programs' own, without passwords."""


async def copy(
    binaries: MysqlBinaries,
    source: MysqlEndpoint,
    target: MysqlEndpoint,
    dbnames: list[str],
    finished: Callable[[str, str], None],
    *,
    position: bool = False,
) -> str:
    """Copy databases into the existing, empty ones of the same names in the target.

    :param finished: called for each database, with an empty text when it is loaded, or with the error.
    :param position: whether to find out the global transaction id that the copy was made at.

    Returns that id, or an empty text. Raises ``CopyFailed`` if the source cannot be read to the end; the
    databases that ``finished`` was not told of are not whole then.
    """
    options = [*_DUMP, *(["--master-data=2", "--gtid"] if position else [])]
    dump = await _start(
        [binaries.tool("mariadb-dump"), *_login(source), *options, "--databases", "--", *dbnames],
        source.password,
        stdin=DEVNULL,
        stdout=PIPE,
    )
    load = _Load(binaries, target, finished, {f"USE {identifier(name)};\n".encode(): name for name in dbnames})
    try:
        async for piece, begins in _pieces(dump.stdout):
            await load.take(piece, begins=begins)
        _require_success(source, *await dump.wait())
        await load.end_part()
        if position and not load.position:
            raise CopyFailed("the source did not report the global transaction id of the copy")
        return load.position
    finally:
        await load.abandon()
        await dump.end()


async def probe(binaries: MysqlBinaries, source: MysqlEndpoint, dbname: str) -> None:
    """Read a database's definitions; ``CopyFailed`` if one, a view of a table that is gone say, cannot be read."""
    dump = await _start(
        [binaries.tool("mariadb-dump"), *_login(source), *_DUMP, "--no-data", "--databases", "--", dbname],
        source.password,
        stdin=DEVNULL,
        stdout=DEVNULL,
    )
    try:
        _require_success(source, *await dump.wait())
    finally:
        await dump.end()


def _require_success(source: MysqlEndpoint, code: int, said: bytes) -> None:
    if code:
        raise CopyFailed(source.words(_last_words(said)) or "mariadb-dump ended without a message")


@dataclass
class _Load:
    """Takes a dump piece by piece and loads each part of it into its database."""

    binaries: MysqlBinaries
    target: MysqlEndpoint
    finished: Callable[[str, str], None]
    uses: dict[bytes, str]
    """The lines that change the database, and to which one."""
    position: str = ""
    _header: bytes = b""
    """Settings that the dump begins with and that every part needs."""
    _dbname: str = ""
    _client: Program | None = None
    _body: bool = False
    """Whether statements end with two semicolons now: those of triggers, events and routines, of many lines."""
    _statement_begins: bool = False
    _views: set[str] = field(default_factory=set)
    """Databases with views, which come in a second part when all tables of all databases are there."""
    _tables_there: set[str] = field(default_factory=set)
    _settled: set[str] = field(default_factory=set)

    async def take(self, piece: bytes, *, begins: bool) -> None:
        """Load a line, or a part of a very long one.

        :param begins: whether the piece is the beginning of a line.
        """
        if begins:
            piece = self._line(piece)
            if not self._body and piece in self.uses:
                await self.end_part()
                await self._begin_part(self.uses[piece], piece)
                return
        if not self._dbname:
            self._header += piece
        elif self._client is not None:
            await self._write(piece)

    async def end_part(self) -> None:
        """Wait for the client of a part, and report the result."""
        if self._client is None:
            return
        # One that gave up has closed its end.
        with contextlib.suppress(ConnectionError):
            self._client.stdin.close()
            await self._client.stdin.wait_closed()
        failed, said = await self._client.wait()
        self._client = None
        if failed:
            self._settle(self.target.words(_last_words(said)) or "mariadb ended without a message")
        elif self._dbname in self._views and self._dbname not in self._tables_there:
            self._tables_there.add(self._dbname)
        else:
            self._settle("")

    async def abandon(self) -> None:
        """End a client that is still loading."""
        if self._client is not None:
            await self._client.end()

    def _line(self, line: bytes) -> bytes:
        # Amid a body it is a part of that, of a comment say.
        if line.startswith(b"DELIMITER ") and (self._statement_begins or not self._body):
            self._body = self._statement_begins = line.startswith(b"DELIMITER ;;")
        elif self._body:
            if self._statement_begins:
                line = _BODY_DEFINER.sub(rb"\1", line)
            self._statement_begins = line.rstrip().endswith(b";;")
        elif line.startswith(_VIEW) and self._client is not None:
            self._views.add(self._dbname)
        elif (match := _POSITION.match(line)) is not None:
            self.position = match[1].decode()
        else:
            line = _VIEW_DEFINER.sub(rb"\1", line)
        return line

    async def _begin_part(self, dbname: str, use: bytes) -> None:
        self._dbname = dbname
        if dbname in self._settled:
            return
        self._client = await _start(
            # In binary mode text is nothing but statements: a dump cannot give commands to the client.
            [
                self.binaries.tool("mariadb"),
                *_login(self.target),
                "--binary-mode",
                "--batch",
                "--comments",
                "--skip-reconnect",
            ],
            self.target.password,
            stdin=PIPE,
            stdout=DEVNULL,
        )
        await self._write(self._header + use)

    async def _write(self, piece: bytes) -> None:
        assert self._client is not None  # noqa: S101  (a part has one)
        # One that gave up takes no more; its words are read at the end of the part.
        with contextlib.suppress(ConnectionError):
            self._client.stdin.write(piece)
            await self._client.stdin.drain()

    def _settle(self, error: str) -> None:
        self._settled.add(self._dbname)
        self.finished(self._dbname, error)


async def _pieces(stream: StreamReader) -> AsyncIterator[tuple[bytes, bool]]:
    """Lines, the very long ones in pieces; each with whether it is the beginning of a line."""
    rest, begins = b"", True
    while chunk := await stream.read(_PIECE):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n", begins
            begins = True
        if len(rest) > _PIECE:
            yield rest, begins
            rest, begins = b"", False
    if rest:
        yield rest, begins


def _login(server: MysqlEndpoint) -> list[str]:
    """Options of a client program, without the password: anyone on the machine can read command lines."""
    tls = "--skip-ssl" if server.tls is False else "--ssl"
    address = (f"--host={server.host}", f"--port={server.port}", f"--user={server.user}")
    return ["--no-defaults", *_CLIENT, *address, tls, "--skip-ssl-verify-server-cert"]


async def _start(command: list[str], password: str, *, stdin: int, stdout: int) -> Program:
    return await Program.start(command, environment() | {"MYSQL_PWD": password}, stdin=stdin, stdout=stdout)


def _last_words(output: bytes) -> str:
    """The errors that a program ended with, shortened: statements are quoted there at full length."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip(" -")]
    errors = [line for line in lines if "ERROR" in line or "rror:" in line]
    return " ".join(errors[-2:] or lines[-2:])[:1000]
