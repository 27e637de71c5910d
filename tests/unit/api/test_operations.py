"""Statements of the API's calls: bodies, and whether a call may be sent again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from airflow_dbaas.api.accounts import MysqlAccounts, PgAccounts
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.external_endpoints import ExternalEndpoints
from airflow_dbaas.api.integrations import Integrations
from airflow_dbaas.api.migrations import Migrations
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.retries import Resend
from airflow_dbaas.api.services import OpensearchServices, Services
from tests.contract.operations import OPERATIONS, declared

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
SERVICES = ("pg", "mysql", "valkey", "grafana", "opensearch", "thanos")
MIGRATION = {"host": "h", "port": 1}

#: For each type of external endpoint, the least that a new one needs.
ENDPOINTS: dict[str, dict[str, Any]] = {
    "datadog": {"datadog_api_key": "abc", "site": "datadoghq.eu"},
    "elasticsearch": {"url": "https://search", "index_prefix": "logs"},
    "opensearch": {"url": "https://search", "index_prefix": "logs"},
    "prometheus": {},
    "rsyslog": {"server": "logs.example", "port": 514, "tls": True, "format": "rfc5424"},
}

#: A least example of every call that starts, changes or deletes something.
CALLS: dict[str, Callable[[], Call[Any]]] = {
    "create-dbaas-integration": lambda: Integrations.create.call(
        integration_type="logs", source_service="a", dest_service="b"
    ),
    "update-dbaas-integration": lambda: Integrations.update.call(id=ID, settings={}),
    "delete-dbaas-integration": lambda: Integrations.delete.call(ID),
    "attach-dbaas-service-to-endpoint": lambda: ExternalEndpoints.attach.call(
        source_service_name="a", dest_endpoint_id=ID, type="rsyslog"
    ),
    "detach-dbaas-service-from-endpoint": lambda: ExternalEndpoints.detach.call(
        source_service_name="a", integration_id=ID
    ),
    "update-dbaas-external-integration-settings-datadog": lambda: ExternalEndpoints.update_datadog_settings.call(
        integration_id=ID, settings={"datadog_dbm_enabled": True}
    ),
    "create-dbaas-task-migration-check": lambda: Migrations.check.call(service="a", source_service_uri="u"),
    "create-dbaas-pg-database": lambda: PgAccounts.create_database.call(service_name="a", database_name="d"),
    "delete-dbaas-pg-database": lambda: PgAccounts.delete_database.call(service_name="a", database_name="d"),
    "create-dbaas-mysql-database": lambda: MysqlAccounts.create_database.call(service_name="a", database_name="d"),
    "delete-dbaas-mysql-database": lambda: MysqlAccounts.delete_database.call(service_name="a", database_name="d"),
    "create-dbaas-postgres-user": lambda: PgAccounts.create_user.call(service_name="a", username="u"),
    "delete-dbaas-postgres-user": lambda: PgAccounts.delete_user.call(service_name="a", username="u"),
    "create-dbaas-mysql-user": lambda: MysqlAccounts.create_user.call(service_name="a", username="u"),
    "delete-dbaas-mysql-user": lambda: MysqlAccounts.delete_user.call(service_name="a", username="u"),
    "reset-dbaas-postgres-user-password": lambda: PgAccounts.reset_password.call(service_name="a", username="u"),
    "reset-dbaas-mysql-user-password": lambda: MysqlAccounts.reset_password.call(service_name="a", username="u"),
    "delete-dbaas-service": lambda: Services.delete.call("a"),
    "stop-dbaas-pg-migration": lambda: Migrations.stop_pg.call("a"),
    "stop-dbaas-mysql-migration": lambda: Migrations.stop_mysql.call("a"),
    "stop-dbaas-valkey-migration": lambda: Migrations.stop_valkey.call("a"),
}


def stated(operation: str, /, *arguments: Any, **named: Any) -> None:
    CALLS[operation] = lambda: declared(operation).call(*arguments, **named)


for kind in SERVICES:
    stated(f"create-dbaas-service-{kind}", name="a", plan="startup-4")
    stated(f"update-dbaas-service-{kind}", name="a")
    stated(f"delete-dbaas-service-{kind}", "a")
stated("enable-dbaas-mysql-writes", name="a")
for kind, least in ENDPOINTS.items():
    stated(f"create-dbaas-external-endpoint-{kind}", name="e", settings=least)
    stated(f"update-dbaas-external-endpoint-{kind}", endpoint_id=ID, settings=least)
    stated(f"delete-dbaas-external-endpoint-{kind}", ID)


def test_every_call_that_changes_something_is_here() -> None:
    """The examples leave out nothing but what reads."""
    assert set(CALLS) == {name for name in OPERATIONS if not name.startswith(("get-", "list-", "reveal-"))}


@pytest.mark.parametrize("operation", CALLS)
def test_least_bodies(operation: str) -> None:
    """What is required is enough."""
    call = CALLS[operation]()
    assert call.operation == operation
    assert call.answer is Operation
    if call.body:
        json.loads(call.body)


def test_only_calls_that_start_something_are_held_back() -> None:
    """Making something is not repeated blindly, nor is a reset that makes up a password; everything else may be."""
    held_back = {name for name, call in CALLS.items() if call().resend is Resend.IF_UNPROCESSED}
    making = {name for name in CALLS if name.startswith(("create-", "attach-"))} - {"create-dbaas-task-migration-check"}
    assert held_back == making | {"reset-dbaas-postgres-user-password", "reset-dbaas-mysql-user-password"}


def test_what_is_held_back_says_how_to_look_it_up() -> None:
    """Whoever loses the answer to such a call reads in its description where to see what became of it."""
    for name, call in CALLS.items():
        text = str(declared(name).__doc__)
        migrates = name in {f"update-dbaas-service-{kind}" for kind in ("pg", "mysql", "valkey")}
        held_back = call().resend is Resend.IF_UNPROCESSED or migrates
        said = re.search(
            r"not\s+repeated\s+if\s+the\s+API\s+may\s+have\s+acted.*(look|check|reveal)",
            text,
            re.DOTALL | re.IGNORECASE,
        )
        assert bool(said) == held_back, name


@pytest.mark.parametrize("kind", ["pg", "mysql", "valkey"])
def test_starting_a_migration_is_not_repeated(kind: str) -> None:
    """An update is as good the second time; a second migration is not."""
    update = declared(f"update-dbaas-service-{kind}").call
    assert update(name="a", plan="startup-8").resend is Resend.ALWAYS
    assert update(name="a", plan="startup-8", migration=MIGRATION).resend is Resend.IF_UNPROCESSED


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_reset_to_a_given_password_may_be_repeated(kind: str) -> None:
    """Then the second one changes nothing."""
    reset = declared(f"reset-dbaas-{kind}-user-password").call
    assert reset(service_name="a", username="u", password="12345678").resend is Resend.ALWAYS


@pytest.mark.parametrize("kind", SERVICES)
def test_a_new_service_needs_a_plan(kind: str) -> None:
    """The one property that every new service needs."""
    with pytest.raises(DbaasConfigurationError, match=f"^create-dbaas-service-{kind}: plan must be given$"):
        declared(f"create-dbaas-service-{kind}").call(name="a")


def test_null_is_sent_only_where_it_means_something() -> None:
    """None leaves a property out, unless null is a value of it."""
    call = OpensearchServices.update.call(name="a", max_index_count=None, index_template=None)  # type: ignore[arg-type]
    assert json.loads(call.body) == {"max-index-count": None}


def test_ids_in_bodies_are_uuids() -> None:
    """An id that is none is refused, also inside a body."""
    with pytest.raises(DbaasConfigurationError, match="dest_endpoint_id must be a UUID, got 'mine'"):
        ExternalEndpoints.attach.call(source_service_name="a", dest_endpoint_id="mine", type="rsyslog")
