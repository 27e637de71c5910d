"""Secrets in requests and answers are never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas.api import Client, answers, errors
from airflow_dbaas.api.accounts import UserSecrets
from airflow_dbaas.api.answer import Answer
from airflow_dbaas.api.external_endpoints import DatadogEndpoint, PrometheusEndpoint, RsyslogEndpoint
from airflow_dbaas.api.observability import LogEntry, ServiceMetrics
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.redaction import SECRETS, Secret, is_secret
from airflow_dbaas.api.services import (
    GrafanaService,
    MysqlService,
    MysqlServices,
    OpensearchService,
    PgService,
    Service,
    ThanosService,
    ValkeyService,
)
from tests.contract.operations import declared
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
CANARY = "Canary0f7e1"

#: Every property of a body that holds a secret: the operation, and its arguments with a canary in that place.
SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "pg admin": ("create-dbaas-service-pg", {"name": "a", "plan": "startup-4", "admin_password": CANARY}),
    "mysql admin": ("create-dbaas-service-mysql", {"name": "a", "plan": "startup-4", "admin_password": CANARY}),
    "check": ("create-dbaas-task-migration-check", {"service": "a", "source_service_uri": CANARY}),
    "pg user": ("reset-dbaas-postgres-user-password", {"service_name": "a", "username": "u", "password": CANARY}),
    "mysql user": ("reset-dbaas-mysql-user-password", {"service_name": "a", "username": "u", "password": CANARY}),
    "grafana settings": (
        "create-dbaas-service-grafana",
        {"name": "a", "plan": "startup-4", "grafana_settings": {"auth_github": {"client_secret": CANARY}}},
    ),
    "grafana storage": (
        "update-dbaas-service-grafana",
        {"name": "a", "grafana_settings": {"external_image_storage": {"secret_key": CANARY}}},
    ),
    "grafana mail": (
        "update-dbaas-service-grafana",
        {"name": "a", "grafana_settings": {"smtp_server": {"password": CANARY}}},
    ),
    "opensearch mail": (
        "update-dbaas-service-opensearch",
        {"name": "a", "opensearch_settings": {"email-sender": {"email_sender_password": CANARY}}},
    ),
}
for kind in ("pg", "mysql", "valkey"):
    for verb, plan in (("create", {"plan": "startup-4"}), ("update", {})):
        migration = {"host": "h", "port": 1, "password": CANARY}
        SENT[f"{kind} {verb} migration"] = (
            f"{verb}-dbaas-service-{kind}",
            {"name": "a", **plan, "migration": migration},
        )
RSYSLOG = {"server": "host", "port": 1, "tls": True, "format": "rfc5424"}
for verb, target in (("create", {"name": "e"}), ("update", {"endpoint_id": ID})):
    SENT |= {
        f"datadog {verb}": (
            f"{verb}-dbaas-external-endpoint-datadog",
            {**target, "settings": {"datadog_api_key": CANARY, "site": "datadoghq.eu"}},
        ),
        f"prometheus {verb}": (
            f"{verb}-dbaas-external-endpoint-prometheus",
            {**target, "settings": {"basic_auth_password": CANARY}},
        ),
        f"rsyslog {verb}": (
            f"{verb}-dbaas-external-endpoint-rsyslog",
            {**target, "settings": {**RSYSLOG, "key": CANARY, "logline": CANARY, "sd": CANARY}},
        ),
    }


#: Settings that are free-form are checked by the API only.
CHECKED = [example for example in SENT if not example.startswith(("grafana", "opensearch"))]


def spoiled(value: dict[str, Any], bad: Any) -> dict[str, Any]:
    """A copy of arguments with something else in the canary's place."""
    copy: dict[str, Any] = json.loads(json.dumps(value).replace(json.dumps(CANARY), json.dumps(bad)))
    return copy


def test_the_examples_hold_every_kind_of_secret() -> None:
    """No secret property is left out."""
    names: set[str] = set()

    def collect(node: Any) -> None:
        for name, value in node.items() if isinstance(node, dict) else ():
            if value == CANARY:
                names.add(name.replace("_", "-"))
            collect(value)

    for _, arguments in SENT.values():
        collect(arguments)
    assert names == SECRETS


@pytest.mark.parametrize("example", SENT)
def test_calls_show_no_secret(example: str) -> None:
    """Neither repr nor text of a call holds one; all are known, to be kept out of the API's messages."""
    name, arguments = SENT[example]
    call = declared(name).call(**arguments)
    assert CANARY not in f"{call!r} {call}"
    assert answers.secrets_in(call.body) == {Secret(CANARY)}


@pytest.mark.parametrize("bad", [CANARY * 3000, [CANARY], {"password": CANARY}], ids=["long", "list", "mapping"])
@pytest.mark.parametrize("example", CHECKED)
def test_refusals_show_no_secret(example: str, bad: Any) -> None:
    """A secret that breaks a limit, or is of a wrong type, is not in the error that says so."""
    name, arguments = SENT[example]
    with pytest.raises(errors.DbaasConfigurationError) as caught:
        declared(name).call(**spoiled(arguments, bad))
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("example", SENT)
def test_the_apis_messages_show_no_secret(server: ScriptedServer, example: str) -> None:
    """An API that repeats a secret in its error does not get it into ours."""
    name, arguments = SENT[example]
    server.replies = [Reply(400, {"message": f"cannot use {CANARY}"})]
    with Client("key", "secret", url=server.url) as client, pytest.raises(errors.DbaasBadRequestError) as caught:
        client.operation(name)(**arguments)
    assert "400 cannot use ***; API (" in str(caught.value)


