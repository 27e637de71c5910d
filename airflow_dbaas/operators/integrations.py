"""Operators for integrations between services: create, update, delete, and bring all of a service in line."""

from __future__ import annotations

from airflow_dbaas.operators._integrations.create import DbaasCreateIntegrationOperator
from airflow_dbaas.operators._integrations.delete import DbaasDeleteIntegrationOperator
from airflow_dbaas.operators._integrations.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.operators._integrations.update import DbaasUpdateIntegrationOperator

__all__ = [
    "DbaasCreateIntegrationOperator",
    "DbaasDeleteIntegrationOperator",
    "DbaasReconcileIntegrationsOperator",
    "DbaasUpdateIntegrationOperator",
]
