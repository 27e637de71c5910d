"""Programs that run beside the emulator."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE

from airflow_dbaas.emulator.servers.program import Program

_TALKS = "import sys\nwhile True: sys.stdout.write('x' * 65536)"


def test_a_program_whose_output_nobody_reads_any_more_can_be_ended():
    """Its pipe is full, as it is when the reader of a dump is slower than the dump."""

    async def end() -> None:
        program = await Program.start([sys.executable, "-c", _TALKS], dict(os.environ), stdin=DEVNULL, stdout=PIPE)
        await program.stdout.read(1)
        # Time to fill it.
        await asyncio.sleep(0.5)
        await asyncio.wait_for(program.end(), 30)

    asyncio.run(end())


def test_what_a_program_says_is_read_while_it_runs():
    """More than a pipe holds: the program would wait for ever if nobody read it."""

    async def words() -> tuple[int, bytes]:
        text = "import sys; sys.stderr.write('x' * 1000000); sys.exit(3)"
        program = await Program.start([sys.executable, "-c", text], dict(os.environ), stdin=DEVNULL, stdout=DEVNULL)
        return await program.wait()

    assert asyncio.run(words()) == (3, b"x" * 1_000_000)
