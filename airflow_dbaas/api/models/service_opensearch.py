"""OpenSearch services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer, Items
from airflow_dbaas.api.models.services import ServiceDetails


class OpensearchConnectionInfo(Answer):
    """How to reach an OpenSearch service. The URIs may hold the password."""

    uri: Items[str] = []
    username: str | None = None
    password: str | None = None
    dashboard_uri: str | None = None


class OpensearchService(ServiceDetails):
    """An OpenSearch service, as get-dbaas-service-opensearch shows it."""

    version: str | None = None
    description: str | None = None
    connection_info: OpensearchConnectionInfo | None = None
    index_patterns: Items[dict[str, Any]] = []
    index_template: dict[str, Any] | None = None
    keep_index_refresh_interval: bool | None = None
    max_index_count: int | None = None
    opensearch_dashboards: dict[str, Any] | None = None
    opensearch_settings: dict[str, Any] | None = None
