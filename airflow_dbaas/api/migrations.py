"""Migrations into a service. Updating a service with ``migration`` starts one, see ``services``."""

from __future__ import annotations

from typing import Annotated, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.answer import Answer, Items, Needed
from airflow_dbaas.api.body import STRICT
from airflow_dbaas.api.calls import segment
from airflow_dbaas.api.fields import SecretText
from airflow_dbaas.api.operation import ClientT, Request, Resource, get, operation, post
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.parameters import IgnoreDatabases, Method, MigrationMethod
from airflow_dbaas.api.redaction import Secret


class _SourceServer(TypedDict):
    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)]


@with_config(STRICT)
class MigrationSettings(_SourceServer, total=False):
    """The source of a migration and its options (``migration`` of a service)."""

    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[SecretText, Field(min_length=1, max_length=255)]
    ssl: bool
    dbname: Annotated[str, Field(min_length=1, max_length=63)]
    ignore_dbs: IgnoreDatabases
    method: MigrationMethod


@with_config(STRICT)
class MigrationCheck(TypedDict, total=False):
    """Body of create-dbaas-task-migration-check."""

    source_service_uri: Required[Annotated[SecretText, Field(min_length=1, max_length=512)]]
    method: MigrationMethod
    ignore_dbs: IgnoreDatabases


class MigrationOptions(TypedDict, total=False):
    """How a migration copies, and what it leaves out."""

    method: MigrationMethod
    ignore_dbs: IgnoreDatabases


def migration_options(method: Method | None, ignore_dbs: str | None) -> MigrationOptions:
    """The options as the API takes them: it has no word for ``auto``, and takes no empty list."""
    options: MigrationOptions = {}
    if method is not None and method != "auto":
        options["method"] = method
    if ignore_dbs is not None and ignore_dbs != "":
        options["ignore_dbs"] = ignore_dbs
    return options


class MigrationDetail(Answer):
    """One database of a migration; ``status`` is ``running``, ``syncing``, ``done`` or ``failed``."""

    dbname: str | None = None
    method: str | None = None
    status: Needed[str | None] = None
    error: Needed[str | None] = None


class MigrationStatus(Answer):
    """A migration as a whole and database by database. ``method`` is empty if there are several, or an error."""

    status: Needed[str | None] = None
    method: str | None = None
    error: Needed[str | None] = None
    details: Needed[Items[MigrationDetail]] = []


class Migrations(Resource[ClientT]):
    """``client.migrations``: checks, states and ends of migrations."""

    @operation("create-dbaas-task-migration-check", services=("service",))
    def check(
        self,
        *,
        service: str,
        source_service_uri: str | Secret,
        method: Method | None = None,
        ignore_dbs: str | None = None,
    ) -> Request[Operation]:
        """Start a task that checks whether a migration into a service would work. It changes nothing.

        :param service: name of the target service, 1 to 63 characters.
        :param source_service_uri: URI of the source with admin credentials, 1 to 512 characters.
        :param method: ``dump`` or ``replication``; the service chooses if it is not given or ``auto``.
        :param ignore_dbs: comma-separated databases to leave out, at most 2048 characters.
        """
        fields = {"source_service_uri": source_service_uri, **migration_options(method, ignore_dbs)}
        # A check changes nothing, so a second one does no harm.
        return post(f"/dbaas-task-migration-check/{segment('service', service)}", Operation, MigrationCheck, fields)

    @operation("get-dbaas-migration-status", services=("name",))
    def status(self, name: str) -> Request[MigrationStatus]:
        """State of the migration into a service; 404 if there is none.

        :param name: service name, 1 to 63 characters.
        """
        return get(f"/dbaas-migration-status/{segment('name', name)}", MigrationStatus)

    @operation("stop-dbaas-pg-migration", services=("name",))
    def stop_pg(self, name: str) -> Request[Operation]:
        """End the migration into a PostgreSQL service; replication is cut. Stopping twice changes nothing more.

        :param name: service name, 1 to 63 characters.
        """
        return post(f"/dbaas-postgres/{segment('name', name)}/migration/stop", Operation)

    @operation("stop-dbaas-mysql-migration", services=("name",))
    def stop_mysql(self, name: str) -> Request[Operation]:
        """End the migration into a MySQL service; replication is cut. Stopping twice changes nothing more.

        :param name: service name, 1 to 63 characters.
        """
        return post(f"/dbaas-mysql/{segment('name', name)}/migration/stop", Operation)

    @operation("stop-dbaas-valkey-migration", services=("name",))
    def stop_valkey(self, name: str) -> Request[Operation]:
        """End the migration into a Valkey service; replication is cut. Stopping twice changes nothing more.

        :param name: service name, 1 to 63 characters.
        """
        return post(f"/dbaas-valkey/{segment('name', name)}/migration/stop", Operation)
