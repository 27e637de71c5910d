"""Services: request bodies, answers and calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Required, TypeVar

from pydantic import Field, PrivateAttr, with_config
from typing_extensions import TypedDict, Unpack

from airflow_dbaas.api.answer import Answer, Items, Needed
from airflow_dbaas.api.body import STRICT
from airflow_dbaas.api.calls import choice, segment
from airflow_dbaas.api.fields import AdminUsername, Count, MysqlPassword, SecretText
from airflow_dbaas.api.integrations import Integration
from airflow_dbaas.api.migrations import MigrationSettings
from airflow_dbaas.api.operation import ClientT, Request, Resource, delete, get, operation, post, put
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.parameters import SERVICE_TYPES, Network, Plan, ServiceName, TimeOfDay, Version
from airflow_dbaas.api.retries import Resend
from airflow_dbaas.api.settings_schema import SettingsSchema

if TYPE_CHECKING:
    from airflow_dbaas.api.places import Place


@with_config(STRICT)
class Maintenance(TypedDict):
    """Weekly window for installing updates; ``time`` is UTC, ``HH:MM:SS``."""

    dow: Literal["friday", "monday", "never", "saturday", "sunday", "thursday", "tuesday", "wednesday"]
    time: TimeOfDay


@with_config(STRICT)
class BackupSchedule(TypedDict, total=False):
    """When the daily backup starts, UTC."""

    backup_hour: Annotated[int, Field(ge=0, le=23)] | None
    backup_minute: Annotated[int, Field(ge=0, le=59)] | None


class _IntegrationType(TypedDict):
    type: Literal["read_replica"]


@with_config(STRICT)
class ServiceIntegration(_IntegrationType, total=False):
    """An integration to be made with a new service."""

    source_service: ServiceName
    dest_service: ServiceName
    settings: dict[str, Any]


class ServiceFields(TypedDict, total=False):
    """Properties of services of every type, for creation and update.

    Free-form settings such as ``pg_settings`` have their own schema, which depends on the version of the service.
    get-dbaas-settings-pg and get-dbaas-settings-mysql return it, and the API validates them against it.
    """

    ip_filter: list[Network]
    maintenance: Maintenance
    termination_protection: bool


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


@with_config(STRICT)
class IndexPattern(TypedDict, total=False):
    """How many indexes whose names match a pattern are kept, and which go first."""

    max_index_count: Count | None
    pattern: Annotated[str, Field(max_length=1024)]
    sorting_algorithm: Literal["alphabetical", "creation_date"]


@with_config(STRICT)
class IndexTemplate(TypedDict, total=False):
    """Settings of new indexes."""

    mapping_nested_objects_limit: Annotated[int, Field(ge=0, le=100000)] | None
    number_of_replicas: Annotated[int, Field(ge=0, le=29)] | None
    number_of_shards: Annotated[int, Field(ge=1, le=1024)]


@with_config(STRICT)
class OpensearchDashboards(TypedDict, total=False):
    """OpenSearch Dashboards; the time-out is in milliseconds, the space in MiB."""

    enabled: bool
    max_old_space_size: Annotated[int, Field(ge=64, le=1024)]
    opensearch_request_timeout: Annotated[int, Field(ge=5000, le=120000)]


class _OpensearchFields(ServiceFields, total=False):
    index_patterns: list[IndexPattern]
    index_template: IndexTemplate
    keep_index_refresh_interval: bool
    max_index_count: Count | None
    opensearch_dashboards: OpensearchDashboards
    opensearch_settings: dict[str, Any]


@with_config(STRICT)
class CreateOpensearchService(_OpensearchFields, total=False):
    """Body of create-dbaas-service-opensearch."""

    plan: Required[Plan]
    fork_from_service: ServiceName
    recovery_backup_name: Annotated[str, Field(min_length=1)]
    version: Version


@with_config(STRICT)
class UpdateOpensearchService(_OpensearchFields, total=False):
    """Body of update-dbaas-service-opensearch."""

    plan: Plan
    version: Version


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


class Notification(Answer):
    """A notice from the provider to the owner of a service."""

    level: str | None = None
    type: str | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None


class Service(Answer):
    """A service of any type. ``state`` is ``running``, ``rebuilding``, ``rebalancing`` or ``poweroff``; sizes are in
    bytes."""

    name: Needed[str]
    type: str | None = None
    plan: str | None = None
    state: str | None = None
    zone: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    disk_size: int | None = None
    node_count: int | None = None
    node_cpu_count: int | None = None
    node_memory: int | None = None
    termination_protection: bool | None = None
    integrations: Needed[Items[Integration]] = []
    notifications: Items[Notification] = []


class ServiceList(Answer):
    """Answer of list-dbaas-services."""

    dbaas_services: Needed[Items[Service]] = []

    #: Whose answer it is.
    _place: Place | None = PrivateAttr(None)

    def belong_to(self, place: Place) -> None:
        """From now on, refuse services in other zones than the client's."""
        self._place = place
        place.learn(self)

    def has(self, name: str) -> bool:
        """Whether a service of that name is listed, in any zone."""
        return name in self._by_name

    def zone_of(self, name: str) -> str | None:
        """The zone that a service is listed in."""
        service = self._by_name.get(name)
        return service.zone if service else None

    @property
    def in_zone(self) -> list[Service]:
        """The services in the requested zone; a gateway may also list others."""
        asked = self._place.zone if self._place else None
        return [it for it in self.dbaas_services if not asked or it.zone in {None, "", asked}]

    def named(self, name: str) -> Service | None:
        """The service of that name, if it is there.

        :raises DbaasServiceError: if it is in a zone other than the requested one.
        """
        if self._place:
            self._place.check_listed(self, [name])
        return self._by_name.get(name)

    def integration_with(self, id: str) -> Integration | None:
        """The integration of that id, if it is there.

        :raises DbaasServiceError: if one of its services is in a zone other than the requested one.
        """
        return self._both_ends(self._integrations.get(id))

    def _both_ends(self, found: Integration | None) -> Integration | None:
        if found is not None and self._place:
            self._place.check_listed(self, found.named_services)
        return found

    # A thousand waits may read one answer.
    @cached_property
    def _by_name(self) -> dict[str, Service]:
        return {service.name: service for service in reversed(self.dbaas_services)}

    @cached_property
    def _integrations(self) -> dict[str | None, Integration]:
        shown = (found for service in reversed(self.dbaas_services) for found in reversed(service.integrations))
        return {found.id: found for found in shown}

    def integration(self, *, type: str, source: str, dest: str) -> Integration | None:
        """The integration of that type between two services, if there is one.

        :param type: e.g. ``logs``.
        :param source: name of the service that it comes from.
        :param dest: name of the service that it goes to.
        :raises DbaasServiceError: if one of them is in a zone other than the requested one.
        """
        # Both services show it; either may be missing from the list.
        shown = (found for service in self.dbaas_services for found in service.integrations)
        wanted = (type, source, dest)
        return self._both_ends(next((it for it in shown if (it.type, it.source, it.dest) == wanted), None))


