"""Services without a server: records that start, run and end, so that requests about them can be tried.

Nothing listens anywhere for them, so what would lead to a server (uri, connection-info, components) is
left out of their answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_dbaas.emulator.logs import Events
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

    @property
    def log(self) -> Events:
        """What became of the record: without a server there is nobody else to write a log."""
        if self.state == "running" and not self._seen_running:
            # Nothing happens in a record when its time has come, so that is noted at the first look afterwards.
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
