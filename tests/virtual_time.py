"""Virtual time: an event loop whose clock jumps to the next moment at which something happens."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """The time, in place of the module ``time``."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def time(self) -> float:
        """Seconds; ``monotonic`` is the same."""
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # Nothing is connected: only time makes anything happen.
        self._clock.sleep(timeout or 0.0)
        return []


def run(clock: Clock, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    loop = asyncio.SelectorEventLoop(_Selector(clock))
    loop.time = clock.time  # type: ignore[method-assign] - that is what makes time virtual
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
