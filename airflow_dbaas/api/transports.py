"""httpx's clients with connections that keep this package's promises.

``HttpClient`` and ``AsyncHttpClient`` are httpx's clients, including proxies. The differences:

- Each connection has its own pool, and free ones are on a stack: httpx's pool examines all its requests and connections
  at each request, so the cost of a common pool grows with their number.
- No read or write of a blocking exchange outlives the exchange's deadline, see ``exchange``. (In an event loop
  ``asyncio.timeout`` does that.)
- A connection that received more than the answer is closed: httpx would read the rest as the next answer.

httpx has no parameters for these; the four names of its inside that are used are all in this module.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from threading import Lock
from typing import Any, Generic, TypeVar

import httpcore
import httpx

from airflow_dbaas.api import exchange

#: Seconds for which a free connection is kept, as httpx does by default.
KEPT_SECONDS = 5.0

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_SECONDS)

#: Bytes in one write: each write may take the remaining time.
_WRITTEN = 64 * 1024


class HttpClient(httpx.Client):
    """httpx's client over ``Lanes``."""

    def _init_transport(self, *_: Any, transport: httpx.BaseTransport | None = None, **options: Any) -> Any:
        return transport or Lanes(partial(_Lane, **_known(options)))

    def _init_proxy_transport(self, proxy: httpx.Proxy, *_: Any, **options: Any) -> Any:
        return Lanes(partial(_Lane, proxy=proxy, **_known(options)), proxy=str(proxy.url))

    def transport_to(self, url: httpx.URL) -> httpx.BaseTransport:
        """The transport for a URL: direct, through the proxy of the environment, or the given one.

        :raises ImportError: if the proxy needs a package that is not installed.
        :raises ValueError: if the proxy cannot be used.
        """
        found: httpx.BaseTransport = self._transport_for_url(url)
        if isinstance(found, Lanes):
            found.check()
        return found


