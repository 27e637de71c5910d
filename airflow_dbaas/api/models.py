"""Answers of the API.

The models are tolerant: fields the API adds are kept (``extra``), values of enumerations are plain strings, so
that a new one is no error, and whatever the API may leave out is optional here. A null list is an empty one.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from airflow_dbaas.api.redaction import redact

_T = TypeVar("_T")

#: A list that the API may also leave out or send as null.
Items = Annotated[list[_T], BeforeValidator(lambda value: [] if value is None else value)]


class Answer(BaseModel):
    """Base of all answers: snake case here, the API's kebab case on the wire."""

    model_config = ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        extra="allow",
        frozen=True,
        hide_input_in_errors=True,
    )

    def __repr__(self) -> str:
        # A connection string, a user or a revealed secret may hold a password.
        return redact(super().__repr__())

    __str__ = __repr__


class Reference(Answer):
    """The resource that an operation is about."""

    id: str | None = None
    link: str | None = None
    command: str | None = None


class Operation(Answer):
    """Work that the API has taken on.

    ``state`` is ``pending``, ``success``, ``failure`` or ``timeout``; ``reason`` says why it failed.
    """

    id: str | None = None
    state: str | None = None
    reason: str | None = None
    message: str | None = None
    reference: Reference | None = None


class Integration(Answer):
    """A link between two services."""

    id: str | None = None
    type: str | None = None
    source: str | None = None
    dest: str | None = None
    description: str | None = None
    status: str | None = None
    is_active: bool | None = None
    is_enabled: bool | None = None
    settings: dict[str, Any] | None = None


class Notification(Answer):
    """Something the provider wants the owner of a service to know."""

    level: str | None = None
    type: str | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None


class Service(Answer):
    """What services of every type have in common. ``state`` is ``running``, ``rebuilding``, ``rebalancing`` or
    ``poweroff``; sizes are in bytes."""

    name: str
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
    integrations: Items[Integration] = []
    notifications: Items[Notification] = []


class ServiceList(Answer):
    """Answer of list-dbaas-services."""

    dbaas_services: Items[Service] = []

    def named(self, name: str) -> Service | None:
        """The service of that name, if it is there."""
        return next((service for service in self.dbaas_services if service.name == name), None)


class ServiceUser(Answer):
    """An account inside a service; passwords come from the reveal calls only."""

    username: str | None = None
    type: str | None = None
    allow_replication: bool | None = None


class PgConnectionInfo(Answer):
    """How to reach a PostgreSQL service."""

    uri: Items[str] = []
    params: Items[dict[str, Any]] = []
    standby: Items[str] = []
    syncing: Items[str] = []


class PgService(Service):
    """A PostgreSQL service, as get-dbaas-service-pg shows it."""

    version: str | None = None
    uri: str | None = None
    uri_params: dict[str, Any] | None = None
    connection_info: PgConnectionInfo | None = None
    connection_pools: Items[dict[str, Any]] = []
    databases: Items[str] = []
    users: Items[ServiceUser] = []
    backups: Items[dict[str, Any]] = []
    components: Items[dict[str, Any]] = []
    node_states: Items[dict[str, Any]] = []
    ip_filter: Items[str] = []
    max_connections: int | None = None
    maintenance: dict[str, Any] | None = None
    backup_schedule: dict[str, Any] | None = None
    pg_settings: dict[str, Any] | None = None
    pgaudit_settings: dict[str, Any] | None = None
    pgbouncer_settings: dict[str, Any] | None = None
    pglookout_settings: dict[str, Any] | None = None
    prometheus_uri: dict[str, Any] | None = None
    shared_buffers_percentage: int | None = None
    synchronous_replication: str | None = None
    timescaledb_settings: dict[str, Any] | None = None
    work_mem: int | None = None


class UserSecrets(Answer):
    """Answer of the reveal calls."""

    username: str | None = None
    password: str | None = None


class ResultCode(Answer):
    """One finding of a task about one database."""

    code: str | None = None
    dbname: str | None = None


class Task(Answer):
    """A task of a service. ``success`` is None as long as it runs; ``result`` is its text."""

    id: str | None = None
    task_type: str | None = None
    create_time: str | None = None
    success: bool | None = None
    result: str | None = None
    result_codes: Items[ResultCode] = []


class MigrationDetail(Answer):
    """One database of a migration; ``status`` is ``running``, ``syncing``, ``done`` or ``failed``."""

    dbname: str | None = None
    method: str | None = None
    status: str | None = None
    error: str | None = None


class MigrationStatus(Answer):
    """A migration as a whole and database by database. ``method`` is empty if there are several, or an error."""

    status: str | None = None
    method: str | None = None
    error: str | None = None
    details: Items[MigrationDetail] = []
