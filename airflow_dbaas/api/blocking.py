"""The connections of a ``Client``: blocking sockets, for as many threads as there are."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from threading import Semaphore
from typing import cast

import httpx

from airflow_dbaas.api.answers import Reply
from airflow_dbaas.api.connections import MOST, READ_SIZE, Connection, Free, Request, Server


class Sockets:
    """Kept-alive connections to a server; knows no proxy.

    :param server: whom to ask.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._slots = Semaphore(MOST)
        self._free: Free[_Socket] = Free()

    def exchange(self, request: Request) -> Reply:
        """Send a request and read its whole answer.

        :raises httpx.TransportError: as httpx does.
        """
        self._free.check()
        if not self._slots.acquire(timeout=self._server.timeout):
            raise httpx.PoolTimeout("")
        try:
            with self._free.lent(self._free.take() or _Socket(self._server)) as connection:
                return connection.exchange(request)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the connections."""
        self._free.close()


class _Socket(Connection):
    def __init__(self, server: Server) -> None:
        super().__init__(server)
        try:
            self._socket = _connected(server)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        self._watch.register(self._socket, select.POLLIN)

    def exchange(self, request: Request) -> Reply:
        """Send a request and read its answer; the connection is as yet of no use for another."""
        # A server may answer, and close, before it has read all: its answer counts.
        with suppress(OSError):
            try:
                self._socket.sendall(self._written(request))
            except TimeoutError as error:
                raise httpx.WriteTimeout(str(error)) from error
        while (reply := self._read(self._received())) is None:
            pass
        return reply

    def _received(self) -> bytes:
        try:
            return self._socket.recv(READ_SIZE)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error

    def close(self) -> None:
        self._socket.close()


def _connected(server: Server) -> socket.socket:
    # The time-out stays with the socket, for what it is to send and to receive.
    # Bytes, for which Python need not import what it knows of international names: the host is ASCII already.
    host = cast("str", server.host.encode("ascii"))
    connected = socket.create_connection((host, server.port), server.timeout)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.trust is not None:
            return server.trust.wrap_socket(connected, server_hostname=server.host)
    except BaseException:
        connected.close()
        raise
    return connected
