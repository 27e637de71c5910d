"""Services without a server: records that start, run and end, so that requests about them can be tried.

Nothing listens anywhere for them, so what would lead to a server (uri, connection-info, components) is
left out of their answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from airflow_dbaas.emulator.logs import Events
from airflow_dbaas.emulator.service_types import ServiceType
from airflow_dbaas.emulator.services import Service


@dataclass(kw_only=True, eq=False)
class RecordService(Service):
    """A record that is ``rebuilding`` for a while and then ``running``."""

    runs_from: float
    """When it runs, on the clock of ``time.monotonic``."""
    asked_version: str | None
    _events: Events = field(default_factory=Events, init=False, repr=False)
    _runs_at: datetime = field(init=False, repr=False)
    _seen_running: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self._runs_at = datetime.now(UTC) + timedelta(seconds=self.runs_from - time.monotonic())
        self._events.add(f"Service {self.name} of plan {self.plan.name} is being created")

    @classmethod
    def of_record(cls, record: dict[str, Any], kind: ServiceType) -> Self:
        """The service that was recorded."""
        runs_at = datetime.fromisoformat(record["runs_at"])
        service = cls(
            name=record["name"],
            type=kind,
            plan=kind.plans[record["plan"]],
            id=record["id"],
            runs_from=time.monotonic() + (runs_at - datetime.now(UTC)).total_seconds(),
            asked_version=record["version"],
        )
        service._runs_at, service._seen_running = runs_at, record["seen_running"]
        service._events = Events()
        for at, message in record["events"]:
            service._events.add(message, datetime.fromisoformat(at))
        return service

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return super().record() | {
            "runs_at": self._runs_at.isoformat(),
            "version": self.asked_version,
            "seen_running": self._seen_running,
            "events": [[entry.time.isoformat(), entry.message] for entry in self._events.all()],
        }

    @property
    def log(self) -> Events:
        """The log of the record, because there is no server to write one."""
        if self.state == "running" and not self._seen_running:
            # A record has no timer, so the event is noted at the next access.
            self._seen_running = True
            self._events.add("Service runs", self._runs_at)
        return self._events

    def update(self, body: dict[str, Any]) -> None:
        """As for any service, with a note of a changed plan."""
        before = self.plan.name
        super().update(body)
        if self.plan.name != before:
            self.log.add(f"Plan changed from {before} to {self.plan.name}")

    @property
    def state(self) -> str:
        """State as the API names it."""
        return "running" if time.monotonic() >= self.runs_from else "rebuilding"

    @property
    def version(self) -> str | None:
        """Full version."""
        return None if self.asked_version is None else self.type.versions[self.asked_version]

    async def remove(self) -> None:
        """Nothing: with the API's knowledge of it the service is gone."""
