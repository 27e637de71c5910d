"""The service that databases of a PostgreSQL source are moved into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.endpoint import Endpoint


@dataclass(frozen=True)
class Target:
    """The service that databases are moved into."""

    admin: Endpoint
    superuser: Endpoint
    binaries: PostgresBinaries
    log: Path
