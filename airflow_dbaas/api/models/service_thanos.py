"""Thanos services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer
from airflow_dbaas.api.models.services import ServiceDetails


class ThanosConnectionInfo(Answer):
    """Where the parts of a Thanos service are reached."""

    query_frontend_uri: str | None = None
    query_uri: str | None = None
    receiver_remote_write_uri: str | None = None
    ruler_uri: str | None = None


class ThanosService(ServiceDetails):
    """A Thanos service, as get-dbaas-service-thanos shows it."""

    connection_info: ThanosConnectionInfo | None = None
    thanos_settings: dict[str, Any] | None = None
