"""The rate limit of one process for the page, for all viewers and connections."""

from __future__ import annotations

import asyncio
import time
from collections import deque

#: So many calls may begin in any one second.
CALLS_PER_SECOND = 5
#: A second, with a margin for calls that are sent a little late.
_SECOND = 1.1


class Budget:
    """At most this number of calls in any one second. Turns are granted in the order of the requests.

    :param calls: how many in a second.
    :param second: how long that is, in seconds.
    """

    def __init__(self, calls: int = CALLS_PER_SECOND, second: float = _SECOND) -> None:
        self._second = second
        # The last of each, the oldest first: as many as there may be in a second, so the first of them decides.
        self._planned: deque[float] = deque(maxlen=calls)
        self._begun: deque[float] = deque(maxlen=calls)

    async def turn(self) -> None:
        """Wait until another call may begin."""
        now = time.monotonic()
        planned = now + self._wait(self._planned, now)
        self._planned.append(planned)
        await asyncio.sleep(planned - now)
        # A busy process grants earlier turns late.
        while (wait := self._wait(self._begun, time.monotonic())) > 0:  # noqa: ASYNC110 - nobody sets the time
            await asyncio.sleep(wait)
        self._begun.append(time.monotonic())

    def _wait(self, times: deque[float], now: float) -> float:
        return max(times[0] + self._second - now, 0) if len(times) == times.maxlen else 0
