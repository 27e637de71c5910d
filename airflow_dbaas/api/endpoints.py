"""Every call of the API, each stated once.

A function here builds the ``Call`` of one operation id: method, path, checked body, type of the answer, and
whether it may be sent again. ``Client`` and ``AsyncClient`` offer each as a method and send it.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.retries import Resend

AnswerT = TypeVar("AnswerT", bound=models.Answer)

NAME_LENGTH = 63
USERNAME_LENGTH = 64


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """One request, ready to be signed and sent.

    :param operation: operation id of the API.
    :param method: HTTP method.
    :param path: percent-encoded path below the API's base URL.
    :param answer: model of the answer.
    :param body: JSON, or empty. Not part of ``repr``: it may hold a password.
    :param resend: whether it may be sent again when it is unknown if the API acted on it.
    """

    operation: str
    method: str
    path: str
    answer: type[AnswerT]
    body: bytes = field(default=b"", repr=False)
    resend: Resend = Resend.ALWAYS

    def __str__(self) -> str:
        return f"{self.operation} ({self.method} {self.path})"


def segment(parameter: str, value: str, *, longest: int | None = NAME_LENGTH) -> str:
    """A path segment from a free name: checked, and quoted so that it stays one segment.

    :param parameter: the parameter's name, for the error text.
    :param value: the name as the user gave it.
    :param longest: greatest length in characters.
    :raises DbaasConfigurationError: if it is empty, too long, ``.`` or ``..``, or holds control characters.
    """
    if not isinstance(value, str) or not value:
        raise DbaasConfigurationError(
            f"{parameter} must be a name of 1 to {longest or 'any'} characters, got {value!r}"
        )
    if longest is not None and len(value) > longest:
        raise DbaasConfigurationError(
            f"{parameter} must have at most {longest} characters, got {len(value)}: {value!r}"
        )
    if value in {".", ".."} or re.search(r"[\x00-\x1f\x7f]", value):
        raise DbaasConfigurationError(f"{parameter} must be a name, got {value!r}")
    return quote(value, safe="")


def identifier(parameter: str, value: str) -> str:
    """A path segment from a UUID.

    :raises DbaasConfigurationError: if ``value`` is not a UUID.
    """
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise DbaasConfigurationError(f"{parameter} must be a UUID, got {value!r}") from None


def get_operation(id: str) -> Call[models.Operation]:  # noqa: A002 - the API's own property name
    """State of an operation.

    :param id: operation id, a UUID.
    """
    return Call("get-operation", "GET", f"/operation/{identifier('id', id)}", models.Operation)


def list_dbaas_services() -> Call[models.ServiceList]:
    """All services of the zone, of every type."""
    return Call("list-dbaas-services", "GET", "/dbaas-service", models.ServiceList)


def delete_dbaas_service(name: str) -> Call[models.Operation]:
    """Delete a service of any type, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-service/{segment('name', name)}"
    return Call("delete-dbaas-service", "DELETE", path, models.Operation)


def create_dbaas_service_pg(*, name: str, plan: str, **fields: Unpack[bodies.CreatePgFields]) -> Call[models.Operation]:
    """Create a PostgreSQL service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name.

    :param name: service name, 1 to 63 characters.
    :param plan: plan, e.g. ``startup-4``.
    :param fields: the API's further properties in snake case, see ``bodies.CreatePgFields``.
    """
    operation = "create-dbaas-service-pg"
    path = f"/dbaas-postgres/{segment('name', name)}"
    body = bodies.encode(operation, bodies.CreatePgService, {"plan": plan, **fields})
    return Call(operation, "POST", path, models.Operation, body, Resend.IF_UNPROCESSED)


def get_dbaas_service_pg(name: str) -> Call[models.PgService]:
    """A PostgreSQL service with its connection parameters, without passwords.

    :param name: service name, 1 to 63 characters.
    """
    return Call("get-dbaas-service-pg", "GET", f"/dbaas-postgres/{segment('name', name)}", models.PgService)


def update_dbaas_service_pg(*, name: str, **fields: Unpack[bodies.UpdatePgService]) -> Call[models.Operation]:
    """Change a PostgreSQL service; with ``migration`` this starts one.

    Not repeated when it is unknown whether the API acted on it: a second migration may double rows.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdatePgService``.
    """
    operation = "update-dbaas-service-pg"
    path = f"/dbaas-postgres/{segment('name', name)}"
    body = bodies.encode(operation, bodies.UpdatePgService, dict(fields))
    return Call(operation, "PUT", path, models.Operation, body, Resend.IF_UNPROCESSED)


def delete_dbaas_service_pg(name: str) -> Call[models.Operation]:
    """Delete a PostgreSQL service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-postgres/{segment('name', name)}"
    return Call("delete-dbaas-service-pg", "DELETE", path, models.Operation)


def reveal_dbaas_postgres_user_password(*, service_name: str, username: str) -> Call[models.UserSecrets]:
    """The password of a PostgreSQL user.

    :param service_name: service name, 1 to 63 characters.
    :param username: account name, 1 to 64 characters; the admin is ``avnadmin`` unless chosen otherwise.
    """
    service = segment("service-name", service_name)
    user = segment("username", username, longest=USERNAME_LENGTH)
    path = f"/dbaas-postgres/{service}/user/{user}/password/reveal"
    return Call("reveal-dbaas-postgres-user-password", "GET", path, models.UserSecrets)


def create_dbaas_task_migration_check(
    *,
    service: str,
    source_service_uri: str,
    method: bodies.MigrationMethod | None = None,
    ignore_dbs: str | None = None,
) -> Call[models.Operation]:
    """Start a task that checks whether a migration into a service would work. It changes nothing.

    :param service: name of the target service, 1 to 63 characters.
    :param source_service_uri: URI of the source with admin credentials, 1 to 512 characters.
    :param method: ``dump`` or ``replication``; the service chooses if not given.
    :param ignore_dbs: comma-separated databases to leave out, 1 to 2048 characters.
    """
    operation = "create-dbaas-task-migration-check"
    fields: dict[str, Any] = {
        "source_service_uri": source_service_uri,
        "method": method,
        "ignore_dbs": ignore_dbs,
    }
    body = bodies.encode(operation, bodies.MigrationCheck, fields)
    path = f"/dbaas-task-migration-check/{segment('service', service)}"
    # A check changes nothing, so a second one does no harm.
    return Call(operation, "POST", path, models.Operation, body)


def get_dbaas_task(*, service: str, id: str) -> Call[models.Task]:  # noqa: A002 - the API's own property name
    """A task of a service and, when it is over, its result.

    :param service: service name, 1 to 63 characters.
    :param id: task id, a UUID.
    """
    path = f"/dbaas-task/{segment('service', service)}/{identifier('id', id)}"
    return Call("get-dbaas-task", "GET", path, models.Task)


def get_dbaas_migration_status(name: str) -> Call[models.MigrationStatus]:
    """Where the migration into a service stands; 404 if there is none.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-migration-status/{segment('name', name)}"
    return Call("get-dbaas-migration-status", "GET", path, models.MigrationStatus)


def stop_dbaas_pg_migration(name: str) -> Call[models.Operation]:
    """End the migration into a PostgreSQL service; replication is cut. Stopping twice changes nothing more.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-postgres/{segment('name', name)}/migration/stop"
    return Call("stop-dbaas-pg-migration", "POST", path, models.Operation)
