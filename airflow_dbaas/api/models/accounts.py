"""Accounts inside services."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Needed


class UserSecrets(Answer):
    """Answer of the reveal calls."""

    username: Needed[str | None] = None
    password: Needed[str | None] = None
