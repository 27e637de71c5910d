"""Bad values in the forms of the example DAGs."""

from __future__ import annotations

from typing import Any

from tests.unit.bad_input.kinds import ID
from tests.unit.bad_input.tasks import CANARY

_ZONES = "[None, 'at-vie-1', 'at-vie-2', 'bg-sof-1', 'ch-dk-2', 'ch-gva-2', 'de-fra-1', 'de-muc-1', 'hr-zag-1']"
_PLAN = "does not match '^[a-z][a-z0-9]*(-[a-z0-9]+)+$'"
_FOLDER = "does not match '^[a-z0-9]+://.+[^/]$'"
_METHOD = "is not one of ['auto', 'dump', 'replication']"
_ENTRY = {"service": "orders", "source_conn_id": "legacy"}
_LOGS = {"integration_type": "logs", "dest_service": "search"}

#: DAG, parameter, value, and what is said behind "Invalid input for param …: ", in the words of Airflow's own check.
FORMS: list[tuple[str, str, Any, str]] = [
    ("dbaas_decommission", "service", "", "'' should be non-empty"),
    ("dbaas_decommission", "service", "x" * 64, f"'{'x' * 64}' is too long"),
    ("dbaas_decommission", "confirm", None, "None is not of type 'string'"),
    ("dbaas_decommission", "archive", "/tmp/archive", f"'/tmp/archive' {_FOLDER}"),
    ("dbaas_decommission", "archive", "s3://bucket/", f"'s3://bucket/' {_FOLDER}"),
    ("dbaas_decommission", "zone", "mars-1", f"'mars-1' is not one of {_ZONES}"),
    ("dbaas_migrate_fleet", "services", "orders", "'orders' is not of type 'array'"),
    (
        "dbaas_migrate_fleet",
        "services",
        [{**_ENTRY, "password": CANARY}],
        "Additional properties are not allowed ('password' was unexpected)",
    ),
    ("dbaas_migrate_fleet", "services", [{"service": "a"}], "'source_conn_id' is a required property"),
    ("dbaas_migrate_fleet", "services", [{**_ENTRY, "plan": "huge"}], f"'huge' {_PLAN}"),
    ("dbaas_migrate_fleet", "file", ["a.yaml"], "['a.yaml'] is not of type 'null', 'string'"),
    ("dbaas_migrate_fleet", "plan", "huge", f"'huge' {_PLAN}"),
    ("dbaas_migrate_fleet", "method", "copy", f"'copy' {_METHOD}"),
    ("dbaas_migrate_fleet", "zone", "mars-1", f"'mars-1' is not one of {_ZONES}"),
    ("dbaas_migrate_fleet", "stop_replication", "yes", "'yes' is not of type 'boolean'"),
    ("dbaas_migrate_fleet", "at_once", 0, "0 is less than the minimum of 1"),
    ("dbaas_migrate_fleet", "at_once", 101, "101 is greater than the maximum of 100"),
    ("dbaas_migrate_fleet", "per_run", 0, "0 is less than the minimum of 1"),
    ("dbaas_migrate_fleet", "per_run", 1001, "1001 is greater than the maximum of 1000"),
    ("dbaas_migrate_service", "service", "", "'' should be non-empty"),
    ("dbaas_migrate_service", "source_conn_id", "", "'' should be non-empty"),
    ("dbaas_migrate_service", "zone", "mars-1", f"'mars-1' is not one of {_ZONES}"),
    ("dbaas_migrate_service", "plan", "startup", f"'startup' {_PLAN}"),
    ("dbaas_migrate_service", "method", None, "None is not of type 'string'"),
    ("dbaas_migrate_service", "ignore_dbs", "x" * 2049, f"'{'x' * 2049}' is too long"),
    ("dbaas_migrate_service", "stop_replication", 1, "1 is not of type 'boolean'"),
    ("dbaas_migrate_service", "approve_cut_over", "no", "'no' is not of type 'boolean'"),
    ("dbaas_migrate_service", "integrations", {}, "{} is not of type 'array'"),
    (
        "dbaas_migrate_service",
        "integrations",
        [{**_LOGS, "integration_type": "log"}],
        "'log' is not one of ['datasource', 'logs', 'metrics']",
    ),
    (
        "dbaas_migrate_service",
        "integrations",
        [{**_LOGS, "password": CANARY}],
        "Additional properties are not allowed ('password' was unexpected)",
    ),
    (
        "dbaas_migrate_service",
        "endpoints",
        [{"endpoint_name": "siem", "endpoint_type": "syslog"}],
        "'syslog' is not one of ['datadog', 'elasticsearch', 'opensearch', 'prometheus', 'rsyslog']",
    ),
    ("dbaas_migrate_service", "endpoints", [{"endpoint_id": 7}], "7 is not of type 'string'"),
    (
        "dbaas_migrate_service",
        "endpoints",
        [{"endpoint_id": ID, "key": CANARY}],
        "Additional properties are not allowed ('key' was unexpected)",
    ),
    ("dbaas_nightly_report", "path", "report", f"'report' {_FOLDER}"),
    ("dbaas_nightly_report", "services", [""], "'' should be non-empty"),
    ("dbaas_nightly_report", "services", "db", "'db' is not of type 'array'"),
    (
        "dbaas_nightly_report",
        "period",
        "decade",
        "'decade' is not one of ['hour', 'day', 'week', 'month', 'year']",
    ),
    ("dbaas_reconcile_integrations", "dry_run", "false", "'false' is not of type 'boolean'"),
    ("dbaas_reconcile_integrations", "prune", None, "None is not of type 'boolean'"),
    ("dbaas_clean_up_failed_migration", "drop_at_source", 7, "7 is not of type 'boolean'"),
    ("dbaas_clean_up_failed_migration", "service", 7, "7 is not of type 'string'"),
    ("dbaas_clean_up_failed_migration", "source_conn_id", 7, "7 is not of type 'string'"),
    ("dbaas_clean_up_failed_migration", "zone", "mars-1", f"'mars-1' is not one of {_ZONES}"),
    ("dbaas_migrate_fleet", "failure_grace_period", "", "'' is not of type 'number'"),
    ("dbaas_migrate_fleet", "outage_grace_period", "", "'' is not of type 'null', 'number'"),
    ("dbaas_migrate_service", "failure_grace_period", "", "'' is not of type 'number'"),
    ("dbaas_migrate_service", "if_migrated", 7, "7 is not of type 'string'"),
    ("dbaas_migrate_service", "outage_grace_period", "", "'' is not of type 'null', 'number'"),
]

_GIVE = "give the services to migrate either as a list or as a file, got"
_DEFAULTS = {"plan": "startup-4", "method": "auto", "zone": None}

#: What only the first task of a run can tell: DAG, task, the form, the whole text.
FIRST_TASKS: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "dbaas_decommission",
        "compare_names",
        {"service": "orders", "confirm": "order"},
        "the names differ: 'orders' and 'order'; nothing was changed",
    ),
    (
        "dbaas_migrate_fleet",
        "list_services",
        {**_DEFAULTS, "services": [], "file": None},
        f"{_GIVE} neither, or an empty list",
    ),
    (
        "dbaas_migrate_fleet",
        "list_services",
        {**_DEFAULTS, "services": [_ENTRY], "file": "/nowhere.yaml"},
        f"{_GIVE} both",
    ),
    (
        "dbaas_migrate_fleet",
        "list_services",
        {**_DEFAULTS, "services": [], "file": "/nowhere.yaml"},
        "/nowhere.yaml cannot be read: there is no such file",
    ),
]
