"""Services: the common base of all types, and the collection by name."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.logs import Log
from airflow_dbaas.emulator.operations import Reference
from airflow_dbaas.emulator.plans import Plan
from airflow_dbaas.emulator.service_types import ServiceType

REMOVE = "remove"
"""Kind of the operation that deletes a service."""
MIN_FREE_BYTES = 256 * 1024 * 1024
"""Free disk below which no server is made: a fresh one takes 40 MB and its log of changes as much again."""


def require_free_space(directory: Path, minimum: int = MIN_FREE_BYTES) -> None:
    """Raise ``OSError`` with a clear text unless the disk of ``directory`` has ``minimum`` bytes left."""
    free = shutil.disk_usage(directory).free
    if free < minimum:
        raise OSError(
            f"{directory} has {free >> 20} MiB of free disk space, a database server needs {minimum >> 20} MiB"
        )


@dataclass(kw_only=True, eq=False)
class Service(ABC):
    """One service, from the request that made it until the one that deletes it."""

    name: str
    type: ServiceType
    plan: Plan
    settings: dict[str, Any] = field(default_factory=dict)
    """Properties that are only stored and shown, such as maintenance and ip-filter."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    @abstractmethod
    def state(self) -> str:
        """State as the API names it."""

    @property
    @abstractmethod
    def version(self) -> str | None:
        """Full version; None where the type has none."""

    @property
    @abstractmethod
    def log(self) -> Log:
        """The log of the service in the API."""

    @property
    def termination_protection(self) -> bool:
        """Whether deletion is refused."""
        return bool(self.settings.get("termination-protection", False))

    def reference(self) -> Reference:
        """The service as the resource of an operation."""
        return Reference(
            self.id, f"/v2/dbaas-{self.type.path}/{quote(self.name, safe='')}", f"get-dbaas-service-{self.type.name}"
        )

    def require_running(self) -> None:
        """Raise 409 unless the service runs."""
        if self.state != "running":
            raise ApiError(409, f"Service {self.name} is not running (state: {self.state})")

    def record(self) -> dict[str, Any]:
        """Its complete state, except what its server stores."""
        return {
            "name": self.name,
            "type": self.type.name,
            "plan": self.plan.name,
            "settings": self.settings,
            "id": self.id,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }

    def update(self, body: dict[str, Any]) -> None:
        """Take over plan and settings of a request; 400 for an unknown plan, and nothing is changed then."""
        self.plan = self.type.plan(body["plan"]) if "plan" in body else self.plan
        self.settings |= self.type.settings(body)
        self.updated_at = datetime.now(UTC)

    @abstractmethod
    async def remove(self) -> None:
        """Stop and remove the processes of the service, which the API no longer shows."""

    async def revive(self) -> None:  # noqa: B027  (a record has nothing to do)
        """Start what ran for the service when the emulator ended."""

    async def resume(self) -> None:  # noqa: B027  (a record has nothing to do)
        """Continue what was under way; all services are loaded."""

    async def pause(self) -> None:  # noqa: B027  (a record has nothing to do)
        """Stop all work, so that a later emulator can continue it."""

    async def stop(self) -> None:  # noqa: B027  (a record has nothing to do)
        """Stop the processes of the service; its stored state remains."""


_Kind = TypeVar("_Kind", bound=Service)


class Services:
    """All services, by name."""

    def __init__(
        self,
        directory: Path,
        startup_seconds: float,
        changed: Callable[[], None] = lambda: None,
        *,
        durable: bool = False,
    ) -> None:
        """All services, none at first.

        :param directory: where servers have their folders.
        :param startup_seconds: time until a new service runs, at least.
        :param changed: called when something about services has changed that no request was the last step of.
        :param durable: whether their data is to outlive a crash.
        """
        self.directory = directory
        self.startup_seconds = startup_seconds
        self.changed = changed
        self.durable = durable
        self._known: dict[str, Service] = {}
        self._leaving: dict[asyncio.Task[None], Service] = {}

    def all(self) -> list[Service]:
        """All services, oldest first."""
        return list(self._known.values())

    def leaving(self) -> list[Service]:
        """Services that the API has forgotten and that are still being removed."""
        return list(self._leaving.values())

    def get(self, name: str) -> Service:
        """The service of this name; 404 without it."""
        service = self._known.get(name)
        if service is None:
            raise ApiError(404, f"Service {name} does not exist")
        return service

    def get_typed(self, name: str, type_name: str) -> Service:
        """The service of this name and type; 404 without it, also if it is of another type."""
        service = self.get(name)
        if service.type.name != type_name:
            raise ApiError(404, f"Service {name} of type {type_name} does not exist: it is of type {service.type.name}")
        return service

    def get_as(self, name: str, type_name: str, kind: type[_Kind]) -> _Kind:
        """As ``get_typed``, as the class that its services are of."""
        service = self.get_typed(name, type_name)
        assert isinstance(service, kind)  # noqa: S101  (each type has one class)
        return service

    def add(self, name: str, make: Callable[[], _Kind]) -> _Kind:
        """Make a service of this name with ``make``; 400 without a name, 409 if it is taken."""
        if not name:
            raise ApiError(400, "name: must have at least 1 characters")
        if name in self._known:
            raise ApiError(409, "Service name is already taken")
        service = make()
        self.take(service)
        return service

    def take(self, service: Service) -> None:
        """Take over a service whose name is free."""
        self._known[service.name] = service

    def remove(self, service: Service) -> Callable[[], Awaitable[None]]:
        """Take the service out of the API and begin to remove it; refused while it is protected.

        :returns: an awaitable for the end of the removal, which continues even if it is not awaited.
        """
        if service.termination_protection:
            raise ApiError(
                409, f"Service {service.name} is protected against termination; switch termination-protection off first"
            )
        del self._known[service.name]
        return self.finish(service, service.remove())

    def finish(self, service: Service, work: Coroutine[None, None, None]) -> Callable[[], Awaitable[None]]:
        """Remove a service that the API knows nothing of, by ``work``; otherwise as ``remove``."""
        removal = asyncio.create_task(work)
        self._leaving[removal] = service
        removal.add_done_callback(self._gone)
        return lambda: asyncio.shield(removal)

    async def suspend(self) -> None:
        """Stop all services, so that a later emulator can take them up again; removals are waited for."""
        await asyncio.gather(*self._leaving)
        # One may be the source of another's migration.
        await asyncio.gather(*(service.pause() for service in self.all()))
        await asyncio.gather(*(service.stop() for service in self.all()))

    async def close(self) -> None:
        """Remove all services, and wait for those that are being removed."""
        remaining, self._known = self.all(), {}
        await asyncio.gather(*self._leaving, *(service.remove() for service in remaining))

    def _gone(self, removal: asyncio.Task[None]) -> None:
        del self._leaving[removal]
        self.changed()
