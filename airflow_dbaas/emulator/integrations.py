"""Integrations between services. Nothing flows through them: they are there to be made, shown and removed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.integration_types import IntegrationType
from airflow_dbaas.emulator.operations import Operation, Reference
from airflow_dbaas.emulator.services import Service


def link_status(made_by: Operation | None, *services: Service) -> str:
    """Status of a link between services: active after its creation, while all services run."""
    if made_by is None or made_by.state == "pending":
        return "starting"
    return "running" if all(service.state == "running" for service in services) else "inactive"


@dataclass
class Integration:
    """One integration."""

    type: IntegrationType
    source: Service
    dest: Service
    settings: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    made_by: Operation | None = None

    def reference(self) -> Reference:
        """The integration as the resource of an operation."""
        return Reference(self.id, f"/v2/dbaas-integration/{self.id}", "get-dbaas-integration")

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return {
            "id": self.id,
            "type": self.type.name,
            "source": self.source.id,
            "dest": self.dest.id,
            "settings": self.settings,
            "made_by": self.made_by and self.made_by.id,
        }

    def view(self) -> dict[str, Any]:
        """The current integration as the API shows it."""
        status = link_status(self.made_by, self.source, self.dest)
        return {
            "id": self.id,
            "type": self.type.name,
            "description": f"{self.type.name} from {self.source.name} to {self.dest.name}",
            "source": self.source.name,
            "dest": self.dest.name,
            "settings": self.settings,
            "is-enabled": True,
            "is-active": status == "running",
            "status": status,
        }


class Integrations:
    """All integrations, by id."""

    def __init__(self) -> None:
        self._known: dict[str, Integration] = {}

    def all(self) -> list[Integration]:
        """All integrations, oldest first."""
        return list(self._known.values())

    def take(self, integration: Integration) -> None:
        """Take over an integration."""
        self._known[integration.id] = integration

    def of(self, service: Service) -> list[Integration]:
        """Integrations that the service is an end of."""
        return [each for each in self._known.values() if service in (each.source, each.dest)]

    def get(self, identifier: str) -> Integration:
        """The integration with this id; 404 without it."""
        if identifier not in self._known:
            raise ApiError(404, f"Integration {identifier} does not exist")
        return self._known[identifier]

    def create(self, kind: IntegrationType, source: Service, dest: Service, settings: dict[str, Any]) -> Integration:
        """Join two services; 400 if these cannot be, 409 if they are."""
        if source is dest:
            raise ApiError(400, f"Service {source.name} cannot be integrated with itself")
        kind.require_ends(source.type.name, dest.type.name)
        kind.require_settings(source.type.name, settings)
        if any((each.type, each.source, each.dest) == (kind, source, dest) for each in self._known.values()):
            raise ApiError(409, "Service integration already exists")
        integration = Integration(kind, source, dest, settings)
        self.take(integration)
        return integration

    def forget(self, integration: Integration) -> None:
        """Take an integration out of the API."""
        del self._known[integration.id]

    def forget_service(self, service: Service) -> None:
        """Take the integrations of a service out of the API, for it is gone."""
        for integration in self.of(service):
            self.forget(integration)
