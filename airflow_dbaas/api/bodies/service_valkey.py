"""Valkey services."""

from __future__ import annotations

from typing import Annotated, Any, Required

from pydantic import Field, with_config

from airflow_dbaas.api.bodies.common import MigrationSettings, Plan, ServiceFields, ServiceName, Version
from airflow_dbaas.api.bodies.encoding import STRICT


class _ValkeyFields(ServiceFields, total=False):
    migration: MigrationSettings
    valkey_settings: dict[str, Any]
    version: Version


@with_config(STRICT)
class CreateValkeyService(_ValkeyFields, total=False):
    """Body of create-dbaas-service-valkey."""

    plan: Required[Plan]
    fork_from_service: ServiceName
    recovery_backup_name: Annotated[str, Field(min_length=1)]


@with_config(STRICT)
class UpdateValkeyService(_ValkeyFields, total=False):
    """Body of update-dbaas-service-valkey."""

    plan: Plan