class ServiceUser(Answer):
    """An account inside a service. The password is hardly ever shown; the reveal calls give it."""

    username: str | None = None
    type: str | None = None
    password: str | None = None
    #: PostgreSQL only.
    allow_replication: bool | None = None
    #: MySQL only.
    authentication: str | None = None
    #: Valkey only.
    access_control: dict[str, Any] | None = None


class ServiceDetails(Service):
    """Fields of one service, whatever its type."""

    uri: str | None = None
    uri_params: dict[str, Any] | None = None
    users: Items[ServiceUser] = []
    backups: Items[dict[str, Any]] = []
    components: Items[dict[str, Any]] = []
    node_states: Items[dict[str, Any]] = []
    ip_filter: Items[str] = []
    maintenance: dict[str, Any] | None = None
    prometheus_uri: dict[str, Any] | None = None


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


class ValkeyConnectionInfo(Answer):
    """How to reach a Valkey service. The URIs may hold the password."""

    uri: Items[str] = []
    password: str | None = None
    slave: Items[str] = []


class ValkeyService(ServiceDetails):
    """A Valkey service, as get-dbaas-service-valkey shows it."""

    version: str | None = None
    connection_info: ValkeyConnectionInfo | None = None
    valkey_settings: dict[str, Any] | None = None


class GrafanaConnectionInfo(Answer):
    """How to reach a Grafana service."""

    uri: str | None = None
    username: str | None = None
    password: str | None = None


class GrafanaService(ServiceDetails):
    """A Grafana service, as get-dbaas-service-grafana shows it."""

    version: str | None = None
    description: str | None = None
    connection_info: GrafanaConnectionInfo | None = None
    grafana_settings: dict[str, Any] | None = None


