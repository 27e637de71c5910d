"""The two clients. Only they, the connections of the second, and whom they trust, know the HTTP library."""

from __future__ import annotations

import functools
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar
from urllib.request import getproxies

import httpx
import tenacity

from airflow_dbaas.api import addresses, answers, auth
from airflow_dbaas.api.calls import AnswerT, Call
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError, DbaasTransportError
from airflow_dbaas.api.logs import PAGE_LENGTH, LogPager
from airflow_dbaas.api.methods import Operations
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.api.trust import authorities

if TYPE_CHECKING:
    from airflow_dbaas.api import models
    from airflow_dbaas.api.connections import Connections

HttpT = TypeVar("HttpT", httpx.Client, httpx.AsyncClient)

_TIMEOUT = 30.0


class _Signature(httpx.Auth):
    """Signs each request when it is sent, so that a repeated one carries a fresh expiry."""

    def __init__(self, key: str, secret: str) -> None:
        self._key = key
        self._secret = secret

    def sign(self, request: httpx.Request) -> httpx.Request:
        """The same request, with its signature."""
        request.headers["Authorization"] = auth.authorization(
            self._key,
            self._secret,
            method=request.method,
            target=request.url.raw_path.decode("ascii"),
            body=request.content,
        )
        return request

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        yield self.sign(request)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        yield self.sign(request)


