"""The way through a proxy: it is httpx's affair."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx

from airflow_dbaas.api.answers import Reply
from airflow_dbaas.api.connections import Request, Server
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import redact

HttpT = TypeVar("HttpT", httpx.Client, httpx.AsyncClient)


class Proxied:
    """Asks a server through the proxy that the environment names, blocking.

    :param server: whom to ask.
    :raises DbaasConfigurationError: if the proxy cannot be used.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = _opened(httpx.Client, server)

    def exchange(self, request: Request) -> Reply:
        """Send a request and read its whole answer.

        :raises httpx.HTTPError: if there is none.
        """
        return _reply(self._http.request(**_arguments(self._server, request)))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncProxied:
    """The same in an event loop; see ``Proxied``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = _opened(httpx.AsyncClient, server)

    async def exchange(self, request: Request) -> Reply:
        """Send a request and read its whole answer; see ``Proxied.exchange``."""
        return _reply(await self._http.request(**_arguments(self._server, request)))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _opened(kind: type[HttpT], server: Server) -> HttpT:
    # What is not encrypted may go through a proxy, too; httpx wants to know whom to trust all the same.
    verify = True if server.trust is None else server.trust
    try:
        # Redirects are not followed: a signed request goes to the API or nowhere.
        return kind(timeout=server.timeout, verify=verify, follow_redirects=False)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise DbaasConfigurationError(
            f"the proxy that the environment names (HTTPS_PROXY, ALL_PROXY) cannot be used: {redact(str(error))}"
        ) from None


def _arguments(server: Server, request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": server.origin + request.target,
        "headers": request.headers,
        "content": request.body or None,
    }


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, response.reason_phrase, response.headers, response.content)
