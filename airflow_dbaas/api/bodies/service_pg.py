"""PostgreSQL services."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import Field, with_config

from airflow_dbaas.api.bodies.common import (
    AdminUsername,
    BackupSchedule,
    MigrationSettings,
    Plan,
    SecretText,
    ServiceFields,
    ServiceIntegration,
    ServiceName,
    Version,
)
from airflow_dbaas.api.bodies.encoding import STRICT

PgVersion = Literal["13", "14", "15", "16", "17", "18"]


class _PgFields(ServiceFields, total=False):
    backup_schedule: BackupSchedule
    migration: MigrationSettings
    pg_settings: dict[str, Any]
    pgaudit_settings: dict[str, Any]
    pgbouncer_settings: dict[str, Any]
    pglookout_settings: dict[str, Any]
    shared_buffers_percentage: Annotated[int, Field(ge=20, le=60)]
    synchronous_replication: Literal["off", "quorum"]
    timescaledb_settings: dict[str, Any]
    variant: Literal["aiven", "timescale"]
    work_mem: Annotated[int, Field(ge=1, le=1024)]


@with_config(STRICT)
class CreatePgService(_PgFields, total=False):
    """Body of create-dbaas-service-pg."""

    plan: Required[Plan]
    admin_password: Annotated[SecretText, Field(min_length=8, max_length=256, pattern=r"^[a-zA-Z0-9-_]+$")]
    admin_username: AdminUsername
    fork_from_service: ServiceName
    integrations: list[ServiceIntegration]
    recovery_backup_time: Annotated[str, Field(min_length=1)]
    version: PgVersion


@with_config(STRICT)
class UpdatePgService(_PgFields, total=False):
    """Body of update-dbaas-service-pg."""

    plan: Plan
    version: Version