class _Connection(Generic[HttpT]):
    """What both clients have in common: settings, and the library's client.

    :param key: API key.
    :param secret: API secret.
    :param url: base URL with ``/v2``; by default that of the zone.
    :param zone: one of ``addresses.ZONES``; needed without ``url``.
    :param timeout: seconds that connecting and each read may take.
    :param ca_file: PEM file of the authorities to trust instead of the usual ones. TLS is always verified.
    :param allow_http: whether ``url`` may begin with ``http://`` although it leads to another machine.
    :param retry: how patient one call is.
    :raises DbaasConfigurationError: if one of them is missing or cannot be used.
    """

    _http_class: type[HttpT]

    def __init__(
        self,
        key: str,
        secret: str,
        *,
        url: str | None = None,
        zone: str | None = None,
        timeout: float = _TIMEOUT,
        ca_file: str | None = None,
        allow_http: bool = False,
        retry: RetryPolicy | None = None,
    ) -> None:
        if not key:
            raise DbaasConfigurationError("the API key is missing")
        if not re.fullmatch(r"[!-~]+", key):
            # Not shown: it may be the secret, in the wrong place.
            raise DbaasConfigurationError("the API key must be printable ASCII without spaces or line breaks")
        if not secret:
            raise DbaasConfigurationError("the API secret is missing")
        self.url = _base_url(url, zone)
        parsed = httpx.URL(self.url)
        local = addresses.stays_here(self.url, parsed.scheme, parsed.host, allow_http=allow_http)
        self.retry = retry or RetryPolicy()
        self._signature = _Signature(key, secret)
        self._trust = authorities(ca_file)
        # Those that httpx looks for.
        self._proxied = not local and not getproxies().keys().isdisjoint({parsed.scheme, "all"})
        try:
            # Redirects are not followed: a signed request goes to the API or nowhere. What is not encrypted because it
            # stays on this machine goes to no proxy that the environment may name.
            self._http: HttpT = self._http_class(
                auth=self._signature,
                timeout=timeout,
                verify=self._trust,
                follow_redirects=False,
                trust_env=not local,
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise DbaasConfigurationError(
                f"the proxy that the environment names (HTTPS_PROXY, ALL_PROXY) cannot be used: {redact(str(error))}"
            ) from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def _request_arguments(self, call: Call[Any]) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if call.body:
            headers["Content-Type"] = "application/json"
        return {
            "method": call.method,
            "url": _parsed(self.url + call.path),
            "content": call.body or None,
            "headers": headers,
        }


class Client(_Connection[httpx.Client], Operations):
    """Blocking client of the DBaaS API.

    Methods are the API's operation ids in snake case; each returns the model of its answer and raises the errors
    of ``airflow_dbaas.api.errors``. Usable from several threads and as a context manager.
    """

    _http_class = httpx.Client

    def send(self, call: Call[AnswerT], *, retry: RetryPolicy | None = None) -> AnswerT:
        """Send a call of ``endpoints`` and return its answer.

        :param call: what to send.
        :param retry: how patient this call is, instead of the client's own patience.
        :raises DbaasError: see ``airflow_dbaas.api.errors``.
        """
        policy = retry or self.retry
        if policy.once:
            return self._once(call)
        attempts = tenacity.Retrying(**policy.arguments(call.resend))
        answer: AnswerT = attempts(self._once, call)
        return answer

    def _once(self, call: Call[AnswerT]) -> AnswerT:
        try:
            response = self._http.request(**self._request_arguments(call))
        except httpx.HTTPError as error:
            raise _transport_error(call, error) from error
        return _answer(call, response)

    def iter_dbaas_service_logs(
        self,
        service_name: str,
        *,
        sort_order: Literal["asc", "desc"] = "asc",
        offset: str | None = None,
        limit: int = PAGE_LENGTH,
    ) -> Iterator[models.LogEntry]:
        """All entries of a service's log, each once (get-dbaas-service-logs, page by page).

        To go on later behind the last entry, drive a ``logs.LogPager`` instead.

        :param service_name: service name, 1 to 63 characters.
        :param sort_order: ``asc``, oldest first, or ``desc``.
        :param offset: an ``offset`` of the API to begin behind; the log's beginning, or end, if not given.
        :param limit: entries to ask for at a time, 1 to 500.
        :raises DbaasConfigurationError: at once, if one of them cannot be used.
        """
        return self._entries(LogPager(service_name, sort_order=sort_order, offset=offset, limit=limit))

    def _entries(self, pager: LogPager) -> Iterator[models.LogEntry]:
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


class AsyncClient(_Connection[httpx.AsyncClient], Operations):
    """Client of the DBaaS API for an event loop; parameters and methods as those of ``Client``, to be awaited."""

    _http_class = httpx.AsyncClient

    @functools.cached_property
    def _connections(self) -> Connections | None:
        # What goes through a proxy is httpx's affair.
        if self._proxied:
            return None
        from airflow_dbaas.api.connections import Connections

        return Connections(self._trust)

    async def send(
        self, call: Call[AnswerT], *, retry: RetryPolicy | None = None, memory: answers.Memory | None = None
    ) -> AnswerT:
        """Send a call of ``endpoints`` and return its answer; see ``Client.send``.

        :param call: what to send.
        :param retry: how patient this call is, instead of the client's own patience.
        :param memory: that of the same call when it was sent before.
        """
        policy = retry or self.retry
        if policy.once:
            return await self._once(call, memory)
        attempts = tenacity.AsyncRetrying(**policy.arguments(call.resend))
        answer: AnswerT = await attempts(self._once, call, memory)
        return answer

    async def _once(self, call: Call[AnswerT], memory: answers.Memory | None) -> AnswerT:
        try:
            request = self._http.build_request(**self._request_arguments(call))
            if self._connections is None:
                response = await self._http.send(request)
            else:
                response = await self._connections.handle_async_request(self._signature.sign(request))
        except httpx.HTTPError as error:
            raise _transport_error(call, error) from error
        return _answer(call, response, memory.read if memory else answers.read)

    def iter_dbaas_service_logs(
        self,
        service_name: str,
        *,
        sort_order: Literal["asc", "desc"] = "asc",
        offset: str | None = None,
        limit: int = PAGE_LENGTH,
    ) -> AsyncIterator[models.LogEntry]:
        """All entries of a service's log, each once; see ``Client.iter_dbaas_service_logs``."""
        return self._entries(LogPager(service_name, sort_order=sort_order, offset=offset, limit=limit))

    async def _entries(self, pager: LogPager) -> AsyncIterator[models.LogEntry]:
        while call := pager.call():
            for entry in pager.entries(await self.send(call)):
                yield entry

    async def aclose(self) -> None:
        """Close the connections."""
        if self._connections is not None:
            await self._connections.aclose()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


@functools.lru_cache(maxsize=4096)
def _parsed(url: str) -> httpx.URL:
    # A wait asks for the same thousands of times.
    return httpx.URL(url)


def _base_url(url: str | None, zone: str | None) -> str:
    if url is None:
        return addresses.of_zone(zone)
    # First of all: what the library says of a URL it cannot read may quote a part of a password.
    addresses.check_form(url)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DbaasConfigurationError(f"the API URL {redact(url)!r} cannot be used: {error}") from None
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise DbaasConfigurationError(f"the API URL {url!r} cannot be used: a port is 1 to 65535")
    return url.rstrip("/")


def _transport_error(call: Call[Any], error: httpx.HTTPError) -> DbaasError:
    unreached = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = f"{call}: the server's certificate is not trusted: {cause.verify_message}"
            return DbaasTransportError(text, retryable=False, unprocessed=True)
        cause = cause.__cause__ or cause.__context__
    return DbaasTransportError(f"{call}: no answer: {redact(reason)}", unprocessed=unreached)


def _answer(call: Call[AnswerT], response: httpx.Response, read: Callable[..., AnswerT] = answers.read) -> AnswerT:
    return read(
        call,
        status=response.status_code,
        reason=response.reason_phrase,
        headers=response.headers,
        content=response.content,
    )
