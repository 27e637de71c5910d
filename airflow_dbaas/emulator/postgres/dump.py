"""Copying one database with pg_dump and pg_restore, streamed from one into the other."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.postgres.server import environment
from airflow_dbaas.emulator.servers.program import Program

logger = logging.getLogger(__name__)

_PRIVILEGES = re.compile(rb"\d+; \d+ \d+ (DEFAULT )?ACL ")


class CopyFailed(RuntimeError):
    """A database could not be copied; the text is the programs' own, without passwords."""


# Publications and subscriptions are about the source's place in the world, and one of them is made for this
# migration. Owners and tablespaces do not exist in a managed service.
_DUMP = ("--format=custom", "--compress=none", "--no-owner", "--no-publications", "--no-subscriptions")
_RESTORE = ("--no-owner", "--no-tablespaces")


async def copy(
    binaries: PostgresBinaries, source: Endpoint, target: Endpoint, dbname: str, *, schema_only: bool = False
) -> None:
    """Copy ``dbname`` into the existing, empty database of that name in the target: all of it or nothing.

    ``binaries`` are the target's: pg_dump reads servers of its own version and older, and pg_restore
    writes what the target understands. Privileges come after: ``copy_privileges``.
    """
    dump_options = [*_DUMP, "--no-privileges", *(["--schema-only"] if schema_only else [])]
    restore_options = [*_RESTORE, "--single-transaction", "--exit-on-error"]
    reading, writing = os.pipe()
    programs: list[Program] = []
    try:
        dump = await _start(
            [binaries.tool("pg_dump"), *dump_options, f"--dbname={source.command_line(dbname)}"],
            password=source.password,
            stdin=DEVNULL,
            stdout=writing,
        )
        programs.append(dump)
        restore = await _start(
            [binaries.tool("pg_restore"), *restore_options, f"--dbname={target.command_line(dbname)}"],
            password=target.password,
            stdin=reading,
            stdout=DEVNULL,
        )
        programs.append(restore)
    finally:
        # Only the programs may hold the pipe's ends, else neither notices that the other has ended.
        os.close(reading)
        os.close(writing)
        if len(programs) < 2:
            await _end(programs)
    try:
        (dump_code, dump_said), (restore_code, restore_said) = await asyncio.gather(dump.wait(), restore.wait())
    finally:
        await _end(programs)
    if dump_code or restore_code:
        # When reading breaks off, pg_restore complains about the stream as well: the cause comes first.
        said = [source.words(_last_error(text)) for text in (dump_said, restore_said) if text.strip()]
        raise CopyFailed(target.words("; ".join(said)) or "pg_dump or pg_restore ended without a message")


async def copy_privileges(binaries: PostgresBinaries, source: Endpoint, target: Endpoint, dbname: str) -> None:
    """Grant the source's privileges in the copied database, as far as the target's user may.

    A managed service does not allow every grant: only a superuser may set default privileges of a superuser. Such a
    grant is skipped with a log line, instead of failing the database.
    """
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-") as folder:
        archive, wanted = Path(folder) / "schema", Path(folder) / "list"
        await _run(
            [
                binaries.tool("pg_dump"),
                *_DUMP,
                "--schema-only",
                f"--file={archive}",
                f"--dbname={source.command_line(dbname)}",
            ],
            source,
        )
        contents = await _run([binaries.tool("pg_restore"), "--list", str(archive)], source)
        entries = [line for line in contents.splitlines() if _PRIVILEGES.match(line)]
        if not entries:
            return
        wanted.write_bytes(b"\n".join(entries) + b"\n")
        restore = await _start(
            [
                binaries.tool("pg_restore"),
                *_RESTORE,
                f"--use-list={wanted}",
                f"--dbname={target.command_line(dbname)}",
                str(archive),
            ],
            password=target.password,
            stdin=DEVNULL,
            stdout=DEVNULL,
        )
        try:
            code, said = await restore.wait()
        finally:
            await restore.end()
    if code:
        logger.warning("Privileges of database %s are incomplete: %s", dbname, target.words(_last_error(said)))


async def _run(command: list[str], server: Endpoint) -> bytes:
    """Output of a program that reads from ``server``."""
    program = await _start(command, password=server.password, stdin=DEVNULL, stdout=PIPE)
    try:
        output = await program.stdout.read()
        code, said = await program.wait()
    finally:
        await program.end()
    if code:
        raise CopyFailed(server.words(_last_error(said)))
    return output


async def _start(command: list[str], *, password: str, stdin: int, stdout: int) -> Program:
    return await Program.start(command, environment() | {"PGPASSWORD": password}, stdin=stdin, stdout=stdout)


async def _end(programs: list[Program]) -> None:
    await asyncio.gather(*(program.end() for program in programs))


def _last_error(output: bytes) -> str:
    """The lines from the first error on, shortened: statements that failed are quoted there at full length."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line or "ERROR:" in line or "FATAL:" in line]
    return " ".join(errors[:2] or lines[-2:])[:1000]
