"""A real HTTP server that answers as a test tells it to; and the example DAGs."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_dbaas._compat import triggers

DAGS = Path(__file__).parents[2] / "dags"


@dataclass
class Reply:
    """One answer; ``drop`` closes the connection instead of answering."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body or {}).encode()


class ScriptedServer:
    """Gives its replies in turn, the last one again and again, and keeps the requests it got, and who sent them.

    What stands under a path in ``always`` is given for that path out of turn. With a ``context`` it speaks TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.replies: list[Reply] = [Reply()]
        self.always: dict[str, Reply] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[tuple[str, int]] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are two writes; else the second would wait for the client's acknowledgement of the first.
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.connections.add(self.client_address)
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                reply = outer.always.get(self.path) or outer.replies[0]
                if reply is outer.replies[0] and len(outer.replies) > 1:
                    outer.replies.pop(0)
                if reply.drop:
                    self.close_connection = True
                    return
                content = reply.content()
                # The one adds a date of its own, the other does not.
                (self.send_response_only if "Date" in reply.headers else self.send_response)(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # the client has given up
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names that the library calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_port}/v2"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted server on a free loopback port."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What triggers push to XCom; no triggerer runs them."""
    values: dict[str, Any] = {}

    async def push(_: Any, key: str, value: Any) -> None:
        values[key] = json.loads(json.dumps(value))

    monkeypatch.setattr(triggers, "push", push)
    return values


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    """The example DAGs by name."""
    made: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        enter = DAG.__enter__
        patch.setattr(DAG, "__enter__", lambda dag: made.append(dag) or enter(dag))
        for file in sorted(DAGS.glob("*.py")):
            # Not imported: the folder is no package, and names of its modules may be taken.
            exec(compile(file.read_text(), file, "exec"), {"__name__": "example", "__file__": str(file)})
    return {dag.dag_id: dag for dag in made}
