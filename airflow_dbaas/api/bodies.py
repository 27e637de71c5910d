"""Request bodies: what may be sent, checked before it is.

Each body is a ``TypedDict`` whose keys are the API's property names in snake case. ``encode`` refuses what the
API would refuse, with an error that names the property, the value (never a secret) and the limit.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.errors import DbaasConfigurationError

#: Properties whose values never appear in a text.
SECRETS = frozenset({"password", "admin-password", "source-service-uri"})

MigrationMethod = Literal["dump", "replication"]
PgVersion = Literal["13", "14", "15", "16", "17", "18"]

_STRICT = ConfigDict(
    alias_generator=lambda name: name.replace("_", "-"),
    populate_by_name=True,
    extra="forbid",
    strict=True,
    hide_input_in_errors=True,
)


class _SourceServer(TypedDict):
    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)]


@with_config(_STRICT)
class MigrationSettings(_SourceServer, total=False):
    """Where a migration comes from and how it is to be made (``migration`` of a service)."""

    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[str, Field(min_length=1, max_length=255)]
    ssl: bool
    dbname: Annotated[str, Field(min_length=1, max_length=63)]
    ignore_dbs: Annotated[str, Field(min_length=1, max_length=2048)]
    method: MigrationMethod


@with_config(_STRICT)
class Maintenance(TypedDict):
    """Weekly window for installing updates; ``time`` is UTC, ``HH:MM:SS``."""

    dow: Literal["friday", "monday", "never", "saturday", "sunday", "thursday", "tuesday", "wednesday"]
    time: Annotated[str, Field(min_length=8, max_length=8)]


@with_config(_STRICT)
class BackupSchedule(TypedDict, total=False):
    """When the daily backup starts, UTC."""

    backup_hour: Annotated[int, Field(ge=0, le=23)] | None
    backup_minute: Annotated[int, Field(ge=0, le=59)] | None


class _IntegrationType(TypedDict):
    type: Literal["read_replica"]


@with_config(_STRICT)
class ServiceIntegration(_IntegrationType, total=False):
    """An integration to be made with a new service."""

    source_service: Annotated[str, Field(max_length=63)]
    dest_service: Annotated[str, Field(max_length=63)]
    settings: dict[str, Any]


class _PgFields(TypedDict, total=False):
    """What creating and updating a PostgreSQL service have in common."""

    backup_schedule: BackupSchedule
    ip_filter: list[str]
    maintenance: Maintenance
    migration: MigrationSettings
    pg_settings: dict[str, Any]
    pgaudit_settings: dict[str, Any]
    pgbouncer_settings: dict[str, Any]
    pglookout_settings: dict[str, Any]
    shared_buffers_percentage: Annotated[int, Field(ge=20, le=60)]
    synchronous_replication: Literal["off", "quorum"]
    termination_protection: bool
    timescaledb_settings: dict[str, Any]
    variant: Literal["aiven", "timescale"]
    work_mem: Annotated[int, Field(ge=1, le=1024)]


@with_config(_STRICT)
class UpdatePgService(_PgFields, total=False):
    """Body of update-dbaas-service-pg."""

    plan: Annotated[str, Field(min_length=1, max_length=128)]
    version: Annotated[str, Field(min_length=1)]


class CreatePgFields(_PgFields, total=False):
    """Optional fields of create-dbaas-service-pg."""

    admin_password: Annotated[str, Field(min_length=8, max_length=256, pattern=r"^[a-zA-Z0-9-_]+$")]
    admin_username: Annotated[str, Field(pattern=r"^[_A-Za-z0-9][-._A-Za-z0-9]{0,63}$")]
    fork_from_service: Annotated[str, Field(max_length=63)]
    integrations: list[ServiceIntegration]
    recovery_backup_time: Annotated[str, Field(min_length=1)]
    version: PgVersion


@with_config(_STRICT)
class CreatePgService(CreatePgFields):
    """Body of create-dbaas-service-pg."""

    plan: Annotated[str, Field(min_length=1, max_length=128)]


class _MigrationCheckSource(TypedDict):
    source_service_uri: Annotated[str, Field(min_length=1, max_length=512)]


@with_config(_STRICT)
class MigrationCheck(_MigrationCheckSource, total=False):
    """Body of create-dbaas-task-migration-check."""

    method: MigrationMethod
    ignore_dbs: Annotated[str, Field(min_length=1, max_length=2048)]


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def encode(operation: str, kind: type, fields: dict[str, Any]) -> bytes:
    """The JSON body of ``operation``, once ``fields`` keep the API's limits.

    :param operation: operation id, for the error text.
    :param kind: one of the ``TypedDict`` classes of this module.
    :param fields: values by snake-case property name; those that are None are left out.
    :raises DbaasConfigurationError: if a value breaks a limit, is of a wrong type or is not known to the API.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        valid = _adapter(kind).validate_python(given)
    except ValidationError as error:
        # "from None": the validation error carries the input, secrets included.
        raise DbaasConfigurationError(f"{operation}: {_explain(error)}") from None
    return json.dumps(_adapter(kind).dump_python(valid, by_alias=True)).encode()


def _explain(error: ValidationError) -> str:
    reasons = []
    for problem in error.errors(include_url=False, include_context=False):
        path = [str(part).replace("_", "-") for part in problem["loc"]]
        value = "" if SECRETS.intersection(path) or problem["type"] == "missing" else _shown(problem["input"])
        reasons.append(f"{'.'.join(path)}: {problem['msg']}{value}")
    return "; ".join(reasons)


def _shown(value: object) -> str:
    # A mapping may hold a secret further down, and is of no help in a one-line text anyway.
    if isinstance(value, dict | list):
        return ""
    text = repr(value)
    return f", got {text}" if len(text) <= 80 else f", got {text[:77]}…"


def secrets_in(body: bytes) -> set[str]:
    """The secret values inside an encoded body, to keep them out of error texts."""
    found: set[str] = set()

    def collect(node: object) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                if name in SECRETS and isinstance(value, str):
                    found.add(value)
                collect(value)
        elif isinstance(node, list):
            for item in node:
                collect(item)

    collect(json.loads(body) if body else None)
    return found
