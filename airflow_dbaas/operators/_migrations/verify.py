"""The operator that compares the two ends of a migration."""

from __future__ import annotations

from typing import Any

from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasVerificationError
from airflow_dbaas.operators._migrations.base import MigrationOperator
from airflow_dbaas.targets import MigrationTarget
from airflow_dbaas.verification import postgres


class DbaasVerifyMigrationOperator(MigrationOperator):
    """Compares source and target, database by database: tables and their rows, sequences, views, functions,
    constraints and indexes. Any difference fails the task.

    Reads both servers from the worker, so both must be reachable from there, and needs a PostgreSQL driver: that of
    Airflow's postgres provider, or ``airflow-dbaas[postgres]``. While replication still goes on, tables that differ
    are looked at again for ``settle_seconds``, and what replication leaves out (sequences, the filling of materialized
    views) is not compared.

    Returns ``service``, ``source`` and ``databases``: name, tables, rows and bytes of each.

    :param content: compare the content of every row (a checksum independent of their order), which reads all data
        at both ends; otherwise the number of rows.
    :param settle_seconds: seconds for which a replicating target may lag behind.
    """

    def __init__(self, *, content: bool = True, settle_seconds: float = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.content = content
        self.settle_seconds = settle_seconds
        self._check()

    def start(self, context: Context) -> dict[str, Any]:
        """Compare."""
        replicating = self.migration_status(self.service_name) is not None
        source, target = self.source, MigrationTarget.of_service(self.client, self.service_name)
        report = postgres.compare(
            source,
            target,
            ignore=self.ignored,
            content=self.content,
            settle_seconds=self.settle_seconds if replicating else 0,
            replicating=replicating,
        )
        if report.differences:
            shown = "; ".join(report.differences[:20])
            more = f"; and {len(report.differences) - 20} more" if len(report.differences) > 20 else ""
            raise DbaasVerificationError(
                f"{len(report.differences)} differences between {source.address} and service "
                f"{self.service_name}: {shown}{more}"
            )
        self.log.info("Source and target are equal: %s", report.databases)
        return {"service": self.service_name, "source": source.address, "databases": report.databases}
