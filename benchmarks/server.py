"""The local server of the benchmarks: answers at once, with what was written down before it started."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from typing import cast

OPERATION = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"

#: Services in the list, each with an integration.
SERVICES = 1000

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def counted(url: str, what: str = "requests") -> int:
    """How many requests, or connections, it has had.

    :param url: the server.
    """
    with urllib.request.urlopen(f"{url}/counts") as answer:  # noqa: S310 - the local server
        return int(json.load(answer)[what])


def service(number: int) -> str:
    """Name of a service in the list."""
    return f"service-{number:04}"


def integration(number: int) -> str:
    """Id of the service's integration."""
    return f"00000000-0000-4000-8000-{number:012}"


def _answer(body: object, kind: str = "application/json", status: str = "200 OK") -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def _services() -> list[dict[str, object]]:
    return [
        {
            "name": service(number),
            "type": "pg",
            "plan": "startup-4",
            "state": "rebuilding",
            "created-at": "2026-01-01T00:00:00Z",
            "updated-at": "2026-01-01T00:00:00Z",
            "termination-protection": True,
            "node-count": 1,
            "node-cpu-count": 2,
            "node-memory": 4294967296,
            "disk-size": 85899345920,
            "integrations": [
                {
                    "id": integration(number),
                    "type": "logs",
                    "description": "logs",
                    "status": "pending",
                    "is-enabled": True,
                    "is-active": False,
                    "source": service(number),
                    "dest": "logs",
                }
            ],
        }
        for number in range(SERVICES)
    ]


def _pg_service() -> dict[str, object]:
    """A PostgreSQL service with what the API shows of one."""
    address = {"host": "service-0000.aivencloud.example", "port": "21699"}
    return {
        **_services()[0],
        "state": "running",
        "zone": "ch-gva-2",
        "version": "17",
        "node-states": [{"name": f"service-{node}", "role": "master", "state": "running"} for node in (1, 2)],
        "uri": "postgres://avnadmin:secret@service-0000.aivencloud.example:21699/defaultdb?sslmode=require",
        "uri-params": {
            **address,
            "dbname": "defaultdb",
            "user": "avnadmin",
            "password": "secret",
            "sslmode": "require",
        },
        "components": [
            {"component": name, **address, "route": "dynamic", "usage": "primary"} for name in ("pg", "pgbouncer")
        ],
        "users": [{"username": f"user-{number}", "type": "normal", "allow-replication": True} for number in range(5)],
        "databases": [f"database-{number}" for number in range(5)],
        "backups": [
            {"backup-name": f"2026-01-0{day}_00-00", "backup-time": f"2026-01-0{day}T00:00:00Z", "data-size": 10**9}
            for day in range(1, 6)
        ],
        "backup-schedule": {"backup-hour": 1, "backup-minute": 30},
        "maintenance": {"dow": "sunday", "time": "03:00:00", "updates": []},
        "ip-filter": ["0.0.0.0/0"],
        "notifications": [],
        "connection-pools": [],
        "max-connections": 100,
        "pg-settings": {"timezone": "UTC", "log_min_duration_statement": 1000},
    }


def _operation(state: str) -> bytes:
    reference = {"id": OPERATION, "link": "/v2/dbaas-postgres/x", "command": "get-dbaas-service-pg"}
    return _answer({"id": OPERATION, "state": state, "reference": reference})


def _task(status: str) -> bytes:
    """AWS DMS: a task."""
    return _answer({"ReplicationTasks": [{"Status": status}]}, kind="application/x-amz-json-1.1")


#: By the beginning of the path.
_ANSWERS = {
    b"/v2/operation/": _operation("pending"),
    b"/v2/dbaas-postgres/": _answer(_pg_service()),
    b"/v2/dbaas-service": _answer({"dbaas-services": _services()}),
    b"/not-yet": _answer({}, status="404 Not Found"),
    # dbt Cloud: a run that is running.
    b"/api/v2/accounts/": _answer({"data": {"id": 1, "status": 3}}),
    b"/begin": _answer({}),
    b"/end": _answer({}),
    # AWS DMS: a task, and a serverless replication, that is running.
    b"/dms-task": _task("running"),
    b"/dms": _answer({"Replications": [{"Status": "running"}]}, kind="application/x-amz-json-1.1"),
}

#: What is answered otherwise from ``/end`` on, until ``/begin``.
_ENDED = _ANSWERS | {
    b"/v2/operation/": _operation("success"),
    b"/not-yet": _answer({}),
    b"/dms-task": _task("stopped"),
}


class _Server(asyncio.Protocol):
    requests = 0
    connections = 0
    ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        _Server.connections += 1
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) > 3:
            head = self._received[:end]
            length = _LENGTH.search(head)
            end += int(length[1]) if length else 0
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._transport.write(self._answer_to(head.split(b" ", 2)[1]))

    def _answer_to(self, path: bytes) -> bytes:
        if path == b"/counts":
            return _answer({"requests": _Server.requests, "connections": _Server.connections})
        if path in {b"/begin", b"/end"}:
            _Server.ended = path == b"/end"
        _Server.requests += 1
        answers = _ENDED if _Server.ended else _ANSWERS
        return next((answer for start, answer in answers.items() if path.startswith(start)), _ANSWERS[b"/not-yet"])


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
