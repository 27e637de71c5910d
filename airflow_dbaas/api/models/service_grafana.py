"""Grafana services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer
from airflow_dbaas.api.models.services import ServiceDetails


class GrafanaConnectionInfo(Answer):
    """How to reach a Grafana service."""

    uri: str | None = None
    username: str | None = None
    password: str | None = None


class GrafanaService(ServiceDetails):
    """A Grafana service, as get-dbaas-service-grafana shows it."""

    version: str | None = None
    description: str | None = None
    connection_info: GrafanaConnectionInfo | None = None
    grafana_settings: dict[str, Any] | None = None
