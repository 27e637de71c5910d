"""A program that the emulator runs, such as a dump."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process

_PIECE = 256 * 1024


class Program:
    """One run of a program. Its standard error is read continuously and kept."""

    def __init__(self, process: Process) -> None:
        self._process = process
        assert process.stderr is not None  # noqa: S101  (it was asked for)
        self._saying = asyncio.create_task(process.stderr.read())

    @classmethod
    async def start(cls, command: list[str], environment: dict[str, str], *, stdin: int, stdout: int) -> Program:
        """Start ``command``. Pass secrets in ``environment``: anyone on the machine can read command lines."""
        return cls(
            await asyncio.create_subprocess_exec(
                *command,
                stdin=stdin,
                stdout=stdout,
                stderr=PIPE,
                env=environment,
                # A Ctrl-C in the terminal is for the emulator alone.
                start_new_session=True,
            )
        )

    @property
    def stdin(self) -> StreamWriter:
        """Its standard input, if it is a pipe."""
        assert self._process.stdin is not None  # noqa: S101  (it was asked for)
        return self._process.stdin

    @property
    def stdout(self) -> StreamReader:
        """Its standard output, if it is a pipe; read it to the end before ``wait``."""
        assert self._process.stdout is not None  # noqa: S101  (it was asked for)
        return self._process.stdout

    async def wait(self) -> tuple[int, bytes]:
        """Exit code and words, once it has ended by itself."""
        # Cancelled, this leaves the reading alone.
        await asyncio.wait([self._saying])
        return await self._process.wait(), self._saying.result()

    async def end(self) -> None:
        """Kill it if it still runs; returns when it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdout is not None:
            # A program is gone for asyncio when its pipes are at their end, and a full one has to be read to get there.
            while await self._process.stdout.read(_PIECE):
                pass
        await self.wait()
