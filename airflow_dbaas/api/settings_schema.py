"""Schemas of free-form settings, as the API serves them."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api.answer import Answer


class SettingsSchema(Answer):
    """The settings that something takes, as a JSON schema."""

    type: str | None = None
    title: str | None = None
    properties: dict[str, Any] | None = None
    additionalProperties: bool | None = None  # noqa: N815 - JSON Schema's own name
