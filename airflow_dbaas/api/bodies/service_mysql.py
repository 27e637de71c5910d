"""MySQL services."""

from __future__ import annotations

from typing import Annotated, Any, Required

from pydantic import Field, with_config

from airflow_dbaas.api.bodies.common import (
    AdminUsername,
    BackupSchedule,
    MigrationSettings,
    MysqlPassword,
    Plan,
    ServiceFields,
    ServiceIntegration,
    ServiceName,
    Version,
)
from airflow_dbaas.api.bodies.encoding import STRICT


class _MysqlFields(ServiceFields, total=False):
    backup_schedule: BackupSchedule
    binlog_retention_period: Annotated[int, Field(ge=600, le=86400)]
    migration: MigrationSettings
    mysql_settings: dict[str, Any]


@with_config(STRICT)
class CreateMysqlService(_MysqlFields, total=False):
    """Body of create-dbaas-service-mysql; ``binlog_retention_period`` is in seconds."""

    plan: Required[Plan]
    admin_password: MysqlPassword
    admin_username: AdminUsername
    fork_from_service: ServiceName
    integrations: list[ServiceIntegration]
    recovery_backup_time: Annotated[str, Field(min_length=1)]
    version: Version


@with_config(STRICT)
class UpdateMysqlService(_MysqlFields, total=False):
    """Body of update-dbaas-service-mysql; ``binlog_retention_period`` is in seconds."""

    plan: Plan
    version: Version
