"""Schemas that the API serves."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.models.base import Answer


class SettingsSchema(Answer):
    """The settings that something takes, as a JSON schema."""

    type: str | None = None
    title: str | None = None
    properties: dict[str, Any] | None = None
    # Not an alias of ours: JSON Schema's own spelling.
    additionalProperties: bool | None = None  # noqa: N815 - JSON Schema's own name
