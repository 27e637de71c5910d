"""What the waits in one event loop share: a client for each connection, and the answer to the same question.

A triggerer runs thousands of waits. Those with the same key, address and settings use one client, so there is one pool
of kept-alive connections; those that ask the same, as all waits on services and integrations do, share each request.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from airflow_dbaas.api import AsyncClient
from airflow_dbaas.api.answers import Memory
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.hooks.dbaas import DbaasHook

Ask = Callable[[], Awaitable[Any]]

_Clients = dict[Hashable, "SharedClient"]
_CLIENTS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = weakref.WeakKeyDictionary()


class Questions:
    """The questions that are being asked in one event loop."""

    def __init__(self) -> None:
        self.users = 0
        self._questions: dict[Hashable, Question] = {}

    def __len__(self) -> int:
        return len(self._questions)

    @contextmanager
    def shared(self, key: Hashable, ask: Callable[[], Ask]) -> Iterator[Question]:
        """A question, the same for all who ask it at the same time.

        :param key: what makes it the same.
        :param ask: makes what asks it, for the first of them.
        """
        if key not in self._questions:
            self._questions[key] = Question(ask())
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


class SharedClient:
    """A client and the questions that are asked with it.

    :param client: whom to ask.
    """

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.users = 0
        self._questions = Questions()

    @property
    def crowd(self) -> int:
        """How many different questions are being asked."""
        return len(self._questions)

    @property
    def waits(self) -> int:
        """How many are asking them."""
        return self._questions.users

    def question(self, call: Call[Any]) -> AbstractContextManager[Question]:
        """The question that a call is."""
        return self._questions.shared(call, lambda: partial(self.client.send, call, retry=NO_RETRY, memory=Memory()))


class Question:
    """One question, asked again and again for all who wait for its answer.

    It is asked when the first of them wants it, and the answer is for all of them: who would have asked later has it
    earlier. Nobody gets the answer to a request that was sent before they asked.

    :param ask: sends it.
    """

    def __init__(self, ask: Ask) -> None:
        self.users = 0
        self._ask = ask
        self._asking: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    async def answer(self, within: float) -> Any:
        """The answer to the next request, or the ``DbaasError`` that it ends in.

        :param within: seconds after which to send one, if nobody wants it earlier.
        """
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        due = self._asking[mine] = loop.time() + within
        self._send_at(due)
        try:
            return await mine
        finally:
            self._asking.pop(mine, None)

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
            # Who wanted it so early may have left.
            if due > asyncio.get_running_loop().time():
                self._send_at(due)
            else:
                self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        asking, self._asking = self._asking, {}
        outcome: Any
        unexpected: Exception | None = None
        try:
            outcome = await self._ask()
        except DbaasError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            unexpected = error
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
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()


@asynccontextmanager
async def client_of(hook: DbaasHook) -> AsyncIterator[SharedClient]:
    """The client of a connection in the running event loop; the last who leaves closes it.

    :param hook: names the connection.
    :raises DbaasConfigurationError: if the connection is missing or cannot be used.
    """
    arguments = await hook.async_arguments()
    label = arguments["label"]
    # Whatever the connection is called.
    key = tuple((name, value) for name, value in arguments.items() if name != "label")
    clients = _CLIENTS.setdefault(asyncio.get_running_loop(), {})
    if key not in clients:
        clients[key] = SharedClient(hook.open_async(arguments))
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
