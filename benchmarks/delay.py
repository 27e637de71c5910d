"""How late the end of an operation is seen, and what it costs in requests; in virtual time.

Our own dbaas and the SDK's run as they are, on a clock that jumps to the next moment at which something happens. A
request takes no time. ``python -m benchmarks.delay`` prints all lengths of operations.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import selectors
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

from benchmarks.frame import Case, Quantity, Role, Subject, Values

#: Names and seconds of the lengths; each stands for lengths up to a tenth shorter or longer.
LENGTHS = {
    "1 s": 1,
    "2 s": 2,
    "5 s": 5,
    "10 s": 10,
    "30 s": 30,
    "1 min": 60,
    "2 min": 120,
    "5 min": 300,
    "10 min": 600,
    "30 min": 1800,
    "1 h": 3600,
    "2 h": 7200,
}
_IN_TABLE = ("10 s", "5 min", "2 h")

#: Waits of each length in a round.
_WAITS = 100
#: Waits that start together, and the seconds after their start in which their requests are counted.
_TOGETHER = 1000
_COUNTED = range(60, 180)

OPERATION = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
_START = 1_000_000.0


def longest_allowed(seconds: float) -> float:
    """The goal: a twentieth of the run time or 2 s, whichever is more."""
    return max(2.0, seconds / 20)


def _quantities() -> list[Quantity]:
    found = []
    for name in _IN_TABLE:
        # The lengths are up to a tenth more.
        most = longest_allowed(1.1 * LENGTHS[name])
        found += [
            Quantity(f"longest {name}", f"longest delay of {name}, s", digits=1, most=most),
            Quantity(f"requests {name}", f"requests of {name}", digits=1),
        ]
    return [*found, Quantity("peak", f"{_TOGETHER:,} dbaas, most requests in a second to the mean", digits=1)]


SUBJECT = Subject(
    title="Delay",
    quantities=tuple(_quantities()),
    cases=(
        Case("ours", "airflow-dbaas, sensor in the triggerer", Role.OURS),
        Case("ours-worker", "airflow-dbaas, on a worker", Role.OURS),
        Case("ours-deferred", "airflow-dbaas, operator that defers", Role.OURS),
        Case("sdk", "Exoscale's SDK", Role.PEER),
        Case("every-5", "every 5 s", Role.PEER),
        Case("every-30", "every 30 s", Role.PEER),
        Case("every-60", "every 60 s", Role.PEER),
    ),
    pinned=False,
)


def prepare(case: str, url: str) -> Callable[[], Values]:  # noqa: ARG001 - nothing is sent
    """Get a case ready."""
    wait = _CASES[case]
    random.seed(0)

    def measure() -> Values:
        values: dict[str, float | None] = {"peak": _peak(case)}
        for name in _IN_TABLE:
            delays, requests = _many(wait, LENGTHS[name])
            values[f"longest {name}"] = max(delays)
            values[f"requests {name}"] = statistics.mean(requests)
        return values

    return measure


class Clock:
    """Virtual time, in the place of the module ``time``."""

    def __init__(self) -> None:
        self.now = _START

    def time(self) -> float:
        """Seconds; ``monotonic`` is the same."""
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Api:
    """In the place of both clients: an operation that ends, and who looked at it when.

    :param clock: the time.
    :param ends: when the operation ends.
    """

    def __init__(self, clock: Clock, ends: float) -> None:
        self._clock = clock
        self._ends = ends
        self.looks: list[float] = []

    @property
    def delay(self) -> float:
        """Seconds from the operation's end until now."""
        return self._clock.now - self._ends

    def look(self) -> str:
        """The operation's state."""
        self.looks.append(self._clock.now)
        return "success" if self._clock.now >= self._ends else "pending"

    def zone_of(self, _: object) -> None:
        """As ``Client.zone_of``."""

    def send(self, *_: Any, **__: Any) -> Any:
        """As ``Client.send``."""
        from airflow_dbaas.api.operations import Operation

        return Operation(id=OPERATION, state=self.look())


class AsyncApi(Api):
    """In the place of the asynchronous client."""

    async def send(self, *_: Any, **__: Any) -> Any:
        """As ``AsyncClient.send``."""
        return super().send()


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._clock.sleep(timeout or 0.0)
        return super().select(0)


