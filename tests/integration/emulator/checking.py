"""Asking for a migration check, and for the migration that it would have kept from starting."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from socket import SHUT_RDWR, create_connection, socket
from typing import Any
from urllib.parse import quote, unquote

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.emulator.conftest import Api, source_of, uri_of


def forms_of_password(uri: str) -> set[str]:
    """The ways a URI's password may be written; none for one so short that it is in any text."""
    raw = uri.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return {form for form in (raw, unquote(raw), quote(unquote(raw), safe="")) if len(form) > 3}


def verdict(api: Api, service: str, uri: str, **body: Any) -> tuple[bool, str]:
    """Success and result of a check, which must not repeat the password."""
    task = api.check(service, **{"source-service-uri": uri}, **body)
    assert task["result-codes"] == []
    assert not any(form in json.dumps(task, ensure_ascii=False) for form in forms_of_password(uri)), task["result"]
    return task["success"], task["result"]


def refusal(api: Api, service: str, uri: str, **body: Any) -> str:
    """What a check says that refuses."""
    success, result = verdict(api, service, uri, **body)
    assert success is False, result
    return result


def refused(api: Api, service: str, server: PostgresServer, **options: Any) -> str:
    """What a check says that refuses; a migration that was started all the same fails with the very same words."""
    login = {name: options.pop(name) for name in ("username", "password", "port") if name in options}
    result = refusal(api, service, uri_of(server, **login), **options)
    status = api.migrate(service, **source_of(server, **login, **options))
    assert status == {"status": "failed", "method": "", "error": result, "details": []}
    return result


class _Forward(socketserver.BaseRequestHandler):
    server: _Forwarder

    def handle(self) -> None:
        with closing(create_connection(("127.0.0.1", self.server.goal))) as onward:
            back = threading.Thread(target=self._pass, args=(onward, self.request, self.server.replaced))
            back.start()
            self._pass(self.request, onward)
            back.join()

    @staticmethod
    def _pass(origin: socket, goal: socket, replaced: tuple[bytes, bytes] = (b"", b"")) -> None:
        with suppress(OSError):
            while data := origin.recv(65536):
                goal.sendall(data.replace(*replaced) if replaced[0] else data)
        for end in (origin, goal):
            with suppress(OSError):
                end.shutdown(SHUT_RDWR)


class _Forwarder(socketserver.ThreadingTCPServer):
    goal: int
    replaced: tuple[bytes, bytes]


@contextmanager
def forwarded(port: int, replaced: tuple[bytes, bytes] = (b"", b"")) -> Iterator[int]:
    """Another port that leads to ``port``; ``replaced`` in what the server answers, which has to keep its length."""
    assert len(replaced[0]) == len(replaced[1])
    with _Forwarder(("127.0.0.1", 0), _Forward) as server:
        server.goal, server.replaced = port, replaced
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
