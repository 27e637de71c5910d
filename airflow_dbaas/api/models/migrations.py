"""Migrations into a service."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items, Needed


class MigrationDetail(Answer):
    """One database of a migration; ``status`` is ``running``, ``syncing``, ``done`` or ``failed``."""

    dbname: str | None = None
    method: str | None = None
    status: Needed[str | None] = None
    error: Needed[str | None] = None


class MigrationStatus(Answer):
    """A migration as a whole and database by database. ``method`` is empty if there are several, or an error."""

    status: Needed[str | None] = None
    method: str | None = None
    error: Needed[str | None] = None
    details: Needed[Items[MigrationDetail]] = []
