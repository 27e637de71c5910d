"""What is checked before an integration is made or changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasServiceError
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.config.desired_state import Link
from airflow_dbaas.operators.external_endpoints import DbaasDeleteExternalEndpointOperator, DbaasDetachEndpointOperator
from airflow_dbaas.operators.integrations import (
    DbaasCreateIntegrationOperator,
    DbaasDeleteIntegrationOperator,
    IntegrationRules,
    check_against_schema,
)
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "days": {"type": "integer", "minimum": 1, "maximum": 100},
        "prefix": {"type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9-_.]+$", "maxLength": 10},
        "fields": {"type": "array", "maxItems": 2, "items": {"type": "string", "enum": ["A", "B"]}},
        "telegraf": {"type": "object", "properties": {"limit": {"type": "integer", "maximum": 9}}},
    },
}
TYPES = {
    "dbaas-integration-types": [
        {"type": "logs", "source-service-types": ["pg", "mysql"], "dest-service-types": ["opensearch"]},
        {"type": "metrics"},
    ]
}
SERVICES = ServiceList.model_validate(
    {
        "dbaas-services": [
            {"name": "db", "type": "pg"},
            {"name": "search", "type": "opensearch"},
            {"name": "cache", "type": "valkey"},
        ]
    }
)


@pytest.mark.fact("integration-settings")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"days": 101}, "settings.days: 101 is greater than the maximum of 100"),
        ({"days": 0}, "settings.days: 0 is less than the minimum of 1"),
        ({"days": "7"}, "settings.days: '7' is not of type 'integer'"),
        ({"days": True}, "settings.days: True is not of type 'integer'"),
        ({"prefix": "Logs"}, "settings.prefix: 'Logs' does not match '^[a-z0-9][a-z0-9-_.]+$'"),
        ({"prefix": "a" * 11}, "settings.prefix: 'aaaaaaaaaaa' is too long"),
        ({"fields": ["A", "C"]}, "settings.fields.1: 'C' is not one of ['A', 'B']"),
        ({"fields": ["A", "B", "A"]}, "settings.fields: ['A', 'B', 'A'] is too long"),
        ({"telegraf": {"limit": 10}}, "settings.telegraf.limit: 10 is greater than the maximum of 9"),
        ({"day": 1}, "settings: unknown setting 'day', did you mean 'days'?"),
        (
            {"days": 101, "prefix": "!"},
            "settings.days: 101 is greater than the maximum of 100; settings.prefix: '!' does",
        ),
        ({"prefix": "https://u:s3cret@h"}, "settings.prefix: 'https://u:***@h' "),
    ],
)
def test_settings_that_break_the_schema(settings: dict[str, Any], message: str) -> None:
    """The error names every property that does, its value and the limit."""
    with pytest.raises(DbaasConfigurationError) as caught:
        check_against_schema(SCHEMA, settings, where="settings")
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{}, {"days": 100, "prefix": "logs-2"}, {"prefix": None}, {"fields": ["B"], "telegraf": {"other": 1}}]
)
def test_settings_that_keep_the_schema(settings: dict[str, Any]) -> None:
    """They pass; what the schema leaves open does, too."""
    check_against_schema(SCHEMA, settings, where="settings")
    check_against_schema({}, settings, where="settings")


@pytest.fixture
def rules(server: ScriptedServer) -> Iterator[IntegrationRules]:
    server.replies = [Reply(body=TYPES), Reply(body={"settings": SCHEMA})]
    with Client("EXOkey", "secret", url=server.url) as client:
        yield IntegrationRules(client, SERVICES)


@pytest.mark.fact("integration-types")
def test_what_the_api_offers_passes(rules: IntegrationRules, server: ScriptedServer) -> None:
    """A schema is asked for once, and only if there are settings; a type that names no services takes all."""
    for _ in range(2):
        rules.check(Link("logs", "db", "search"), {"days": 7})
    rules.check(Link("metrics", "cache", "db"), None)
    assert [path for _, path, *_ in server.requests] == [
        "/v2/dbaas-integration-types",
        "/v2/dbaas-integration-settings/logs/pg/opensearch",
    ]
    with pytest.raises(DbaasConfigurationError, match=r"integrations\[3\].days: 0 is less"):
        rules.check(Link("logs", "db", "search"), {"days": 0}, where="integrations[3]")


@pytest.mark.fact("integration-types")
@pytest.mark.parametrize(
    ("link", "message"),
    [
        (
            Link("logs", "cache", "search"),
            "logs integration cache → search is not possible: cache, of type valkey, cannot be its source: possible "
            "types: pg, mysql",
        ),
        (
            Link("logs", "search", "db"),
            "search, of type opensearch, cannot be its source: possible types: pg, mysql; db, of type pg, cannot be "
            "its "
            "destination: possible types: opensearch; swapped, it is possible",
        ),
        (
            Link("datasource", "db", "search"),
            "integration_type: the API offers no integrations of type datasource, only logs, metrics",
        ),
    ],
)
def test_what_the_api_does_not_offer_is_refused(rules: IntegrationRules, link: Link, message: str) -> None:
    """The error says what would be right."""
    with pytest.raises(DbaasConfigurationError) as caught:
        rules.check(link, None)
    assert message in str(caught.value)


def test_services_that_do_not_exist(rules: IntegrationRules) -> None:
    """Named, at whichever end."""
    for link in (Link("logs", "gone", "search"), Link("logs", "db", "gone")):
        with pytest.raises(DbaasServiceError, match="service gone does not exist"):
            rules.check(link, None)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (DbaasDeleteIntegrationOperator, {}, "got none of them"),
        (
            DbaasDeleteIntegrationOperator,
            {"integration_type": "logs"},
            "or integration_type and source_service and dest_",
        ),
        (
            DbaasDeleteIntegrationOperator,
            {"integration_id": ID, "source_service": "db"},
            "got integration_id, source_ser",
        ),
        (
            DbaasDetachEndpointOperator,
            {"service_name": "db"},
            "integration_id, or endpoint_id, or endpoint_name; got none",
        ),
        (
            DbaasDetachEndpointOperator,
            {"service_name": "db", "endpoint_id": ID, "endpoint_name": "e"},
            "give either integration_id, or endpoint_id, or endpoint_name; got endpoint_id, endpoint_name",
        ),
        (DbaasDeleteExternalEndpointOperator, {"endpoint_type": "rsyslog"}, "endpoint_id, or endpoint_name; got none"),
        (
            DbaasCreateIntegrationOperator,
            {"integration_type": "logs", "source_service": "db", "dest_service": "db"},
            "source_service and dest_service must be two services, got db twice",
        ),
    ],
)
def test_what_is_meant_must_be_clear(kind: Any, arguments: dict[str, Any], message: str) -> None:
    """One complete way to name it, and no more; found when the DAG is parsed."""
    with pytest.raises(DbaasConfigurationError) as caught:
        kind(task_id="t", **arguments)
    assert message in str(caught.value)
