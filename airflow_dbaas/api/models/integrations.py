"""Integrations between two services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer, Items, Needed
from airflow_dbaas.api.models.schemas import SettingsSchema


class Integration(Answer):
    """A link between two services. It works when ``is_active``; ``is_enabled`` says that it is wanted."""

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