def _run(clock: Clock, main: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine in an event loop that does not wait: its clock jumps."""
    loop = asyncio.SelectorEventLoop(_Selector(clock))
    loop.time = clock.time  # type: ignore[method-assign]
    try:
        loop.run_until_complete(main)
    finally:
        loop.close()


def _time_is(clock: Clock) -> None:
    """Give our modules and the SDK's the virtual time."""
    from exoscale.api import v2

    from airflow_dbaas.triggers import dbaas
    from airflow_dbaas.waiting import poller

    for module in (poller, dbaas, v2):
        vars(module)["time"] = clock


def _watch() -> Any:
    from airflow_dbaas.waiting.conditions import OperationWait
    from airflow_dbaas.waiting.poller import Watch

    return Watch(OperationWait(OPERATION))


def _ours(clock: Clock, ends: float) -> Api:
    from airflow_dbaas.waiting import poller, shared_requests

    api = AsyncApi(clock, ends)
    _run(clock, poller.run_async(shared_requests.SharedClient(cast("Any", api)), _watch()))
    return api


def _ours_worker(clock: Clock, ends: float) -> Api:
    from airflow_dbaas.waiting import poller

    api = Api(clock, ends)
    poller.run(cast("Any", api), _watch())
    return api


def _ours_deferred(clock: Clock, ends: float) -> Api:
    from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger
    from airflow_dbaas.waiting import poller, shared_requests
    from airflow_dbaas.waiting.conditions import Pending

    first, api, watch = Api(clock, ends), AsyncApi(clock, ends), _watch()

    @contextlib.asynccontextmanager
    async def client_of(_: object) -> AsyncIterator[shared_requests.SharedClient]:
        yield shared_requests.SharedClient(cast("Any", api))

    async def resume(trigger: DbaasWaitTrigger) -> None:
        async for _ in trigger.run():
            pass

    if isinstance(poller.run_briefly(cast("Any", first), watch, until=clock.now + poller.BRIEF_SECONDS), Pending):
        vars(shared_requests)["client_of"] = client_of
        _run(clock, resume(DbaasWaitTrigger.after(watch, exoscale_conn_id="exoscale", zone=None)))
    api.looks[:0] = first.looks
    return api


def _sdk(clock: Clock, ends: float) -> Api:
    from exoscale.api.v2 import Client

    api = Api(clock, ends)

    class Sdk(Client):  # type: ignore[misc]
        """Without what it sends."""

        def get_operation(self, **_: object) -> dict[str, str]:
            return {"id": OPERATION, "state": api.look()}

    Sdk("key", "secret", zone="ch-gva-2").wait(OPERATION)
    return api


def _every(seconds: float) -> Callable[[Clock, float], Api]:
    def wait(clock: Clock, ends: float) -> Api:
        api = Api(clock, ends)
        while api.look() != "success":
            clock.sleep(seconds)
        return api

    return wait


_CASES: dict[str, Callable[[Clock, float], Api]] = {
    "ours": _ours,
    "ours-worker": _ours_worker,
    "ours-deferred": _ours_deferred,
    "sdk": _sdk,
    "every-5": _every(5),
    "every-30": _every(30),
    "every-60": _every(60),
}


def _alone(wait: Callable[[Clock, float], Api], length: float) -> Api:
    """A wait for an operation of some length."""
    clock = Clock()
    _time_is(clock)
    return wait(clock, _START + length)


def _many(wait: Callable[[Clock, float], Api], length: float) -> tuple[list[float], list[int]]:
    """Delays and numbers of requests of many dbaas."""
    found = [_alone(wait, length * random.uniform(0.9, 1.1)) for _ in range(_WAITS)]  # noqa: S311
    return [api.delay for api in found], [len(api.looks) for api in found]


def _peak(case: str) -> float:
    """Of dbaas that start together: the most requests in one second, to the mean."""
    seconds: Counter[int] = Counter()
    for _ in range(_TOGETHER):
        seconds.update(int(look - _START) for look in _alone(_CASES[case], _COUNTED.stop).looks)
    counted = [seconds[second] for second in _COUNTED]
    return max(counted) / statistics.mean(counted)


def _print() -> None:
    """All lengths: mean and longest delay in seconds, and requests."""
    logging.getLogger("airflow_dbaas").setLevel(logging.WARNING)
    random.seed(0)
    print("mean delay / longest delay, s / requests", *_CASES, sep="\t")
    for name, length in LENGTHS.items():
        cells = []
        for wait in _CASES.values():
            delays, requests = _many(wait, length)
            cells.append(f"{statistics.mean(delays):.1f} / {max(delays):.1f} / {statistics.mean(requests):.0f}")
        print(name, *cells, sep="\t")


if __name__ == "__main__":
    _print()
