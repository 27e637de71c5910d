"""Bad values of the parameters of operators and sensors, each with all that the error says."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.operators.external_endpoints import (
    DbaasAttachEndpointOperator,
    DbaasCreateExternalEndpointOperator,
    DbaasDeleteExternalEndpointOperator,
    DbaasDetachEndpointOperator,
    DbaasUpdateExternalEndpointOperator,
)
from airflow_dbaas.operators.integrations import (
    DbaasCreateIntegrationOperator,
    DbaasDeleteIntegrationOperator,
    DbaasUpdateIntegrationOperator,
)
from airflow_dbaas.operators.migrations import (
    DbaasCleanUpMigrationOperator,
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.operators.observability import DbaasServiceMetricsOperator
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.operators.services import (
    DbaasCreateServiceOperator,
    DbaasDeleteServiceOperator,
    DbaasUpdateServiceOperator,
)
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from tests.unit.bad_input.kinds import ID
from tests.unit.bad_input.lists import ENDPOINT_LISTS, ENDPOINTS, INTEGRATIONS

#: Not one that can be put into a URI or JSON as it is.
CANARY = 'Tr0ub4dor&3/"ß'
ZONES = "at-vie-1, at-vie-2, bg-sof-1, ch-dk-2, ch-gva-2, de-fra-1, de-muc-1, hr-zag-1"
TYPES = "pg, mysql, valkey, grafana, opensearch, thanos"

_SERVICE = (DbaasCreateServiceOperator, DbaasUpdateServiceOperator)
_ENDPOINT = (DbaasCreateExternalEndpointOperator, DbaasUpdateExternalEndpointOperator)
_INTEGRATION = (DbaasCreateIntegrationOperator, DbaasUpdateIntegrationOperator)
_RECONCILE = (DbaasReconcileIntegrationsOperator,)
_PATH = "must be the path of a file, local or a URL such as s3://bucket/key, got"
_GRACE = "must be a number of seconds, 0 or more, or a timedelta, got"
_PLAN = "plan must be a plan's name, such as startup-4 or business-8, got"
_RENDERED = "(a template gives a text, unless the DAG has render_template_as_native_obj=True)"
_FRACTION = (
    "(put it in quotes: a number loses trailing zeros, and with render_template_as_native_obj a template needs its "
    "own quotes, \"'{{ … }}'\")"
)
_NAMED = "must be a name of 1 to 63 characters, got"
_WAYS = "give either endpoint_id, or endpoint_name; got"
_LINK = "give either integration_id, or integration_type and source_service and dest_service; got"

#: Parameter, value, text; of every operator and sensor that has the parameter.
ANYWHERE: list[tuple[str, Any, str]] = [
    ("exoscale_conn_id", "", "exoscale_conn_id must be the id of an Airflow connection, got ''"),
    ("exoscale_conn_id", None, "exoscale_conn_id must be the id of an Airflow connection, got None"),
    ("zone", "mars-1", f"zone must be one of {ZONES}, got 'mars-1'"),
    ("zone", 0, f"zone must be one of {ZONES}, got 0"),
    ("deferrable", "yes", "deferrable must be true or false, got 'yes'"),
    ("wait_for_completion", "False", "wait_for_completion must be true or false, got 'False'"),
    ("wait_timeout", 0, "wait_timeout must be a number of seconds above 0, got 0"),
    ("wait_timeout", float("nan"), "wait_timeout must be a number of seconds above 0, got nan"),
    ("wait_timeout", float("inf"), "wait_timeout must be a number of seconds above 0, got inf"),
    ("wait_timeout", True, "wait_timeout must be a number of seconds above 0, got True"),
    ("start_from_trigger", 1, "start_from_trigger must be true or false, got 1"),
    ("service_name", "", f"service_name {_NAMED} ''"),
    ("service_name", 1.5, f"service_name {_NAMED} 1.5"),
    ("service_name", {"password": CANARY}, f"service_name {_NAMED} dict"),
    ("service_name", "x" * 64, f"service_name must have at most 63 characters, got 64: '{'x' * 64}'"),
    ("service_name", "..", "service_name must be a name, got '..'"),
    ("service_name", "db\r\nHost: x", "service_name must be a name, got 'db\\r\\nHost: x'"),
    ("service_name", "\ud83d", "service_name must be a name, got '\\ud83d'"),
    (
        "service_name",
        f"https://u:{CANARY}@h/" + "x" * 50,
        "service_name must have at most 63 characters, got 77: 'https://u:***@h/" + "x" * 50 + "'",
    ),
    ("source_conn_id", None, "source_conn_id must be the id of an Airflow connection, got None"),
    (
        "source_conn_id",
        {"host": "h", "password": CANARY},
        "source_conn_id must be the id of an Airflow connection, got dict",
    ),
    ("method", "copy", "method must be one of auto, dump, replication, got 'copy'"),
    ("ignore_dbs", "x" * 2049, "ignore_dbs must have at most 2048 characters, got 2049"),
    ("ignore_dbs", ["a,b"], "ignore_dbs must be names separated by commas, or a list of names, got list"),
    ("ignore_dbs", 1.5, "ignore_dbs must be names separated by commas, or a list of names, got 1.5"),
    ("content", "no", "content must be one of all, sample, count, got 'no'"),
    ("settle_seconds", -1, "settle_seconds must be a number of seconds, 0 or more, got -1"),
    ("settle_seconds", "60", "settle_seconds must be a number of seconds, 0 or more, got '60'"),
    ("emit_assets", None, "emit_assets must be true or false, got None"),
    ("cancel_on_kill", "yes", "cancel_on_kill must be true or false, got 'yes'"),
    ("force", "False", "force must be true or false, got 'False'"),
    *(
        (parameter, given, f"{parameter} {_GRACE} {given!r}")
        for parameter in ("failure_grace_period", "outage_grace_period")
        for given in ("long", -1, float("inf"), True)
    ),
    ("plan", "gigantic", f"{_PLAN} 'gigantic'"),
    ("plan", "startup-", f"{_PLAN} 'startup-'"),
    ("plan", 4, f"{_PLAN} 4"),
    ("service_type", "mongo", f"service_type must be one of {TYPES}, got 'mongo'"),
    ("if_missing", "ignore", "if_missing must be one of skip, fail, got 'ignore'"),
    ("path", 7.5, f"path {_PATH} 7.5"),
    ("path", "s3://bucket/folder/", f"path {_PATH} 's3://bucket/folder/'"),
    ("path", "3s://bucket/key", f"path {_PATH} '3s://bucket/key'"),
    ("path", f"s3://key:{CANARY}@bucket/folder/", f"path {_PATH} 's3://key:***@bucket/folder/'"),
    ("period", "decade", "period must be one of hour, day, week, month, year, got 'decade'"),
    ("format", "xml", "format must be one of csv, parquet, got 'xml'"),
    ("object_storage_conn_id", True, "object_storage_conn_id must be the id of an Airflow connection, got True"),
    ("limit_entries", 0, "limit_entries must be a whole number above 0, got 0"),
    ("limit_entries", "many", "limit_entries must be a whole number above 0, got 'many'"),
    ("limit_entries", 1.5, "limit_entries must be a whole number above 0, got 1.5"),
    (
        "integration_type",
        "read_replica",
        "integration_type must be one of datasource, logs, metrics, got 'read_replica'",
    ),
    ("source_service", "x" * 64, f"source_service must have at most 63 characters, got 64: '{'x' * 64}'"),
    ("dest_service", "..", "dest_service must be a name, got '..'"),
    ("integration_id", "17", "integration_id must be a UUID, got '17'"),
    ("endpoint_id", "17", "endpoint_id must be a UUID, got '17'"),
    ("endpoint_name", 1.7, "endpoint_name must be a name of at least 1 character, got 1.7"),
    ("endpoint_type", "syslog", f"endpoint_type must be one of {ENDPOINTS}, got 'syslog'"),
    ("secrets_conn_id", 1.7, "secrets_conn_id must be the id of an Airflow connection, got 1.7"),
    ("operation_id", "17", "operation_id must be a UUID, got '17'"),
    ("operation_id", ID + "\n", f"operation_id must be a UUID, got '{ID}\\n'"),
    ("dbaas_task_id", "{17", "dbaas_task_id must be a UUID, got '{17'"),
    (
        "dbaas_task_id",
        None,
        "dbaas_task_id must be a UUID, got None: the API had not named the task when it was started; wait for its "
        "operation_id with a DbaasOperationSensor, whose reference_id is the task",
    ),
]

_SET = "settings must be a mapping of properties, got"
_HERE = "must not be given here"
_NO_PLACE = f"{_HERE}: a secret has no place in a DAG; set it in the portal"
_OWN = f"{_HERE}: the service makes its own password"
_INTO = "must not be given here, it holds a secret; it belongs into"
_OF = "of the connection secrets_conn_id"

#: Operators and sensors, arguments, text.
SOME: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    (
        (DbaasCreateServiceOperator,),
        {"if_exists": "replace"},
        "if_exists must be one of reuse, keep, fail, got 'replace'",
    ),
    (
        (DbaasAttachEndpointOperator,),
        {"if_exists": "replace"},
        "if_exists must be one of reuse, fail, got 'replace'",
    ),
    (
        (DbaasCreateIntegrationOperator, DbaasCreateExternalEndpointOperator),
        {"if_exists": "replace"},
        "if_exists must be one of reuse, update, fail, got 'replace'",
    ),
    (
        (DbaasServiceSensor,),
        {"state": "asleep"},
        "state must be one of running, poweroff, absent, got 'asleep'",
    ),
    (
        (DbaasIntegrationSensor, DbaasExternalIntegrationSensor),
        {"state": "asleep"},
        "state must be one of active, absent, got 'asleep'",
    ),
    (
        (DbaasMigrationCheckOperator, DbaasStartMigrationOperator),
        {"if_migrated": "yes"},
        "if_migrated must be one of skip, again, got 'yes'",
    ),
    (
        (DbaasCleanUpMigrationOperator,),
        {"drop_at_source": "maybe"},
        "drop_at_source must be true or false, got 'maybe'",
    ),
    *(
        ((DbaasVerifyMigrationOperator,), {parameter: "maybe"}, f"{parameter} must be true or false, got 'maybe'")
        for parameter in ("strict", "show_values", "recheck", "allow_empty")
    ),
    ((DbaasVerifyMigrationOperator,), {"parallel": 0}, "parallel must be a whole number above 0, got 0"),
    ((DbaasVerifyMigrationOperator,), {"tables": []}, "tables must be a list of names, got list"),
    ((DbaasVerifyMigrationOperator,), {"report_path": 7.5}, f"report_path {_PATH} 7.5"),
    ((DbaasMigrationSensor,), {"until": "later"}, "until must be one of synced, done, got 'later'"),
    (
        (DbaasStartMigrationOperator,),
        {"until": "later"},
        "until must be one of started, synced, done, got 'later'",
    ),
    (_SERVICE, {"settings": ["version"]}, f"{_SET} list"),
    (_SERVICE, {"settings": f'{{"admin_password": "{CANARY}"}}'}, f"{_SET} str {_RENDERED}"),
    (_SERVICE, {"settings": {7: 1}}, "settings: a property's name must be a text, got 7"),
    (_SERVICE, {"settings": {"admin_password": CANARY}}, f"settings: admin_password {_OWN}"),
    (_SERVICE, {"settings": {"admin-password": CANARY}}, f"settings: admin-password {_OWN}"),
    (
        _SERVICE,
        {"settings": {"migration": {"password": CANARY}}},
        f"settings: migration {_HERE}: DbaasStartMigrationOperator takes the source from a connection",
    ),
    (_SERVICE, {"settings": {"name": "b"}}, f"settings: name {_HERE}: it is the parameter service_name"),
    (
        _SERVICE,
        {"settings": {"grafana_settings": {"smtp_server": {"password": CANARY}}}},
        f"settings: grafana_settings.smtp_server.password {_NO_PLACE}",
    ),
    (
        _SERVICE,
        {"settings": {"grafana_settings": {"auth": [{"name": "x"}, {"client_secret": CANARY}]}}},
        f"settings: grafana_settings.auth.client_secret {_NO_PLACE}",
    ),
    (
        (DbaasCreateServiceOperator,),
        {"settings": {"plan": "startup-8"}},
        f"settings: plan {_HERE}: it is a parameter of its own",
    ),
    (
        (DbaasUpdateServiceOperator,),
        {"settings": {}},
        "settings must name at least one property, got none",
    ),
    (_SERVICE, {"settings": {"versoin": CANARY}}, "settings: unknown setting 'versoin', did you mean 'version'?"),
    (
        _SERVICE,
        {"settings": {"terminationprotection": True}},
        "settings: unknown setting 'terminationprotection', did you mean 'termination_protection'?",
    ),
    (
        _SERVICE,
        {"settings": {"Termination-Protection": True}},
        "settings: unknown setting 'Termination-Protection', did you mean 'termination-protection'?",
    ),
    (
        _SERVICE,
        {"settings": {"maintenance": {"dow": "monday", "tyme": CANARY}}},
        "settings: maintenance.time must be given; maintenance: unknown setting 'tyme', did you mean 'time'?",
    ),
    (
        _SERVICE,
        {"settings": {"maintenance": {"dow": "monday", "time": "3:30"}}},
        "settings: maintenance.time must be a time of day, such as 03:30:00 (UTC), got '3:30'",
    ),
    (
        _SERVICE,
        {"settings": {"maintenance": {"dow": "Monday", "time": "03:30:00"}}},
        "settings: maintenance.dow must be one of friday, monday, never, saturday, sunday, thursday, tuesday, "
        "wednesday, got 'Monday'",
    ),
    (
        _SERVICE,
        {"settings": {"ip_filter": ["hello"]}},
        "settings: ip_filter.0 must be an IP address or a network such as 192.0.2.0/24, got 'hello'",
    ),
    (
        _SERVICE,
        {"settings": {"ip_filter": "192.0.2.0/24"}},
        f"settings: ip_filter must be a list, got '192.0.2.0/24' {_RENDERED}",
    ),
    (
        _SERVICE,
        {"settings": {"termination_protection": "yes"}},
        "settings: termination_protection must be true or false, got 'yes'",
    ),
    (_SERVICE, {"settings": {"work_mem": True}}, "settings: work_mem must be a whole number, got True"),
    (_SERVICE, {"settings": {"work_mem": "1e3"}}, "settings: work_mem must be a whole number, got '1e3'"),
    (
        (DbaasUpdateServiceOperator,),
        {"settings": {"version": 16.1}},
        f"settings: version must be a text, got 16.1 {_FRACTION}",
    ),
    (
        (DbaasCreateServiceOperator,),
        {"settings": {"version": 16.1}},
        f"settings: version must be one of 13, 14, 15, 16, 17, 18, got 16.1 {_FRACTION}",
    ),
    (
        (DbaasCreateServiceOperator,),
        {"service_type": "thanos", "settings": {"version": "1"}},
        "settings: unknown setting 'version'; known: ip_filter, maintenance, plan, termination_protection, "
        "thanos_settings",
    ),
    (
        _ENDPOINT,
        {"endpoint_type": "rsyslog", "settings": {"format": "rfc1"}},
        "settings: format must be one of custom, rfc3164, rfc5424, got 'rfc1'",
    ),
    (
        _ENDPOINT,
        {"endpoint_type": "datadog", "settings": {"datadog_tags": [{"tga": CANARY}]}},
        "settings: datadog_tags.0.tag must be given; datadog_tags.0: unknown setting 'tga', did you mean 'tag'?",
    ),
    ((DbaasDeleteServiceOperator,), {"dry_run": "False"}, "dry_run must be true or false, got 'False'"),
    (
        (DbaasServiceMetricsOperator,),
        {"path": "metrics.txt"},
        "path must end in .csv or .parquet, or format must be given, got path 'metrics.txt'",
    ),
    (_INTEGRATION, {"settings": ["a"]}, f"{_SET} list"),
    (_INTEGRATION, {"settings": {"password": CANARY}}, f"settings: password {_HERE}: it holds a secret"),
    (
        (DbaasCreateIntegrationOperator,),
        {"dest_service": "db"},
        "source_service and dest_service must be two services, got db twice",
    ),
    ((DbaasDeleteIntegrationOperator,), {"integration_id": None}, f"{_LINK} none of them"),
    (
        (DbaasUpdateIntegrationOperator, DbaasDeleteIntegrationOperator),
        {"integration_type": "logs"},
        f"{_LINK} integration_id, integration_type",
    ),
    ((DbaasAttachEndpointOperator,), {"endpoint_name": "logs"}, f"{_WAYS} endpoint_id, endpoint_name"),
    ((DbaasDeleteExternalEndpointOperator,), {"endpoint_id": ""}, f"{_WAYS} none of them"),
    (
        (DbaasDetachEndpointOperator,),
        {"integration_id": ID},
        "give either integration_id, or endpoint_id, or endpoint_name; got endpoint_name, integration_id",
    ),
    (_ENDPOINT, {"settings": CANARY}, f"{_SET} str {_RENDERED}"),
    (_ENDPOINT, {"settings": {"datadog_api_key": CANARY}}, f"settings: datadog_api_key {_INTO} the password {_OF}"),
    (_ENDPOINT, {"settings": {"datadog-api-key": CANARY}}, f"settings: datadog-api-key {_INTO} the password {_OF}"),
    (
        _ENDPOINT,
        {"settings": {"basic_auth_password": CANARY}},
        f"settings: basic_auth_password {_INTO} the password {_OF}",
    ),
    (_ENDPOINT, {"settings": {"sd": CANARY}}, f"settings: sd {_INTO} the extra, as 'secret_sd', {_OF}"),
    (_ENDPOINT, {"settings": {"logline": CANARY}}, f"settings: logline {_INTO} the extra, as 'secret_logline', {_OF}"),
    (_ENDPOINT, {"settings": {"key": CANARY}}, f"settings: key {_INTO} the extra, as 'secret_key', {_OF}"),
    (
        _ENDPOINT,
        {"settings": {"url": f"https://u:{CANARY}@h"}},
        f"settings: url {_INTO} login and password (with host, port and schema) {_OF}",
    ),
    (_ENDPOINT, {"settings": {"password": CANARY}}, f"settings: password {_INTO} a field {_OF}"),
    (_RECONCILE, {"dry_run": "no"}, "dry_run must be true or false, got 'no'"),
    (_RECONCILE, {"prune": "off"}, "prune must be true or false, got 'off'"),
    (
        _RECONCILE,
        {"integrations": None},
        "give integrations, endpoints, or both: there is nothing to reconcile",
    ),
    *((_RECONCILE, {"integrations": entries}, text) for entries, text in INTEGRATIONS),
    *((_RECONCILE, {"endpoints": entries}, text) for entries, text in ENDPOINT_LISTS),
]
