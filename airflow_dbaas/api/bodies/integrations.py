"""Integrations between two services."""

from __future__ import annotations

from typing import Any, Literal, Required

from pydantic import with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.common import ServiceName
from airflow_dbaas.api.bodies.encoding import STRICT

IntegrationType = Literal["datasource", "logs", "metrics"]


@with_config(STRICT)
class CreateIntegration(TypedDict, total=False):
    """Body of create-dbaas-integration."""

    integration_type: Required[IntegrationType]
    source_service: Required[ServiceName]
    dest_service: Required[ServiceName]
    # Their schema is served by list-dbaas-integration-settings.
    settings: dict[str, Any]


@with_config(STRICT)
class UpdateIntegration(TypedDict):
    """Body of update-dbaas-integration."""

    settings: dict[str, Any]
