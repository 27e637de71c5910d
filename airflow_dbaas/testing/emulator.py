"""An emulator in a separate process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from airflow_dbaas.api import Client

STOP_SECONDS = 60
_PROGRAM = (sys.executable, "-m", "airflow_dbaas.testing.child_process")
_FAULTS = "/_emulator/faults"


class EmulatorError(RuntimeError):
    """The emulator did not start, or refused a request."""


@dataclass
class RunningEmulator:
    """An emulator process and what a client needs to talk to it. As a context manager it ends with the block.

    :param process: the process.
    :param url: base URL of the API.
    :param key: API key.
    :param secret: API secret.
    :param zone: the zone it pretends to be.
    :param log: file with its log.
    """

    process: subprocess.Popen[str]
    url: str
    key: str
    secret: str = field(repr=False)
    zone: str
    log: Path

    @property
    def connection(self) -> str:
        """An Airflow connection to it, as JSON for a variable ``AIRFLOW_CONN_…``."""
        fields = {"conn_type": "exoscale", "login": self.key, "password": self.secret, "host": self.url}
        return json.dumps({**fields, "extra": {"zone": self.zone}})

    def client(self) -> Client:
        """A blocking client of its API, which the caller closes; it serves as a context manager."""
        return self._client(self.url)

    @contextmanager
    def faults(self, *rules: dict[str, Any], seed: int = 0) -> Iterator[Callable[[], list[int]]]:
        """Make it fail by these rules until the end of the block; see docs/emulator.md.

        :param rules: e.g. ``{"kind": "status", "status": 503, "times": 2}``.
        :param seed: chance is repeatable by it.
        :returns: a function that counts the requests that each rule has affected so far.
        :raises DbaasBadRequestError: if a rule cannot be followed.
        """
        self._control("PUT", {"seed": seed, "rules": list(rules)})
        try:
            yield lambda: [rule["fired"] for rule in self._control("GET")]
        finally:
            self._control("DELETE")

    def reset(self) -> None:
        """Reset it to its initial state: no faults, no services, no external endpoints.

        :raises EmulatorError: if that takes longer than a minute.
        """
        self._control("DELETE")
        deadline = time.monotonic() + STOP_SECONDS
        with closing(self.client()) as client:
            while (services := client.services.list().dbaas_services) or (
                client.external_endpoints.list().dbaas_endpoints
            ):
                if time.monotonic() > deadline:
                    raise EmulatorError(f"services or endpoints could not be deleted, see {self.log}")
                _delete(client, services)
                time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    stream.close()

    def _client(self, url: str) -> Client:
        from airflow_dbaas.api import Client

        return Client(self.key, self.secret, url=url)

    def _control(self, method: str, body: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rules in force; their address is outside the API."""
        from airflow_dbaas.api.answer import Answer
        from airflow_dbaas.api.calls import Call

        content = b"" if body is None else json.dumps(body).encode()
        with closing(self._client(self.url.removesuffix("/v2"))) as client:
            answer = client.send(Call("faults", method, _FAULTS, Answer, content))
        rules: list[dict[str, Any]] = (answer.model_extra or {})["rules"]
        return rules


def _delete(client: Client, services: Sequence[Any]) -> None:
    from airflow_dbaas.api.errors import DbaasConflictError, DbaasNotFoundError

    for service in services:
        if service.termination_protection:
            client.operation(f"update-dbaas-service-{service.type}")(name=service.name, termination_protection=False)
        with suppress(DbaasConflictError, DbaasNotFoundError):
            client.services.delete(service.name)
    if not services:
        for endpoint in client.external_endpoints.list().dbaas_endpoints:
            with suppress(DbaasConflictError, DbaasNotFoundError):
                client.operation(f"delete-dbaas-external-endpoint-{endpoint.type}")(str(endpoint.id))


def start_emulator(
    log: Path, *options: str, command: Sequence[str] = _PROGRAM, env: dict[str, str] | None = None, **others: Any
) -> RunningEmulator:
    """Start ``airflow-dbaas emulator`` on a free port and wait until it listens.

    :param log: file for its log, which is appended to.
    :param options: further options of the command.
    :param command: what to run in place of the command, e.g. with another Python. It is to end with its input.
    :param env: environment of the process; this one's if not given. Keys are not taken from it.
    :param others: further arguments of ``subprocess.Popen``.
    :raises EmulatorError: if it does not start, with its output.
    """
    environment = os.environ if env is None else env
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*command, "emulator", "--json", "--port", "0", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={name: value for name, value in environment.items() if not name.startswith("EXOSCALE_")},
            text=True,
            **others,
        )
    running = RunningEmulator(process=process, url="", key="", secret="", zone="", log=log)
    if process.stdout and (line := process.stdout.readline()):
        connection = json.loads(line)["connections"]["exoscale_default"]
        running.url, running.zone = connection["host"], connection["extra"]["zone"]
        running.key, running.secret = connection["login"], connection["password"]
        return running
    with running:
        process.wait(STOP_SECONDS)
    raise EmulatorError(f"the emulator did not start: {log.read_text()}")
