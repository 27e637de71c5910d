"""Answers a little off Exoscale's document: what is of no matter is read over, what matters is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from airflow_dbaas.api.accounts import UserSecrets
from airflow_dbaas.api.errors import DbaasResponseError
from airflow_dbaas.api.external_endpoints import (
    ExternalEndpoint,
    ExternalEndpointList,
    ExternalIntegration,
    ExternalIntegrationList,
)
from airflow_dbaas.api.integrations import Integration
from airflow_dbaas.api.migrations import MigrationDetail, MigrationStatus
from airflow_dbaas.api.observability import ServiceLogs
from airflow_dbaas.api.operations import Operation, Task
from airflow_dbaas.api.services import PgService, Service, ServiceList
from airflow_dbaas.waiting.conditions import Done, ServiceWait
from tests.contract.operations import OPERATIONS
from tests.contract.samples import ENCODINGS, Place, changed, check, full, in_first_items, on_model, places_of, read

ODD = ({"a": 1}, ["x", None], "secret", 7.5, True, [], "")

#: What an answer must not hold in another type: for want of it a failure would pass for success, or something that is
#: there for gone.
NEEDED: dict[type[BaseModel], set[str]] = {
    ExternalEndpoint: {"id", "name", "type"},
    ExternalEndpointList: {"dbaas-endpoints"},
    ExternalIntegration: {"integration-id", "status", "dest-endpoint-id"},
    ExternalIntegrationList: {"external-integrations"},
    Integration: {"id", "type", "source", "dest"},
    MigrationDetail: {"status", "error"},
    MigrationStatus: {"status", "error", "details"},
    Operation: {"id", "state"},
    Service: {"name", "integrations"},
    ServiceList: {"dbaas-services"},
    ServiceLogs: {"logs", "offset"},
    Task: {"success"},
    UserSecrets: {"username", "password"},
}


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value can be read as the type of a schema. A number has a text."""
    if schema["type"] == "array":
        return value == []
    kinds = {"string": str | float, "boolean": bool, "object": dict}[schema["type"]]
    return isinstance(value, kinds) and not (isinstance(value, bool) and kinds is not bool)


def needed(answer: Any, place: Place) -> bool:
    """Whether what stands at a place of an answer must be of its type: it, and all around it, are in the list above."""
    for depth, step in enumerate(place):
        around = on_model(answer, place[:depth])
        if isinstance(around, BaseModel):
            names = {name for kind, names in NEEDED.items() if isinstance(around, kind) for name in names}
            if step not in names:
                return False
        elif isinstance(around, dict):
            return False
    return True


@pytest.mark.parametrize("operation", OPERATIONS)
def test_values_of_another_type(operation: str) -> None:
    """What is not of its type is taken for absent, and kept as an extra; all else is read as ever.

    Where that could make a failure look like success, it is an error, which names the place and not the value.
    """
    whole = read(operation, ENCODINGS["compact UTF-8"](full(operation)))
    for place, schema in filter(lambda each: in_first_items(each[0]), places_of(operation)[1:]):
        strict = needed(whole, place)
        for value in ODD:
            sent = changed(operation, [place], value)
            if strict and not fits(schema, value):
                with pytest.raises(DbaasResponseError, match=f"document: {'.'.join(map(str, place))}") as raised:
                    read(operation, json.dumps(sent).encode())
                assert "secret" not in str(raised.value)
            elif not isinstance(place[-1], int) or not strict:
                check(operation, sent, encodings=["compact UTF-8"])


def test_what_could_not_be_read_is_absent_and_an_extra() -> None:
    """An attribute is None, or an empty list, and the value is found under the API's name; a later dump has it, too."""
    sent = {"name": "db", "state": ["up"], "disk-size": "much", "backups": {"a": 1}, "version": 17, "users": [{}, 1]}
    found = read("get-dbaas-service-pg", json.dumps(sent).encode())
    assert isinstance(found, PgService)
    assert (found.name, found.state, found.disk_size, found.backups, found.users) == ("db", None, None, [], [])
    assert found.version == "17"
    assert found.model_extra == {name: sent[name] for name in ("state", "disk-size", "backups", "users")}
    assert found.model_dump(by_alias=True, exclude_unset=True) == {**sent, "version": "17"}


