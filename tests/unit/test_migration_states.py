"""What the operators read off the status of a migration."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.operators._migrations.start import _has_failed
from airflow_dbaas.operators._migrations.verify import _replicates


def status(*details: tuple[str, str], **fields: Any) -> MigrationStatus:
    found = [{"dbname": "a", "status": state, "method": method} for state, method in details]
    return MigrationStatus.model_validate({"details": found, **fields})


@pytest.mark.fact("migration-recovers", "migration-waiting")
@pytest.mark.parametrize(
    ("seen", "failed"),
    [
        (status(("failed", "pg_dump"), ("done", "pg_dump"), status="failed"), True),
        (status(status="done", error="connection refused"), True),
        (status(("done", "pg_dump"), status="done"), False),
        # Others are still to be copied, or may recover.
        (status(("failed", "pg_dump"), ("waiting", "")), False),
        (status(("failed", "pg_dump"), ("syncing", "")), False),
        (status(("failed", "replication"), status="failed"), False),
        (status(status="failed", method="replication", error="down"), False),
        (status(status="failed", method="", error="Logical replication is currently down"), False),
    ],
)
def test_a_migration_is_cleared_away_only_when_it_is_over(seen: MigrationStatus, failed: bool) -> None:
    """It has failed only if nothing of it goes on."""
    assert _has_failed(seen) is failed


@pytest.mark.fact("migration-mixed")
@pytest.mark.parametrize(
    ("seen", "replicates"),
    [
        (None, False),
        (status(("done", "pg_dump"), status="done"), False),
        (status(("done", "pg_dump"), ("syncing", "replication"), status="done"), True),
        (status(("syncing", ""), status="syncing"), True),
        (status(("failed", "replication"), status="failed"), True),
    ],
)
def test_sequences_are_left_out_only_while_a_database_follows(seen: MigrationStatus | None, replicates: bool) -> None:
    """A dump has copied them, whether it was stopped or not."""
    assert _replicates(seen) is replicates
