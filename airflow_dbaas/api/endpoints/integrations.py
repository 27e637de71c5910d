"""Integrations between two services: a data source for Grafana, logs into OpenSearch, metrics into Thanos."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call, identifier, segment
from airflow_dbaas.api.retries import Resend


def create_dbaas_integration(
    *,
    integration_type: bodies.IntegrationType,
    source_service: str,
    dest_service: str,
    settings: dict[str, Any] | None = None,
) -> Call[models.Operation]:
    """Create an integration between two services.

    Not repeated when it is unknown whether the API acted on it: look by type and services in list-dbaas-services,
    whose services show their integrations.

    :param integration_type: ``datasource``, ``logs`` or ``metrics``.
    :param source_service: name of the service that it comes from, at most 63 characters.
    :param dest_service: name of the service that it goes to, at most 63 characters.
    :param settings: settings of the type, see list-dbaas-integration-settings.
    """
    operation = "create-dbaas-integration"
    fields = {
        "integration_type": integration_type,
        "source_service": source_service,
        "dest_service": dest_service,
        "settings": settings,
    }
    body = bodies.encode(operation, bodies.CreateIntegration, fields)
    ends = (source_service, dest_service)
    return Call(operation, "POST", "/dbaas-integration", models.Operation, body, Resend.IF_UNPROCESSED, ends)


def get_dbaas_integration(id: str) -> Call[models.Integration]:
    """An integration between two services.

    :param id: integration id, a UUID.
    """
    return Call("get-dbaas-integration", "GET", _path(id), models.Integration)


def update_dbaas_integration(*, id: str, settings: dict[str, Any]) -> Call[models.Operation]:
    """Change the settings of an integration between two services.

    :param id: integration id, a UUID.
    :param settings: settings of its type, see list-dbaas-integration-settings.
    """
    operation = "update-dbaas-integration"
    body = bodies.encode(operation, bodies.UpdateIntegration, {"settings": settings})
    return Call(operation, "PUT", _path(id), models.Operation, body)


def delete_dbaas_integration(id: str) -> Call[models.Operation]:
    """Delete an integration between two services. Deleting that of a read replica makes it a service of its own.

    :param id: integration id, a UUID.
    """
    return Call("delete-dbaas-integration", "DELETE", _path(id), models.Operation)


def _path(integration_id: str) -> str:
    return f"/dbaas-integration/{identifier('id', integration_id)}"


def list_dbaas_integration_types() -> Call[models.IntegrationTypeList]:
    """The types of integration: which types of service they link, and the settings they take."""
    return Call("list-dbaas-integration-types", "GET", "/dbaas-integration-types", models.IntegrationTypeList)


def list_dbaas_integration_settings(
    *, integration_type: str, source_type: str, dest_type: str
) -> Call[models.IntegrationSettings]:
    """The schema of the settings that an integration of one type takes between two types of service.

    :param integration_type: e.g. ``logs``; at least 1 character.
    :param source_type: type of the service that it comes from, e.g. ``pg``.
    :param dest_type: type of the service that it goes to, e.g. ``opensearch``.
    """
    kind = segment("integration_type", integration_type, longest=None)
    source = segment("source_type", source_type, longest=None)
    dest = segment("dest_type", dest_type, longest=None)
    path = f"/dbaas-integration-settings/{kind}/{source}/{dest}"
    return Call("list-dbaas-integration-settings", "GET", path, models.IntegrationSettings)
