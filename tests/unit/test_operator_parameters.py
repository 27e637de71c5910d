"""Bad input of operators and sensors: refused when the DAG is parsed, or, for templates, when they are rendered."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.operators.endpoints import (
    DbaasAttachEndpointOperator,
    DbaasCreateExternalEndpointOperator,
    DbaasDeleteExternalEndpointOperator,
    DbaasDetachEndpointOperator,
    DbaasUpdateExternalEndpointOperator,
)
from airflow_dbaas.operators.integrations import (
    DbaasCreateIntegrationOperator,
    DbaasDeleteIntegrationOperator,
    DbaasReconcileIntegrationsOperator,
    DbaasUpdateIntegrationOperator,
)
from airflow_dbaas.operators.migrations import (
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.operators.services import (
    DbaasCaCertificateOperator,
    DbaasCreateServiceOperator,
    DbaasDeleteServiceOperator,
    DbaasServiceLogsOperator,
    DbaasServiceMetricsOperator,
    DbaasUpdateServiceOperator,
)
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
MODULES = [
    importlib.import_module(f"airflow_dbaas.{name}")
    for name in (
        "operators.endpoints",
        "operators.integrations",
        "operators.migrations",
        "operators.services",
        "sensors.integrations",
        "sensors.migrations",
        "sensors.operations",
        "sensors.services",
        "sensors.tasks",
    )
]
GOOD: list[tuple[Any, dict[str, Any]]] = [
    (DbaasCreateServiceOperator, {"service_name": "db", "plan": "startup-4"}),
    (DbaasDeleteServiceOperator, {"service_name": "db"}),
    (DbaasUpdateServiceOperator, {"service_name": "db", "settings": {"plan": "startup-8"}}),
    (DbaasServiceLogsOperator, {"service_name": "db", "path": "s3://bucket/db.jsonl"}),
    (DbaasServiceMetricsOperator, {"service_name": "db", "path": "/tmp/db.csv"}),
    (DbaasCaCertificateOperator, {}),
    (DbaasMigrationCheckOperator, {"service_name": "db", "source_conn_id": "legacy"}),
    (DbaasStartMigrationOperator, {"service_name": "db", "source_conn_id": "legacy"}),
    (DbaasStopMigrationOperator, {"service_name": "db", "source_conn_id": "legacy"}),
    (DbaasVerifyMigrationOperator, {"service_name": "db", "source_conn_id": "legacy"}),
    (
        DbaasCreateIntegrationOperator,
        {"integration_type": "logs", "source_service": "db", "dest_service": "search"},
    ),
    (DbaasUpdateIntegrationOperator, {"integration_id": ID, "settings": {"retention_days": 7}}),
    (DbaasDeleteIntegrationOperator, {"integration_id": ID}),
    (DbaasReconcileIntegrationsOperator, {"service_name": "db", "integrations": []}),
    (DbaasAttachEndpointOperator, {"service_name": "db", "endpoint_id": ID}),
    (DbaasDetachEndpointOperator, {"service_name": "db", "endpoint_name": "logs"}),
    (DbaasCreateExternalEndpointOperator, {"endpoint_type": "rsyslog", "endpoint_name": "logs"}),
    (DbaasUpdateExternalEndpointOperator, {"endpoint_name": "logs"}),
    (DbaasDeleteExternalEndpointOperator, {"endpoint_id": ID}),
    (DbaasIntegrationSensor, {"integration_id": ID}),
    (DbaasExternalIntegrationSensor, {"integration_id": ID}),
    (DbaasMigrationSensor, {"service_name": "db"}),
    (DbaasOperationSensor, {"operation_id": ID}),
    (DbaasServiceSensor, {"service_name": "db"}),
    (DbaasTaskSensor, {"service_name": "db", "dbaas_task_id": ID}),
]
BAD: list[tuple[str, Any, str]] = [
    ("service_name", "", "service_name must be a name of 1 to 63 characters, got ''"),
    ("service_name", "x" * 64, "service_name must have at most 63 characters, got 64"),
    ("service_name", None, "service_name must be a name of 1 to 63 characters, got None"),
    ("zone", "mars-1", "zone must be one of at-vie-1, at-vie-2"),
    ("exoscale_conn_id", "", "exoscale_conn_id must be the id of an Airflow connection, got ''"),
    ("source_conn_id", None, "source_conn_id must be the id of an Airflow connection, got None"),
    ("plan", "gigantic", "plan must be hobbyist-N, startup-N, business-N or premium-N, e.g. startup-4, got 'gigantic'"),
    ("method", "copy", "method must be one of auto, dump, replication, got 'copy'"),
    ("ignore_dbs", "x" * 2049, "ignore_dbs must have at most 2048 characters, got 2049"),
    ("ignore_dbs", ["a"], "ignore_dbs must be a comma-separated string, got ['a']"),
    (
        "service_type",
        "mongo",
        "service_type must be one of pg, mysql, valkey, grafana, opensearch, thanos, got 'mongo'",
    ),
    ("settings", ["version"], "settings must be a mapping of properties, got "),
    ("settings", {"admin_password": "x"}, "settings: admin_password must not be given here"),
    ("if_exists", "replace", "fail, got 'replace'"),
    ("if_missing", "ignore", "if_missing must be one of skip, fail, got 'ignore'"),
    ("path", 7, "path must be the path of a file, local or a URL such as s3://bucket/key, got 7"),
    ("path", "s3://bucket/folder/", "such as s3://bucket/key, got 's3://bucket/folder/'"),
    ("path", "3s://bucket/key", "such as s3://bucket/key, got '3s://bucket/key'"),
    ("period", "decade", "period must be one of hour, day, week, month, year, got 'decade'"),
    ("format", "xml", "format must be one of csv, parquet, got 'xml'"),
    ("object_storage_conn_id", 7, "object_storage_conn_id must be the id of an Airflow connection, got 7"),
    ("limit_entries", 0, "limit_entries must be a whole number above 0, got 0"),
    ("limit_entries", "many", "limit_entries must be a whole number above 0, got 'many'"),
    ("until", "later", "synced, done, got 'later'"),
    ("state", "asleep", "absent, got 'asleep'"),
    ("integration_type", "read_replica", "integration_type must be one of datasource, logs, metrics, got 'read_re"),
    ("source_service", "x" * 64, "source_service must have at most 63 characters, got 64"),
    ("dest_service", "..", "dest_service must be a name, got '..'"),
    ("integration_id", "17", "integration_id must be a UUID, got '17'"),
    ("endpoint_id", "17", "endpoint_id must be a UUID, got '17'"),
    ("endpoint_name", 17, "endpoint_name must be a name"),
    ("endpoint_type", "syslog", "endpoint_type must be one of datadog, elasticsearch, opensearch, prometheus, rsyslog"),
    ("secrets_conn_id", 17, "secrets_conn_id must be the id of an Airflow connection, got 17"),
    ("integrations", {"a": 1}, "integrations must be a list of mappings, got dict"),
    ("endpoints", "x", "endpoints must be a list of mappings, got str"),
    ("prune", "False", "prune must be true or false, got 'False'"),
    ("force", "False", "force must be true or false, got 'False'"),
    ("cancel_on_kill", "yes", "cancel_on_kill must be true or false, got 'yes'"),
    ("operation_id", "17", "operation_id must be a UUID, got '17'"),
    ("dbaas_task_id", "{17", "dbaas_task_id must be a UUID, got '{17'"),
    ("wait_timeout", 0, "wait_timeout must be a number of seconds above 0, got 0"),
    ("failure_patience", "long", "failure_patience must be a number of seconds above 0, got 'long'"),
]
CASES = [
    (kind, {**good, parameter: value}, message)
    for kind, good in GOOD
    for parameter, value, message in BAD
    if parameter in kind.template_fields or parameter in kind.checks or parameter in vars(kind(task_id="t", **good))
]


@pytest.mark.parametrize(("kind", "arguments"), GOOD)
def test_good_parameters(kind: Any, arguments: dict[str, Any]) -> None:
    """Every operator and sensor can be made with what it needs and no more."""
    assert kind(task_id="t", **arguments).exoscale_conn_id == "exoscale_default"


@pytest.mark.parametrize(("kind", "arguments", "message"), CASES)
def test_bad_parameters(kind: Any, arguments: dict[str, Any], message: str) -> None:
    """The DAG does not parse, and the error names the parameter, its limit and the value."""
    with pytest.raises(DbaasConfigurationError) as caught:
        kind(task_id="t", **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"admin_password": "x"},
            "settings: admin_password must not be given here: the service makes its own password",
        ),
        ({"migration": {"host": "x"}}, "settings: migration must not be given here: DbaasStartMigrationOperator takes"),
    ],
)
def test_settings_of_a_service_that_belong_elsewhere(settings: dict[str, Any], message: str) -> None:
    """The error says where they belong."""
    with pytest.raises(DbaasConfigurationError, match=message):
        DbaasCreateServiceOperator(task_id="t", service_name="db", plan="startup-4", settings=settings)


@pytest.mark.parametrize(("kind", "arguments"), GOOD)
def test_templates_are_checked_when_rendered(kind: Any, arguments: dict[str, Any]) -> None:
    """A template parses; what it renders to is checked before the first request."""
    templated = {name: "{{ params.x }}" for name in arguments if name in kind.template_fields}
    task = kind(task_id="t", zone="{{ params.zone }}", **{**arguments, **templated})
    for name in templated:
        setattr(task, name, arguments[name])
    task.zone = "mars-1"
    with pytest.raises(Exception, match="zone must be one of") as caught:
        task.execute({})
    assert type(caught.value).__name__ == "AirflowFailException"


@pytest.mark.parametrize(
    ("kind", "arguments", "parameter"),
    [
        (kind, good, parameter)
        for kind, good in GOOD
        for parameter in kind.checks
        if parameter not in {*kind.template_fields, "check_only"}
    ],
)
def test_templates_where_none_is_rendered(kind: Any, arguments: dict[str, Any], parameter: str) -> None:
    """They would be taken for the value: ``force="{{ … }}"`` would always be true."""
    with pytest.raises(DbaasConfigurationError, match=f"{parameter} is not templated: it must be a plain value"):
        kind(task_id="t", **{**arguments, parameter: "{{ params.x }}"})


def test_a_dry_run_is_true_or_false() -> None:
    """It is kept under another name."""
    for dry_run in ("False", "{{ params.x }}"):
        with pytest.raises(DbaasConfigurationError):
            DbaasDeleteServiceOperator(task_id="t", service_name="db", dry_run=dry_run)


def test_every_operator_is_in_the_list() -> None:
    """None is left out of these tests."""
    public = {
        kind
        for module in MODULES
        for name, kind in vars(module).items()
        if name.startswith("Dbaas")
        and name.endswith(("Operator", "Sensor"))
        and name not in {"DbaasOperator", "DbaasSensor"}
    }
    assert {kind for kind, _ in GOOD} == public


@pytest.mark.parametrize(("kind", "arguments"), GOOD)
def test_what_users_vary_is_templated(kind: Any, arguments: dict[str, Any]) -> None:
    """Names, ids, connections and zone can all come from parameters or other tasks."""
    assert set(arguments) | {"zone", "exoscale_conn_id"} <= set(kind.template_fields)


@pytest.mark.parametrize(("kind", "arguments"), GOOD)
def test_default_args_reach_every_parameter(kind: Any, arguments: dict[str, Any]) -> None:
    """What a DAG sets for all of its tasks holds for ours, also for parameters that base classes declare."""
    given = {"exoscale_conn_id": "other", "zone": "at-vie-1", "deferrable": True, "retries": 7, **arguments}
    with DAG("d", schedule=None, default_args=given):
        task = kind(task_id="t")
    assert {name: getattr(task, name) for name in given} == given


def test_deferrable_follows_airflows_setting() -> None:
    """Without a word from the author, [operators] default_deferrable decides."""
    code = (
        "from airflow_dbaas.sensors.services import DbaasServiceSensor as S; "
        "from airflow_dbaas.operators.services import DbaasDeleteServiceOperator as O; "
        "print(S(task_id='t', service_name='x').deferrable, O(task_id='t', service_name='x').deferrable)"
    )
    for setting in ("True", "False"):
        env = {**os.environ, "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": setting}
        out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
        assert out.stdout.split()[-2:] == [setting, setting]
