"""MySQL services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer, Items
from airflow_dbaas.api.models.services import ServiceDetails


class MysqlConnectionInfo(Answer):
    """How to reach a MySQL service."""

    uri: Items[str] = []
    params: Items[dict[str, Any]] = []
    standby: Items[str] = []


class MysqlService(ServiceDetails):
    """A MySQL service, as get-dbaas-service-mysql shows it. The binlogs' retention is in seconds."""

    version: str | None = None
    connection_info: MysqlConnectionInfo | None = None
    databases: Items[str] = []
    backup_schedule: dict[str, Any] | None = None
    binlog_retention_period: int | None = None
    mysql_settings: dict[str, Any] | None = None
