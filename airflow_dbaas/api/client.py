"""The two clients. Only they, their connections, and whom they trust, know the HTTP library."""

from __future__ import annotations

import asyncio
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar

import httpx
import tenacity

from airflow_dbaas.api import addresses, answers, auth
from airflow_dbaas.api.calls import AnswerT, Call
from airflow_dbaas.api.connections import Request, Server
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError, DbaasTransportError
from airflow_dbaas.api.logs import PAGE_LENGTH, LogPager
from airflow_dbaas.api.places import Place
from airflow_dbaas.api.proxies import proxy_for
from airflow_dbaas.api.redaction import Secret, redact
from airflow_dbaas.api.resources import Resources
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.api.trust import authorities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dbaas.api.observability import LogEntry

_TIMEOUT = 30.0


class _Way(Protocol):
    def exchange(self, request: Request) -> answers.Reply: ...

    def close(self) -> None: ...


class _AsyncWay(Protocol):
    async def exchange(self, request: Request) -> answers.Reply: ...

    async def close(self) -> None: ...


WayT = TypeVar("WayT", _Way, _AsyncWay)


class _Settings(ABC, Generic[WayT]):
    """What both clients have in common: settings, and how a call becomes a request.

    :param key: API key.
    :param secret: API secret.
    :param url: base URL with ``/v2``; by default that of the zone.
    :param zone: one of ``addresses.ZONES``; needed without ``url``. Calls that name a service which
        list-dbaas-services shows in another zone are refused.
    :param timeout: seconds that connecting and each read may take.
    :param ca_file: PEM file of the authorities to trust instead of the usual ones. TLS is always verified.
    :param allow_http: whether ``url`` may begin with ``http://`` although it leads to another machine.
    :param retry: how patient one call is.
    :param on_secret: called with each secret that the API is sent or shows, before anybody else sees it, so that it can
        be kept out of logs; that of an ``AsyncClient`` is awaited.
    :param label: what to call the client in error texts, e.g. ``connection 'exoscale_default'``.
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
    ) -> None:
        # First of all: whatever is raised from here on shows the variables of this frame to an error tracker.
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
        self._key = key
        self._secret = secret
        self._root = parsed.raw_path.decode("ascii").rstrip("/")
        # Reading the authorities takes longer than all else, and what is not encrypted does without.
        trust = authorities(ca_file) if secure or ca_file else None
        server = Server(
            origin=f"{parsed.scheme}://{parsed.netloc.decode('ascii')}",
            name=parsed.netloc.decode("ascii"),
            host=parsed.raw_host.decode("ascii"),
            port=parsed.port or (443 if secure else 80),
            trust=trust if secure else None,
            timeout=timeout,
        )
        # What is not encrypted because it stays on this machine goes to no proxy.
        proxy = None if local else proxy_for(self.url)
        #: Where it works.
        self.place = Place(self.url, zone=zone, label=label, proxy=proxy)
        self._way: WayT = self._open(server, proxied=proxy is not None)

    @staticmethod
    @abstractmethod
    def _open(server: Server, *, proxied: bool) -> WayT:
        """What sends requests and reads what comes back."""

    def __repr__(self) -> str:
        # It may be asked for while the client is not ready yet: by an error tracker, if the settings cannot be used.
        return f"<{type(self).__name__} {getattr(self, 'url', 'without a URL')}>"

    def _new_secrets(self, content: bytes) -> set[Secret]:
        """The secrets in a body, sent or received, that ``on_secret`` has not been told yet."""
        if self._on_secret is None or not content:
            return set()
        new = answers.secrets_in(content) - self._known
        self._known |= new
        return new

    def zone_of(self, service_name: str | None) -> str | None:
        """The zone that a service was last listed in; the one asked for, if it was not listed or shows none.

        :param service_name: name of the service.
        """
        return self.place.zone_of(service_name)

    def _taken(self, answer: AnswerT) -> AnswerT:
        answer.belong_to(self.place)
        return answer

    def _request(self, call: Call[Any]) -> Request:
        # Signed when it is sent, so that a repeated one carries a fresh expiry.
        target = self._root + call.path
        signature = auth.authorization(
            self._key, self._secret.reveal(), method=call.method, target=target, body=call.body
        )
        headers = {"Accept": "application/json", "User-Agent": "airflow-dbaas", "Authorization": signature}
        if call.body:
            headers["Content-Type"] = "application/json"
        return Request(call.method, target, headers, call.body)


class Client(_Settings[_Way], Resources):
    """Blocking client of the DBaaS API.

    Operations are grouped by subject, e.g. ``client.services.list()``; each returns the model of its answer and raises
    the errors of ``airflow_dbaas.api.errors``. ``operation`` finds one by its id. Usable from several threads and as a
    context manager.
    """

    @staticmethod
    def _open(server: Server, *, proxied: bool) -> _Way:
        if proxied:
            from airflow_dbaas.api.proxied import Proxied

            return Proxied(server)
        from airflow_dbaas.api.blocking import Sockets

        return Sockets(server)

    def send(self, call: Call[AnswerT], *, retry: RetryPolicy | None = None) -> AnswerT:
        """Send a call and return its answer.

        :param call: what to send.
        :param retry: how patient this call is, instead of the client's own patience.
        :raises DbaasError: see ``airflow_dbaas.api.errors``.
        """
        self._tell(call.body)
        policy = retry or self.retry
        with self.place.named():
            self._keep_to_zone(call.services, policy)
            answer = self._send(call, policy)
            self._keep_to_zone(answer.named_services, policy)
        return answer

    def _keep_to_zone(self, services: Iterable[str | None], policy: RetryPolicy) -> None:
        if self.place.must_look(services):
            self._send(self.services.list.call(), policy)
        self.place.check(services)

    def _send(self, call: Call[AnswerT], policy: RetryPolicy) -> AnswerT:
        if policy.once:
            return self._once(call)
        attempts = tenacity.Retrying(**policy.arguments(call.resend))
        answer: AnswerT = attempts(self._once, call)
        return answer

    def _tell(self, content: bytes) -> None:
        for secret in self._new_secrets(content):
            if self._on_secret is not None:
                self._on_secret(secret)

    def _once(self, call: Call[AnswerT]) -> AnswerT:
        try:
            reply = self._way.exchange(self._request(call))
        except httpx.HTTPError as error:
            failure = _transport_error(call, error, self.place.proxy)
        else:
            self._tell(reply.content)
            return self._taken(answers.read(call, reply))
        # Without the HTTP library's error, whose frames hold the body.
        raise failure

    def iter_service_logs(
        self,
        service_name: str,
        *,
        sort_order: Literal["asc", "desc"] = "asc",
        offset: str | None = None,
        limit: int = PAGE_LENGTH,
    ) -> Iterator[LogEntry]:
        """All entries of a service's log, each once (get-dbaas-service-logs, page by page).

        To go on later behind the last entry, drive a ``logs.LogPager`` instead.

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
        self._way.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Settings[_AsyncWay], Resources):
    """Client of the DBaaS API for an event loop; parameters and methods as those of ``Client``, to be awaited."""

    @cached_property
    def _looking(self) -> asyncio.Lock:
        return asyncio.Lock()

    @staticmethod
    def _open(server: Server, *, proxied: bool) -> _AsyncWay:
        if proxied:
            from airflow_dbaas.api.proxied import AsyncProxied

            return AsyncProxied(server)
        from airflow_dbaas.api.looped import Streams

        return Streams(server)

    async def send(
        self, call: Call[AnswerT], *, retry: RetryPolicy | None = None, memory: answers.Memory | None = None
    ) -> AnswerT:
        """Send a call and return its answer; see ``Client.send``.

        :param call: what to send.
        :param retry: how patient this call is, instead of the client's own patience.
        :param memory: that of the same call when it was sent before.
        """
        await self._tell(call.body)
        policy = retry or self.retry
        with self.place.named():
            await self._keep_to_zone(call.services, policy)
            answer = await self._send(call, policy, memory)
            await self._keep_to_zone(answer.named_services, policy)
        return answer

    async def _keep_to_zone(self, services: Iterable[str | None], policy: RetryPolicy) -> None:
        if self.place.must_look(services):
            # Of those that come at the same time, one asks for all.
            async with self._looking:
                if self.place.must_look(services):
                    await self._send(self.services.list.call(), policy, None)
        self.place.check(services)

    async def _send(self, call: Call[AnswerT], policy: RetryPolicy, memory: answers.Memory | None) -> AnswerT:
        if policy.once:
            return await self._once(call, memory)
        attempts = tenacity.AsyncRetrying(**policy.arguments(call.resend))
        answer: AnswerT = await attempts(self._once, call, memory)
        return answer

    async def _tell(self, content: bytes) -> None:
        for secret in self._new_secrets(content):
            if self._on_secret is not None:
                await self._on_secret(secret)

    async def _once(self, call: Call[AnswerT], memory: answers.Memory | None) -> AnswerT:
        try:
            reply = await self._way.exchange(self._request(call))
        except httpx.HTTPError as error:
            failure = _transport_error(call, error, self.place.proxy)
        else:
            await self._tell(reply.content)
            return self._taken(memory.read(call, reply) if memory else answers.read(call, reply))
        raise failure

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
        await self._way.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _base_url(url: str | None, zone: str | None) -> str:
    if url is None:
        return addresses.of_zone(zone)
    # First of all: what the library says of a URL it cannot read may quote a part of a password.
    addresses.check_form(url)
    addresses.check_zone(url, {"zone": zone})
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DbaasConfigurationError(f"the API URL {redact(url)!r} cannot be used: {error}") from None
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise DbaasConfigurationError(f"the API URL {url!r} cannot be used: a port is 1 to 65535")
    return url.rstrip("/")


def _transport_error(call: Call[Any], error: httpx.HTTPError, proxy: str | None) -> DbaasError:
    unreached = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = f"{call}: the server's certificate is not trusted: {cause.verify_message}"
            return DbaasTransportError(text, retryable=False, unprocessed=True)
        cause = cause.__cause__ or cause.__context__
    through = f" through proxy {proxy}" if proxy else ""
    return DbaasTransportError(f"{call}: no answer{through}: {redact(reason)}", unprocessed=unreached)
