"""A service and what hangs on it, made and removed by tasks that fail once when all their work is done."""

from datetime import timedelta

from airflow.sdk import DAG

from airflow_dbaas.operators.external_endpoints import (
    DbaasAttachEndpointOperator,
    DbaasCreateExternalEndpointOperator,
    DbaasDeleteExternalEndpointOperator,
    DbaasDetachEndpointOperator,
)
from airflow_dbaas.operators.integrations import DbaasCreateIntegrationOperator, DbaasDeleteIntegrationOperator
from airflow_dbaas.operators.migrations import (
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
)
from airflow_dbaas.operators.services import (
    DbaasCreateServiceOperator,
    DbaasDeleteServiceOperator,
    DbaasUpdateServiceOperator,
)
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor


def lose_the_first_try(context, result):
    """As if the worker had died after its work, before it could say so."""
    if context["ti"].try_number == 1:
        raise RuntimeError("the first try is lost")


with DAG(
    "retried",
    schedule=None,
    params={"service": "", "source": "legacy"},
    default_args={"retries": 1, "retry_delay": timedelta(0), "post_execute": lose_the_first_try},
):
    service = {"service_name": "{{ params.service }}"}
    grafana = {"service_name": "{{ params.service }}-g"}
    link = {
        "integration_type": "datasource",
        "source_service": "{{ params.service }}-g",
        "dest_service": "{{ params.service }}",
    }
    endpoint = {"endpoint_name": "{{ params.service }}-e"}
    migration = {**service, "source_conn_id": "{{ params.source }}", "method": "dump"}
    (
        DbaasCreateServiceOperator(task_id="create", plan="startup-4", if_exists="fail", **service)
        >> DbaasUpdateServiceOperator(task_id="update", settings={"termination_protection": False}, **service)
        >> DbaasCreateServiceOperator(
            task_id="grafana", plan="startup-4", service_type="grafana", if_exists="fail", **grafana
        )
        >> DbaasCreateIntegrationOperator(task_id="integrate", if_exists="fail", **link)
        >> DbaasCreateExternalEndpointOperator(
            task_id="endpoint",
            endpoint_type="rsyslog",
            settings={"server": "logs.example.com", "port": 514, "tls": True, "format": "rfc5424"},
            if_exists="fail",
            **endpoint,
        )
        >> DbaasAttachEndpointOperator(task_id="attach", if_exists="fail", **endpoint, **service)
        >> DbaasMigrationCheckOperator(task_id="check", **migration)
        >> DbaasStartMigrationOperator(task_id="start", until="synced", **migration)
        >> DbaasMigrationSensor(task_id="wait", poke_interval=1, **service)
        >> DbaasStopMigrationOperator(task_id="stop", **{k: v for k, v in migration.items() if k != "method"})
        >> DbaasDetachEndpointOperator(task_id="detach", if_missing="fail", **endpoint, **service)
        >> DbaasDeleteIntegrationOperator(task_id="separate", if_missing="fail", **link)
        >> DbaasDeleteExternalEndpointOperator(task_id="drop_endpoint", if_missing="fail", **endpoint)
        >> DbaasDeleteServiceOperator(task_id="drop_grafana", if_missing="fail", **grafana)
        >> DbaasDeleteServiceOperator(task_id="drop", if_missing="fail", **service)
    )
