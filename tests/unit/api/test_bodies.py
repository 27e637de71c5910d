"""Request bodies: what may be sent."""

import json
from datetime import date
from typing import Any

import pytest

from airflow_dbaas.api import answers
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.external_endpoints import DatadogEndpoints
from airflow_dbaas.api.migrations import Migrations
from airflow_dbaas.api.observability import Observability
from airflow_dbaas.api.operations import Operations
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.api.services import OpensearchServices, PgServices, Services

SECRET = "pa55/w@rd"


def test_bodies_are_the_apis_spelling() -> None:
    """Properties are written in kebab case, at every level; those not given are left out."""
    call = PgServices.update.call(
        name="db", migration={"host": "h", "port": 5432, "ignore_dbs": "a,b"}, termination_protection=True
    )
    assert json.loads(call.body) == {
        "migration": {"host": "h", "port": 5432, "ignore-dbs": "a,b"},
        "termination-protection": True,
    }


BAD: list[tuple[dict[str, Any], str]] = [
    ({"plan": ""}, "plan must not be empty, got ''"),
    ({"plan": "startup-4", "version": "12"}, "version must be one of 13, 14, 15, 16, 17, 18, got '12'"),
    ({"plan": "startup-4", "wrok_mem": 5}, "unknown setting 'wrok_mem', did you mean 'work_mem'?"),
    ({"plan": "startup-4", "work_mem": 1025}, "work_mem must be at most 1024, got 1025"),
    ({"plan": "startup-4", "work_mem": "8"}, "work_mem must be a whole number, got '8'"),
    ({"plan": "startup-4", "maintenance": {"dow": "monday"}}, "maintenance.time must be given"),
    (
        {"plan": "startup-4", "migration": {"host": "h", "port": 65536}},
        "migration.port must be at most 65535, got 65536",
    ),
    ({"plan": "startup-4", "migration": {"port": 1}}, "migration.host must be given"),
    (
        {"plan": "startup-4", "migration": {"host": "h", "port": 1, "password": SECRET * 40}},
        "migration.password must have at most 255 characters",
    ),
    ({"plan": "startup-4", "admin_password": SECRET}, "admin_password must match ^[a-zA-Z0-9-_]+$"),
]


@pytest.mark.parametrize(("fields", "message"), BAD)
def test_bad_values_are_refused_by_name(fields: dict[str, Any], message: str) -> None:
    """The error names operation, property, limit and value, and never a secret."""
    with pytest.raises(DbaasConfigurationError) as caught:
        PgServices.create.call(name="db", **fields)
    assert str(caught.value) == f"create-dbaas-service-pg: {message}"
    assert caught.value.__cause__ is None
    assert SECRET not in repr(caught.value)


def test_source_uri_limit() -> None:
    """A source URI has 1 to 512 characters; a longer one is refused without being shown."""
    uri = "postgres://u:" + SECRET + "@h/" + "d" * 500
    with pytest.raises(DbaasConfigurationError, match="at most 512 characters") as caught:
        Migrations.check.call(service="db", source_service_uri=uri)
    assert "dddd" not in str(caught.value)


def test_a_mapping_that_became_text_is_not_shown() -> None:
    """A template renders a mapping to its text: that is refused, and the secrets in it are not repeated."""
    with pytest.raises(DbaasConfigurationError) as caught:
        DatadogEndpoints.create.call(name="dd", settings="{'datadog_api_key': 'abc'}")  # type: ignore[typeddict-item]
    assert str(caught.value).endswith(
        ": settings must be a mapping of properties "
        "(a template gives a text, unless the DAG has render_template_as_native_obj=True)"
    )


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (date(2026, 1, 1), "body.pg-settings.x is a date"),
        ({1, 2}, "body.pg-settings.x is a set"),
        (b"x", "body.pg-settings.x is a bytes"),
        ([1, float("nan")], "body.pg-settings.x.1 is nan"),
        ({"y": {5: 1}}, "body.pg-settings.x.y: the key 5 is not a text"),
        ("\ud800", "body.pg-settings.x contains half of a surrogate pair"),
        ({"\ud800": 1}, "body.pg-settings.x: a key contains half of a surrogate pair"),
        (ENDLESS, "it is nested too deep"),
        (10**5000, "Exceeds the limit"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
def test_free_form_settings_are_json(value: Any, message: str) -> None:
    """What JSON has no value for, or would change, is refused before anything is sent: a date, a number as a key."""
    with pytest.raises(DbaasConfigurationError) as caught:
        PgServices.update.call(name="db", pg_settings={"x": value})
    assert str(caught.value).startswith(f"update-dbaas-service-pg: the body cannot be written as JSON: {message}")


def test_numbers_of_thousands_of_digits() -> None:
    """Python does not write them out; the errors say so instead."""
    with pytest.raises(DbaasConfigurationError, match=r"^get-dbaas-service-logs: limit must .*, got a very large int$"):
        Observability.logs.call(service_name="db", limit=10**5000)
    with pytest.raises(DbaasConfigurationError, match=r"^id must be a UUID, got a very large int$"):
        Operations.get.call(10**5000)  # type: ignore[arg-type]


def test_both_spellings() -> None:
    """Properties may be given in the API's own spelling, too; both at once are refused, at every level."""
    call = OpensearchServices.update.call(name="db", **{"max-index-count": None})  # type: ignore[misc]
    assert json.loads(call.body) == {"max-index-count": None}
    source: Any = {"host": "h", "port": 1, "ignore-dbs": "a"}
    assert b'"ignore-dbs": "a"' in PgServices.update.call(name="db", migration=source).body
    with pytest.raises(DbaasConfigurationError, match=r"migration: .* are the same setting, give one of them$"):
        PgServices.update.call(name="db", migration={**source, "ignore_dbs": "b"})


@pytest.mark.parametrize("name", ["", "x" * 64, ".", "..", "a\nb", "a\x00b", "\x7f", "\ud800", None, 7])
def test_bad_names(name: Any) -> None:
    """Names that cannot be one path segment, or are longer than the API takes, are refused."""
    with pytest.raises(DbaasConfigurationError, match=r"^name must "):
        Migrations.status.call(name)


def test_bad_names_are_told_the_limit() -> None:
    """The error says how long a name may be, where there is a limit."""
    with pytest.raises(DbaasConfigurationError, match=r"^name must be a name of 1 to 63 characters, got ''$"):
        Migrations.status.call("")
    with pytest.raises(DbaasConfigurationError, match=r"must be a name of at least 1 character, got ''$"):
        Services.get_type.call("")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("my db/x", "/dbaas-migration-status/my%20db%2Fx"),
        ("../operation", "/dbaas-migration-status/..%2Foperation"),
        ("a?b#c", "/dbaas-migration-status/a%3Fb%23c"),
        ("é%2F", "/dbaas-migration-status/%C3%A9%252F"),
        ("{{ x }}", "/dbaas-migration-status/%7B%7B%20x%20%7D%7D"),
    ],
)
def test_names_are_data(name: str, path: str) -> None:
    """Whatever a name holds, it stays one path segment."""
    assert Migrations.status.call(name).path == path


def test_a_call_does_not_show_its_body() -> None:
    """A call's repr and text hold no secret."""
    call = PgServices.update.call(name="db", migration={"host": "h", "port": 1, "password": SECRET})
    assert SECRET not in repr(call) + str(call)
    assert answers.secrets_in(call.body) == {Secret(SECRET)}
