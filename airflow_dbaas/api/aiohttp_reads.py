"""Reads by aiohttp, for the event loop; needs the extra ``aiohttp``.

aiohttp needs half the CPU of httpx's own transport, but is not used for requests that change something: it repeats a
PUT or DELETE by itself if a connection breaks, and ``httpx-aiohttp`` reports a failure to connect if a server closes a
connection after it has read the whole request (seen with aiohttp 3.14.5 and httpx-aiohttp 0.2.0).
"""

from __future__ import annotations

import re
import select
import ssl
import weakref
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from airflow_dbaas.api.transports import KEPT_SECONDS, AsyncLanes

#: Paths that aiohttp sends as they are. Others it may spell in another way than they were signed, as "!" for "%21".
_PLAIN = re.compile(rb"(?!.*/\.)/[\w./~-]*(\?[\w=&.~-]*)?")


class AiohttpReads(httpx.AsyncBaseTransport):
    """Sends what only reads by aiohttp, and the rest as httpx does.

    :param others: for the rest.
    :param verify: the authorities to trust.
    """

    def __init__(self, others: AsyncLanes, *, verify: ssl.SSLContext) -> None:
        def session() -> aiohttp.ClientSession:
            # Made in the event loop. There may be as many connections as there are requests: the client bounds these.
            connector = _Connector(limit=0, ssl=verify, keepalive_timeout=KEPT_SECONDS)
            return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

        self._others = others
        self._reads = AiohttpTransport(verify=verify, client=session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, see httpx."""
        if request.method != "GET" or not _PLAIN.fullmatch(request.url.raw_path):
            return await self._others.handle_async_request(request)
        try:
            response = await self._reads.handle_async_request(request)
        except _ERRORS as error:
            raise _named(error) from _cause(error)
        response.stream = _Stream(response.stream)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._reads.aclose()
        await self._others.aclose()


class _Connector(aiohttp.TCPConnector):
    """Does not reuse a connection that has received unrequested data."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(self, *arguments: Any, **named: Any) -> Any:
        while True:
            connection = await super().connect(*arguments, **named)
            protocol: Any = connection.protocol
            if protocol not in self._used:
                self._used.add(protocol)
                return connection
            if not (protocol.should_close or _readable(connection.transport)):
                return connection
            # Not by a TLS shutdown, for which the server may let one wait.
            if connection.transport is not None:
                connection.transport.abort()
            connection.close()


def _readable(transport: Any) -> bool:
    """Whether something has come that the event loop has not read yet."""
    watch = select.poll()
    watch.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(watch.poll(0))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except _ERRORS as error:
            raise _named(error) from _cause(error)

    async def aclose(self) -> None:
        await self._stream.aclose()


_ERRORS = (httpx.TransportError, aiohttp.ClientError)


def _cause(error: Exception) -> BaseException | None:
    """The aiohttp error behind an error of httpx, or an error that ``httpx-aiohttp`` did not convert."""
    return error if isinstance(error, aiohttp.ClientError) else error.__cause__


def _named(error: Exception) -> httpx.TransportError:
    """The right one of httpx's errors: ``httpx-aiohttp`` misnames some."""
    cause = _cause(error)
    if isinstance(cause, aiohttp.ClientConnectorError):
        return httpx.ConnectError(str(cause))
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return httpx.RemoteProtocolError("Server disconnected without sending a response.")
    if isinstance(cause, OSError):
        return httpx.ReadError(str(cause))
    # Without its text, which quotes received data, possibly a password.
    return httpx.RemoteProtocolError("the answer is incomplete, or not HTTP")
