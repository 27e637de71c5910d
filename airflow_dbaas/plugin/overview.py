"""Fetches the data of the page from the API: once for all viewers, in turns, and within the budget.

The list of services comes first and is shown at once. Requests for each service follow, more often for running
migrations. An answer is shown, with its age, until a newer one replaces it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from airflow_dbaas.api import AsyncClient
from airflow_dbaas.api.errors import DbaasError, DbaasNotFoundError, DbaasRateLimitError, DbaasTransportError
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.migration import engines
from airflow_dbaas.plugin import view
from airflow_dbaas.plugin.budget import CALLS_PER_SECOND, Budget

#: How long an answer is fresh, from its arrival. The page asks every ten seconds.
FRESH_SECONDS = 8.0
#: How long after the last viewer the API is still asked.
LOOKED_AT_SECONDS = 15.0
#: How long after the last viewer answers are kept for the next one.
KEPT_SECONDS = 60.0
#: An answer must arrive before users think that the page is broken.
LONGEST_SECONDS = 25.0
#: How long a viewer waits for more than the list of services, if everything can be fetched in that time.
PATIENCE_SECONDS = 3.0
#: The page says how old an answer is if it is older than this.
OLD = timedelta(seconds=20)
_LONGEST_CALL_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 60.0
_RETRY_AFTER_SECONDS = (0.5, 1.5)
_CALLS_AT_ONCE = 6
_MIGRATABLE = frozenset(engine.service_type for engine in engines.ENGINES)
_ENDED = frozenset({"done", "failed"})

Place = Literal["services", "endpoints", "migrations", "attachments"]
#: The request, and its service.
Question = tuple[Place, str]
SERVICES: Question = ("services", "")
ENDPOINTS: Question = ("endpoints", "")


@dataclass
class _Answer:
    """What came of a question.

    :param value: the last good answer, as the page shows it; None if there was none, or the resource does not exist.
    :param at: when that arrived; None if it never did.
    :param ended: when the question was last answered, well or not, by the monotonic clock.
    :param error: why the last answer was not a good one.
    """

    value: Any = None
    at: datetime | None = None
    ended: float = 0.0
    error: DbaasError | None = None


class Overviews:
    """The overview of each connection with viewers. All share one budget.

    :param budget: how often the API may be asked.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self._boards: dict[str, _Board] = {}

    async def of(self, conn_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The overview of a connection: a list of services that is at most a few seconds old, and the rest as far as
        known.

        Calls: list-dbaas-services, list-dbaas-external-endpoints; in turns, list-dbaas-external-integrations of each
        service if there are endpoints, and get-dbaas-migration-status of each service that can be migrated into.

        :param conn_id: id of the connection.
        :param arguments: of the client, see ``hooks.dbaas.client_arguments``; if they have changed, nothing that is
            known is shown any more.
        :raises DbaasError: if the services cannot be listed.
        """
        self._forget()
        # The arguments hold a secret, so they are not kept to be compared with.
        mark = hash(tuple(sorted(arguments.items())))
        board = self._boards.get(conn_id)
        if board is None or board.mark != mark:
            if board is not None:
                board.close()
            board = self._boards[conn_id] = _Board(mark, self._budget)
        overview = await board.overview(arguments)
        asyncio.get_running_loop().call_later(KEPT_SECONDS + 1, self._forget)
        return overview

    def _forget(self) -> None:
        """Drop overviews without recent viewers."""
        now = time.monotonic()
        self._boards = {key: it for key, it in self._boards.items() if now - it.looked_at < KEPT_SECONDS}


class _Board:
    """The known data of one connection's account. It only holds the client, and so the secret, while it works."""

    def __init__(self, mark: int, budget: Budget) -> None:
        self.mark = mark
        self.looked_at = time.monotonic()
        self._budget = budget
        self._answers: dict[Question, _Answer] = {}
        self._asking: set[Question] = set()
        self._turns = 0
        self._paused_until = 0.0
        self._work: asyncio.Task[None] | None = None
        self._listed: asyncio.Future[None] | None = None

    async def overview(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The data to show; old data is refreshed first, if that is quick.

        :raises DbaasError: if the services cannot be listed.
        """
        begun = self.looked_at = time.monotonic()
        if self._work is None or self._work.done():
            self._asking.clear()
            self._listed = asyncio.get_running_loop().create_future()
            self._work = asyncio.create_task(self._ask_in_turns(arguments))
            self._work.add_done_callback(_has_ended)
        work = self._work
        # A viewer who leaves does not affect others: the requests are not cancelled.
        listed = self._listed or work
        await asyncio.wait({work, listed}, timeout=LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if listed.done() and not work.done() and self._due_count() <= PATIENCE_SECONDS * CALLS_PER_SECOND:
            await asyncio.wait({work}, timeout=max(begun + PATIENCE_SECONDS - time.monotonic(), 0))
        if work.done() and not work.cancelled() and (failure := work.exception()):
            self._work = None
            raise _bare(failure) if isinstance(failure, DbaasError) else failure
        services = self._answers.get(SERVICES)
        if services is None:
            raise DbaasTransportError(f"no answer of the API within {LONGEST_SECONDS:g} seconds")
        if services.error and (services.value is None or not services.error.retryable):
            raise services.error
        return self._shown(services)

    def close(self) -> None:
        """Give up pending requests."""
        if self._work is not None:
            self._work.cancel()

    async def _ask_in_turns(self, arguments: dict[str, Any]) -> None:
        """Send requests until nothing is old, or there are no viewers."""
        given = {name: value for name, value in arguments.items() if value is not None}
        given["timeout"] = min(given.get("timeout", _LONGEST_CALL_SECONDS), _LONGEST_CALL_SECONDS)
        calls: set[asyncio.Task[None]] = set()
        try:
            # Repeated requests count as well, so they are repeated here.
            async with AsyncClient(**given, retry=NO_RETRY) as client:
                while time.monotonic() - self.looked_at < LOOKED_AT_SECONDS:
                    waiting = next(self._due(), None) is not None
                    if calls and (not waiting or len(calls) >= _CALLS_AT_ONCE):
                        done, calls = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                        for call in done:
                            call.result()
                    elif not waiting:
                        break
                    elif (pause := self._paused_until - time.monotonic()) > 0:
                        await asyncio.sleep(min(pause, 1))
                    else:
                        await self._budget.turn()
                        if question := self._next():
                            self._asking.add(question)
                            calls.add(asyncio.create_task(self._ask(client, question)))
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    def _questions(self) -> Iterator[Question]:
        """All there is to ask, in the order in which it is asked first."""
        yield SERVICES
        yield ENDPOINTS
        services: list[tuple[str, str]] = self._value(SERVICES, {"names": []})["names"]
        yield from (("migrations", name) for name, kind in services if kind in _MIGRATABLE)
        # If the endpoints cannot be listed, the attachments still have their names.
        if self._value(ENDPOINTS, None) != [] and ENDPOINTS in self._answers:
            yield from (("attachments", name) for name, _ in services)

    def _value(self, question: Question, default: Any) -> Any:
        answer = self._answers.get(question)
        return default if answer is None or answer.value is None else answer.value

    def _due(self) -> Iterator[Question]:
        """The requests to send now."""
        now = time.monotonic()
        for question in self._questions():
            answer = self._answers.get(question)
            if question not in self._asking and (answer is None or now - answer.ended >= FRESH_SECONDS):
                yield question

    def _due_count(self) -> int:
        return sum(1 for _ in self._due()) + len(self._asking)

    def _next(self) -> Question | None:
        """The next request: the lists; otherwise, alternately, running migrations and the rest, oldest first."""
        due = list(self._due())
        if not due or due[0] in {SERVICES, ENDPOINTS}:
            return due[0] if due else None
        under_way = [it for it in due if self._is_under_way(it)]
        rest = [it for it in due if not self._is_under_way(it)]
        self._turns += 1
        chosen = under_way if under_way and (self._turns % 2 or not rest) else rest
        return min(chosen, key=lambda it: self._answers[it].ended if it in self._answers else 0)

    def _is_under_way(self, question: Question) -> bool:
        migration = self._value(question, None) if question[0] == "migrations" else None
        return migration is not None and migration["outcome"] not in _ENDED

    async def _ask(self, client: AsyncClient, question: Question) -> None:
        """Send the request, repeatedly if necessary, and keep the result."""
        place, name = question
        answer = self._answers.get(question) or _Answer()
        try:
            for pause in (*_RETRY_AFTER_SECONDS, None):
                try:
                    answer.value = await _CALLS[place](client, name)
                except DbaasNotFoundError as error:
                    answer.value, answer.error = None, _bare(error) if question == SERVICES else None
                except DbaasError as error:
                    answer.error = _bare(error)
                    if isinstance(error, DbaasRateLimitError):
                        asked = min(error.retry_after or FRESH_SECONDS, _LONGEST_PAUSE_SECONDS)
                        self._paused_until = max(self._paused_until, time.monotonic() + asked)
                    elif error.retryable and pause is not None:
                        await asyncio.sleep(pause)
                        await self._budget.turn()
                        continue
                    break
                else:
                    answer.error = None
                answer.at = datetime.now(UTC)
                break
            answer.ended = time.monotonic()
            self._answers[question] = answer
        finally:
            self._asking.discard(question)
        if question == SERVICES:
            # Of services that are gone nothing is kept.
            listed = {*self._questions()}
            self._answers = {it: kept for it, kept in self._answers.items() if it in listed}
        if self._listed and not self._listed.done() and not ({SERVICES, ENDPOINTS} & {*self._due(), *self._asking}):
            self._listed.set_result(None)

    def _shown(self, services: _Answer) -> dict[str, Any]:
        """Services, endpoints, links and migrations as ``view`` shows them.

        ``problems`` lists missing data, with the ``place`` on the page, the service, and when it was last known.
        ``turns`` is the progress of the requests for each service.
        """
        asked = {it: self._answers.get(it) for it in self._questions()}
        migrations, attached = (
            [(answer.value, answer.at) for (place, _), answer in asked.items() if place == wanted and answer]
            for wanted in ("migrations", "attachments")
        )
        return {
            "at": _iso(services.at),
            "services": services.value["services"],
            "endpoints": self._value(ENDPOINTS, []),
            "links": services.value["links"] + [link for links, _ in attached for link in links or ()],
            "migrations": [{**value, "as_of": _if_old(then)} for value, then in migrations if value],
            "problems": [
                {
                    "place": place,
                    "service": view.text(name or None),
                    "text": view.text(answer.error),
                    "as_of": None if answer.value is None else _iso(answer.at),
                }
                for (place, name), answer in asked.items()
                if answer and answer.error
            ],
            "turns": {
                place: _progress(answer for (where, _), answer in asked.items() if where == place)
                for place in ("migrations", "attachments")
            },
        }


async def _services(client: AsyncClient, _: str) -> dict[str, Any]:
    listed = await client.services.list()
    services = sorted(listed.in_zone, key=lambda service: service.name)
    return {
        "names": [(it.name, it.type) for it in services],
        "services": [view.service(it) for it in services],
        "links": view.integrations(services),
    }


async def _endpoints(client: AsyncClient, _: str) -> list[dict[str, Any]]:
    return [view.endpoint(it) for it in (await client.external_endpoints.list()).dbaas_endpoints]


async def _migration(client: AsyncClient, name: str) -> dict[str, Any]:
    return view.migration(name, await client.migrations.status(name))


async def _attachments(client: AsyncClient, name: str) -> list[dict[str, Any]]:
    answer = await client.external_endpoints.list_integrations(name)
    return [view.attachment(name, it) for it in answer.external_integrations]


_CALLS: dict[Place, Callable[[AsyncClient, str], Awaitable[Any]]] = {
    "services": _services,
    "endpoints": _endpoints,
    "migrations": _migration,
    "attachments": _attachments,
}


def _progress(answers: Iterable[_Answer | None]) -> dict[str, Any]:
    """How many services need requests, how many have answers, and the time of the oldest answer if that is old."""
    of = list(answers)
    known = [it.at for it in of if it and it.at]
    return {"services": len(of), "asked": sum(1 for it in of if it), "oldest": _if_old(min(known, default=None))}


def _if_old(moment: datetime | None) -> str | None:
    return _iso(moment) if moment and datetime.now(UTC) - moment > OLD else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _bare(error: DbaasError) -> DbaasError:
    """The same error without its traceback, whose frames hold the secret."""
    return type(error)(str(error), retryable=error.retryable)


def _has_ended(work: asyncio.Task[None]) -> None:
    """No viewer may be left to receive the outcome."""
    if not work.cancelled():
        work.exception()
