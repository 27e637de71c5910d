"""Metrics of services: measured on their servers again and again, kept for as long as anybody may ask for them."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from airflow_dbaas.emulator.plans import Plan
from airflow_dbaas.emulator.servers import usage
from airflow_dbaas.emulator.servers.server import Server
from airflow_dbaas.emulator.servers.usage import Usage

logger = logging.getLogger(__name__)

# Network use is left out: servers share the loopback interface, which counts for all of them together.
TITLES = {
    "cpu_usage": "CPU usage %",
    "disk_usage": "Disk space usage %",
    "diskio_read": "Disk iops (reads), counted as read calls of the server",
    "diskio_writes": "Disk iops (writes), counted as write calls of the server",
    "load_average": "Load average (5 min)",
    "mem_available": "Memory available %",
    "mem_usage": "Memory usage %",
}
"""Metrics and their titles. Percentages refer to the plan; the load is that of the machine."""

_HOUR = 3600
# Seconds that a period goes back, and seconds that one row of it stands for.
_LONGER = {
    "day": (24 * _HOUR, 300),
    "week": (7 * 24 * _HOUR, 1800),
    "month": (30 * 24 * _HOUR, 2 * _HOUR),
    "year": (365 * 24 * _HOUR, 24 * _HOUR),
}
_DISK_SECONDS = 5.0
"""A folder's size is measured again after this long at the earliest: it costs more than all the rest."""

Values = Mapping[str, float]
"""Measured values by metric. A missing metric could not be measured: null in the answer."""


class Measurable(Protocol):
    """A service with a server."""

    name: str
    id: str
    plan: Plan

    @property
    def server(self) -> Server:
        """The server."""


class _Series:
    """Rows of one period: the mean of the measured values in each step."""

    def __init__(self, period: int, step: float) -> None:
        self.rows: deque[tuple[datetime, Values]] = deque(maxlen=math.ceil(period / step))
        self._step = step
        self._begun: datetime | None = None
        self._gathered: list[Values] = []

    def add(self, at: datetime, values: Values) -> None:
        begun = datetime.fromtimestamp(at.timestamp() // self._step * self._step, UTC)
        if self._begun is not None and begun != self._begun:
            self.rows.append((self._begun, _mean(self._gathered)))
            self._gathered = []
        self._begun = begun
        self._gathered.append(values)


class History:
    """Measured values of one service: the last hour in full, longer periods in steps."""

    def __init__(self, seconds: float) -> None:
        """:param seconds: time from one measurement to the next."""
        self._recent: deque[tuple[datetime, Values]] = deque(maxlen=math.ceil(_HOUR / seconds))
        self._longer = {name: _Series(*sizes) for name, sizes in _LONGER.items()}
        self._seconds = timedelta(seconds=seconds)

    def add(self, at: datetime, values: Values) -> None:
        """Note a measurement, later than those before."""
        if self._recent and at - self._recent[-1][0] > 2 * self._seconds:
            # A gap in the measurements, for example because the machine was suspended.
            self._recent.append((self._recent[-1][0] + self._seconds, {}))
        self._recent.append((at, values))
        for series in self._longer.values():
            series.add(at, values)

    def rows(self, period: str) -> Sequence[tuple[datetime, Values]]:
        """Rows of a period of the API, oldest first."""
        return self._recent if period == "hour" else self._longer[period].rows


@dataclass(frozen=True)
class _Reading:
    """Counters of a server at one moment."""

    pid: int
    at: float
    usage: Usage


class Metrics:
    """Measures all services in the background, from ``start`` to ``close``."""

    def __init__(self, seconds: float, services: Callable[[], Sequence[Measurable]]) -> None:
        """Measure every ``seconds`` what ``services`` gives."""
        self._seconds = seconds
        self._services = services
        self._histories: dict[str, History] = {}
        self._readings: dict[str, _Reading] = {}
        self._disks: dict[str, tuple[float, int]] = {}
        self._measuring: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._measuring = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Measure no more."""
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.gather(self._measuring, return_exceptions=True)

    def view(self, service_id: str, name: str, period: str) -> dict[str, Any]:
        """The metrics of a service as the API answers them, without those that were never measured.

        One column: the emulator has one server for a service, however many nodes its plan has.
        """
        history = self._histories.get(service_id)
        rows = [] if history is None else history.rows(period)
        columns = [{"label": "time", "type": "date"}, {"label": f"{name}-1 (master)", "type": "number"}]
        return {
            metric: {
                "data": {"cols": columns, "rows": [[_iso(at), values.get(metric)] for at, values in rows]},
                "hints": {"title": title},
            }
            for metric, title in TITLES.items()
            if any(metric in values for _, values in rows)
        }

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            try:
                await self._round()
            except Exception:
                logger.exception("Services were not measured")
            due = max(due + self._seconds, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def _round(self) -> None:
        services = self._services()
        for known in (self._histories, self._readings, self._disks):
            for identifier in known.keys() - {service.id for service in services}:
                del known[identifier]
        at = datetime.now(UTC)
        # Whole seconds, as the service writes them, unless two measurements could share one.
        at = at.replace(microsecond=0 if self._seconds >= 2 else at.microsecond // 1000 * 1000)
        # In a thread: the disk is slow to say how full it is.
        for service, values in zip(services, await asyncio.to_thread(self._measure_all, services), strict=True):
            self._histories.setdefault(service.id, History(self._seconds)).add(at, values)

    def _measure_all(self, services: Sequence[Measurable]) -> list[Values]:
        return [self._measure(service) for service in services]

    def _measure(self, service: Measurable) -> Values:
        pid = service.server.pid
        looked, seen = time.monotonic(), None if pid is None else usage.of_process(pid)
        before = self._readings.pop(service.id, None)
        if pid is None:
            return {}
        values = {
            "disk_usage": 100 * self._disk(service) / service.plan.disk,
            "load_average": os.getloadavg()[1],
        }
        if seen is None:
            return values
        now = self._readings[service.id] = _Reading(pid, looked, seen)
        values["mem_usage"] = 100 * seen.memory / service.plan.memory
        values["mem_available"] = max(0.0, 100 - values["mem_usage"])
        if before is not None and before.pid == pid:
            values |= _rates(before, now, service.plan.cpus)
        return values

    def _disk(self, service: Measurable) -> int:
        measured, size = self._disks.get(service.id, (float("-inf"), 0))
        if time.monotonic() - measured >= _DISK_SECONDS:
            measured, size = time.monotonic(), usage.of_folder(str(service.server.data))
            self._disks[service.id] = measured, size
        return size


def _rates(before: _Reading, now: _Reading, cpus: int) -> Values:
    elapsed = now.at - before.at
    # A process that ends during a measurement is missed once; counters never decrease.
    rates = {"cpu_usage": max(0.0, 100 * (now.usage.cpu_seconds - before.usage.cpu_seconds) / elapsed / cpus)}
    for metric, earlier, later in (
        ("diskio_read", before.usage.reads, now.usage.reads),
        ("diskio_writes", before.usage.writes, now.usage.writes),
    ):
        if earlier is not None and later is not None:
            rates[metric] = max(0.0, (later - earlier) / elapsed)
    return rates


def _mean(gathered: Sequence[Values]) -> Values:
    metrics = {metric for values in gathered for metric in values}
    found = {metric: [values[metric] for values in gathered if metric in values] for metric in metrics}
    return {metric: sum(values) / len(values) for metric, values in found.items()}


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
