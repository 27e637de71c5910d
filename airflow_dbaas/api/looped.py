"""The connections of an ``AsyncClient``: in a triggerer, thousands of waits poll in one event loop."""

from __future__ import annotations

import asyncio
import select
from typing import Any, cast

import httpx

from airflow_dbaas.api.answers import Reply
from airflow_dbaas.api.connections import MOST, Connection, Free, Request, Server


class Streams:
    """Kept-alive connections to a server; knows no proxy.

    :param server: whom to ask.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(MOST)
        self._free: Free[_Stream] = Free()

    async def exchange(self, request: Request) -> Reply:
        """Send a request and read its whole answer.

        :raises httpx.TransportError: as httpx does.
        """
        self._free.check()
        if self._slots.locked():
            try:
                async with asyncio.timeout(self._server.timeout):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise httpx.PoolTimeout("") from error
        else:
            await self._slots.acquire()
        try:
            with self._free.lent(self._free.take() or await _opened(self._server)) as connection:
                return await connection.exchange(request)
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Close the connections."""
        self._free.close()
        # asyncio closes at the next turn of its loop.
        await asyncio.sleep(0)


async def _opened(server: Server) -> _Stream:
    loop = asyncio.get_running_loop()
    # uvloop, the loop of Airflow's API server, cannot try several addresses at once.
    at_once: dict[str, Any] = {"happy_eyeballs_delay": 0.25} if isinstance(loop, asyncio.BaseEventLoop) else {}
    try:
        async with asyncio.timeout(server.timeout):
            _, stream = await loop.create_connection(
                lambda: _Stream(server, loop), server.host, server.port, ssl=server.trust, **at_once
            )
    except TimeoutError as error:
        raise httpx.ConnectTimeout("") from error
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error
    return stream


class _Stream(Connection, asyncio.Protocol):
    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server)
        self._loop = loop
        self._reply: asyncio.Future[Reply] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def exchange(self, request: Request) -> Reply:
        """Send a request and read its answer; the connection is as yet of no use for another."""
        if self._transport.is_closing():
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        self._reply = self._loop.create_future()
        self._transport.write(self._written(request))
        # Mostly all of it has gone.
        if self._drained is not None:
            try:
                async with asyncio.timeout(self._server.timeout):
                    await self._drained
            except TimeoutError as error:
                raise httpx.WriteTimeout("") from error
        self._be_patient()
        return await self._reply

    def _be_patient(self) -> None:
        # One timer for many answers: to set one for each takes longer than to look at the time.
        self._due = self._loop.time() + self._server.timeout
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if self._reply is None or self._reply.done():
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look_at_time)
        else:
            self._reply.set_exception(httpx.ReadTimeout(""))

    def usable(self) -> bool:
        return super().usable() and not self._transport.is_closing()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._reply is not None:
            self._reply.cancel()
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._watch.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._reply is None or self._reply.done():
            # Nobody has asked.
            self.close()
            return
        try:
            reply = self._read(data)
        except httpx.HTTPError as error:
            self._reply.set_exception(error)
            return
        if reply is None:
            self._be_patient()
        else:
            self._reply.set_result(reply)

    def eof_received(self) -> None:
        self.data_received(b"")

    def connection_lost(self, error: Exception | None) -> None:
        self.resume_writing()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(httpx.ReadError(str(error or "connection lost")))

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