class OpensearchConnectionInfo(Answer):
    """How to reach an OpenSearch service. The URIs may hold the password."""

    uri: Items[str] = []
    username: str | None = None
    password: str | None = None
    dashboard_uri: str | None = None


class OpensearchService(ServiceDetails):
    """An OpenSearch service, as get-dbaas-service-opensearch shows it."""

    version: str | None = None
    description: str | None = None
    connection_info: OpensearchConnectionInfo | None = None
    index_patterns: Items[dict[str, Any]] = []
    index_template: dict[str, Any] | None = None
    keep_index_refresh_interval: bool | None = None
    max_index_count: int | None = None
    opensearch_dashboards: dict[str, Any] | None = None
    opensearch_settings: dict[str, Any] | None = None


class ThanosConnectionInfo(Answer):
    """Where the parts of a Thanos service are reached."""

    query_frontend_uri: str | None = None
    query_uri: str | None = None
    receiver_remote_write_uri: str | None = None
    ruler_uri: str | None = None


class ThanosService(ServiceDetails):
    """A Thanos service, as get-dbaas-service-thanos shows it."""

    connection_info: ThanosConnectionInfo | None = None
    thanos_settings: dict[str, Any] | None = None


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


ServiceT = TypeVar("ServiceT", bound=ServiceDetails)


class ServicesOfType(Resource[ClientT], Generic[ClientT, ServiceT]):
    """Services of one type."""

    #: The type as operation ids name it, and the first segment of the paths.
    service_type: ClassVar[str]
    root: ClassVar[str]
    answer: ClassVar[type[Any]]

    @classmethod
    def _path(cls, name: str) -> str:
        return f"/{cls.root}/{segment('name', name)}"

    @classmethod
    def _create(cls, name: str, body: type, fields: Mapping[str, object]) -> Request[Operation]:
        return post(cls._path(name), Operation, body, fields, resend=Resend.IF_UNPROCESSED)

    @classmethod
    def _update(cls, name: str, body: type, fields: Mapping[str, object]) -> Request[Operation]:
        # The same state again changes nothing, but a second migration may double rows.
        resend = Resend.ALWAYS if fields.get("migration") is None else Resend.IF_UNPROCESSED
        return put(cls._path(name), Operation, body, fields, resend=resend)

    @operation("get-dbaas-service-{self.service_type}", services=("name",))
    def get(self, name: str) -> Request[ServiceT]:
        """A service with all that its type shows: connection parameters, users, databases.

        :param name: service name, 1 to 63 characters.
        """
        return get(self._path(name), self.answer)

    @operation("delete-dbaas-service-{self.service_type}", services=("name",))
    def delete(self, name: str) -> Request[Operation]:
        """Delete a service, with all its data.

        :param name: service name, 1 to 63 characters.
        """
        return delete(self._path(name), Operation)


class PgServices(ServicesOfType[ClientT, PgService]):
    """``client.services.pg``: PostgreSQL services."""

    service_type = "pg"
    root = "dbaas-postgres"
    answer = PgService

    @operation("create-dbaas-service-pg")
    def create(self, *, name: str, **fields: Unpack[CreatePgService]) -> Request[Operation]:
        """Create a PostgreSQL service. Its operation ends long before the service runs.

        Not repeated if the API may have acted on it: look for the service by name in list-dbaas-services.

        :param name: service name, 1 to 63 characters.
        :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
            ``CreatePgService``.
        """
        return self._create(name, CreatePgService, fields)

    @operation("update-dbaas-service-pg", services=("name",))
    def update(self, *, name: str, **fields: Unpack[UpdatePgService]) -> Request[Operation]:
        """Change a PostgreSQL service; with ``migration`` this starts one. Omitted properties are not changed.

        With ``migration``, it is not repeated if the API may have acted on it, because a second migration may duplicate
        rows: check get-dbaas-migration-status.

        :param name: service name, 1 to 63 characters.
        :param fields: properties to change, see ``UpdatePgService``. ``ip_filter`` replaces the present one.
        """
        return self._update(name, UpdatePgService, fields)

    @operation("get-dbaas-settings-pg")
    def settings(self) -> Request[PgSettings]:
        """The schemas of the free-form settings: ``pg_settings``, ``pgbouncer_settings`` and so on."""
        return get("/dbaas-settings-pg", PgSettings)


