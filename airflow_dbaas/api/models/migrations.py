"""Migrations into a service."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items


class MigrationDetail(Answer):
    """One database of a migration; ``status`` is ``running``, ``syncing``, ``done`` or ``failed``."""

    dbname: str | None = None
    method: str | None = None
    status: str | None = None
    error: str | None = None


class MigrationStatus(Answer):
    """A migration as a whole and database by database. ``method`` is empty if there are several, or an error."""

    status: str | None = None
    method: str | None = None
    error: str | None = None
    details: Items[MigrationDetail] = []