def test_a_secret_where_a_long_message_is_cut(server: ScriptedServer) -> None:
    """A message is cut at 500 characters, but not through a secret."""
    server.replies = [Reply(400, {"message": "x" * 495 + CANARY})]
    with Client("key", "secret", url=server.url) as client, pytest.raises(errors.DbaasBadRequestError) as caught:
        client.accounts.pg.reset_password(service_name="a", username="u", password=CANARY)
    assert CANARY[:3] not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"admin_pasword": CANARY}, "unknown setting 'admin_pasword', did you mean 'admin_password'\\?$"),
        (
            {"migration": {"host": "h", "port": 1, "passwort": CANARY}},
            "migration: unknown setting 'passwort', did you mean 'password'\\?$",
        ),
        ({"migration": f"mysql://u:{CANARY}@h"}, "migration must be a mapping of properties \\(a template"),
    ],
)
def test_misplaced_secrets(arguments: dict[str, Any], message: str) -> None:
    """A secret under a misspelled name, or in a URI where none belongs, is not shown either."""
    with pytest.raises(errors.DbaasConfigurationError, match=message) as caught:
        MysqlServices.create.call(name="a", plan="startup-4", **arguments)
    assert CANARY not in repr(caught.value)


def test_a_key_of_several_lines(server: ScriptedServer) -> None:
    """A PEM key that comes back escaped, as in JSON, is masked as well."""
    key = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"
    settings = {"server": "host", "port": 1, "tls": True, "format": "rfc5424", "key": key}
    server.replies = [Reply(400, {"message": "bad settings " + json.dumps(settings)})]
    with Client("key", "secret", url=server.url) as client, pytest.raises(errors.DbaasBadRequestError) as caught:
        client.external_endpoints.rsyslog.create(name="e", settings=settings)
    assert CANARY not in str(caught.value)


URI = f"mysql://u:{CANARY}@h:1/d"
ANSWERS: list[tuple[type[Answer], dict[str, Any]]] = [
    (UserSecrets, {"username": "u", "password": CANARY}),
    (Service, {"name": "a", "uri": URI, "uri-params": {"password": CANARY}}),
    (
        PgService,
        {"name": "a", "uri": URI, "connection-pools": [{"connection-uri": URI}], "users": [{"password": CANARY}]},
    ),
    (
        MysqlService,
        {"name": "a", "uri": URI, "connection-info": {"uri": [URI], "params": [{"password": CANARY}]}},
    ),
    (
        ValkeyService,
        {"name": "a", "connection-info": {"uri": [f"rediss://:{CANARY}@h"], "slave": [URI], "password": CANARY}},
    ),
    (
        GrafanaService,
        {
            "name": "a",
            "connection-info": {"uri": URI, "password": CANARY},
            "grafana-settings": {"auth_google": {"client_secret": CANARY}, "smtp_server": {"password": CANARY}},
        },
    ),
    (
        OpensearchService,
        {
            "name": "a",
            "connection-info": {"uri": [URI], "password": CANARY, "dashboard-uri": URI},
            "opensearch-settings": {"email-sender": {"email_sender_password": CANARY}},
        },
    ),
    (
        ThanosService,
        {
            "name": "a",
            "uri": URI,
            "uri-params": {"user": "u", "password": CANARY},
            "connection-info": {
                "query-uri": URI,
                "query-frontend-uri": URI,
                "receiver-remote-write-uri": URI,
                "ruler-uri": URI,
            },
        },
    ),
    (DatadogEndpoint, {"settings": {"site": "s", "datadog-api-key": CANARY}}),
    (PrometheusEndpoint, {"settings": {"basic-auth-password": CANARY}}),
    (RsyslogEndpoint, {"settings": {"key": CANARY}}),
    (Operation, {"message": f"cannot reach {URI} with password={CANARY}"}),
    (LogEntry, {"message": f"connection string {URI}"}),
    (ServiceMetrics, {"metrics": {"x": {"password": CANARY}}}),
]


@pytest.mark.parametrize(("kind", "content"), ANSWERS, ids=[kind.__name__ for kind, _ in ANSWERS])
def test_answers_show_no_secret(kind: type[Answer], content: dict[str, Any]) -> None:
    """An answer keeps what it was sent and shows no secret of it, wherever it is."""
    answer = kind.model_validate(content)
    assert CANARY in answer.model_dump_json()
    shown = [answer, *(value for value in vars(answer).values() if isinstance(value, Answer))]
    for each in shown:
        assert CANARY not in f"{each!r} {each} {[each]}"
        assert "***" in repr(each)


def test_secret_names_in_both_spellings() -> None:
    """Property names are known in the API's spelling and in ours; other names, and list indexes, are none."""
    assert is_secret("admin-password")
    assert is_secret("admin_password")
    assert not is_secret("username")
    assert not is_secret(0)
