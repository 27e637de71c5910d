"""What Schemathesis is told of this API. It loads this file itself (``SCHEMATHESIS_HOOKS``), in a process of its own.

Requests are signed by Exoscale's own package, after everything else about them is settled.
"""

from __future__ import annotations

import json
import os
import zlib
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import schemathesis
from exoscale_auth import ExoscaleV2Auth
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

URL = os.environ["FUZZ_URL"]
ANSWERS, KNOWN = Path(os.environ["FUZZ_ANSWERS"]), json.loads(Path(os.environ["FUZZ_KNOWN"]).read_text())
SOURCE_URI, SOURCE_PORT, SOURCE_PASSWORD = (os.environ[f"FUZZ_SOURCE_{name}"] for name in ("URI", "PORT", "PASSWORD"))
SERVERS_AT_ONCE = 2
"""A service with a server takes a second of a processor to start, and 80 MB of disk."""
SERVERS_IN_ALL = int(os.environ["FUZZ_SERVERS"])
WITH_SERVER = {"create-dbaas-service-pg", "create-dbaas-service-mysql"}
NOT_EMULATED = {
    "fork-from-service",
    "integrations",
    "recovery-backup-name",
    "recovery-backup-time",
    "variant",
    "version",
}
CLOSED = "127.0.0.1:1"
NO_SUCH_PLAN = "more-than-enough"

signed = ExoscaleV2Auth(os.environ["FUZZ_KEY"], os.environ["FUZZ_SECRET"])
schemathesis.auth.set_from_requests(signed)
made: deque[tuple[str, str]] = deque()
servers = 0


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """No body is as good as an empty one: Exoscale's own client sends none where nothing in it is required."""
    return not (isinstance(failure, AcceptedNegativeData) and not response.request.body)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Keep migrations on this machine, and the number of servers small; what is wrong in a request stays wrong."""
    use_what_is_known(case)
    let_through(case)
    if not isinstance(case.body, dict):
        return
    body = case.body = dict(case.body)
    migration = body.get("migration")
    if isinstance(migration, dict) and _is_text(migration.get("host"), 255):
        body["migration"] = source(migration)
    uri = body.get("source-service-uri")
    if _is_text(uri, 512):
        body["source-service-uri"] = source_uri(uri)
    if servers >= SERVERS_IN_ALL and body.get("plan") and operation_id(case) in WITH_SERVER:
        body["plan"] = NO_SUCH_PLAN


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note the answer, and delete services with a server when there are too many."""
    global servers  # noqa: PLW0603  (Schemathesis keeps no state for hooks)
    with ANSWERS.open("a") as answers:
        answers.write(f"{operation_id(case)} {response.status_code}\n")
    if response.status_code != 200 or operation_id(case) not in WITH_SERVER:
        return
    servers += 1
    made.append((case.operation.path.partition("/{")[0], case.path_parameters["name"]))
    while len(made) > SERVERS_AT_ONCE:
        kind, name = made.popleft()
        service = f"{URL}{kind}/{quote(str(name), safe='')}"
        requests.put(service, json={"termination-protection": False}, auth=signed, timeout=60)
        requests.delete(service, auth=signed, timeout=60)


def operation_id(case: Any) -> str:
    """Id of the operation that a case is of."""
    found: str = case.operation.definition.raw["operationId"]
    return found


def use_what_is_known(case: Any) -> None:
    """In the phase of coverage, ask for what is there: Schemathesis does so by itself in the other phases only."""
    if case.meta is None or case.meta.phase.name != TestPhase.COVERAGE:
        return
    if not _wrong(case, ParameterLocation.PATH):
        case.path_parameters = _known(operation_id(case), "path", case.path_parameters)
    if isinstance(case.body, dict) and not _wrong(case, ParameterLocation.BODY):
        case.body = _known(operation_id(case), "body", case.body)


def let_through(case: Any) -> None:
    """Leave out what the emulator refuses although the document allows it, in seven of eight bodies.

    So it is that the rest of these bodies takes effect. What deletion is protected against stays so.
    """
    operation, chance = operation_id(case), zlib.crc32(repr(case.body).encode())
    if "-dbaas-service-" not in operation or not isinstance(case.body, dict) or _wrong(case, ParameterLocation.BODY):
        return
    left_out = set()
    if chance % 8:
        left_out |= NOT_EMULATED
    if chance % 8 > 2 or operation[-2:] not in {"pg", "ql"}:
        left_out.add("migration")
    if operation.startswith("update"):
        left_out.add("termination-protection")
    case.body = {name: value for name, value in case.body.items() if name not in left_out}


def _wrong(case: Any, place: ParameterLocation) -> bool:
    """Whether there is something wrong with this part of a case, on purpose."""
    component = case.meta and case.meta.components.get(place)
    return bool(component and component.mode.is_negative)


def _known(operation: str, location: str, values: dict[str, Any]) -> dict[str, Any]:
    found = {name: KNOWN.get(f"{operation} {location}.{name}") or KNOWN.get(f"{location}.{name}") for name in values}
    return values | {
        name: choices[zlib.crc32(repr((name, values)).encode()) % len(choices)]
        for name, choices in found.items()
        if choices
    }


def source(migration: dict[str, Any]) -> dict[str, Any]:
    """The same from a server here, one of four from one that answers."""
    port, login = migration.get("port"), [migration.get(name, "-") for name in ("username", "password")]
    local: dict[str, Any] = {"host": "127.0.0.1"}
    if isinstance(port, int) and 0 < port < 65536:
        local["port"] = 1
        if zlib.crc32(repr(migration).encode()) % 4 == 0 and all(_is_text(text, 255) for text in login):
            local |= {"port": int(SOURCE_PORT), "username": "postgres", "password": SOURCE_PASSWORD}
    return migration | local


def source_uri(uri: str) -> str:
    """A URI that leads nowhere else than to this machine, with the given text somewhere in it."""
    text = quote(uri, safe="")
    choices = (
        SOURCE_URI,
        "nonsense",
        f"postgres://{CLOSED}",
        f"postgres://u:p@{CLOSED}/{text}",
        f"postgres://{text}:{text}@{CLOSED}/d?sslmode=require",
        f"postgres://u:p@{CLOSED}/d?sslmode={text}",
        f"postgres://u:p@{CLOSED}/d?application_name={text}&{text}={text}",
        f"mysql://u:p@{CLOSED}/{text}",
        f"postgres://u:p@[::1]:1/{text}",
        f"postgres://u:p@127.0.0.1:{text[:5]}x/d",
    )
    return choices[zlib.crc32(uri.encode(errors="replace")) % len(choices)][:512]


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest
