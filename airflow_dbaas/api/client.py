"""The two clients. Signing, connections and trust apart, only they know httpx."""

from __future__ import annotations

import asyncio
import functools
import math
import re
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from threading import Semaphore
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast

import httpx
import tenacity

from airflow_dbaas.api import addresses, answers, exchange
from airflow_dbaas.api.auth import Signature
from airflow_dbaas.api.calls import AnswerT, Call, choice
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError, DbaasResponseError, DbaasTransportError
from airflow_dbaas.api.exchange import AnswerTooLargeError, Body, Exchange
from airflow_dbaas.api.logs import PAGE_LENGTH, LogPager
from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.api.places import Place
from airflow_dbaas.api.redaction import Secret, redact
from airflow_dbaas.api.resources import Resources
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.api.transports import AsyncHttpClient, HttpClient
from airflow_dbaas.api.trust import authorities, nobody

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dbaas.api.observability import LogEntry

_TIMEOUT = 30.0

#: Concurrent requests of one client; others wait.
MOST = 100

#: Transports whose errors tell whether a request was sent.
_TRUSTED = (httpx.HTTPTransport, httpx.AsyncHTTPTransport, httpx.MockTransport)

EventHooks = Mapping[str, list[Callable[..., Any]]]
HttpT = TypeVar("HttpT", HttpClient, AsyncHttpClient)
TransportT = TypeVar("TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)


class _Settings(ABC, Generic[HttpT, TransportT]):
    """What both clients have in common: settings, and how a call becomes a request.

    :param key: API key.
    :param secret: API secret.
    :param url: base URL with ``/v2``; by default that of the zone.
    :param zone: one of ``parameters.ZONES``; needed without ``url``. Calls that name a service which
        list-dbaas-services shows in another zone are refused.
    :param timeout: maximum time of one request in seconds, from connecting to the last byte of the answer. If ``MOST``
        others are under way, it also waits at most that long for its turn.
    :param ca_file: PEM file of the authorities to trust instead of the usual ones. TLS is always verified.
    :param allow_http: whether ``url`` may begin with ``http://`` although it leads to another machine.
    :param retry: how patient one call is.
    :param on_secret: called with each secret that the API is sent or shows, before anybody else sees it, so that it can
        be kept out of logs; that of an ``AsyncClient`` is awaited.
    :param label: what to call the client in error texts, e.g. ``connection 'exoscale_default'``.
    :param transport: an httpx transport to send by, such as ``httpx.MockTransport``, instead of this client's own; no
        proxy is used then.
    :param event_hooks: functions to call with each request, signed, and with each response: as httpx's.
    :raises DbaasConfigurationError: if one of them is missing or cannot be used.
    """

    def __init__(
        self,
        key: str,
        secret: str | Secret,
        *,
        url: str | None = None,
        zone: str | None = None,
        timeout: float = _TIMEOUT,
        ca_file: str | None = None,
        allow_http: bool = False,
        retry: RetryPolicy | None = None,
        on_secret: Callable[[Secret], Any] | None = None,
        label: str | None = None,
        transport: TransportT | None = None,
        event_hooks: EventHooks | None = None,
    ) -> None:
        # First, because any error from here on shows the variables of this frame to an error tracker.
        secret = Secret.of(secret)
        if not key:
            raise DbaasConfigurationError("the API key is missing")
        if not re.fullmatch(r"[!-~]+", key):
            # Not shown: it may be the secret, in the wrong place.
            raise DbaasConfigurationError("the API key must be printable ASCII without spaces or line breaks")
        if not secret:
            raise DbaasConfigurationError("the API secret is missing")
        self.url = _base_url(url, zone)
        parsed = httpx.URL(self.url)
        secure = parsed.scheme == "https"
        local = addresses.stays_here(self.url, parsed.scheme, parsed.host, allow_http=allow_http)
        self.retry = retry or RetryPolicy()
        self._on_secret = on_secret
        self._known: set[Secret] = set()
        self._timeout = timeout
        self._trusted = transport is None or isinstance(transport, _TRUSTED)
        # Reading the CA certificates takes longer than everything else, and unencrypted connections do not need them.
        trust = authorities(ca_file) if secure or ca_file else None
        self._signature = Signature(key, secret)
        # Copied for each request, which takes less time than to make them.
        self._headers = httpx.Headers(
            {
                "Host": parsed.netloc.decode("ascii"),
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "airflow-dbaas",
            }
        )
        self._headers_with_body = httpx.Headers({**self._headers, "Content-Type": "application/json"})
        try:
            self._http: HttpT = self._open(
                auth=self._signature,
                verify=trust if secure and trust else nobody(),
                transport=transport,
                event_hooks=event_hooks,
                # Unencrypted requests stay on this machine, so they use no proxy.
                trust_env=not local,
            )
            self._transport: TransportT = self._http.transport_to(parsed)  # type: ignore[assignment]  # of the same kind
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise DbaasConfigurationError(
                "the proxy settings of the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY) cannot be used: "
                f"{redact(str(error))}"
            ) from None
        #: Where it works.
        self.place = Place(self.url, zone=zone, label=label, proxy=getattr(self._transport, "proxy", None))

    @staticmethod
    @abstractmethod
    def _open(**options: Any) -> HttpT:
        """An httpx client."""

    def __repr__(self) -> str:
        # An error tracker may call this before the client is ready, if the settings are invalid.
        return f"<{type(self).__name__} {getattr(self, 'url', 'without a URL')}>"

    def _new_secrets(self, content: bytes) -> set[Secret]:
        """The secrets in a body, sent or received, that were not yet passed to ``on_secret``."""
        if self._on_secret is None or not content:
            return set()
        new = answers.secrets_in(content) - self._known
        self._known |= new
        return new

    def zone_of(self, service_name: str | None) -> str | None:
        """The zone in which a service was last listed, or the requested one if it was not listed or shows none.

        :param service_name: name of the service.
        """
        return self.place.zone_of(service_name)

    def _taken(self, answer: AnswerT) -> AnswerT:
        answer.belong_to(self.place)
        return answer

    def _request(self, call: Call[Any], seconds: float | None) -> httpx.Request:
        if self._http.is_closed:
            raise RuntimeError("cannot send a request: the client has been closed")
        request = httpx.Request(
            call.method,
            _parsed(self.url + call.path),
            headers=self._headers_with_body if call.body else self._headers,
            content=call.body or None,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
        )
        # Signed when it is sent, so that a repeated one carries a fresh expiry.
        return next(self._signature.sync_auth_flow(request))

    def _seconds(self, call: Call[Any], until: float) -> float:
        """How long the next request may take."""
        left = until - time.monotonic()
        if left <= 0:
            raise DbaasTransportError(f"{call}: no answer: no time was left to send it", unprocessed=True)
        return min(self._timeout, left)

    def _policy(self, retry: RetryPolicy | None, within: float) -> RetryPolicy:
        policy = retry or self.retry
        return policy if policy.max_seconds <= within else replace(policy, max_seconds=max(0.0, within))


class Client(_Settings[HttpClient, httpx.BaseTransport], Resources):
    """Blocking client of the DBaaS API.

    Operations are grouped by subject, e.g. ``client.services.list()``; each returns the model of its answer and raises
    the errors of ``airflow_dbaas.api.errors``. ``operation`` finds one by its id. Usable from several threads and as a
    context manager.
    """

    @functools.cached_property
    def _turns(self) -> Semaphore:
        return Semaphore(MOST)

    @staticmethod
    def _open(**options: Any) -> HttpClient:
        return HttpClient(**options)

    def send(self, call: Call[AnswerT], *, retry: RetryPolicy | None = None, within: float = math.inf) -> AnswerT:
        """Send a call and return its answer.

        :param call: what to send.
        :param retry: how patient this call is, instead of the client's own patience.
        :param within: maximum time in seconds, including repetitions.
        :raises DbaasError: see ``airflow_dbaas.api.errors``.
        """
        self._tell(call.body)
        policy, until = self._policy(retry, within), time.monotonic() + within
        with self.place.named():
            self._keep_to_zone(call.services, policy, until)
            answer = self._send(call, policy, until)
            self._keep_to_zone(answer.named_services, policy, until)
        return answer

    def _keep_to_zone(self, services: Iterable[str | None], policy: RetryPolicy, until: float) -> None:
        if self.place.must_look(services):
            self._send(self.services.list.call(), policy, until)
        self.place.check(services)

    def _send(self, call: Call[AnswerT], policy: RetryPolicy, until: float) -> AnswerT:
        if policy.once:
            return self._once(call, until)
        attempts = tenacity.Retrying(**policy.arguments(call.resend))
        answer: AnswerT = attempts(self._once, call, until)
        return answer

    def _tell(self, content: bytes) -> None:
        for secret in self._new_secrets(content):
            if self._on_secret is not None:
                self._on_secret(secret)

    def _once(self, call: Call[AnswerT], until: float) -> AnswerT:
        try:
            reply = self._reply(call, until)
        except (httpx.HTTPError, AnswerTooLargeError) as error:
            failure = _error(call, error, self.place.proxy, trusted=self._trusted)
        else:
            self._tell(reply.content)
            return self._taken(answers.read(call, reply))
        # Without the HTTP library's error, whose frames hold the body.
        raise failure

    def _reply(self, call: Call[Any], until: float) -> answers.Reply:
        turns = self._turns
        if not turns.acquire(timeout=self._seconds(call, until)):
            raise httpx.PoolTimeout(_NO_TURN)
        try:
            running = Exchange(self._seconds(call, until))
            with running.entered():
                return self._exchange(call, running)
        finally:
            turns.release()

    def _exchange(self, call: Call[Any], running: Exchange) -> answers.Reply:
        request = self._request(call, running.seconds)
        hooks = self._http.event_hooks
        for hook in hooks["request"]:
            hook(request)
        response = self._transport.handle_request(request)
        try:
            response.request = request
            for hook in hooks["response"]:
                hook(response)
            if response.is_closed:
                # Read by a hook, or never a stream.
                return _reply(response, _small(response.content))
            body = Body(response.headers)
            for received in cast("httpx.SyncByteStream", response.stream):
                for _ in body.feed(received):
                    pass
                running.left()
            return _reply(response, body.content())
        finally:
            response.close()

    def iter_service_logs(
        self,
        service_name: str,
        *,
        sort_order: Literal["asc", "desc"] = "asc",
        offset: str | None = None,
        limit: int = PAGE_LENGTH,
    ) -> Iterator[LogEntry]:
        """All entries of a service's log, each once (get-dbaas-service-logs, page by page).

        To continue later after the last entry, use a ``logs.LogPager`` instead.

        :param service_name: service name, 1 to 63 characters.
        :param sort_order: ``asc``, oldest first, or ``desc``.
        :param offset: an ``offset`` of the API to begin behind; the log's beginning, or end, if not given.
        :param limit: entries to ask for at a time, 1 to 500.
        :raises DbaasConfigurationError: at once, if one of them cannot be used.
        """
        return self._entries(LogPager(service_name, sort_order=sort_order, offset=offset, limit=limit))

    def _entries(self, pager: LogPager) -> Iterator[LogEntry]:
        while call := pager.call():
            yield from pager.entries(self.send(call))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Settings[AsyncHttpClient, httpx.AsyncBaseTransport], Resources):
    """Client of the DBaaS API for an event loop; parameters and methods as those of ``Client``, to be awaited.

    With the extra ``aiohttp``, what only reads is sent by aiohttp, which takes half the CPU.
    """

    @functools.cached_property
    def _looking(self) -> asyncio.Lock:
        return asyncio.Lock()

    @functools.cached_property
    def _turns(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(MOST)

    @staticmethod
    def _open(**options: Any) -> AsyncHttpClient:
        return AsyncHttpClient(**options)

    async def send(
        self,
        call: Call[AnswerT],
        *,
        retry: RetryPolicy | None = None,
        within: float = math.inf,
        memory: answers.Memory | None = None,
    ) -> AnswerT:
        """Send a call and return its answer; see ``Client.send``.

        :param call: what to send.
        :param retry: how patient this call is, instead of the client's own patience.
        :param within: maximum time in seconds, including repetitions.
        :param memory: that of the same call when it was sent before.
        """
        await self._tell(call.body)
        policy, until = self._policy(retry, within), time.monotonic() + within
        with self.place.named():
            await self._keep_to_zone(call.services, policy, until)
            answer = await self._send(call, policy, until, memory)
            await self._keep_to_zone(answer.named_services, policy, until)
        return answer

    async def _keep_to_zone(self, services: Iterable[str | None], policy: RetryPolicy, until: float) -> None:
        if self.place.must_look(services):
            # Of those that come at the same time, one asks for all.
            async with self._looking:
                if self.place.must_look(services):
                    await self._send(self.services.list.call(), policy, until, None)
        self.place.check(services)

    async def _send(
        self, call: Call[AnswerT], policy: RetryPolicy, until: float, memory: answers.Memory | None
    ) -> AnswerT:
        if policy.once:
            return await self._once(call, until, memory)
        attempts = tenacity.AsyncRetrying(**policy.arguments(call.resend))
        answer: AnswerT = await attempts(self._once, call, until, memory)
        return answer

    async def _tell(self, content: bytes) -> None:
        for secret in self._new_secrets(content):
            if self._on_secret is not None:
                await self._on_secret(secret)

    async def _once(self, call: Call[AnswerT], until: float, memory: answers.Memory | None) -> AnswerT:
        try:
            reply = await self._reply(call, until)
        except (httpx.HTTPError, AnswerTooLargeError) as error:
            failure = _error(call, error, self.place.proxy, trusted=self._trusted)
        else:
            await self._tell(reply.content)
            return self._taken(memory.read(call, reply) if memory else answers.read(call, reply))
        raise failure

    async def _reply(self, call: Call[Any], until: float) -> answers.Reply:
        if self._turns.locked():
            try:
                async with asyncio.timeout(self._seconds(call, until)):
                    await self._turns.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout(_NO_TURN) from None
        else:
            await self._turns.acquire()
        try:
            running = Exchange(self._seconds(call, until))
            try:
                with running.entered():
                    async with asyncio.timeout(running.seconds):
                        return await self._exchange(call)
            except TimeoutError:
                raise running.late() from None
        finally:
            self._turns.release()

    async def _exchange(self, call: Call[Any]) -> answers.Reply:
        request = self._request(call, None)
        hooks = self._http.event_hooks
        for hook in hooks["request"]:
            await hook(request)
        response = await self._transport.handle_async_request(request)
        try:
            response.request = request
            for hook in hooks["response"]:
                await hook(response)
            if response.is_closed:
                # Read by a hook, or never a stream.
                return _reply(response, _small(response.content))
            body = Body(response.headers)
            async for received in cast("httpx.AsyncByteStream", response.stream):
                for _ in body.feed(received):
                    # Lets other tasks of the event loop run.
                    await asyncio.sleep(0)
            return _reply(response, body.content())
        finally:
            await response.aclose()

    def iter_service_logs(
        self,
        service_name: str,
        *,
        sort_order: Literal["asc", "desc"] = "asc",
        offset: str | None = None,
        limit: int = PAGE_LENGTH,
    ) -> AsyncIterator[LogEntry]:
        """All entries of a service's log, each once; see ``Client.iter_service_logs``."""
        return self._entries(LogPager(service_name, sort_order=sort_order, offset=offset, limit=limit))

    async def _entries(self, pager: LogPager) -> AsyncIterator[LogEntry]:
        while call := pager.call():
            for entry in pager.entries(await self.send(call)):
                yield entry

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        # asyncio closes at the next turn of its loop.
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _base_url(url: str | None, zone: str | None) -> str:
    if url is None:
        return addresses.of_zone(zone)
    # First, because the library's error about an invalid URL may quote a part of a password.
    addresses.check_form(url)
    addresses.check_zone(url, {"zone": zone})
    if zone and zone != addresses.zone_of(url):
        choice("zone", zone, ZONES)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DbaasConfigurationError(f"the API URL {redact(url)!r} cannot be used: {error}") from None
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise DbaasConfigurationError(f"the API URL {url!r} cannot be used: a port is 1 to 65535")
    return url.rstrip("/")


@functools.lru_cache(2048)
def _parsed(url: str) -> httpx.URL:
    # Waits ask for the same URL again and again.
    return httpx.URL(url)


_NO_TURN = f"{MOST} other requests were under way the whole time"


def _reply(response: httpx.Response, content: bytes) -> answers.Reply:
    return answers.Reply(response.status_code, response.reason_phrase, response.headers, content)


def _small(content: bytes) -> bytes:
    if len(content) > exchange.LARGEST_ANSWER:
        raise AnswerTooLargeError
    return content


def _error(
    call: Call[Any], error: httpx.HTTPError | AnswerTooLargeError, proxy: str | None, *, trusted: bool
) -> DbaasError:
    if isinstance(error, AnswerTooLargeError):
        most = exchange.LARGEST_ANSWER // 2**20
        return DbaasResponseError(f"{call}: the answer has more than {most} MiB, so it does not come from the API")
    unreached = isinstance(error, httpx.PoolTimeout) or (
        trusted and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
    )
    # Without the received data that h11 quotes, possibly a password.
    said = re.sub(r":? ?(bytearray\()?b['\"].*", "", str(error), flags=re.DOTALL)
    reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        # aiohttp has an error of that kind that lacks the attribute; its cause has it.
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            text = f"{call}: the server's certificate is not trusted: {cause.verify_message}"
            return DbaasTransportError(text, retryable=False, unprocessed=True)
        cause = cause.__cause__ or cause.__context__
    through = f" through proxy {proxy}" if proxy else ""
    return DbaasTransportError(f"{call}: no answer{through}: {redact(reason)}", unprocessed=unreached)