class MysqlServices(ServicesOfType[ClientT, MysqlService]):
    """``client.services.mysql``: MySQL services."""

    service_type = "mysql"
    root = "dbaas-mysql"
    answer = MysqlService

    @operation("create-dbaas-service-mysql")
    def create(self, *, name: str, **fields: Unpack[CreateMysqlService]) -> Request[Operation]:
        """Create a MySQL service. Its operation ends long before the service runs.

        Not repeated if the API may have acted on it: look for the service by name in list-dbaas-services.

        :param name: service name, 1 to 63 characters.
        :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
            ``CreateMysqlService``.
        """
        return self._create(name, CreateMysqlService, fields)

    @operation("update-dbaas-service-mysql", services=("name",))
    def update(self, *, name: str, **fields: Unpack[UpdateMysqlService]) -> Request[Operation]:
        """Change a MySQL service; with ``migration`` this starts one. Omitted properties are not changed.

        With ``migration``, it is not repeated if the API may have acted on it, because a second migration may duplicate
        rows: check get-dbaas-migration-status.

        :param name: service name, 1 to 63 characters.
        :param fields: properties to change, see ``UpdateMysqlService``. ``ip_filter`` replaces the present one.
        """
        return self._update(name, UpdateMysqlService, fields)

    @operation("enable-dbaas-mysql-writes", services=("name",))
    def enable_writes(self, *, name: str) -> Request[Operation]:
        """Allow writes for a while to a MySQL service that is read-only because its disk is full.

        :param name: service name, 1 to 63 characters.
        """
        return put(f"{self._path(name)}/enable/writes", Operation)

    @operation("get-dbaas-settings-mysql")
    def settings(self) -> Request[MysqlSettings]:
        """The schema of ``mysql_settings``."""
        return get("/dbaas-settings-mysql", MysqlSettings)


class ValkeyServices(ServicesOfType[ClientT, ValkeyService]):
    """``client.services.valkey``: Valkey services."""

    service_type = "valkey"
    root = "dbaas-valkey"
    answer = ValkeyService

    @operation("create-dbaas-service-valkey")
    def create(self, *, name: str, **fields: Unpack[CreateValkeyService]) -> Request[Operation]:
        """Create a Valkey service. Its operation ends long before the service runs.

        Not repeated if the API may have acted on it: look for the service by name in list-dbaas-services.

        :param name: service name, 1 to 63 characters.
        :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
            ``CreateValkeyService``.
        """
        return self._create(name, CreateValkeyService, fields)

    @operation("update-dbaas-service-valkey", services=("name",))
    def update(self, *, name: str, **fields: Unpack[UpdateValkeyService]) -> Request[Operation]:
        """Change a Valkey service; with ``migration`` this starts one. Omitted properties are not changed.

        With ``migration``, it is not repeated if the API may have acted on it, because a second migration may duplicate
        rows: check get-dbaas-migration-status.

        :param name: service name, 1 to 63 characters.
        :param fields: properties to change, see ``UpdateValkeyService``. ``ip_filter`` replaces the present one.
        """
        return self._update(name, UpdateValkeyService, fields)


class GrafanaServices(ServicesOfType[ClientT, GrafanaService]):
    """``client.services.grafana``: Grafana services."""

    service_type = "grafana"
    root = "dbaas-grafana"
    answer = GrafanaService

    @operation("create-dbaas-service-grafana")
    def create(self, *, name: str, **fields: Unpack[CreateGrafanaService]) -> Request[Operation]:
        """Create a Grafana service. Its operation ends long before the service runs.

        Not repeated if the API may have acted on it: look for the service by name in list-dbaas-services.

        :param name: service name, 1 to 63 characters.
        :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
            ``CreateGrafanaService``.
        """
        return self._create(name, CreateGrafanaService, fields)

    @operation("update-dbaas-service-grafana", services=("name",))
    def update(self, *, name: str, **fields: Unpack[UpdateGrafanaService]) -> Request[Operation]:
        """Change a Grafana service. Omitted properties are not changed.

        :param name: service name, 1 to 63 characters.
        :param fields: properties to change, see ``UpdateGrafanaService``. ``ip_filter`` replaces the present one.
        """
        return self._update(name, UpdateGrafanaService, fields)


