"""Types of services: their differences, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.plans import Plan, plans
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries

_PREFERRED_PG = "17"
_DEFAULTS: dict[str, Any] = {
    "termination-protection": False,
    "ip-filter": ["0.0.0.0/0"],
    "maintenance": {"dow": "sunday", "time": "03:00:00"},
}
_BACKUP_DEFAULTS: dict[str, Any] = {"backup-schedule": {"backup-hour": 2, "backup-minute": 0}}
_STORED = tuple(_DEFAULTS)


@dataclass(frozen=True)
class ServiceType:
    """One type of service."""

    name: str
    path: str
    """Its place in paths: services of type ``pg`` are at ``/dbaas-postgres``."""
    description: str
    plans: dict[str, Plan]
    versions: dict[str, str] = field(default_factory=dict)
    """Full version by requested version; empty if no version can be requested."""
    default_version: str | None = None
    defaults: dict[str, Any] = field(default_factory=lambda: _DEFAULTS)
    """Settings that are shown if no request has set them."""
    stored: tuple[str, ...] = _STORED
    """Fields of a request that are only stored and shown."""
    replicated: bool = False
    """Whether one node is the master of the others."""

    def plan(self, name: str) -> Plan:
        """The plan of this name; 400 without it."""
        if name not in self.plans:
            raise ApiError(400, f"plan: unknown plan '{name}', known: {', '.join(self.plans)}")
        return self.plans[name]

    def version(self, wanted: str | None) -> str | None:
        """``wanted`` if there is such a version, the default without a wish; 400 for any other."""
        if wanted is None:
            return self.default_version
        if wanted not in self.versions:
            raise ApiError(
                400,
                f"version: {self.description} {wanted} is not available in this emulator, "
                f"available are {', '.join(self.versions)}",
            )
        return wanted

    def settings(self, body: dict[str, Any]) -> dict[str, Any]:
        """Fields of a request that are stored and shown.

        A null inside of one takes a value back, and answers may not have it there.
        """
        return {name: _without_nulls(body[name]) for name in self.stored if name in body}

    def view(self, zone: str) -> dict[str, Any]:
        """The type as the API answers it."""
        shown: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "plans": [plan.view(zone) for plan in self.plans.values()],
        }
        if self.default_version is not None:
            shown |= {"available-versions": list(self.versions), "default-version": self.default_version}
        return shown


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


RECORD_NAMES = ("valkey", "grafana", "opensearch", "thanos")
"""Types whose services are records without a server."""
TYPE_NAMES = ("pg", "mysql", *RECORD_NAMES)


def catalogue(binaries: dict[int, PostgresBinaries], mysql: MysqlBinaries | None) -> dict[str, ServiceType]:
    """All types by name; PostgreSQL and MySQL in the versions that are installed here."""
    installed = {str(major): each.version for major, each in binaries.items()}
    mariadb = {} if mysql is None else {mysql.series: mysql.version}
    every = plans("hobbyist", "startup", "business", "premium")
    types = [
        ServiceType(
            name="pg",
            path="postgres",
            description="PostgreSQL",
            plans=every,
            versions=installed,
            default_version=_PREFERRED_PG if _PREFERRED_PG in installed else max(installed, key=int),
            defaults=_DEFAULTS | _BACKUP_DEFAULTS | {"synchronous-replication": "off"},
            stored=(
                *_STORED,
                "backup-schedule",
                "synchronous-replication",
                "pg-settings",
                "pgbouncer-settings",
                "pglookout-settings",
                "pgaudit-settings",
                "timescaledb-settings",
                "work-mem",
                "shared-buffers-percentage",
            ),
            replicated=True,
        ),
        ServiceType(
            name="mysql",
            path="mysql",
            description="MySQL",
            plans=every,
            versions=mariadb,
            default_version=next(iter(mariadb), None),
            defaults=_DEFAULTS | _BACKUP_DEFAULTS,
            stored=(*_STORED, "backup-schedule", "mysql-settings", "binlog-retention-period"),
            replicated=True,
        ),
        ServiceType(
            name="valkey",
            path="valkey",
            description="Valkey",
            plans=every,
            versions={"8.1": "8.1.4"},
            default_version="8.1",
            stored=(*_STORED, "valkey-settings"),
            replicated=True,
        ),
        ServiceType(
            name="grafana",
            path="grafana",
            description="Grafana",
            plans=plans("hobbyist", "startup"),
            stored=(*_STORED, "grafana-settings"),
        ),
        ServiceType(
            name="opensearch",
            path="opensearch",
            description="OpenSearch",
            plans=every,
            versions={"2": "2.19.3", "3": "3.3.2"},
            default_version="2",
            stored=(
                *_STORED,
                "opensearch-settings",
                "opensearch-dashboards",
                "index-patterns",
                "index-template",
                "keep-index-refresh-interval",
                "max-index-count",
            ),
        ),
        ServiceType(
            name="thanos",
            path="thanos",
            description="Thanos",
            plans=plans("startup", "business"),
            stored=(*_STORED, "thanos-settings"),
        ),
    ]
    return {each.name: each for each in types}
