"""Where a migration goes to, and how far each of its databases is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.databases import Database
from airflow_dbaas.emulator.postgres.endpoint import Endpoint


@dataclass(frozen=True)
class Target:
    """The service that databases are moved into."""

    admin: Endpoint
    superuser: Endpoint
    binaries: PostgresBinaries
    log: Path


@dataclass
class DatabaseState:
    """How far one database is."""

    database: Database
    status: str = "running"
    method: str = ""
    error: str = ""
    whole: bool = False
    """Whether the target has a complete copy, which a stop may leave there."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the next database may have its turn."""

    @property
    def dbname(self) -> str:
        """The database's name."""
        return self.database.name

    def view(self) -> dict[str, Any]:
        """The state as the API answers it."""
        shown = {"dbname": self.dbname, "status": self.status, "method": self.method}
        return shown | ({"error": self.error} if self.error else {})
