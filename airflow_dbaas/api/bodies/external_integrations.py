"""Services attached to external endpoints."""

from __future__ import annotations

from pydantic import with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.common import ExternalEndpointType, Uuid
from airflow_dbaas.api.bodies.encoding import STRICT


@with_config(STRICT)
class AttachService(TypedDict):
    """Body of attach-dbaas-service-to-endpoint."""

    dest_endpoint_id: Uuid
    type: ExternalEndpointType


@with_config(STRICT)
class DetachService(TypedDict):
    """Body of detach-dbaas-service-from-endpoint."""

    integration_id: Uuid


@with_config(STRICT)
class DatadogIntegrationSettings(TypedDict, total=False):
    """What Datadog gets of a service."""

    datadog_dbm_enabled: bool
    datadog_pgbouncer_enabled: bool


@with_config(STRICT)
class UpdateDatadogIntegration(TypedDict, total=False):
    """Body of update-dbaas-external-integration-settings-datadog."""

    settings: DatadogIntegrationSettings
