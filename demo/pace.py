"""Time-outs of the demo and its tests, which follow the speed of the machine.

The seconds that are written in the code are for two idle cores of a usual machine.
"""

import os
import time

#: Seconds that a usual machine needs for the loop below.
_USUAL_S = 0.05
_ADDITIONS = 1_000_000
_MOST = 10.0

_slowest = 1.0


def factor() -> float:
    """How much slower than usual this machine is, with all that it does at the moment; never less than before."""
    global _slowest  # noqa: PLW0603 - one machine, one number
    start, total = time.perf_counter(), 0
    for number in range(_ADDITIONS):
        total += number
    slower = (time.perf_counter() - start) / _USUAL_S
    busier = os.getloadavg()[0] / (os.cpu_count() or 1)
    _slowest = min(max(_slowest, slower, busier), _MOST)
    return _slowest


def stretched(seconds: float) -> float:
    """A time-out for calls that need one in advance.

    :param seconds: enough time on a usual machine.
    """
    return seconds * factor()


class Patience:
    """The time within which something should happen, from now on. Only at its end is the machine measured.

    :param seconds: enough time on a usual machine.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        elapsed = time.monotonic() - self._begun
        return elapsed > self._seconds and elapsed > stretched(self._seconds)

    def __str__(self) -> str:
        return f"{time.monotonic() - self._begun:.0f} s"
