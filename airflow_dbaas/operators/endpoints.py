"""Operators for external endpoints: create, update, delete them; attach services to them and detach them."""

from __future__ import annotations

from airflow_dbaas.operators._endpoints.attach import DbaasAttachEndpointOperator
from airflow_dbaas.operators._endpoints.create import DbaasCreateExternalEndpointOperator
from airflow_dbaas.operators._endpoints.delete import DbaasDeleteExternalEndpointOperator
from airflow_dbaas.operators._endpoints.detach import DbaasDetachEndpointOperator
from airflow_dbaas.operators._endpoints.update import DbaasUpdateExternalEndpointOperator

__all__ = [
    "DbaasAttachEndpointOperator",
    "DbaasCreateExternalEndpointOperator",
    "DbaasDeleteExternalEndpointOperator",
    "DbaasDetachEndpointOperator",
    "DbaasUpdateExternalEndpointOperator",
]