class AsyncHttpClient(httpx.AsyncClient):
    """httpx's client for an event loop over ``AsyncLanes``; reads go by aiohttp, if it is installed."""

    def _init_transport(self, *_: Any, transport: httpx.AsyncBaseTransport | None = None, **options: Any) -> Any:
        if transport is not None:
            return transport
        lanes = AsyncLanes(partial(_AsyncLane, **_known(options)))
        try:
            from airflow_dbaas.api.aiohttp_reads import AiohttpReads
        except ImportError:
            return lanes
        return AiohttpReads(lanes, verify=options["verify"])

    def _init_proxy_transport(self, proxy: httpx.Proxy, *_: Any, **options: Any) -> Any:
        return AsyncLanes(partial(_AsyncLane, proxy=proxy, **_known(options)), proxy=str(proxy.url))

    def transport_to(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        """See ``HttpClient.transport_to``."""
        found: httpx.AsyncBaseTransport = self._transport_for_url(url)
        if isinstance(found, AsyncLanes):
            found.check()
        return found


def _known(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in {"verify", "cert", "trust_env"}}


class _Lane(httpx.HTTPTransport):
    """A pool of one connection."""

    free_since = 0.0

    def __init__(self, **options: Any) -> None:
        super().__init__(limits=_ONE, **options)
        self._pool._network_backend = _Backend()


class _AsyncLane(httpx.AsyncHTTPTransport):
    free_since = 0.0

    def __init__(self, **options: Any) -> None:
        super().__init__(limits=_ONE, **options)
        self._pool._network_backend = _AsyncBackend()


LaneT = TypeVar("LaneT", _Lane, _AsyncLane)


class _Stack(Generic[LaneT]):
    """The lanes that are free.

    :param make: makes one.
    """

    def __init__(self, make: Callable[[], LaneT]) -> None:
        self._make: Callable[[], LaneT] = make
        self._free: deque[LaneT] = deque()
        self._lock = Lock()
        self._closed = False

    def check(self) -> None:
        """Make one, to see whether it can be made."""
        with self._lock:
            if not self._free:
                self._free.append(self._make())

    def take(self) -> LaneT:
        """The lane used last, which is most likely connected; a new one if there is none."""
        with self._lock:
            return self._free.pop() if self._free else self._make()

    def give_back(self, lane: LaneT) -> list[LaneT]:
        """Mark a lane as free; return the lanes to close now."""
        with self._lock:
            if self._closed:
                return [lane]
            lane.free_since = time.monotonic()
            self._free.append(lane)
            unused = []
            while lane.free_since - self._free[0].free_since > KEPT_SECONDS:
                unused.append(self._free.popleft())
            return unused

    def all(self) -> list[LaneT]:
        """All that are free, for the end."""
        with self._lock:
            self._closed = True
            lanes = list(self._free)
            self._free.clear()
            return lanes


def _begin() -> None:
    if (running := exchange.current.get()) is not None:
        running.phase = "connect"


class Lanes(httpx.BaseTransport):
    """Sends each request over a connection that no other request uses; as many as there are concurrent requests.

    :param make: creates a transport with one connection.
    :param proxy: URL of the proxy that these go through, if any.
    """

    def __init__(self, make: Callable[[], _Lane], *, proxy: str | None = None) -> None:
        self.proxy = proxy
        self._lanes = _Stack(make)
        self.check = self._lanes.check

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, see httpx; closing the answer's stream frees the connection."""
        _begin()
        lane = self._lanes.take()
        try:
            response = lane.handle_request(request)
        except BaseException:
            lane.close()
            raise
        response.stream = _Lent(response.stream, partial(self._give_back, lane))
        return response

    def _give_back(self, lane: _Lane) -> None:
        for each in self._lanes.give_back(lane):
            each.close()

    def close(self) -> None:
        """Close the connections that are free now, the others when they have been answered."""
        for lane in self._lanes.all():
            lane.close()


class _Lent(httpx.SyncByteStream):
    def __init__(self, stream: Any, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            self._stream.close()
            give_back()


class AsyncLanes(httpx.AsyncBaseTransport):
    """The same in an event loop; see ``Lanes``."""

    def __init__(self, make: Callable[[], _AsyncLane], *, proxy: str | None = None) -> None:
        self.proxy = proxy
        self._lanes = _Stack(make)
        self.check = self._lanes.check

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See ``Lanes.handle_request``."""
        _begin()
        lane = self._lanes.take()
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            await lane.aclose()
            raise
        response.stream = _AsyncLent(response.stream, partial(self._give_back, lane))
        return response

    async def _give_back(self, lane: _AsyncLane) -> None:
        for each in self._lanes.give_back(lane):
            await each.aclose()

    async def aclose(self) -> None:
        """See ``Lanes.close``."""
        for lane in self._lanes.all():
            await lane.aclose()


class _AsyncLent(httpx.AsyncByteStream):
    def __init__(self, stream: Any, give_back: Callable[[], Any]) -> None:
        self._stream = stream
        self._give_back: Callable[[], Any] | None = give_back

    def __aiter__(self) -> AsyncIterator[bytes]:
        found: AsyncIterator[bytes] = self._stream.__aiter__()
        return found

    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            await self._stream.aclose()
            await give_back()


# The network below httpcore. A stream keeps the last received byte until more is requested. So if the answer is
# complete and a byte is left, more was received than the answer. A connection that is readable without a request is not
# reused.


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._last = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._last:
            data, self._last = self._last, b""
            return data
        data = _in_time("read", timeout, partial(self._stream.read, max_bytes))
        if len(data) > 1:
            self._last = data[-1:]
            return data[:-1]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN):
            _in_time("write", timeout, partial(self._stream.write, buffer[start : start + _WRITTEN]))
        if (running := exchange.current.get()) is not None:
            running.phase = "read"

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(_in_time("connect", timeout, partial(self._stream.start_tls, ssl_context, server_hostname)))

    def get_extra_info(self, info: str) -> Any:
        unread = info == "is_readable" and bool(self._last)
        return unread or self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = {address[4][0]: None for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception | None = None
        for number, address in enumerate(addresses):
            # One that does not answer leaves time for the others.
            share = partial(self._connect, len(addresses) - number, str(address), port, local_address, socket_options)
            try:
                return _Stream(_in_time("connect", timeout, share))
            except (httpcore.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def _connect(
        self,
        addresses: int,
        address: str,
        port: int,
        local_address: str | None,
        options: Iterable[Any] | None,
        *,
        timeout: float | None,
    ) -> httpcore.NetworkStream:
        timeout = None if timeout is None else timeout / addresses
        return self._backend.connect_tcp(address, port, timeout, local_address, options)


ResultT = TypeVar("ResultT")


def _in_time(phase: str, timeout: float | None, work: Callable[..., ResultT]) -> ResultT:
    running = exchange.current.get()
    if running is None:
        return work(timeout=timeout)
    running.phase = phase
    try:
        left = running.left()
        return work(timeout=left if timeout is None else min(left, timeout))
    except httpcore.TimeoutException:
        raise running.late() from None


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._last = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._last:
            data, self._last = self._last, b""
            return data
        data = await self._stream.read(max_bytes, timeout)
        if len(data) > 1:
            self._last = data[-1:]
            return data[:-1]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        running = exchange.current.get()
        if running is not None:
            running.phase = "write"
        await self._stream.write(buffer, timeout)
        if running is not None:
            running.phase = "read"

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return _AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return (info == "is_readable" and (bool(self._last) or self._undecrypted())) or self._stream.get_extra_info(
            info
        )

    def _undecrypted(self) -> bool:
        """Whether something has come that TLS has not given out yet: the socket knows nothing of that."""
        tls = self._stream.get_extra_info("ssl_object")
        if tls is None:
            return False
        try:
            tls.read(1)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            pass
        return True


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _AsyncStream(await self._backend.connect_tcp(host, port, timeout, local_address, socket_options))
