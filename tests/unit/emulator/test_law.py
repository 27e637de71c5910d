"""Exoscale's document as the emulator reads it."""

import uuid

import pytest

from airflow_dbaas.emulator.handlers import HANDLERS
from airflow_dbaas.emulator.openapi_validator import Law, OffTheDocument


@pytest.fixture(scope="module")
def law():
    return Law.load()


def test_served_operations_are_operations_of_the_document(law):
    """No handler is for an operation that does not exist."""
    assert HANDLERS.keys() <= law.operations.keys()


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ({}, "missing keys 'plan'"),
        ([], "body: must be of type object"),
        ({"plan": 7}, "plan: must be of type string"),
        ({"plan": "startup-4", "migration": {"host": "h"}}, "missing keys 'migration.port'"),
        ({"plan": "startup-4", "migration": {"host": "h", "port": 70000}}, "migration.port: must be at most 65535"),
        ({"plan": "startup-4", "migration": {"host": "h", "port": 0}}, "migration.port: must be at least 1"),
        (
            {"plan": "startup-4", "migration": {"host": "h", "port": 1, "method": "magic"}},
            "migration.method: must be one of",
        ),
        ({"plan": "startup-4", "version": "12"}, "version: must be one of 13, 14, 15, 16, 17, 18"),
        ({"plan": "startup-4", "pg-settings": {"no": 1}}, "pg-settings: unknown keys no"),
        (
            {"plan": "startup-4", "backup-schedule": {"backup-hour": 24}},
            "backup-schedule.backup-hour: must be at most 23",
        ),
    ],
)
def test_a_request_off_the_document_is_named_by_property_and_limit(law, body, finding):
    """The text says which property and which rule."""
    with pytest.raises(OffTheDocument) as error:
        law.check_request(law.operations["create-dbaas-service-pg"], body)
    assert finding in str(error.value)


def test_a_finding_does_not_quote_the_value(law):
    """It may be a password."""
    body = {"plan": "startup-4", "migration": {"host": "h", "port": 1, "password": "hunter2" * 50}}
    with pytest.raises(OffTheDocument) as error:
        law.check_request(law.operations["create-dbaas-service-pg"], body)
    assert str(error.value) == "migration.password: must have at most 255 characters"


def test_parameters_and_formats_are_checked(law):
    """Path parameters too, and uuid and date-time for what they are."""
    with pytest.raises(OffTheDocument, match="id: must be a valid uuid"):
        law.check_parameters(law.operations["get-operation"], {"id": "17"})
    with pytest.raises(OffTheDocument, match="name: must have at most 63 characters"):
        law.check_parameters(law.operations["get-dbaas-service-pg"], {"name": "n" * 64})
    task = {"id": str(uuid.uuid4()), "create-time": "yesterday"}
    with pytest.raises(OffTheDocument, match="create-time: must be a valid date-time"):
        law.check_response(law.operations["get-dbaas-task"], task)


def test_paths_are_matched_before_they_are_decoded(law):
    """A slash that is a part of a name does not separate."""
    found = law.find("GET", ["dbaas-migration-status", "my%20db%2Fx"])
    assert found is not None
    operation, parameters = found
    assert (operation.id, parameters) == ("get-dbaas-migration-status", {"name": "my db/x"})
    assert law.find("GET", ["dbaas-migration-status", "my", "x"]) is None
