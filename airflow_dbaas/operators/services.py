"""Operators for services: created, changed, deleted; their logs and metrics, and the certificate to trust."""

from airflow_dbaas.operators._services.certificate import DbaasCaCertificateOperator
from airflow_dbaas.operators._services.create import DbaasCreateServiceOperator
from airflow_dbaas.operators._services.delete import DbaasDeleteServiceOperator
from airflow_dbaas.operators._services.logs import DbaasServiceLogsOperator
from airflow_dbaas.operators._services.metrics import DbaasServiceMetricsOperator
from airflow_dbaas.operators._services.update import DbaasUpdateServiceOperator

__all__ = [
    "DbaasCaCertificateOperator",
    "DbaasCreateServiceOperator",
    "DbaasDeleteServiceOperator",
    "DbaasServiceLogsOperator",
    "DbaasServiceMetricsOperator",
    "DbaasUpdateServiceOperator",
]
