"""What is executed: each operator and sensor on something of its own."""

from __future__ import annotations

from tests.soak import link_cases as links
from tests.soak import sensor_cases as sensors
from tests.soak import service_cases as services
from tests.soak.case import Prepare

#: What is executed, and how often: those that start servers seldom.
CASES: dict[str, tuple[Prepare, int]] = {
    "create a Valkey service": (services.create_service("valkey"), 8),
    "create a Grafana service": (services.create_service("grafana"), 4),
    "create a PostgreSQL service": (services.create_service("pg"), 1),
    "update a service": (services.update_service, 6),
    "delete a service": (services.delete_service, 6),
    "create an integration": (links.create_integration, 8),
    "update an integration": (links.update_integration, 4),
    "delete an integration": (links.delete_integration, 6),
    "reconcile integrations": (links.reconcile, 6),
    "create an endpoint": (links.create_endpoint, 8),
    "update an endpoint": (links.update_endpoint, 4),
    "delete an endpoint": (links.delete_endpoint, 4),
    "attach an endpoint": (links.attach, 8),
    "detach an endpoint": (links.detach, 4),
    "check a migration": (services.check_migration("pg"), 2),
    "start a migration": (services.start_migration("pg"), 1),
    "stop a migration": (services.stop_migration("pg"), 1),
    "logs": (services.logs, 4),
    "metrics": (services.metrics, 4),
    "CA certificate": (services.certificate, 2),
    "sensor of an operation": (sensors.operation_sensor, 6),
    "sensor of a service": (sensors.service_sensor, 4),
    "sensor of a deleted service": (sensors.absent_service_sensor, 4),
    "sensor of a task": (sensors.task_sensor, 2),
    "sensor of a migration": (sensors.migration_sensor, 4),
    "sensor of an integration": (sensors.integration_sensor, 4),
    "sensor of a detachment": (sensors.external_integration_sensor, 4),
}

#: The same with MariaDB, where it is installed.
MYSQL: dict[str, tuple[Prepare, int]] = {
    "create a MySQL service": (services.create_service("mysql"), 1),
    "check a migration from MySQL": (services.check_migration("mysql"), 2),
    "start a migration from MySQL": (services.start_migration("mysql"), 1),
    "stop a migration from MySQL": (services.stop_migration("mysql"), 1),
}
