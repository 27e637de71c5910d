"""Migrations into a service. They are started by updating the service, see update-dbaas-service-pg."""

from __future__ import annotations

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call, segment
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.api.retries import Resend


def create_dbaas_task_migration_check(
    *,
    service: str,
    source_service_uri: str | Secret,
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
    fields = {"source_service_uri": source_service_uri, "method": method, "ignore_dbs": ignore_dbs}
    path = f"/dbaas-task-migration-check/{segment('service', service)}"
    # A check changes nothing, so a second one does no harm.
    body = bodies.encode(operation, bodies.MigrationCheck, fields)
    return Call(operation, "POST", path, models.Operation, body, Resend.ALWAYS, (service,))


def get_dbaas_migration_status(name: str) -> Call[models.MigrationStatus]:
    """Where the migration into a service stands; 404 if there is none.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-migration-status/{segment('name', name)}"
    return Call("get-dbaas-migration-status", "GET", path, models.MigrationStatus, services=(name,))


def stop_dbaas_pg_migration(name: str) -> Call[models.Operation]:
    """End the migration into a PostgreSQL service; replication is cut. Stopping twice changes nothing more.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-postgres/{segment('name', name)}/migration/stop"
    return Call("stop-dbaas-pg-migration", "POST", path, models.Operation, services=(name,))


def stop_dbaas_mysql_migration(name: str) -> Call[models.Operation]:
    """End the migration into a MySQL service; replication is cut. Stopping twice changes nothing more.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-mysql/{segment('name', name)}/migration/stop"
    return Call("stop-dbaas-mysql-migration", "POST", path, models.Operation, services=(name,))


def stop_dbaas_valkey_migration(name: str) -> Call[models.Operation]:
    """End the migration into a Valkey service; replication is cut. Stopping twice changes nothing more.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-valkey/{segment('name', name)}/migration/stop"
    return Call("stop-dbaas-valkey-migration", "POST", path, models.Operation, services=(name,))
