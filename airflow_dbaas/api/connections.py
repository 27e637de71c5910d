"""The connections of an ``AsyncClient`` in a triggerer, where thousands of waits poll in one event loop.

httpx's own pool looks at all its requests and connections at each of its steps, so that a poll costs the more the more
there are. Here it costs the same: free connections lie on a stack, h11 reads and writes what they carry, and whoever
finds none queues for one.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import h11
import httpx

# The last three are those of httpx and httpcore.
_MOST = 100
_KEPT_SECONDS = 5.0
_LONGEST_HEAD = 100 * 1024
_READ_SIZE = 64 * 1024


class Connections(httpx.AsyncBaseTransport):
    """Kept-alive HTTP/1.1 connections to one server, 100 at most; knows no proxy.

    :param trust: the authorities to trust, if the server is asked by HTTPS.
    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._slots = asyncio.Semaphore(_MOST)
        self._free: deque[_Connection] = deque()
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its whole answer.

        :param request: what to send, always to the same server; its time-outs as httpx states them.
        :raises httpx.TransportError: as httpx does.
        """
        if self._closed:
            raise RuntimeError("cannot send a request: the client has been closed")
        timeouts: dict[str, float | None] = request.extensions["timeout"]
        if self._slots.locked():
            async with _limit(timeouts["pool"], httpx.PoolTimeout, request):
                await self._slots.acquire()
        else:
            await self._slots.acquire()
        try:
            connection = self._reused() or await self._opened(request, timeouts["connect"])
            try:
                response = await connection.exchange(request, timeouts)
            except BaseException:
                connection.close()
                raise
            self._put_back(connection)
        finally:
            self._slots.release()
        return response

    def _reused(self) -> _Connection | None:
        while self._free:
            # The one used last is the one most likely to be alive.
            connection = self._free.pop()
            if connection.usable():
                return connection
            connection.close()
        return None

    async def _opened(self, request: httpx.Request, seconds: float | None) -> _Connection:
        secure = request.url.scheme == "https"
        host = request.url.raw_host.decode("ascii")
        if secure:
            self._trust.set_alpn_protocols(["http/1.1"])
        # uvloop, the loop of Airflow's API server, cannot try several addresses at once.
        asyncios_own = isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)
        at_once: dict[str, Any] = {"happy_eyeballs_delay": 0.25} if asyncios_own else {}
        try:
            async with _limit(seconds, httpx.ConnectTimeout, request):
                reader, writer = await asyncio.open_connection(
                    host,
                    request.url.port or (443 if secure else 80),
                    ssl=self._trust if secure else None,
                    **at_once,
                )
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return _Connection(reader, writer)

    def _put_back(self, connection: _Connection) -> None:
        if self._closed or not connection.renew():
            connection.close()
        else:
            self._free.append(connection)
        while self._free and self._free[0].expired():
            self._free.popleft().close()

    async def aclose(self) -> None:
        """Close the free connections now, the others when they have been answered."""
        self._closed = True
        while self._free:
            self._free.pop().close()
        # asyncio closes at the next turn of its loop.
        await asyncio.sleep(0)


class _Connection:
    """One connection, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._watch = select.poll()
        self._watch.register(writer.get_extra_info("socket").fileno(), select.POLLIN)
        self._used = 0.0

    async def exchange(self, request: httpx.Request, timeouts: dict[str, float | None]) -> httpx.Response:
        """Send a request and read its answer; the connection is as yet of no use for another."""
        send = self._protocol.send
        try:
            head = h11.Request(
                method=request.method.encode("ascii"), target=request.url.raw_path, headers=request.headers.raw
            )
            parts = [send(head)]
            if request.content:
                parts.append(send(h11.Data(data=request.content)))
            parts.append(send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        # A server may answer, and close, before it has read all: its answer counts.
        with suppress(OSError):
            self._writer.write(b"".join(part for part in parts if part))
            # Mostly all of it has gone.
            if self._writer.transport.get_write_buffer_size():
                async with _limit(timeouts["write"], httpx.WriteTimeout, request):
                    await self._writer.drain()
        return await self._answer(request, timeouts["read"])

    async def _answer(self, request: httpx.Request, seconds: float | None) -> httpx.Response:
        head: h11.Response | None = None
        content: list[bytes] = []
        while True:
            try:
                event = self._protocol.next_event()
                if event is h11.NEED_DATA:
                    async with _limit(seconds, httpx.ReadTimeout, request):
                        received = await self._reader.read(_READ_SIZE)
                    if not received and head is None:
                        raise httpx.RemoteProtocolError(
                            "Server disconnected without sending a response.", request=request
                        )
                    self._protocol.receive_data(received)
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from error
            except OSError as error:
                raise httpx.ReadError(str(error), request=request) from error
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                content.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and head:
                return httpx.Response(
                    head.status_code,
                    headers=head.headers.raw_items(),
                    content=b"".join(content),
                    extensions={"reason_phrase": head.reason},
                    request=request,
                )

    def renew(self) -> bool:
        """Get ready for the next request; False if the server will take none."""
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        self._used = time.monotonic()
        return True

    def expired(self) -> bool:
        """Whether it has been free for so long that the server may be about to close it."""
        return time.monotonic() - self._used > _KEPT_SECONDS

    def usable(self) -> bool:
        """Whether it is young and open; what comes without having been asked for is the server's good-bye."""
        return not (self.expired() or self._writer.is_closing() or self._reader.at_eof() or self._watch.poll(0))

    def close(self) -> None:
        """Close it, without waiting for what is under way."""
        self._writer.transport.abort()


@asynccontextmanager
async def _limit(
    seconds: float | None, error: type[httpx.TimeoutException], request: httpx.Request
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise error("", request=request) from late
