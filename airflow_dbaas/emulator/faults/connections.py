"""Actions that ASGI does not offer: break a connection, or make the server stop listening."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_EXTENSION = "airflow_dbaas.transport"


class Protocol(H11Protocol):
    """Uvicorn's protocol, which hands its connection to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn has it."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_EXTENSION] = transport
            await app(scope, receive, send)

        self.app = with_transport


class Server(uvicorn.Server):
    """Uvicorn, which can stop listening for a while."""

    _away: asyncio.Task[None] | None = None

    def refuse(self, seconds: float) -> None:
        """Refuse connections for a number of seconds, and close idle ones. No effect if it already does."""
        if self._away is not None and not self._away.done():
            return
        # The copies keep the port while they do not listen, so that it cannot become another one's.
        kept = [each.dup() for server in self.servers for each in server.sockets]
        for each in kept:
            _stop_listening(each)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        self._away = asyncio.create_task(self._come_back(kept, seconds))

    async def end_refusing(self) -> None:
        """To be called when the server has ended."""
        if self._away is not None:
            self._away.cancel()
            await asyncio.gather(self._away, return_exceptions=True)

    async def _come_back(self, kept: list[socket.socket], seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            await self.startup(sockets=kept)
        except BaseException:
            for each in kept:
                each.close()
            raise


def _stop_listening(listener: socket.socket) -> None:
    address = listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    try:
        # This would lose a port that the system chose, but not a requested one.
        listener.bind(address)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection: the client learns that it broke off, and nothing else."""
    transport: asyncio.Transport = scope["extensions"][_EXTENSION]
    connection = transport.get_extra_info("socket")
    # With nothing to linger for, closing sends a reset in the place of an orderly end.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


async def cut(scope: Scope, receive: Receive) -> None:
    """Close the connection after the sent data, as if it were complete."""
    transport: asyncio.Transport = scope["extensions"][_EXTENSION]
    transport.close()
    await _gone(receive)


async def pause(receive: Receive, seconds: float) -> None:
    """Wait, but no longer than the client does."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the server knows that the connection is gone: else it would miss the rest of the answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
