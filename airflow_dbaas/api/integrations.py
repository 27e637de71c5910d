"""Integrations between two services: a data source for Grafana, logs into OpenSearch, metrics into Thanos."""

from __future__ import annotations

from typing import Any, Required

from pydantic import with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.answer import Answer, Items, Needed
from airflow_dbaas.api.body import STRICT
from airflow_dbaas.api.calls import identifier, segment
from airflow_dbaas.api.operation import ClientT, Request, Resource, delete, get, operation, post, put
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.parameters import IntegrationTypeName, ServiceName
from airflow_dbaas.api.retries import Resend
from airflow_dbaas.api.settings_schema import SettingsSchema


@with_config(STRICT)
class CreateIntegration(TypedDict, total=False):
    """Body of create-dbaas-integration."""

    integration_type: Required[IntegrationTypeName]
    source_service: Required[ServiceName]
    dest_service: Required[ServiceName]
    # Their schema is served by list-dbaas-integration-settings.
    settings: dict[str, Any]


@with_config(STRICT)
class UpdateIntegration(TypedDict):
    """Body of update-dbaas-integration."""

    settings: dict[str, Any]


class Integration(Answer):
    """A link between two services. It works if ``is_active``; ``is_enabled`` says whether it is switched on."""

    id: Needed[str | None] = None
    type: Needed[str | None] = None
    source: Needed[str | None] = None
    dest: Needed[str | None] = None
    description: str | None = None
    status: str | None = None
    is_active: bool | None = None
    is_enabled: bool | None = None
    settings: dict[str, Any] | None = None

    @property
    def named_services(self) -> tuple[str | None, ...]:
        return (self.source, self.dest)


class IntegrationType(Answer):
    """A type of integration: which types of service it links, and the settings it takes."""

    type: str | None = None
    source_description: str | None = None
    source_service_types: Items[str] = []
    dest_description: str | None = None
    dest_service_types: Items[str] = []
    settings: SettingsSchema | None = None


class IntegrationTypeList(Answer):
    """Answer of list-dbaas-integration-types."""

    dbaas_integration_types: Items[IntegrationType] = []


class IntegrationSettings(Answer):
    """Answer of list-dbaas-integration-settings."""

    settings: SettingsSchema | None = None


class Integrations(Resource[ClientT]):
    """``client.integrations``: integrations between two services, and their types."""

    @operation("create-dbaas-integration", services=("source_service", "dest_service"))
    def create(
        self,
        *,
        integration_type: IntegrationTypeName,
        source_service: str,
        dest_service: str,
        settings: dict[str, Any] | None = None,
    ) -> Request[Operation]:
        """Create an integration between two services.

        Not repeated if the API may have acted on it: look by type and services in list-dbaas-services, whose services
        show their integrations.

        :param integration_type: ``datasource``, ``logs`` or ``metrics``.
        :param source_service: name of the service that it comes from, at most 63 characters.
        :param dest_service: name of the service that it goes to, at most 63 characters.
        :param settings: settings of the type, see list-dbaas-integration-settings.
        """
        fields = {
            "integration_type": integration_type,
            "source_service": source_service,
            "dest_service": dest_service,
            "settings": settings,
        }
        return post("/dbaas-integration", Operation, CreateIntegration, fields, resend=Resend.IF_UNPROCESSED)

    @operation("get-dbaas-integration")
    def get(self, id: str) -> Request[Integration]:
        """An integration between two services.

        :param id: integration id, a UUID.
        """
        return get(f"/dbaas-integration/{identifier('id', id)}", Integration)

    @operation("update-dbaas-integration")
    def update(self, *, id: str, settings: dict[str, Any]) -> Request[Operation]:
        """Change the settings of an integration between two services.

        :param id: integration id, a UUID.
        :param settings: settings of its type, see list-dbaas-integration-settings.
        """
        return put(f"/dbaas-integration/{identifier('id', id)}", Operation, UpdateIntegration, {"settings": settings})

    @operation("delete-dbaas-integration")
    def delete(self, id: str) -> Request[Operation]:
        """Delete an integration between two services. Deleting that of a read replica promotes the replica.

        :param id: integration id, a UUID.
        """
        return delete(f"/dbaas-integration/{identifier('id', id)}", Operation)

    @operation("list-dbaas-integration-types")
    def list_types(self) -> Request[IntegrationTypeList]:
        """The types of integration: which types of service they link, and the settings they take."""
        return get("/dbaas-integration-types", IntegrationTypeList)

    @operation("list-dbaas-integration-settings")
    def list_settings(self, *, integration_type: str, source_type: str, dest_type: str) -> Request[IntegrationSettings]:
        """The schema of the settings that an integration of one type takes between two types of service.

        :param integration_type: e.g. ``logs``; at least 1 character.
        :param source_type: type of the service that it comes from, e.g. ``pg``.
        :param dest_type: type of the service that it goes to, e.g. ``opensearch``.
        """
        kind = segment("integration_type", integration_type, longest=None)
        source = segment("source_type", source_type, longest=None)
        dest = segment("dest_type", dest_type, longest=None)
        return get(f"/dbaas-integration-settings/{kind}/{source}/{dest}", IntegrationSettings)
