"""Work that continues after its request was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Background:
    """Keeps references to running tasks, which the event loop itself does not."""

    def __init__(self) -> None:
        self._working: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Start work that no caller waits for."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """Cancel all running work."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
