"""Valkey services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer, Items
from airflow_dbaas.api.models.services import ServiceDetails


class ValkeyConnectionInfo(Answer):
    """How to reach a Valkey service. The URIs may hold the password."""

    uri: Items[str] = []
    password: str | None = None
    slave: Items[str] = []


class ValkeyService(ServiceDetails):
    """A Valkey service, as get-dbaas-service-valkey shows it."""

    version: str | None = None
    connection_info: ValkeyConnectionInfo | None = None
    valkey_settings: dict[str, Any] | None = None
