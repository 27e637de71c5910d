"""Thanos services."""

from __future__ import annotations

from typing import Any, Required

from pydantic import with_config

from airflow_dbaas.api.bodies.common import Plan, ServiceFields
from airflow_dbaas.api.bodies.encoding import STRICT


@with_config(STRICT)
class CreateThanosService(ServiceFields, total=False):
    """Body of create-dbaas-service-thanos."""

    plan: Required[Plan]
    thanos_settings: dict[str, Any]


@with_config(STRICT)
class UpdateThanosService(ServiceFields, total=False):
    """Body of update-dbaas-service-thanos."""

    plan: Plan
    thanos_settings: dict[str, Any]