class OpensearchServices(ServicesOfType[ClientT, OpensearchService]):
    """``client.services.opensearch``: OpenSearch services."""

    service_type = "opensearch"
    root = "dbaas-opensearch"
    answer = OpensearchService

    @operation("create-dbaas-service-opensearch")
    def create(self, *, name: str, **fields: Unpack[CreateOpensearchService]) -> Request[Operation]:
        """Create an OpenSearch service. Its operation ends long before the service runs.

        Not repeated if the API may have acted on it: look for the service by name in list-dbaas-services.

        :param name: service name, 1 to 63 characters.
        :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
            ``CreateOpensearchService``.
        """
        return self._create(name, CreateOpensearchService, fields)

    @operation("update-dbaas-service-opensearch", services=("name",))
    def update(self, *, name: str, **fields: Unpack[UpdateOpensearchService]) -> Request[Operation]:
        """Change an OpenSearch service. Omitted properties are not changed.

        :param name: service name, 1 to 63 characters.
        :param fields: properties to change, see ``UpdateOpensearchService``. ``ip_filter`` replaces the present one.
        """
        return self._update(name, UpdateOpensearchService, fields)


class ThanosServices(ServicesOfType[ClientT, ThanosService]):
    """``client.services.thanos``: Thanos services."""

    service_type = "thanos"
    root = "dbaas-thanos"
    answer = ThanosService

    @operation("create-dbaas-service-thanos")
    def create(self, *, name: str, **fields: Unpack[CreateThanosService]) -> Request[Operation]:
        """Create a Thanos service. Its operation ends long before the service runs.

        Not repeated if the API may have acted on it: look for the service by name in list-dbaas-services.

        :param name: service name, 1 to 63 characters.
        :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
            ``CreateThanosService``.
        """
        return self._create(name, CreateThanosService, fields)

    @operation("update-dbaas-service-thanos", services=("name",))
    def update(self, *, name: str, **fields: Unpack[UpdateThanosService]) -> Request[Operation]:
        """Change a Thanos service. Omitted properties are not changed.

        :param name: service name, 1 to 63 characters.
        :param fields: properties to change, see ``UpdateThanosService``. ``ip_filter`` replaces the present one.
        """
        return self._update(name, UpdateThanosService, fields)


class Services(Resource[ClientT]):
    """``client.services``: services of every type, the types themselves, and the certificate to trust."""

    @cached_property
    def pg(self) -> PgServices[ClientT]:
        """PostgreSQL services."""
        return PgServices(self._client)

    @cached_property
    def mysql(self) -> MysqlServices[ClientT]:
        """MySQL services."""
        return MysqlServices(self._client)

    @cached_property
    def valkey(self) -> ValkeyServices[ClientT]:
        """Valkey services."""
        return ValkeyServices(self._client)

    @cached_property
    def grafana(self) -> GrafanaServices[ClientT]:
        """Grafana services."""
        return GrafanaServices(self._client)

    @cached_property
    def opensearch(self) -> OpensearchServices[ClientT]:
        """OpenSearch services."""
        return OpensearchServices(self._client)

    @cached_property
    def thanos(self) -> ThanosServices[ClientT]:
        """Thanos services."""
        return ThanosServices(self._client)

    def of_type(self, service_type: str) -> Any:
        """The services of one type.

        :param service_type: ``pg``, ``mysql``, ``valkey``, ``grafana``, ``opensearch`` or ``thanos``.
        """
        return getattr(self, choice("service_type", service_type, SERVICE_TYPES))

    @operation("list-dbaas-services")
    def list(self) -> Request[ServiceList]:
        """All services of the zone, of every type."""
        return get("/dbaas-service", ServiceList)

    @operation("delete-dbaas-service", services=("name",))
    def delete(self, name: str) -> Request[Operation]:
        """Delete a service of any type, with all its data.

        :param name: service name, 1 to 63 characters.
        """
        return delete(f"/dbaas-service/{segment('name', name)}", Operation)

    @operation("list-dbaas-service-types")
    def list_types(self) -> Request[ServiceTypeList]:
        """The types of service that can be ordered, with their versions and plans."""
        return get("/dbaas-service-type", ServiceTypeList)

    @operation("get-dbaas-service-type")
    def get_type(self, service_type_name: str) -> Request[ServiceType]:
        """One type of service, with its versions and plans.

        :param service_type_name: e.g. ``pg``; at least 1 character.
        """
        name = segment("service_type_name", service_type_name, longest=None)
        return get(f"/dbaas-service-type/{name}", ServiceType)

    @operation("get-dbaas-ca-certificate")
    def ca_certificate(self) -> Request[CaCertificate]:
        """The certificate of the authority that signs the services' certificates."""
        return get("/dbaas-ca-certificate", CaCertificate)
