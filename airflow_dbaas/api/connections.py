"""What the connections of both clients have in common: whom they lead to, HTTP/1.1 by h11, and which of them are free.

httpx's own pool looks at all its requests and connections at each of its steps, so that a poll costs the more the more
there are; and its requests and answers take longer to make than to send. Here free connections lie on a stack, h11
reads and writes what they carry, and whoever finds none waits for one.
"""

from __future__ import annotations

import select
import ssl
import time
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

import h11
import httpx

from airflow_dbaas.api.answers import Reply

#: Connections of one client at most.
MOST = 100

# These are those of httpx and httpcore.
READ_SIZE = 64 * 1024
_KEPT_SECONDS = 5.0
_LONGEST_HEAD = 100 * 1024


class Server(NamedTuple):
    """Whom a client asks, and how long it waits for it.

    :param origin: scheme, host and port as they begin a URL.
    :param name: host and port as in the header ``Host``.
    :param host: name or address to connect to.
    :param port: where it listens.
    :param trust: the authorities to trust; None if it is asked without encryption.
    :param timeout: seconds that connecting, each read and each write may take, and finding a free connection.
    """

    origin: str
    name: str
    host: str
    port: int
    trust: ssl.SSLContext | None
    timeout: float


# Not a NamedTuple, see ``Call``.
@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request, signed.

    :param method: HTTP method.
    :param target: path and query, percent-encoded.
    :param headers: all but those that say where it goes and how it is sent. Not part of ``repr``, as its body: they
        hold the signature, and it may hold a password.
    :param body: its body, or empty.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.target}>"


class Connection(ABC):
    """One connection, for one request after the other.

    :param server: whom it leads to.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._watch = select.poll()
        self._used = 0.0
        self._head: h11.Response | None = None
        self._content: list[bytes] = []

    def _written(self, request: Request) -> bytes:
        """What is to be sent for a request."""
        headers = [("Host", self._server.name), ("Accept-Encoding", "gzip"), *request.headers.items()]
        if request.body or request.method in {"POST", "PUT"}:
            headers.append(("Content-Length", str(len(request.body))))
        self._head, self._content = None, []
        send = self._protocol.send
        head = send(h11.Request(method=request.method, target=request.target, headers=headers)) or b""
        body = send(h11.Data(data=request.body)) if request.body else None
        return head + (body or b"") + (send(h11.EndOfMessage()) or b"")

    def _read(self, received: bytes) -> Reply | None:
        """The answer, once all of it has come.

        :param received: what has come; empty when nothing more will.
        :raises httpx.RemoteProtocolError: if it is no answer, or only a part of one.
        :raises httpx.DecodingError: if it is not compressed as it says.
        """
        if not received and self._head is None:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        try:
            self._protocol.receive_data(received)
            while (event := self._protocol.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Data):
                    self._content.append(bytes(event.data))
                elif isinstance(event, h11.Response):
                    self._head = event
                elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                    return _reply(self._head, b"".join(self._content))
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return None

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
        return not (self.expired() or self._watch.poll(0))

    @abstractmethod
    def close(self) -> None:
        """Close it, without waiting for what is under way."""


def _reply(head: h11.Response, content: bytes) -> Reply:
    # h11 gives names in lower case.
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    if headers.get("content-encoding", "").lower() == "gzip" and content:
        try:
            content = zlib.decompress(content, wbits=zlib.MAX_WBITS | 16)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error
    return Reply(head.status_code, head.reason.decode("ascii", errors="ignore"), headers, content)


ConnectionT = TypeVar("ConnectionT", bound=Connection)


class Free(Generic[ConnectionT]):
    """The connections of a client that are free."""

    def __init__(self) -> None:
        self._stack: deque[ConnectionT] = deque()
        self._lock = Lock()
        self._closed = False

    def check(self) -> None:
        """Refuse to go on after ``close``."""
        if self._closed:
            raise RuntimeError("cannot send a request: the client has been closed")

    def take(self) -> ConnectionT | None:
        """One that can be used, if there is one."""
        with self._lock:
            while self._stack:
                # The one used last is the one most likely to be alive.
                connection = self._stack.pop()
                if connection.usable():
                    return connection
                connection.close()
        return None

    @contextmanager
    def lent(self, connection: ConnectionT) -> Iterator[ConnectionT]:
        """A connection while it is used: afterwards it is free again, or closed if it is of no more use."""
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if self._closed or not connection.renew():
                connection.close()
            else:
                self._stack.append(connection)
            while self._stack and self._stack[0].expired():
                self._stack.popleft().close()

    def close(self) -> None:
        """Close those that are free now, the others when they have been answered."""
        with self._lock:
            self._closed = True
            while self._stack:
                self._stack.pop().close()
