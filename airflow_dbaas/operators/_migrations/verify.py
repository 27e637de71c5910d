"""The operator that compares the two ends of a migration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import assets, lineage, migration_registry, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasVerificationError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.operators._migrations.base import MigrationOperator
from airflow_dbaas.waits import Done, MigrationWait

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus


class DbaasVerifyMigrationOperator(MigrationOperator):
    """Compares source and target, database by database: tables and their rows, views, functions, triggers,
    constraints and indexes; in PostgreSQL sequences and types, in MySQL events, too. Any difference fails the task.

    Reads both servers from the worker, so both must be reachable from there, and needs a driver: for PostgreSQL that of
    Airflow's postgres provider, or ``airflow-dbaas[postgres]``; for MySQL PyMySQL, which is ``airflow-dbaas[mysql]``.
    While replication still goes on, tables that differ are looked at again for ``settle_seconds``, and what replication
    leaves out (sequences, the filling of materialized views, which events are enabled) is not compared.

    Where the servers are of different releases, the same thing may be written in different words. What differs so is
    brought to one way of writing, or left out: what views are made from, and in MySQL also other expressions.

    When all is equal, an event of each database's asset tells so, and DAGs that are scheduled on it run; see
    ``airflow_dbaas.assets``. OpenLineage is told of the databases at both ends, also when they differ.

    Returns ``service``, ``zone``, ``source`` and ``databases``: name, tables, rows and bytes of each.

    :param content: compare the content of every row (a checksum independent of their order), which reads all data
        at both ends; otherwise the number of rows.
    :param settle_seconds: how long a replicating target may lag behind: seconds, or a timedelta.
    :param emit_assets: leave an asset event for each database; ``assets.MIGRATED_DATABASES`` is then among the task's
        outlets, besides those it is given.
    """

    checks: ClassVar[dict[str, Check]] = {
        **MigrationOperator.checks,
        "content": validation.boolean,
        "settle_seconds": validation.not_negative,
        "emit_assets": validation.boolean,
    }

    def __init__(
        self, *, content: bool = True, settle_seconds: float | timedelta = 60, emit_assets: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.content = content
        self.settle_seconds: Any = settle_seconds
        self.emit_assets = emit_assets
        if emit_assets:
            self.outlets = assets.with_migrated(self.outlets)
        self._compared: dict[str, Any] | None = None
        self._check()

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As Airflow's own, for a mapped task: that shows, and 2.11 knows, only the outlets that are stated here."""
        mapped = super().partial(**kwargs)
        if mapped.kwargs.get("emit_assets", True):
            mapped.kwargs["outlets"] = assets.with_migrated(mapped.kwargs.get("outlets") or ())
        return mapped

    def start(self, context: Context) -> dict[str, Any]:
        """Compare."""
        service = self.refuse_another_type()
        self.refuse_same_server(service)
        status = self.migration_status(self.service_name)
        replicating = _replicates(status)
        source, target = self.source, self.target
        report = self.verification.compare(
            source,
            target,
            ignore=self.ignored,
            content=self.content,
            settle_seconds=self.settle_seconds if replicating else 0,
            replicating=replicating,
        )
        self._compared = {
            "scheme": source.engine.scheme,
            "source": source.address,
            "target": target.address,
            # Counted are the target's rows: the source's too only if all is equal.
            "databases": [{"name": one["name"]} for one in report.databases]
            if report.differences
            else report.databases,
        }
        if not replicating:
            self._record(service.created_at if service else None, equal=not report.differences and _is_over(status))
        if report.differences:
            # The error's text is bounded; the log has them all.
            self.log.error("Differences:\n%s", "\n".join(map(one_line, report.differences)))
            shown = "; ".join(report.differences[:20])
            more = f"; and {len(report.differences) - 20} more" if len(report.differences) > 20 else ""
            raise DbaasVerificationError(
                f"{len(report.differences)} differences between {source.address} and service "
                f"{self.service_name}: {shown}{more}"
            )
        for line in equal_lines(report.databases):
            self.log.info("%s", line)
        if self.emit_assets:
            facts = {"source": source.address, "replicating": replicating, "content": self.content}
            self._emit(context, report.databases, facts)
        return {"service": self.service_name, "source": source.address, "databases": report.databases}

    def _record(self, created_at: str | None, *, equal: bool) -> None:
        record = self.record_of(created_at)
        if record is None or record.source != self.source.address or not record.leaves_out(self.ignore_dbs):
            return
        migration_registry.note_verification(self.hook.zone, self.service_name, record, equal=equal)

    def _emit(self, context: Context, databases: list[dict[str, Any]], facts: dict[str, Any]) -> None:
        zone = self.zone_of(self.service_name)
        if zone is None:
            self.log.warning("No asset events: neither the task, nor its connection, nor the API names the zone")
            return
        assets.emit_migrated(context, zone=zone, service=self.service_name, databases=databases, **facts)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What Airflow's OpenLineage provider is told; nothing if the databases were not compared."""
        return lineage.of_migration(**self._compared) if self._compared else lineage.nothing()


def _is_over(status: MigrationStatus | None) -> bool:
    """Whether nothing is being copied any more."""
    return status is None or isinstance(MigrationWait("", "done").verdict(status), Done)


def equal_lines(databases: list[dict[str, Any]]) -> Iterator[str]:
    """The report on equal databases for people: a line for all, then one for each."""
    rows, tables = (sum(one[name] for one in databases) for name in ("rows", "tables"))
    yield f"Source and target are equal: {len(databases)} databases, {tables:,} tables, {rows:,} rows"
    for one in databases:
        size = one["bytes"] / 1_000_000
        name = one_line(str(one["name"]))
        yield f"  database {name}: {one['tables']:,} tables, {one['rows']:,} rows, {size:,.1f} MB in the target"


def _replicates(status: MigrationStatus | None) -> bool:
    """Whether a database still follows the source; a dump that is there but was not stopped does not."""
    return status is not None and any(d.method == "replication" or d.status == "syncing" for d in status.details)
