"""An emulator that is told to fail, and what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from airflow_dbaas.api import AsyncClient, Client
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.api.retries import RetryPolicy
from tests.conftest import RunningEmulator, start_emulator
from tests.integration.emulator.conftest import Api

#: Pauses short enough for tests; as long in all as it takes on a busy machine.
HASTY = RetryPolicy(max_seconds=20, first_pause=0.01, longest_pause=0.05)
_ADDRESS = "/_emulator/faults"


class Failing:
    """The emulator's control address, and clients of its API."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.api = Api(emulator)
        # The control address stands beside the API, not in it.
        self._control = Api(dataclasses.replace(emulator, url=emulator.url.removesuffix("/v2")))

    @classmethod
    @contextmanager
    def started(cls, log: Path, *options: str) -> Iterator[Self]:
        """An emulator that does all it does at once; at its end it has neither hung nor logged an error of its own."""
        with start_emulator(log, "--operation-seconds", "0", "--startup-seconds", "0", *options) as running:
            failing = cls(running)
            yield failing
            failing.close()
            assert running.stop() == 0
            assert [line for line in log.read_text().splitlines() if " ERROR " in line or "Traceback" in line] == []

    def close(self) -> None:
        self.api.close()
        self._control.close()

    def told(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Put these rules in force."""
        self._control.ok("PUT", _ADDRESS, {"seed": seed, "rules": list(rules)})

    def control(self, method: str, body: Any = None, **changes: Any) -> Any:
        """The answer of the control address."""
        return self._control.request(method, _ADDRESS, body, **changes)

    def counts(self) -> list[tuple[int, int]]:
        """How many requests each rule matched, and how many it struck."""
        return [(rule["matched"], rule["fired"]) for rule in self.control("GET").json()["rules"]]

    def names(self) -> list[str]:
        """Names of the services there are, with no fault any more."""
        self.control("DELETE")
        return [service["name"] for service in self.api.ok("GET", "/dbaas-service")["dbaas-services"]]

    async def send(
        self,
        call: Call[Any],
        *,
        blocking: bool,
        seconds: float = 10,
        url: str | None = None,
        retry: RetryPolicy = HASTY,
    ) -> Any:
        """The answer to a call, or the error it ended in, of a client with kept connections."""
        arguments: dict[str, Any] = {"url": url or self.emulator.url, "timeout": seconds, "retry": retry}
        key, secret = self.emulator.key, self.emulator.secret
        try:
            if blocking:
                with Client(key, secret, **arguments) as client:
                    return client.send(call)
            async with AsyncClient(key, secret, **arguments) as asynchronous:
                return await asynchronous.send(call)
        except DbaasError as error:
            return error
