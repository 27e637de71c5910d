"""Faults on the wire: a layer around the application, before and after its work."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_dbaas.emulator.faults import connections
from airflow_dbaas.emulator.faults.kinds import WIRE
from airflow_dbaas.emulator.faults.rules import Faults, Request

CLOCK = "airflow_dbaas.clock"
"""Extension of a request's scope: by how many seconds the clock is off that its signature is held against."""

Find = Callable[[Scope], Request | None]
"""The parts of a request that rules match; None for a request that rules do not affect."""


@dataclass(frozen=True)
class _Exchange:
    """A request that is struck."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    options: dict[str, Any]
    refuse: Callable[[float], None]

    async def work(self) -> list[Message]:
        """Process the request; returns the answer without sending it."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.app(self.scope, self.receive, keep)
        return answer

    async def perhaps_work(self) -> None:
        """Process the request if the rule says so; otherwise only read it."""
        if self.options["processed"]:
            await self.work()
        else:
            while (await self.receive()).get("more_body"):
                pass

    async def reply(self, answer: list[Message]) -> None:
        """Send an answer."""
        for message in answer:
            await self.send(message)

    async def respond(self, response: Response) -> None:
        """Answer with something else."""
        await self.perhaps_work()
        await response(self.scope, self.receive, self.send)


def layer(app: ASGIApp, faults: Faults, find: Find, refuse: Callable[[float], None]) -> ASGIApp:
    """The application with faults around it.

    :param app: the application.
    :param faults: the rules.
    :param find: returns the parts of a request that rules match.
    :param refuse: makes the server refuse connections for a number of seconds.
    """

    async def struck(scope: Scope, receive: Receive, send: Send) -> None:
        request = find(scope)
        rule = None if request is None else faults.draw(WIRE, request)
        if rule is None:
            await app(scope, receive, send)
        else:
            await _STRIKES[rule.kind](_Exchange(app, scope, receive, send, rule.options, refuse))

    return struck


async def _status(exchange: _Exchange) -> None:
    options, headers = exchange.options, {}
    if "retry-after" in options:
        seconds = options["retry-after"]
        # Both forms have whole seconds; never less than the rule says.
        headers["Retry-After"] = (
            formatdate(math.ceil(time.time() + seconds), usegmt=True)
            if options["retry-after-as"] == "date"
            else str(math.ceil(seconds))
        )
    await exchange.respond(JSONResponse({"message": "Emulated fault"}, options["status"], headers))


async def _reset(exchange: _Exchange) -> None:
    await exchange.perhaps_work()
    await connections.reset(exchange.scope, exchange.receive)


async def _html(exchange: _Exchange) -> None:
    page = "<!DOCTYPE html><html><body><h1>Emulated fault</h1></body></html>"
    await exchange.respond(Response(page, exchange.options["status"], media_type="text/html"))


async def _empty(exchange: _Exchange) -> None:
    await exchange.respond(Response(b"", media_type="application/json"))


async def _redirect(exchange: _Exchange) -> None:
    headers = {"Location": exchange.options["location"]}
    await exchange.respond(Response(b"", exchange.options["status"], headers))


async def _wrong_type(exchange: _Exchange) -> None:
    start, *rest = await exchange.work()
    kind = exchange.options["content-type"].encode()
    start["headers"] = [(name, kind if name == b"content-type" else value) for name, value in start["headers"]]
    await exchange.reply([start, *rest])


async def _half(exchange: _Exchange) -> bytes:
    """Send all headers and half of the body; returns the other half."""
    start, *rest = await exchange.work()
    body = b"".join(message.get("body", b"") for message in rest)
    middle = len(body) // 2
    await exchange.send(start)
    await exchange.send({"type": "http.response.body", "body": body[:middle], "more_body": True})
    return body[middle:]


async def _truncated(exchange: _Exchange) -> None:
    await _half(exchange)
    await connections.cut(exchange.scope, exchange.receive)


async def _slow_headers(exchange: _Exchange) -> None:
    answer = await exchange.work()
    await connections.pause(exchange.receive, exchange.options["seconds"])
    await exchange.reply(answer)


async def _slow_body(exchange: _Exchange) -> None:
    rest = await _half(exchange)
    await connections.pause(exchange.receive, exchange.options["seconds"])
    await exchange.send({"type": "http.response.body", "body": rest})


async def _clock_skew(exchange: _Exchange) -> None:
    exchange.scope.setdefault("extensions", {})[CLOCK] = exchange.options["seconds"]
    await exchange.app(exchange.scope, exchange.receive, exchange.send)


async def _refused(exchange: _Exchange) -> None:
    start, *rest = await exchange.work()
    exchange.refuse(exchange.options["seconds"])
    start["headers"] = [*start["headers"], (b"connection", b"close")]
    await exchange.reply([start, *rest])


_STRIKES: dict[str, Callable[[_Exchange], Awaitable[None]]] = {
    "status": _status,
    "reset": _reset,
    "html": _html,
    "empty": _empty,
    "redirect": _redirect,
    "wrong-type": _wrong_type,
    "truncated": _truncated,
    "slow-headers": _slow_headers,
    "slow-body": _slow_body,
    "clock-skew": _clock_skew,
    "refused": _refused,
}
