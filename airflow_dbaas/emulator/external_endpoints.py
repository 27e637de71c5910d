"""External endpoints, and the services attached to them. Nothing is ever sent to an endpoint."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.integrations import link_status
from airflow_dbaas.emulator.operations import Operation, Reference
from airflow_dbaas.emulator.service_types import TYPE_NAMES
from airflow_dbaas.emulator.services import Service


@dataclass(frozen=True)
class EndpointType:
    """One type of external endpoint."""

    name: str
    title: str
    services: tuple[str, ...]
    """Types of services that can be attached; the real service publishes no list."""
    hidden: frozenset[str]
    """Settings that can be set and are never shown: those that the document leaves out of answers."""
    needs_settings: bool = True

    def view(self) -> dict[str, Any]:
        """The type as the API answers it."""
        return {"type": self.name, "title": self.title, "service-types": list(self.services)}


ENDPOINT_TYPES = {
    each.name: each
    for each in (
        EndpointType(
            "datadog",
            "Datadog",
            ("pg", "mysql", "valkey", "grafana", "opensearch"),
            frozenset({"datadog-api-key"}),
        ),
        EndpointType("elasticsearch", "Elasticsearch", TYPE_NAMES, frozenset({"ca"})),
        EndpointType("opensearch", "OpenSearch", TYPE_NAMES, frozenset({"ca"})),
        EndpointType("prometheus", "Prometheus", TYPE_NAMES, frozenset({"basic-auth-password"}), needs_settings=False),
        EndpointType("rsyslog", "Remote syslog", TYPE_NAMES, frozenset({"ca", "cert", "key"})),
    )
}


@dataclass
class ExternalEndpoint:
    """One endpoint."""

    type: EndpointType
    name: str
    settings: dict[str, Any] = field(repr=False)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def reference(self) -> Reference:
        """The endpoint as the resource of an operation."""
        subject = f"dbaas-external-endpoint-{self.type.name}"
        return Reference(self.id, f"/v2/{subject}/{self.id}", f"get-{subject}")

    def record(self) -> dict[str, Any]:
        """Its complete state, including secrets."""
        return self.summary() | {"settings": self.settings}

    def summary(self) -> dict[str, Any]:
        """The short form, as in the list of endpoints."""
        return {"id": self.id, "name": self.name, "type": self.type.name}

    def view(self) -> dict[str, Any]:
        """The long form, without secrets."""
        shown = {name: value for name, value in self.settings.items() if name not in self.type.hidden}
        return self.summary() | {"settings": shown}


@dataclass
class ExternalIntegration:
    """A service attached to an endpoint."""

    service: Service
    endpoint: ExternalEndpoint
    settings: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    made_by: Operation | None = None

    def reference(self) -> Reference:
        """The integration as the resource of an operation."""
        return Reference(self.id, f"/v2/dbaas-external-integration/{self.id}", "get-dbaas-external-integration")

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return {
            "id": self.id,
            "service": self.service.id,
            "endpoint": self.endpoint.id,
            "settings": self.settings,
            "made_by": self.made_by and self.made_by.id,
        }

    def view(self) -> dict[str, Any]:
        """The current integration as the API shows it."""
        return {
            "integration-id": self.id,
            "type": self.endpoint.type.name,
            "description": f"{self.endpoint.type.name} from {self.service.name} to {self.endpoint.name}",
            "dest-endpoint-id": self.endpoint.id,
            "dest-endpoint-name": self.endpoint.name,
            "source-service-name": self.service.name,
            "source-service-type": self.service.type.name,
            "status": link_status(self.made_by, self.service),
        }


class Endpoints:
    """All endpoints and attachments, by id."""

    def __init__(self) -> None:
        self._known: dict[str, ExternalEndpoint] = {}
        self._attached: dict[str, ExternalIntegration] = {}

    def all(self) -> list[ExternalEndpoint]:
        """All endpoints, oldest first."""
        return list(self._known.values())

    def all_attached(self) -> list[ExternalIntegration]:
        """All that is attached, oldest first."""
        return list(self._attached.values())

    def take(self, endpoint: ExternalEndpoint) -> None:
        """Take over an endpoint."""
        self._known[endpoint.id] = endpoint

    def take_attached(self, integration: ExternalIntegration) -> None:
        """Restore the attachment of a service."""
        self._attached[integration.id] = integration

    def get(self, identifier: str, kind: EndpointType | None = None) -> ExternalEndpoint:
        """The endpoint with this id; 404 without it, also if it is not of ``kind``."""
        endpoint = self._known.get(identifier)
        if endpoint is None or kind not in {None, endpoint.type}:
            raise ApiError(
                404, f"External endpoint {identifier}{f' of type {kind.name}' if kind else ''} does not exist"
            )
        return endpoint

    def create(self, kind: EndpointType, name: str, settings: dict[str, Any]) -> ExternalEndpoint:
        """A new endpoint; 409 if its type has one of this name."""
        if not name:
            raise ApiError(400, "name: must have at least 1 characters")
        if any((each.type, each.name) == (kind, name) for each in self._known.values()):
            raise ApiError(409, f"External endpoint {name} of type {kind.name} already exists")
        endpoint = ExternalEndpoint(kind, name, settings)
        self.take(endpoint)
        return endpoint

    def delete(self, endpoint: ExternalEndpoint) -> None:
        """Remove an endpoint; 409 while services are attached to it."""
        names = [each.service.name for each in self._attached.values() if each.endpoint is endpoint]
        if names:
            raise ApiError(
                409, f"External endpoint {endpoint.name} is in use by {', '.join(names)}; detach the services first"
            )
        del self._known[endpoint.id]

    def attached(self, service: Service) -> list[ExternalIntegration]:
        """The attachments of a service."""
        return [each for each in self._attached.values() if each.service is service]

    def integration(self, identifier: str) -> ExternalIntegration:
        """The external integration with this id; 404 without it."""
        if identifier not in self._attached:
            raise ApiError(404, f"External integration {identifier} does not exist")
        return self._attached[identifier]

    def attach(self, service: Service, endpoint: ExternalEndpoint, type_name: str) -> ExternalIntegration:
        """Attach a service; 400 if it cannot be, 409 if it is."""
        if type_name != endpoint.type.name:
            raise ApiError(
                400, f"type: external endpoint {endpoint.name} is of type {endpoint.type.name}, not {type_name}"
            )
        if service.type.name not in endpoint.type.services:
            raise ApiError(
                400,
                f"A service of type {service.type.name} cannot be attached to an external endpoint of type "
                f"{type_name}, possible types: {', '.join(endpoint.type.services)}",
            )
        if any(each.endpoint is endpoint for each in self.attached(service)):
            raise ApiError(409, f"Service {service.name} is already attached to external endpoint {endpoint.name}")
        integration = ExternalIntegration(service, endpoint)
        self.take_attached(integration)
        return integration

    def detach(self, service: Service, identifier: str) -> ExternalIntegration:
        """End one attachment of a service; 404 if it has none with this id."""
        integration = self.integration(identifier)
        if integration.service is not service:
            raise ApiError(404, f"Service {service.name} has no external integration {identifier}")
        return self._attached.pop(identifier)

    def forget_service(self, service: Service) -> None:
        """End all attachments of a service, for it is gone."""
        for integration in self.attached(service):
            del self._attached[integration.id]
