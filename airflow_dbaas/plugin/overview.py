"""Asks the API for what the page shows: once for all who look, within a bounded time, few calls at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow_dbaas import engines
from airflow_dbaas.api import AsyncClient
from airflow_dbaas.api.errors import DbaasError, DbaasNotFoundError, DbaasTransportError
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.api.services import Service
from airflow_dbaas.plugin import view

#: How long an answer serves for all who ask; the page asks every ten seconds.
SHARED_SECONDS = 8.0
#: An answer has to be there before people take the page for broken.
LONGEST_SECONDS = 25.0
_LONGEST_CALL_SECONDS = 10.0
_CALLS_AT_ONCE = 6
_MIGRATABLE = frozenset(engine.service_type for engine in engines.ENGINES)

T = TypeVar("T")


@dataclass(frozen=True)
class _Asked:
    arguments: dict[str, Any]
    begun: float
    answer: asyncio.Task[dict[str, Any]]

    def serves(self, arguments: dict[str, Any]) -> bool:
        fresh = not self.answer.done() or time.monotonic() - self.begun < SHARED_SECONDS
        return fresh and self.arguments == arguments and not self.answer.cancelled()


class Overviews:
    """The overview of each connection, at most a few seconds old."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}

    async def of(self, conn_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The overview of a connection, for reading only: others get the same one.

        :param conn_id: id of the connection.
        :param arguments: of the client, see ``hooks.dbaas.client_arguments``; if they have changed, the API is asked
            anew.
        :raises DbaasError: if the services cannot be listed.
        """
        now = time.monotonic()
        # Not longer in memory than needed: the arguments hold a secret.
        self._asked = {
            key: it for key, it in self._asked.items() if not it.answer.done() or now - it.begun < SHARED_SECONDS
        }
        asked = self._asked.get(conn_id)
        if asked is None or not asked.serves(arguments):
            asked = _Asked(arguments, now, asyncio.create_task(_ask(arguments)))
            self._asked[conn_id] = asked
        # A viewer who leaves does not take the answer away from the others.
        return await asyncio.shield(asked.answer)


async def _ask(arguments: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in arguments.items() if value is not None}
    given["timeout"] = min(given.get("timeout", _LONGEST_CALL_SECONDS), _LONGEST_CALL_SECONDS)
    async with AsyncClient(**given, retry=RetryPolicy(max_seconds=3)) as client:
        return await Questions(client).overview()


class Questions:
    """The calls behind one overview.

    :param client: the client to ask with.
    :param seconds: how long they may take, all in all. What has no answer by then is shown as a problem.
    """

    def __init__(self, client: AsyncClient, *, seconds: float = LONGEST_SECONDS) -> None:
        self._client = client
        self._until = time.monotonic() + seconds
        self._turn = asyncio.Semaphore(_CALLS_AT_ONCE)
        self._problems: list[dict[str, Any]] = []

    async def overview(self) -> dict[str, Any]:
        """Services, endpoints, links and migrations as ``view`` shows them.

        What cannot be had stands in ``problems``, with the ``place`` of the page where it is missing and, if it is
        that of a service, its name.

        Calls: list-dbaas-services, list-dbaas-external-endpoints; list-dbaas-external-integrations of each service if
        there are endpoints; get-dbaas-migration-status of each service that can be migrated into.

        :raises DbaasError: if the services cannot be listed.
        """
        client = self._client
        listed, endpoints = await asyncio.gather(
            self._call(client.services.list),
            self._try("endpoints", None, client.external_endpoints.list),
            return_exceptions=True,
        )
        if isinstance(listed, BaseException):
            raise listed
        if isinstance(endpoints, BaseException):
            raise endpoints
        services = sorted(listed.dbaas_services, key=lambda service: service.name)
        known = endpoints.dbaas_endpoints if endpoints else []
        attached, migrations = await asyncio.gather(
            # If the endpoints cannot be listed, the attachments still tell their names.
            self._attachments(services) if known or endpoints is None else _nothing(),
            self._migrations(services),
        )
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "services": [view.service(service) for service in services],
            "endpoints": [view.endpoint(endpoint) for endpoint in known],
            "links": view.integrations(services) + attached,
            "migrations": migrations,
            "problems": self._problems,
        }

    async def _attachments(self, services: Iterable[Service]) -> list[dict[str, Any]]:
        async def of(name: str) -> list[dict[str, Any]]:
            answer = await self._try(
                "attachments", name, lambda: self._client.external_endpoints.list_integrations(name)
            )
            return [view.attachment(name, it) for it in answer.external_integrations] if answer else []

        return [link for links in await asyncio.gather(*(of(it.name) for it in services)) for link in links]

    async def _migrations(self, services: Iterable[Service]) -> list[dict[str, Any]]:
        async def of(name: str) -> dict[str, Any] | None:
            answer = await self._try("migrations", name, lambda: self._client.migrations.status(name))
            return view.migration(name, answer) if answer else None

        answers = await asyncio.gather(*(of(it.name) for it in services if it.type in _MIGRATABLE))
        return [answer for answer in answers if answer]

    async def _try(self, place: str, service: str | None, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer to a call, or None if there is no such thing or, with a problem noted, it cannot be had."""
        try:
            return await self._call(call)
        except DbaasNotFoundError:
            return None
        except DbaasError as error:
            self._problems.append({"place": place, "service": view.text(service), "text": view.text(error)})
            return None

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(max(self._until - time.monotonic(), 0)), self._turn:
                return await call()
        except TimeoutError:
            raise DbaasTransportError(f"no answer of the API within {LONGEST_SECONDS:g} seconds") from None


async def _nothing() -> list[dict[str, Any]]:
    return []
