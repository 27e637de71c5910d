"""Types of integrations between services: types of services, and settings.

The real service publishes no list. Directions and settings are those of the product that it builds on: a Grafana is the
source of its ``datasource``, and logs and metrics flow from the source to the destination.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.openapi_validator import OffTheDocument, check_against
from airflow_dbaas.emulator.service_types import TYPE_NAMES

_SWITCHES = (
    "gather_event_waits",
    "gather_file_events_stats",
    "gather_index_io_waits",
    "gather_info_schema_auto_inc",
    "gather_innodb_metrics",
    "gather_perf_events_statements",
    "gather_process_list",
    "gather_slave_status",
    "gather_table_io_waits",
    "gather_table_lock_waits",
    "gather_table_schema",
)
_TELEGRAF: dict[str, Any] = {name: {"type": "boolean"} for name in _SWITCHES} | {
    "perf_events_statements_digest_text_limit": {"type": "integer", "minimum": 1, "maximum": 2048},
    "perf_events_statements_limit": {"type": "integer", "minimum": 1, "maximum": 4000},
    "perf_events_statements_time_limit": {"type": "integer", "minimum": 1, "maximum": 2592000},
}
_SOURCE_MYSQL: dict[str, Any] = {
    "type": "object",
    "title": "Configuration options for metrics where the source service is MySQL",
    "additionalProperties": False,
    "properties": {"telegraf": {"type": "object", "additionalProperties": False, "properties": _TELEGRAF}},
}
_LOGS: dict[str, Any] = {
    "elasticsearch_index_days_max": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 3},
    "elasticsearch_index_prefix": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        "pattern": "^[a-z0-9][a-z0-9-_.]+$",
        "default": "logs",
    },
    "selected_log_fields": {
        "type": "array",
        "maxItems": 5,
        "items": {
            "type": "string",
            "enum": ["HOSTNAME", "PRIORITY", "REALTIME_TIMESTAMP", "SYSTEMD_UNIT", "service_name"],
        },
    },
}
_METRICS: dict[str, Any] = {
    "database": {"type": "string", "minLength": 1, "maxLength": 40, "default": "metrics"},
    "retention_days": {"type": "integer", "minimum": 0, "maximum": 10000, "default": 30},
    "ro_username": {"type": "string", "minLength": 1, "maxLength": 40},
    "username": {"type": "string", "minLength": 1, "maxLength": 40},
}


@dataclass(frozen=True)
class IntegrationType:
    """One type of integration."""

    name: str
    source_description: str
    sources: tuple[str, ...]
    dest_description: str
    dests: tuple[str, ...]
    title: str
    properties: dict[str, Any] = field(default_factory=dict)
    by_source: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further properties by type of the source."""

    def schema(self, source: str | None = None) -> dict[str, Any]:
        """The settings as a JSON schema: for a source of this type, or for any."""
        further = self.by_source if source is None else {source: self.by_source.get(source, {})}
        properties = dict(self.properties)
        for each in further.values():
            properties |= each
        return {"type": "object", "title": self.title, "properties": properties, "additionalProperties": False}

    def require_ends(self, source: str, dest: str) -> None:
        """Raise 400 unless services of these types can be joined."""
        for end, given, possible in (("source", source, self.sources), ("destination", dest, self.dests)):
            if given not in possible:
                raise ApiError(
                    400,
                    f"A service of type {given} cannot be the {end} of an integration of type {self.name}, "
                    f"possible types: {', '.join(possible)}",
                )

    def require_settings(self, source: str, settings: dict[str, Any]) -> None:
        """Raise 400 unless these settings are possible with a source of this type."""
        try:
            check_against(self.schema(source), settings, "settings")
        except OffTheDocument as finding:
            raise ApiError(400, str(finding)) from finding

    def view(self) -> dict[str, Any]:
        """The type as the API answers it."""
        return {
            "type": self.name,
            "source-description": self.source_description,
            "source-service-types": list(self.sources),
            "dest-description": self.dest_description,
            "dest-service-types": list(self.dests),
            "settings": self.schema(),
        }


INTEGRATION_TYPES = {
    each.name: each
    for each in (
        IntegrationType(
            name="datasource",
            source_description="Grafana that shows the data",
            sources=("grafana",),
            dest_description="Service that the data is read from",
            dests=("pg", "mysql", "opensearch", "thanos"),
            title="Integration settings of a data source",
        ),
        IntegrationType(
            name="logs",
            source_description="Service whose logs are sent",
            sources=TYPE_NAMES,
            dest_description="Service that keeps the logs",
            dests=("opensearch",),
            title="Integration settings of logs",
            properties=_LOGS,
        ),
        IntegrationType(
            name="metrics",
            source_description="Service whose metrics are sent",
            sources=("pg", "mysql", "valkey", "opensearch", "grafana"),
            dest_description="Service that keeps the metrics",
            dests=("thanos", "pg"),
            title="Integration settings of metrics",
            properties=_METRICS,
            by_source={"mysql": {"source_mysql": _SOURCE_MYSQL}},
        ),
    )
}


def integration_type(name: str) -> IntegrationType:
    """The type of this name; 400 without it."""
    if name not in INTEGRATION_TYPES:
        raise ApiError(400, f"Unknown integration type '{name}', known: {', '.join(INTEGRATION_TYPES)}")
    return INTEGRATION_TYPES[name]
