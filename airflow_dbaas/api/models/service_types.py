"""What can be ordered: types of service, their plans, their settings; and the certificate to trust."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items
from airflow_dbaas.api.models.schemas import SettingsSchema


class BackupConfig(Answer):
    """How a plan backs up: how many backups it keeps, and how often it makes one (hours, minutes where it says so)."""

    interval: int | None = None
    max_count: int | None = None
    recovery_mode: str | None = None
    frequent_interval_minutes: int | None = None
    frequent_oldest_age_minutes: int | None = None
    infrequent_interval_minutes: int | None = None
    infrequent_oldest_age_minutes: int | None = None


class ServicePlan(Answer):
    """A plan of a type of service; sizes are in bytes, ``authorized`` says whether the account may use it."""

    name: str | None = None
    family: str | None = None
    authorized: bool | None = None
    node_count: int | None = None
    node_cpu_count: int | None = None
    node_memory: int | None = None
    disk_space: int | None = None
    max_memory_percent: int | None = None
    backup_config: BackupConfig | None = None
    zones: Items[str] = []


class ServiceType(Answer):
    """A type of service, with its versions and plans."""

    name: str | None = None
    description: str | None = None
    default_version: str | None = None
    available_versions: Items[str] = []
    plans: Items[ServicePlan] = []


class ServiceTypeList(Answer):
    """Answer of list-dbaas-service-types."""

    dbaas_service_types: Items[ServiceType] = []


class PgSettingsSchemas(Answer):
    """The schemas of a PostgreSQL service's free-form settings."""

    pg: SettingsSchema | None = None
    pgbouncer: SettingsSchema | None = None
    pglookout: SettingsSchema | None = None
    timescaledb: SettingsSchema | None = None


class PgSettings(Answer):
    """Answer of get-dbaas-settings-pg."""

    settings: PgSettingsSchemas | None = None


class MysqlSettingsSchemas(Answer):
    """The schema of a MySQL service's free-form settings."""

    mysql: SettingsSchema | None = None


class MysqlSettings(Answer):
    """Answer of get-dbaas-settings-mysql."""

    settings: MysqlSettingsSchemas | None = None


class CaCertificate(Answer):
    """The certificate of the authority that signs the services' certificates, PEM."""

    certificate: str | None = None
