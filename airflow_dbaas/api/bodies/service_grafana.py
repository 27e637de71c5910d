"""Grafana services."""

from __future__ import annotations

from typing import Any, Required

from pydantic import with_config

from airflow_dbaas.api.bodies.common import Plan, ServiceFields, ServiceName
from airflow_dbaas.api.bodies.encoding import STRICT


@with_config(STRICT)
class CreateGrafanaService(ServiceFields, total=False):
    """Body of create-dbaas-service-grafana."""

    plan: Required[Plan]
    fork_from_service: ServiceName
    grafana_settings: dict[str, Any]


@with_config(STRICT)
class UpdateGrafanaService(ServiceFields, total=False):
    """Body of update-dbaas-service-grafana."""

    plan: Plan
    grafana_settings: dict[str, Any]
