"""Statements of the API's calls: bodies, and whether a call may be sent again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_dbaas.api import bodies, endpoints, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.retries import Resend
from tests.contract.operations import OPERATIONS

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
    "create-dbaas-integration": lambda: endpoints.create_dbaas_integration(
        integration_type="logs", source_service="a", dest_service="b"
    ),
    "update-dbaas-integration": lambda: endpoints.update_dbaas_integration(id=ID, settings={}),
    "delete-dbaas-integration": lambda: endpoints.delete_dbaas_integration(ID),
    "attach-dbaas-service-to-endpoint": lambda: endpoints.attach_dbaas_service_to_endpoint(
        source_service_name="a", dest_endpoint_id=ID, type="rsyslog"
    ),
    "detach-dbaas-service-from-endpoint": lambda: endpoints.detach_dbaas_service_from_endpoint(
        source_service_name="a", integration_id=ID
    ),
    "update-dbaas-external-integration-settings-datadog": lambda: (
        endpoints.update_dbaas_external_integration_settings_datadog(
            integration_id=ID, settings={"datadog_dbm_enabled": True}
        )
    ),
    "create-dbaas-task-migration-check": lambda: endpoints.create_dbaas_task_migration_check(
        service="a", source_service_uri="u"
    ),
    "create-dbaas-pg-database": lambda: endpoints.create_dbaas_pg_database(service_name="a", database_name="d"),
    "delete-dbaas-pg-database": lambda: endpoints.delete_dbaas_pg_database(service_name="a", database_name="d"),
    "create-dbaas-mysql-database": lambda: endpoints.create_dbaas_mysql_database(service_name="a", database_name="d"),
    "delete-dbaas-mysql-database": lambda: endpoints.delete_dbaas_mysql_database(service_name="a", database_name="d"),
    "create-dbaas-postgres-user": lambda: endpoints.create_dbaas_postgres_user(service_name="a", username="u"),
    "delete-dbaas-postgres-user": lambda: endpoints.delete_dbaas_postgres_user(service_name="a", username="u"),
    "create-dbaas-mysql-user": lambda: endpoints.create_dbaas_mysql_user(service_name="a", username="u"),
    "delete-dbaas-mysql-user": lambda: endpoints.delete_dbaas_mysql_user(service_name="a", username="u"),
    "reset-dbaas-postgres-user-password": lambda: endpoints.reset_dbaas_postgres_user_password(
        service_name="a", username="u"
    ),
    "reset-dbaas-mysql-user-password": lambda: endpoints.reset_dbaas_mysql_user_password(
        service_name="a", username="u"
    ),
    "delete-dbaas-service": lambda: endpoints.delete_dbaas_service("a"),
    "stop-dbaas-pg-migration": lambda: endpoints.stop_dbaas_pg_migration("a"),
    "stop-dbaas-mysql-migration": lambda: endpoints.stop_dbaas_mysql_migration("a"),
    "stop-dbaas-valkey-migration": lambda: endpoints.stop_dbaas_valkey_migration("a"),
}


def stated(function: str, /, *arguments: Any, **named: Any) -> Callable[[], Call[Any]]:
    return lambda: getattr(endpoints, function)(*arguments, **named)


for kind in SERVICES:
    CALLS[f"create-dbaas-service-{kind}"] = stated(f"create_dbaas_service_{kind}", name="a", plan="startup-4")
    CALLS[f"update-dbaas-service-{kind}"] = stated(f"update_dbaas_service_{kind}", name="a")
    CALLS[f"delete-dbaas-service-{kind}"] = stated(f"delete_dbaas_service_{kind}", "a")
for kind, least in ENDPOINTS.items():
    CALLS[f"create-dbaas-external-endpoint-{kind}"] = stated(
        f"create_dbaas_external_endpoint_{kind}", name="e", settings=least
    )
    CALLS[f"update-dbaas-external-endpoint-{kind}"] = stated(
        f"update_dbaas_external_endpoint_{kind}", endpoint_id=ID, settings=least
    )
    CALLS[f"delete-dbaas-external-endpoint-{kind}"] = stated(f"delete_dbaas_external_endpoint_{kind}", ID)


def test_every_call_that_changes_something_is_here() -> None:
    """The examples leave out nothing but what reads."""
    assert set(CALLS) == {name for name in OPERATIONS if not name.startswith(("get-", "list-", "reveal-"))}


@pytest.mark.parametrize("operation", CALLS)
def test_least_bodies(operation: str) -> None:
    """What is required is enough."""
    call = CALLS[operation]()
    assert call.operation == operation
    assert call.answer is models.Operation
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
        text = getattr(endpoints, name.replace("-", "_")).__doc__
        migrates = name in {f"update-dbaas-service-{kind}" for kind in ("pg", "mysql", "valkey")}
        held_back = call().resend is Resend.IF_UNPROCESSED or migrates
        assert bool(re.search(r"not repeated when it is unknown.*(look|reveal)", text, re.DOTALL | re.IGNORECASE)) == (
            held_back
        ), name


@pytest.mark.parametrize("kind", ["pg", "mysql", "valkey"])
def test_starting_a_migration_is_not_repeated(kind: str) -> None:
    """An update is as good the second time; a second migration is not."""
    update = getattr(endpoints, f"update_dbaas_service_{kind}")
    assert update(name="a", plan="startup-8").resend is Resend.ALWAYS
    assert update(name="a", plan="startup-8", migration=MIGRATION).resend is Resend.IF_UNPROCESSED


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_reset_to_a_given_password_may_be_repeated(kind: str) -> None:
    """Then the second one changes nothing."""
    reset = getattr(endpoints, f"reset_dbaas_{kind}_user_password")
    assert reset(service_name="a", username="u", password="12345678").resend is Resend.ALWAYS


@pytest.mark.parametrize("kind", SERVICES)
def test_a_new_service_needs_a_plan(kind: str) -> None:
    """The one property that every new service needs."""
    with pytest.raises(DbaasConfigurationError, match=f"^create-dbaas-service-{kind}: plan must be given$"):
        getattr(endpoints, f"create_dbaas_service_{kind}")(name="a")


def test_null_is_sent_only_where_it_means_something() -> None:
    """None leaves a property out, unless null is a value of it."""
    call = endpoints.update_dbaas_service_opensearch(name="a", max_index_count=None, index_template=None)  # type: ignore[arg-type]
    assert json.loads(call.body) == {"max-index-count": None}


def test_ids_in_bodies_are_uuids() -> None:
    """An id that is none is refused, also inside a body."""
    with pytest.raises(DbaasConfigurationError, match="dest_endpoint_id must be a UUID, got 'mine'"):
        endpoints.attach_dbaas_service_to_endpoint(source_service_name="a", dest_endpoint_id="mine", type="rsyslog")


@pytest.mark.parametrize("package", [bodies, models], ids=["bodies", "models"])
def test_every_name_can_be_looked_up(package: Any) -> None:
    """What a package offers is there, and nothing else is."""
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match=r"has no attribute 'Nothing'"):
        _ = package.Nothing


def test_dir_shows_what_was_not_used_yet() -> None:
    """Names that are looked up when they are used are in ``dir`` before."""
    for package in ("models", "bodies"):
        shown = f"import airflow_dbaas.api.{package} as p; assert set(p.__all__) <= set(dir(p)); print(len(p.__all__))"
        assert (
            int(subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout) > 50
        )


def test_one_odd_service_does_not_spoil_the_list() -> None:
    """What nothing rests on is None where it is not of its type; a name has to be."""
    odd = {"name": "odd", "node-memory": 2.5, "created-at": 0, "notifications": [{"level": "warning", "metadata": []}]}
    found = models.ServiceList.model_validate({"dbaas-services": [odd, {"name": "db", "disk-size": 8}]})
    assert [(each.name, each.node_memory, each.created_at, each.disk_size) for each in found.dbaas_services] == [
        ("odd", None, "0", None),
        ("db", None, None, 8),
    ]
    assert (notice := found.dbaas_services[0].notifications[0]).level == "warning"
    assert notice.metadata is None
    with pytest.raises(ValidationError, match="name"):
        models.ServiceList.model_validate({"dbaas-services": [{"name": ["odd"]}]})


def test_finding_things_in_lists() -> None:
    """What was asked for is found by what it is, and is None if it is not there."""
    services = models.ServiceList.model_validate(
        {
            "dbaas-services": [
                {"name": "a", "integrations": None},
                {"name": "b", "integrations": [{"id": ID, "type": "logs", "source": "a", "dest": "b"}]},
            ]
        }
    )
    found = services.integration(type="logs", source="a", dest="b")
    assert found
    assert found.id == ID
    assert services.integration(type="logs", source="b", dest="a") is None
    attached = models.ExternalIntegrationList.model_validate(
        {"external-integrations": [{"integration-id": "i", "dest-endpoint-id": ID}]}
    )
    assert attached.with_endpoint(ID) is attached.external_integrations[0]
    assert attached.with_endpoint("other") is None
    known = models.ExternalEndpointList.model_validate({"dbaas-endpoints": [{"name": "e", "type": "rsyslog"}]})
    assert known.named("e", type="rsyslog") is known.dbaas_endpoints[0]
    assert known.named("e", type="datadog") is None