def test_a_wait_does_not_fail_for_what_it_has_nothing_to_do_with() -> None:
    """Another service that looks odd, and odd fields of the service itself, leave a wait's verdict as it is."""
    odd = {
        "name": "other",
        "state": {"is": "new"},
        "plan": ["a", "b"],
        "termination-protection": "perhaps",
        "disk-size": "much",
        "notifications": "none",
        "integrations": [{"id": "1", "settings": "none", "is-active": "perhaps", "status": 1}],
    }
    mine = {"name": "db", "state": "running", "node-count": "two", "zone": 5, "updated-at": {}, "notifications": {}}
    wait = ServiceWait("db")
    for services in ([odd, mine], [mine, odd]):
        answer = read("list-dbaas-services", json.dumps({"dbaas-services": services}).encode())
        assert isinstance(answer, ServiceList)
        verdict = wait.verdict(answer)
        assert isinstance(verdict, Done)
        assert verdict.result["service"] == "db"


@pytest.mark.parametrize("error", [{"code": 1}, ["refused"], True])
def test_a_failure_of_another_form_is_no_success(error: Any) -> None:
    """A migration whose error is not a text is not taken for one without an error."""
    sent = {"status": "done", "error": error, "details": [{"dbname": "db", "status": "done"}]}
    with pytest.raises(DbaasResponseError, match="document: error must be a text"):
        read("get-dbaas-migration-status", json.dumps(sent).encode())


@pytest.mark.parametrize("password", [{"is": "s3cret"}, ["s3cret"], 123456])
def test_a_secret_of_another_type_is_still_hidden(password: Any) -> None:
    """What is kept of a password that is no string is not shown either."""
    sent = {"name": "db", "connection-info": {"password": password}, "users": [{"password": password}]}
    found = read("get-dbaas-service-valkey", json.dumps(sent).encode())
    assert "***" in repr(found)
    assert "s3cret" not in repr(found)
    assert "123456" not in repr(found)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"half a pair: \\ud83d", "half a pair: ?"),
        (b"half a pair: \\ude00!", "half a pair: ?!"),
        (b"a whole one: \\ud83d\\ude00", "a whole one: \U0001f600"),
        (b"no UTF-8: \xff\xe4", "no UTF-8: \ufffd\ufffd"),
        (b"cut: \xf0\x9f\x98", "cut: \ufffd"),
        (b"null: \\u0000", "null: \0"),
    ],
)
def test_broken_characters(message: bytes, shown: str) -> None:
    """A line of a log that is cut within a character does not make the page unreadable."""
    found = read(
        "get-dbaas-service-logs", b'{"offset": "1", "logs": [{"message": "' + message + b'"}, {"message": "x"}]}'
    )
    assert isinstance(found, ServiceLogs)
    assert [entry.message for entry in found.logs] == [shown, "x"]


def test_a_byte_order_mark() -> None:
    """It is no part of the answer."""
    assert read("get-operation", b'\xef\xbb\xbf{"state": "success"}') == Operation(state="success")


BROKEN = [
    b"",
    b" ",
    b"null",
    b"5",
    b'"text"',
    b"[]",
    b"true",
    b'{"s3cret": 1',
    b'{"id": "s3cret',
    b"{} {}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_no_object(operation: str) -> None:
    """Text that is no JSON, or JSON that is no object, is an error that names the call and may pass."""
    for content in [*BROKEN, ENCODINGS["compact UTF-8"](full(operation))[:-1]]:
        with pytest.raises(DbaasResponseError, match=rf"^{operation} \(GET /\): the answer \(") as raised:
            read(operation, content)
        assert raised.value.retryable
        assert len(str(raised.value)) < 400
        assert "s3cret" not in str(raised.value)
