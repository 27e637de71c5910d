"""Accounts inside services."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer


class UserSecrets(Answer):
    """Answer of the reveal calls."""

    username: str | None = None
    password: str | None = None
