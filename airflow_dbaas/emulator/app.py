"""The API over HTTP: finds the operation, checks signature, request and answer, calls the handler."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_dbaas.emulator import signature
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.faults import Faults, control, endings, showing, wire
from airflow_dbaas.emulator.faults import Request as Struck
from airflow_dbaas.emulator.handlers import HANDLERS, Call, State
from airflow_dbaas.emulator.openapi_validator import Law, OffTheDocument, Operation

logger = logging.getLogger(__name__)

PREFIX = "/v2"
_MAX_BODY = 1 << 20
_MAX_DEPTH = 100
"""Levels of a body: far more than any property has, far less than Python's stack."""


def create_app(state: State, keys: signature.Keys, faults: Faults, refuse: Callable[[float], None]) -> ASGIApp:
    """The ASGI application.

    :param state: the state of the emulator.
    :param keys: keys that requests must be signed with.
    :param faults: the faults.
    :param refuse: makes the server refuse connections for a number of seconds.
    """

    async def respond(request: Request) -> JSONResponse:
        try:
            return JSONResponse(await _answer(request, state, keys, faults))
        except ApiError as error:
            return JSONResponse({"message": error.message}, status_code=error.status)
        except Exception:
            logger.exception("%s %r failed", request.method, request.scope["raw_path"].decode("latin-1"))
            return JSONResponse({"message": "internal error of the emulator; its log says more"}, status_code=500)

    # Without Starlette's routes: they match the decoded path, in which a name's own slash looks like a separator.
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await respond(Request(scope, receive))
        await response(scope, receive, send)

    def find(scope: Scope) -> Struck | None:
        raw_path = scope["raw_path"].decode("latin-1")
        if raw_path == control.PATH:
            return None
        operation, parameters = _look_up(state.law, scope["method"], raw_path) or (None, {})
        return Struck(operation, scope["method"], list(parameters.values()))

    return wire.layer(app, faults, find, refuse)


async def _answer(request: Request, state: State, keys: signature.Keys, faults: Faults) -> dict[str, Any]:
    law = state.law
    raw_path: bytes = request.scope["raw_path"]
    body = await _body(request)
    skew = request.scope.get("extensions", {}).get(wire.CLOCK, 0)
    if not signature.valid(
        keys,
        request.headers.get("authorization"),
        method=request.method,
        raw_path=raw_path,
        query=request.scope["query_string"],
        body=body,
        now=lambda: time.time() + skew,
    ):
        raise ApiError(403, "Invalid request signature")
    if raw_path.decode("latin-1") == control.PATH:
        return control.answer(faults, request.method, body)
    operation, parameters = _find(law, request.method, raw_path.decode("latin-1"))
    try:
        law.check_parameters(operation, parameters)
        call = Call(parameters=parameters, body=_parse(law, operation, body))
    except OffTheDocument as finding:
        raise ApiError(400, str(finding)) from finding
    answer = await HANDLERS[operation.id](state, call)
    struck = Struck(operation, request.method, list(parameters.values()))
    endings.decide(faults, struck, answer, state.operations, state.tasks)
    if request.method != "GET":
        # Before the answer is sent.
        state.save()
    showing.distort(faults, struck, answer)
    try:
        law.check_response(operation, answer)
    except OffTheDocument as finding:
        logger.error("Answer to %s does not match the document: %s", operation.id, finding)  # noqa: TRY400
        raise ApiError(
            500, f"The emulator's answer to {operation.id} does not match the document: {finding}"
        ) from finding
    if "reference" in answer:
        # By its link, and nothing of the request: that may hold secrets.
        logger.info("%s: %s", operation.id, answer["reference"]["link"])
    return answer


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _MAX_BODY:
            raise ApiError(413, f"The request body is larger than {_MAX_BODY} bytes")
        parts.append(part)
    return b"".join(parts)


def _look_up(law: Law, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
    if not raw_path.startswith(f"{PREFIX}/"):
        return None
    return law.find(method, raw_path.removeprefix(f"{PREFIX}/").split("/"))


def _find(law: Law, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
    found = _look_up(law, method, raw_path)
    if found is None:
        raise ApiError(404, f"Not found: {method} {raw_path}")
    if found[0].id not in HANDLERS:
        raise ApiError(501, f"{found[0].id} is not served by this emulator")
    return found


def _parse(law: Law, operation: Operation, body: bytes) -> dict[str, Any]:
    if not operation.takes_body:
        return {}
    try:
        # Decoded here: the reader itself would take UTF-16 and UTF-32 as well.
        text = body.decode()
        parsed = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite) if text else {}
        # Half of a surrogate pair can be written in JSON, and could not be answered with.
        json.dumps(parsed, ensure_ascii=False).encode()
        _refuse_depth(parsed, _MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"The request body is not JSON in UTF-8, or has more than {_MAX_DEPTH} levels") from error
    law.check_request(operation, parsed)
    checked: dict[str, Any] = parsed
    return checked


def _finite(text: str) -> float:
    """Python reads a number that is too large as infinity, which could not be answered with."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _refuse_depth(value: object, levels: int) -> None:
    if levels == 0:
        raise RecursionError
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _refuse_depth(each, levels - 1)


def _refuse_constant(name: str) -> None:
    """Python's reader takes NaN and infinities, which are not JSON."""
    raise ValueError(name)
