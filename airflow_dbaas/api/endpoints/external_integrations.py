"""Services attached to external endpoints."""

from __future__ import annotations

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call, identifier, segment
from airflow_dbaas.api.retries import Resend


def attach_dbaas_service_to_endpoint(
    *,
    source_service_name: str,
    dest_endpoint_id: str,
    type: bodies.ExternalEndpointType,
) -> Call[models.Operation]:
    """Attach a service to an external endpoint. The operation refers to the integration's id.

    Not repeated when it is unknown whether the API acted on it: look by endpoint in list-dbaas-external-integrations.

    :param source_service_name: service name, 1 to 63 characters.
    :param dest_endpoint_id: id of the endpoint, a UUID.
    :param type: type of the endpoint: ``datadog``, ``elasticsearch``, ``opensearch``, ``prometheus`` or ``rsyslog``.
    """
    operation = "attach-dbaas-service-to-endpoint"
    path = f"/dbaas-external-endpoint/{segment('source_service_name', source_service_name)}/attach"
    body = bodies.encode(operation, bodies.AttachService, {"dest_endpoint_id": dest_endpoint_id, "type": type})
    return Call(operation, "PUT", path, models.Operation, body, Resend.IF_UNPROCESSED, (source_service_name,))


def detach_dbaas_service_from_endpoint(*, source_service_name: str, integration_id: str) -> Call[models.Operation]:
    """Detach a service from an external endpoint.

    :param source_service_name: service name, 1 to 63 characters.
    :param integration_id: id of the integration, a UUID; see list-dbaas-external-integrations.
    """
    operation = "detach-dbaas-service-from-endpoint"
    path = f"/dbaas-external-endpoint/{segment('source_service_name', source_service_name)}/detach"
    body = bodies.encode(operation, bodies.DetachService, {"integration_id": integration_id})
    return Call(operation, "PUT", path, models.Operation, body, services=(source_service_name,))


def list_dbaas_external_integrations(service_name: str) -> Call[models.ExternalIntegrationList]:
    """The integrations of a service with external endpoints.

    :param service_name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-external-integrations/{segment('service_name', service_name)}"
    return Call(
        "list-dbaas-external-integrations", "GET", path, models.ExternalIntegrationList, services=(service_name,)
    )


def get_dbaas_external_integration(integration_id: str) -> Call[models.ExternalIntegration]:
    """An integration of a service with an external endpoint.

    :param integration_id: a UUID.
    """
    path = f"/dbaas-external-integration/{identifier('integration_id', integration_id)}"
    return Call("get-dbaas-external-integration", "GET", path, models.ExternalIntegration)


def get_dbaas_external_integration_settings_datadog(
    integration_id: str,
) -> Call[models.DatadogIntegrationSettings]:
    """What Datadog gets of a service that is attached to it.

    :param integration_id: a UUID.
    """
    operation = "get-dbaas-external-integration-settings-datadog"
    return Call(operation, "GET", _datadog_path(integration_id), models.DatadogIntegrationSettings)


def update_dbaas_external_integration_settings_datadog(
    *, integration_id: str, settings: bodies.DatadogIntegrationSettings | None = None
) -> Call[models.Operation]:
    """Change what Datadog gets of a service that is attached to it.

    :param integration_id: a UUID.
    :param settings: ``datadog_dbm_enabled`` and ``datadog_pgbouncer_enabled``.
    """
    operation = "update-dbaas-external-integration-settings-datadog"
    body = bodies.encode(operation, bodies.UpdateDatadogIntegration, {"settings": settings})
    # A POST, but one that states what shall be: the same again changes nothing.
    return Call(operation, "POST", _datadog_path(integration_id), models.Operation, body, Resend.ALWAYS)


def _datadog_path(integration_id: str) -> str:
    return f"/dbaas-external-integration-settings-datadog/{identifier('integration_id', integration_id)}"
