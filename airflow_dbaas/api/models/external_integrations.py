"""Services attached to external endpoints."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items, Needed


class ExternalIntegration(Answer):
    """A service attached to an external endpoint; ``type`` is that of the endpoint."""

    integration_id: Needed[str | None] = None
    type: str | None = None
    description: str | None = None
    status: Needed[str | None] = None
    source_service_name: str | None = None
    source_service_type: str | None = None
    dest_endpoint_id: Needed[str | None] = None
    dest_endpoint_name: str | None = None

    @property
    def named_services(self) -> tuple[str | None, ...]:
        return (self.source_service_name,)


class ExternalIntegrationList(Answer):
    """Answer of list-dbaas-external-integrations."""

    external_integrations: Needed[Items[ExternalIntegration]] = []

    def with_endpoint(self, endpoint_id: str) -> ExternalIntegration | None:
        """The integration with the endpoint of that id, if there is one."""
        return next((found for found in self.external_integrations if found.dest_endpoint_id == endpoint_id), None)


class DatadogIntegrationFlags(Answer):
    """What Datadog gets of a service."""

    datadog_dbm_enabled: bool | None = None
    datadog_pgbouncer_enabled: bool | None = None


class DatadogIntegrationSettings(Answer):
    """Answer of get-dbaas-external-integration-settings-datadog."""

    settings: DatadogIntegrationFlags | None = None
