"""Every operator and sensor, with what it needs and no more."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.operators.external_endpoints import (
    DbaasAttachEndpointOperator,
    DbaasCreateExternalEndpointOperator,
    DbaasDeleteExternalEndpointOperator,
    DbaasDetachEndpointOperator,
    DbaasUpdateExternalEndpointOperator,
)
from airflow_dbaas.operators.integrations import (
    DbaasCreateIntegrationOperator,
    DbaasDeleteIntegrationOperator,
    DbaasUpdateIntegrationOperator,
)
from airflow_dbaas.operators.migrations import (
    DbaasCleanUpMigrationOperator,
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.operators.observability import DbaasServiceLogsOperator, DbaasServiceMetricsOperator
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.operators.services import (
    DbaasCaCertificateOperator,
    DbaasCreateServiceOperator,
    DbaasDeleteServiceOperator,
    DbaasEnableMysqlWritesOperator,
    DbaasUpdateServiceOperator,
)
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"

#: Arguments by class.
GOOD: dict[Any, dict[str, Any]] = {
    DbaasCreateServiceOperator: {"service_name": "db", "plan": "startup-4"},
    DbaasDeleteServiceOperator: {"service_name": "db"},
    DbaasUpdateServiceOperator: {"service_name": "db", "settings": {"plan": "startup-8"}},
    DbaasServiceLogsOperator: {"service_name": "db", "path": "s3://bucket/db.jsonl"},
    DbaasServiceMetricsOperator: {"service_name": "db", "path": "/tmp/db.csv"},
    DbaasCaCertificateOperator: {},
    DbaasEnableMysqlWritesOperator: {"service_name": "db"},
    DbaasMigrationCheckOperator: {"service_name": "db", "source_conn_id": "legacy"},
    DbaasStartMigrationOperator: {"service_name": "db", "source_conn_id": "legacy"},
    DbaasStopMigrationOperator: {"service_name": "db", "source_conn_id": "legacy"},
    DbaasCleanUpMigrationOperator: {"service_name": "db", "source_conn_id": "legacy"},
    DbaasVerifyMigrationOperator: {"service_name": "db", "source_conn_id": "legacy"},
    DbaasCreateIntegrationOperator: {
        "integration_type": "logs",
        "source_service": "db",
        "dest_service": "search",
    },
    DbaasUpdateIntegrationOperator: {"integration_id": ID, "settings": {"retention_days": 7}},
    DbaasDeleteIntegrationOperator: {"integration_id": ID},
    DbaasReconcileIntegrationsOperator: {"service_name": "db", "integrations": []},
    DbaasAttachEndpointOperator: {"service_name": "db", "endpoint_id": ID},
    DbaasDetachEndpointOperator: {"service_name": "db", "endpoint_name": "logs"},
    DbaasCreateExternalEndpointOperator: {"endpoint_type": "rsyslog", "endpoint_name": "logs"},
    DbaasUpdateExternalEndpointOperator: {"endpoint_name": "logs"},
    DbaasDeleteExternalEndpointOperator: {"endpoint_id": ID},
    DbaasIntegrationSensor: {"integration_id": ID},
    DbaasExternalIntegrationSensor: {"integration_id": ID},
    DbaasMigrationSensor: {"service_name": "db"},
    DbaasOperationSensor: {"operation_id": ID},
    DbaasServiceSensor: {"service_name": "db"},
    DbaasTaskSensor: {"service_name": "db", "dbaas_task_id": ID},
}
