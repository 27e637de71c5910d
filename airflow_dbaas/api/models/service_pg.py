"""PostgreSQL services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer, Items
from airflow_dbaas.api.models.services import ServiceDetails


class PgConnectionInfo(Answer):
    """How to reach a PostgreSQL service."""

    uri: Items[str] = []
    params: Items[dict[str, Any]] = []
    standby: Items[str] = []
    syncing: Items[str] = []


class PgService(ServiceDetails):
    """A PostgreSQL service, as get-dbaas-service-pg shows it. ``work_mem`` is in MiB."""

    version: str | None = None
    connection_info: PgConnectionInfo | None = None
    connection_pools: Items[dict[str, Any]] = []
    databases: Items[str] = []
    max_connections: int | None = None
    backup_schedule: dict[str, Any] | None = None
    pg_settings: dict[str, Any] | None = None
    pgaudit_settings: dict[str, Any] | None = None
    pgbouncer_settings: dict[str, Any] | None = None
    pglookout_settings: dict[str, Any] | None = None
    shared_buffers_percentage: int | None = None
    synchronous_replication: str | None = None
    timescaledb_settings: dict[str, Any] | None = None
    work_mem: int | None = None
