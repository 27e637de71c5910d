"""Shared by all waits of an event loop: clients, the rate of requests, and answers to equal requests.

A triggerer runs thousands of waits. Those with the same key, address and settings use one client, so there is one pool
of kept-alive connections; those that ask the same, as all waits on services and integrations do, share each request.
Those with the same key and address send no more than ``REQUESTS_PER_SECOND`` together, at any time.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from airflow_dbaas.api import AsyncClient
from airflow_dbaas.api.answers import Memory
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasError, DbaasRateLimitError
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.hooks.dbaas import DbaasHook

Ask = Callable[[], Awaitable[Any]]

#: Requests that are sent per second at most, in one event loop with one key to one address.
REQUESTS_PER_SECOND = 10.0

#: How much longer than that allows a pause between two requests is, so that no second has one too many.
_MARGIN = 1.02

#: The share of the rate that waits use on average, so that a new wait does not queue behind all others.
_LOAD = 0.8

#: How many times fewer requests are sent at least to an API that says 429.
_SLOWEST = 32.0

_Clients = dict[Hashable, "SharedClient"]
_CLIENTS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = weakref.WeakKeyDictionary()
#: They outlive the clients, or waits that are over at once would all be the first one.
_PACERS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Pacer]] = weakref.WeakKeyDictionary()


class Pacer:
    """Lets one request pass at a time, at most ``REQUESTS_PER_SECOND``, in the order in which they came.

    A 429 halves the pace, and each answer makes it a little quicker again.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._slowness = 1.0
        self._slowed_at = 0.0

    @property
    def interval(self) -> float:
        """Seconds between two requests."""
        return self._slowness * _MARGIN / REQUESTS_PER_SECOND

    async def turn(self) -> None:
        """Wait until the next request may be sent."""
        now = asyncio.get_running_loop().time()
        if not self._waiting and now >= self._next:
            self._next = now + self.interval
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._set_timer()
        await mine

    def _set_timer(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_at(self._next, self._let_pass)

    def _let_pass(self) -> None:
        self._timer = None
        while self._waiting:
            first = self._waiting.popleft()
            # A wait that has given up leaves its place to the next.
            if not first.done():
                first.set_result(None)
                self._next = asyncio.get_running_loop().time() + self.interval
                break
        self._set_timer()

    def heed(self, outcome: Any) -> None:
        """Take notice of what became of a request."""
        if isinstance(outcome, DbaasRateLimitError):
            now = asyncio.get_running_loop().time()
            # Requests under way were sent at the old rate.
            if now - self._slowed_at >= 1:
                self._slowness, self._slowed_at = min(self._slowness * 2, _SLOWEST), now
        elif not isinstance(outcome, Exception):
            self._slowness = max(1.0, self._slowness * 0.98)


class Questions:
    """The questions that are being asked in one event loop.

    :param pacer: whom the requests wait for, if anyone.
    """

    def __init__(self, pacer: Pacer | None = None) -> None:
        self.users = 0
        #: Requests per second that all of them would like to send.
        self.demand = 0.0
        self._pacer = pacer
        self._questions: dict[Hashable, Question] = {}

    def __len__(self) -> int:
        return len(self._questions)

    @contextmanager
    def shared(self, key: Hashable, ask: Callable[[], Ask]) -> Iterator[Question]:
        """A request that is shared by all waits that need it at the same time.

        :param key: identifies equal requests.
        :param ask: creates the request, for the first wait.
        """
        if key not in self._questions:
            self._questions[key] = Question(ask(), self, self._pacer)
        question = self._questions[key]
        question.users += 1
        self.users += 1
        try:
            yield question
        finally:
            question.users -= 1
            self.users -= 1
            if not question.users:
                question.close()
                del self._questions[key]
            if not self._questions:
                # Corrects rounding errors of additions.
                self.demand = 0.0


class SharedClient:
    """A client and the questions that are asked with it.

    :param client: whom to ask.
    :param pacer: limits the rate of its requests; a new one by default.
    """

    def __init__(self, client: AsyncClient, pacer: Pacer | None = None) -> None:
        self.client = client
        self.users = 0
        self._pacer = pacer or Pacer()
        self._questions = Questions(self._pacer)

    @property
    def stretch(self) -> float:
        """How many times longer than each would like all waits must pause, so that their requests do not queue up."""
        return max(1.0, self._questions.demand * self._pacer.interval / _LOAD)

    @property
    def waits(self) -> int:
        """How many are asking them."""
        return self._questions.users

    def question(self, call: Call[Any]) -> AbstractContextManager[Question]:
        """The question that a call is."""
        return self._questions.shared(call, lambda: partial(self.client.send, call, retry=NO_RETRY, memory=Memory()))


class Question:
    """A request that is repeated for all waits that need its answer.

    It is sent when the first wait is due, and the answer serves all of them; waits that were due later get it earlier.
    No wait gets the answer to a request that was sent before it joined.

    :param ask: sends it.
    :param among: the questions that it is one of.
    :param pacer: whom its requests wait for, if anyone.
    """

    def __init__(self, ask: Ask, among: Questions, pacer: Pacer | None) -> None:
        self.users = 0
        self._ask = ask
        self._among = among
        self._pacer = pacer
        self._demand = 0.0
        self.every(1.0)
        self._asking: dict[asyncio.Future[Any], float] = {}
        self._to_tell: dict[asyncio.Future[Any], Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    def every(self, seconds: float) -> None:
        """Set how often to send it, if possible."""
        self._among.demand += 1 / seconds - self._demand
        self._demand = 1 / seconds

    async def answer(self, within: float, *, sent: Callable[[], None] | None = None) -> Any:
        """The answer to the next request, or the ``DbaasError`` that it ends in.

        :param within: seconds after which to send one, if no wait needs it earlier.
        :param sent: called when it is sent, which may be later: other requests come first.
        """
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        due = self._asking[mine] = loop.time() + within
        if sent is not None:
            self._to_tell[mine] = sent
        self._send_at(due)
        try:
            return await mine
        finally:
            self._asking.pop(mine, None)
            self._to_tell.pop(mine, None)

    def _send_at(self, due: float) -> None:
        if self._sending is not None or (self._timer is not None and self._timer.when() <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._asking:
            due = min(self._asking.values())
            # The wait that needed it so early may have ended.
            if due > asyncio.get_running_loop().time():
                self._send_at(due)
            else:
                self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        if self._pacer is not None:
            await self._pacer.turn()
        asking, self._asking = self._asking, {}
        if not asking:
            self._sending = None
            return
        for each in asking:
            if each in self._to_tell:
                self._to_tell[each]()
        outcome: Any
        unexpected: Exception | None = None
        try:
            outcome = await self._ask()
        except DbaasError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            unexpected = error
        if self._pacer is not None and unexpected is None:
            self._pacer.heed(outcome)
        self._sending = None
        for each in asking:
            if each.done():
                continue
            if unexpected is None:
                each.set_result(outcome)
            else:
                each.set_exception(unexpected)
        if self._asking:
            self._send_at(min(self._asking.values()))

    def close(self) -> None:
        """Send nothing any more."""
        self._among.demand -= self._demand
        self._demand = 0.0
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()


@asynccontextmanager
async def client_of(hook: DbaasHook) -> AsyncIterator[SharedClient]:
    """The client of a connection in the running event loop; the last wait closes it.

    :param hook: names the connection.
    :raises DbaasConfigurationError: if the connection is missing or cannot be used.
    """
    arguments = await hook.async_arguments()
    label = arguments["label"]
    # Independent of the connection's name.
    key = tuple((name, value) for name, value in arguments.items() if name != "label")
    clients = _CLIENTS.setdefault(asyncio.get_running_loop(), {})
    if key not in clients:
        pacers = _PACERS.setdefault(asyncio.get_running_loop(), {})
        # The API limits requests by key; the secret is not kept longer than its client.
        pacer = pacers.setdefault(tuple(arguments.get(name) for name in ("key", "url", "zone")), Pacer())
        clients[key] = SharedClient(hook.open_async(arguments), pacer)
    shared = clients[key]
    shared.client.place.add_label(label)
    shared.users += 1
    try:
        yield shared
    finally:
        shared.users -= 1
        if not shared.users:
            del clients[key]
            await shared.client.aclose()
