"""Exoscale's DBaaS API for anyone: signed requests, typed answers, one tree of errors. Knows nothing of Airflow."""

from airflow_dbaas.api.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
