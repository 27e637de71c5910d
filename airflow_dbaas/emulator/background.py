"""Work that goes on behind a request that was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Background:
    """Keeps what was started until it is over: the event loop itself would forget it."""

    def __init__(self) -> None:
        self._working: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Begin something whose end nobody waits for."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """Give up on what is still going on."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
