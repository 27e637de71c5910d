"""One table of good and bad values drives the API client, the operators and the forms of DAGs: they agree."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from airflow.exceptions import AirflowException

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.external_endpoints import ExternalEndpoints
from airflow_dbaas.api.integrations import Integrations
from airflow_dbaas.api.migrations import Migrations
from airflow_dbaas.api.observability import Observability
from airflow_dbaas.api.parameters import ENDPOINT_TYPES, INTEGRATION_TYPES, SERVICE_TYPES, ZONES
from airflow_dbaas.dag_params import dbaas_params
from airflow_dbaas.operators.external_endpoints import DbaasDeleteExternalEndpointOperator
from airflow_dbaas.operators.integrations import DbaasDeleteIntegrationOperator
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator
from airflow_dbaas.operators.observability import DbaasServiceMetricsOperator
from airflow_dbaas.operators.services import DbaasCreateServiceOperator, DbaasDeleteServiceOperator
from tests.unit.bad_input.kinds import GOOD, ID

CLIENT = Client("EXOkey", "secret", zone="ch-gva-2")

#: Of each parameter: values that will do, and values that will not.
TABLE: dict[str, tuple[list[Any], list[Any]]] = {
    "plan": (
        ["mega-4", "startup-4", "business-32", "hobbyist-2", "premium-6x-33", f"a-{'1' * 126}"],
        ["mega", "Startup-4", "startup-", "startup-4\n", "startup 4", "", 4, f"a-{'1' * 127}"],
    ),
    "ignore_dbs": (["", None, "a", "a,b", "x" * 2048], ["x" * 2049, 1.5]),
    "method": (["auto", "dump", "replication"], ["copy", "", "Dump", 1]),
    "zone": ([*ZONES, "", None], ["mars-1", "CH-GVA-2", " ch-gva-2", 1]),
    "service_name": (["db", "a" * 63, "ünï cödé"], ["", "a" * 64, "..", "a\nb", 1.5]),
    "service_type": (list(SERVICE_TYPES), ["kafka", "PG", 1]),
    "endpoint_type": (list(ENDPOINT_TYPES), ["syslog", "Datadog", 1]),
    "integration_type": (list(INTEGRATION_TYPES), ["read_replica", "Logs", 1]),
    "period": (["hour", "day", "week", "month", "year"], ["decade", "", 1]),
    "endpoint_id": ([ID, ID.upper(), ID.replace("-", ""), f"{{{ID}}}"], ["17", f"{ID}\n", 1.5]),
}


def open_client(zone: Any) -> None:
    Client("EXOkey", "secret", url="http://127.0.0.1:1/v2", zone=zone).close()


#: Of each parameter: what of the client takes it. Nothing is sent.
CALLS: dict[str, Callable[[Any], Any]] = {
    "plan": lambda value: CLIENT.services.of_type("pg").create.call(name="db", plan=value),
    "ignore_dbs": lambda value: Migrations.check.call(service="db", source_service_uri="uri", ignore_dbs=value),
    "method": lambda value: Migrations.check.call(service="db", source_service_uri="uri", method=value),
    "zone": open_client,
    "service_name": Migrations.status.call,
    "service_type": CLIENT.services.of_type,
    "endpoint_type": lambda value: ExternalEndpoints.attach.call(
        source_service_name="db", dest_endpoint_id=ID, type=value
    ),
    "integration_type": lambda value: Integrations.create.call(
        integration_type=value, source_service="a", dest_service="b"
    ),
    "period": lambda value: Observability.metrics.call(service_name="db", period=value),
    "endpoint_id": lambda value: ExternalEndpoints.attach.call(
        source_service_name="db", dest_endpoint_id=value, type="datadog"
    ),
}
OPERATORS: dict[str, Any] = {
    "plan": DbaasCreateServiceOperator,
    "ignore_dbs": DbaasMigrationCheckOperator,
    "method": DbaasMigrationCheckOperator,
    "zone": DbaasDeleteServiceOperator,
    "service_name": DbaasDeleteServiceOperator,
    "service_type": DbaasCreateServiceOperator,
    "endpoint_type": DbaasDeleteExternalEndpointOperator,
    "integration_type": DbaasDeleteIntegrationOperator,
    "period": DbaasServiceMetricsOperator,
    "endpoint_id": DbaasDeleteExternalEndpointOperator,
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "endpoint_type": {"endpoint_name": "logs", "endpoint_id": None},
    "integration_type": {"source_service": "a", "dest_service": "b", "integration_id": None},
}
ROWS = [
    (name, value, good)
    for name, (yes, no) in TABLE.items()
    for good, values in ((True, yes), (False, no))
    for value in values
]


def accepts(function: Callable[[], Any], refusal: type[Exception] = DbaasConfigurationError) -> bool:
    with suppress(refusal):
        function()
        return True
    return False


@pytest.mark.parametrize(("name", "value", "good"), ROWS)
def test_client_and_operator_agree(name: str, value: Any, good: bool) -> None:
    """Both accept the value, or both refuse it before anything is sent."""
    kind = OPERATORS[name]
    arguments = {**GOOD[kind], **ARGUMENTS.get(name, {}), name: value}
    assert accepts(lambda: CALLS[name](value)) is good, "client"
    assert accepts(lambda: kind(task_id="t", **arguments)) is good, "operator"


FORM = {"service_name": "service", **{name: name for name in ("plan", "ignore_dbs", "method", "zone")}}


@pytest.mark.parametrize(("name", "value", "good"), [row for row in ROWS if row[0] in FORM])
def test_the_forms_agree(name: str, value: Any, good: bool) -> None:
    """But for the zone: what is empty there is None. A form need not know which texts are no names."""
    (field,) = dbaas_params(FORM[name]).values()
    taken = accepts(lambda: field.resolve(value), (AirflowException, ValueError))  # type: ignore[arg-type]
    if (name, value) == ("zone", ""):
        assert not taken
    elif value not in ("..", "a\nb", "startup-4\n"):
        assert taken is good


def test_nothing_is_sent_for_auto_and_for_no_databases() -> None:
    """The API has no word for them."""
    call = Migrations.check.call(service="db", source_service_uri="uri", method="auto", ignore_dbs="")
    assert call.body == b'{"source-service-uri": "uri"}'


def test_fields_of_a_form() -> None:
    """In the order in which they are named; with the description that the DAG has."""
    fields = dbaas_params("zone", "service", service="To move into")
    assert [*fields] == ["zone", "service"]
    assert fields["service"].description == "To move into"
    assert re.match("Zone of", str(fields["zone"].description))
    with pytest.raises(KeyError):
        dbaas_params("colour")
