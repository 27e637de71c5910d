"""External endpoints and attachments, in a real Airflow, against the emulator, and against one that answers as told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.api import Client
from tests import AIRFLOW_HOME
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run
from tests.integration.airflow.linked import linked_services
from tests.integration.hunt import dump, files, search
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])

#: Found anywhere but in the connection, it was leaked.
CANARY = "c@nary/of endpoints:pässword"
RSYSLOG = {"type": "rsyslog", "settings": {"tls": True, "format": "rfc5424"}, "secrets": "siem"}


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"ca": "CA", "cert": "CERT", "key": CANARY}
    for name, fields in {
        "siem": {"host": "siem.example.com", "port": 6514, "extra": key},
        "elk": {"host": "elk.example.com", "port": 9200, "login": "writer", "password": CANARY},
        "scraper": {"login": "scraper", "password": CANARY},
        "dog": {"password": "DatadogCanary123"},
        "short": {"login": "scraper", "password": "short"},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": "generic", **fields}))


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """A name for an endpoint of the test's own."""
    name = f"siem-{secrets.token_hex(4)}"
    yield name
    for endpoint in client.external_endpoints.list().dbaas_endpoints:
        if endpoint.name == name:
            client.operation(f"delete-dbaas-external-endpoint-{endpoint.type}")(endpoint.id)


@pytest.fixture
def db(client: Client) -> Iterator[str]:
    with linked_services(client) as names:
        yield names["db"]


@modes
def test_an_endpoint_from_creation_to_deletion(run: Run, client: Client, name: str, mode: str) -> None:
    """Created once; reused, updated or refused when it is there; deleted, and missing without an error."""
    created = run(f"create_endpoint_{mode}", name=name, **RSYSLOG)
    assert created.state == "success"
    result = created.task.result
    assert result == {
        "endpoint_id": result["endpoint_id"],
        "endpoint_name": name,
        "endpoint_type": "rsyslog",
        "created": True,
        "updated": False,
        "operation_id": result["operation_id"],
    }
    shown = client.external_endpoints.rsyslog.get(result["endpoint_id"]).settings
    assert shown
    assert (shown.server, shown.port, shown.tls, shown.format) == ("siem.example.com", 6514, True, "rfc5424")

    other = {**RSYSLOG, "settings": {"tls": True, "format": "rfc3164", "port": 514}}
    reused = run(f"create_endpoint_{mode}", name=name, **other)
    assert reused.task.result == {**result, "created": False, "operation_id": None}
    refused = run(f"new_endpoint_{mode}", name=name, **other)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"external endpoint {name} of type rsyslog already exists (if_exists='fail')" in refused.output
    kept = client.external_endpoints.rsyslog.get(result["endpoint_id"]).settings
    assert kept == shown

    # Secrets cannot be read, so what is to be up to date is always sent.
    for _ in range(2):
        set_ = run(f"set_endpoint_{mode}", name=name, **other)
        assert (set_.task.result["created"], set_.task.result["updated"]) == (False, True)
    updated = run(f"update_endpoint_{mode}", id=result["endpoint_id"], settings={"max_message_size": 4096}, secrets="")
    assert updated.task.result["updated"] is True
    shown = client.external_endpoints.rsyslog.get(result["endpoint_id"]).settings
    assert shown
    assert (shown.port, shown.format, shown.max_message_size) == (514, "rfc3164", 4096)

    deleted = run(f"delete_endpoint_{mode}", name=name)
    assert (deleted.task.result["deleted"], deleted.task.result["endpoint_id"]) == (True, result["endpoint_id"])
    again = run(f"delete_endpoint_{mode}", name=name)
    assert (again.state, again.task.result["deleted"]) == ("success", False)
    missing = run(f"delete_known_endpoint_{mode}", name=name)
    assert (missing.task.state, missing.task.tries) == ("failed", 1)
    assert f"external endpoint {name} does not exist (if_missing='fail')" in missing.output


@pytest.mark.fact("endpoint-names")
@pytest.mark.parametrize(
    ("kind", "connection", "settings"),
    [
        ("datadog", "dog", {"site": "datadoghq.eu", "datadog_tags": [{"tag": "env:test"}]}),
        ("elasticsearch", "elk", {"index_prefix": "db"}),
        ("opensearch", "elk", {"index_prefix": "db", "timeout": 20}),
        ("prometheus", "scraper", {}),
    ],
)
def test_the_other_types(run: Run, client: Client, name: str, kind: str, connection: str, settings: Any) -> None:
    """Each takes its secrets from the connection; two endpoints of one name need their type to be told apart."""
    arguments = {"name": name, "type": kind, "settings": settings, "secrets": connection}
    assert run("create_endpoint_poking", **arguments).task.result["created"] is True
    assert run("set_endpoint_deferred", **arguments).task.result["updated"] is True
    assert run("create_endpoint_poking", name=name, **RSYSLOG).task.result["created"] is True
    unclear = run("delete_endpoint_poking", name=name)
    assert (unclear.task.state, unclear.task.tries) == ("failed", 1)
    assert f"there are several endpoints {name}, of types {', '.join(sorted([kind, 'rsyslog']))}" in unclear.output
    assert run("delete_endpoint_poking", name=name, type=kind).task.result["deleted"] is True
    left = [each.type for each in client.external_endpoints.list().dbaas_endpoints if each.name == name]
    assert left == ["rsyslog"]


@modes
def test_attached_and_detached(run: Run, client: Client, name: str, db: str, mode: str) -> None:
    """Attached once; reused or refused when it is; in use as long as it is; detached, and missing without an error."""
    endpoint_id = run("create_endpoint_poking", name=name, **RSYSLOG).task.result["endpoint_id"]
    attached = run(f"attach_{mode}", service=db, name=name)
    assert attached.state == "success"
    result = attached.task.result
    assert result == {
        "integration_id": result["integration_id"],
        "endpoint_type": "rsyslog",
        "endpoint_id": endpoint_id,
        "endpoint_name": name,
        "service": db,
        "zone": "ch-gva-2",
        "status": "running",
        "created": True,
        "operation_id": result["operation_id"],
    }
    reused = run(f"attach_{mode}", service=db, id=endpoint_id)
    assert reused.task.result == {**result, "created": False, "operation_id": None}
    refused = run(f"attach_new_{mode}", service=db, id=endpoint_id)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"service {db} is attached to external endpoint {endpoint_id} already (if_exists='fail')" in refused.output

    in_use = run(f"delete_endpoint_{mode}", name=name)
    assert (in_use.task.state, in_use.task.tries) == ("failed", 1)
    assert f"external endpoint {name} is in use: {db}; detach these services first" in in_use.output
    active = run(f"external_integration_active_{mode}", id=result["integration_id"])
    assert (active.task.result["service"], active.task.result["status"]) == (db, "running")

    detached = run(f"detach_{mode}", service=db, integration=result["integration_id"])
    assert (detached.task.result["deleted"], detached.task.result["status"]) == (True, "absent")
    assert detached.task.result["endpoint_name"] == name
    assert client.external_endpoints.list_integrations(db).external_integrations == []
    assert run(f"external_integration_absent_{mode}", id=result["integration_id"]).state == "success"
    for way in ({"name": name, "type": "rsyslog"}, {"id": endpoint_id}, {"integration": result["integration_id"]}):
        again = run("detach_poking", service=db, **way)
        assert (again.state, again.task.result["deleted"]) == ("success", False)
    missing = run(f"detach_known_{mode}", service=db, name=name)
    assert (missing.task.state, missing.task.tries) == ("failed", 1)
    assert f"there is no service {db} attached to external endpoint {name} (if_missing='fail')" in missing.output


@pytest.mark.parametrize(
    ("dag", "arguments", "message"),
    [
        ("attach_poking", {"name": "nowhere"}, "external endpoint nowhere does not exist; there are: "),
        ("update_endpoint_poking", {"name": "nowhere"}, "external endpoint nowhere does not exist; there are: "),
        (
            "create_endpoint_poking",
            {"type": "datadog", "name": "x"},
            "secrets_conn_id is needed for a datadog endpoint",
        ),
        (
            "create_endpoint_poking",
            {"type": "datadog", "name": "x", "secrets": "dog"},
            "settings, with those of connection 'dog': site must be given",
        ),
        ("create_endpoint_poking", {"type": "rsyslog", "name": "x", "secrets": "no"}, "no Airflow connection 'no'"),
        ("create_endpoint_deferred", {"type": "prometheus", "name": "x", "secrets": "short"}, "at least 8 characters"),
        ("create_endpoint_poking", {"type": "rsyslog", "name": "x", "settings": {"key": "PEM"}}, "it holds a secret"),
        ("create_endpoint_poking", {"type": "rsyslog", "name": ""}, "endpoint_name must be a name"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, client: Client, dag: str, arguments: Any, message: str) -> None:
    """At once, and nothing is made."""
    before = client.external_endpoints.list()
    refused = run(dag, service="db", **arguments)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert message in refused.output
    assert client.external_endpoints.list() == before


def test_services_that_an_endpoint_does_not_take(run: Run, client: Client, name: str) -> None:
    """The error says which types of service it takes."""
    with linked_services(client) as names:
        dog = {"type": "datadog", "settings": {"site": "datadoghq.eu"}, "secrets": "dog"}
        assert run("create_endpoint_poking", name=name, **dog).state == "success"
        refused = run("attach_poking", service=names["thanos"], name=name)
        assert (refused.task.state, refused.task.tries) == ("failed", 1)
        assert (
            "of type thanos, cannot be attached to an endpoint of type datadog: possible types: pg, " in refused.output
        )


def test_no_secret_gets_out(
    run: Run, client: Client, emulator: RunningEmulator, database: Path, name: str, db: str
) -> None:
    """After runs that succeed and fail, no secret is in any log, XCom, trigger, rendered field or table."""
    outputs = []
    for kind, connection, settings in (
        ("rsyslog", "siem", RSYSLOG["settings"]),
        ("elasticsearch", "elk", {"index_prefix": "db"}),
        ("prometheus", "scraper", {}),
        ("datadog", "dog", {"site": "datadoghq.eu"}),
        # And ones that fail with the secret in hand.
        ("elasticsearch", "elk", {"index_prefix": "DB"}),
        ("elasticsearch", "elk", {"index_prefix": "db", "timeout": 1}),
        ("rsyslog", "siem", {"tls": True, "format": "none"}),
    ):
        for dag in ("create_endpoint_poking", "set_endpoint_deferred"):
            ended = run(dag, name=name, type=kind, settings=settings, secrets=connection)
            outputs.append(ended.output)
        outputs.append(run("attach_deferred", service=db, name=name, type=kind).output)
        outputs.append(run("detach_deferred", service=db, name=name, type=kind).output)
    places = {
        "output": "".join(outputs),
        **dump(database),
        **files(AIRFLOW_HOME / "logs"),
        "emulator's log": emulator.log.read_bytes(),
    }
    assert name in places["output"]
    assert name in places["table dag_run.conf"]
    assert search(places, {"canary": CANARY, "API key": "DatadogCanary123", "API secret": emulator.secret}) == []


ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
ATTACHMENT = "11111111-2222-4333-8444-55555555555a"
OPERATION = "b02baf5a-a3e4-49a0-857b-8a08d276c1c0"
SHOWN = {"integration-id": ATTACHMENT, "type": "rsyslog", "dest-endpoint-id": ID, "source-service-name": "db"}
SERVICES = Reply(body={"dbaas-services": [{"name": "db", "type": "pg", "state": "running"}]})
KINDS = Reply(body={"endpoint-types": [{"type": "rsyslog"}]})
NO_ENDPOINTS = Reply(body={"dbaas-endpoints": []})
ENDPOINTS = Reply(body={"dbaas-endpoints": [{"id": ID, "name": "siem", "type": "rsyslog"}]})
DONE = Reply(body={"id": OPERATION, "state": "success"})


def attached(*integrations: dict[str, Any]) -> Reply:
    return Reply(body={"external-integrations": list(integrations)})


def sent(server: ScriptedServer) -> list[str]:
    return [f"{method} {path}" for method, path, *_ in server.requests if method != "GET"]


@pytest.mark.parametrize("dag", ["create_endpoint_poking", "new_endpoint_poking"])
def test_a_creation_whose_answer_is_lost_is_not_sent_again(run: Run, api: ScriptedServer, dag: str) -> None:
    """What is there after the break is this one; if it shows only later, the retry finds it."""
    api.replies = [NO_ENDPOINTS, Reply(drop=True), ENDPOINTS]
    ended = run(dag, name="siem", **RSYSLOG)
    assert (ended.task.state, ended.task.tries, ended.task.result["created"]) == ("success", 1, True)
    api.replies = [NO_ENDPOINTS, Reply(drop=True), NO_ENDPOINTS, ENDPOINTS]
    ended = run("create_endpoint_deferred", name="siem", **RSYSLOG)
    assert (ended.task.state, ended.task.tries, ended.task.result["endpoint_id"]) == ("success", 2, ID)
    assert sent(api) == ["POST /v2/dbaas-external-endpoint-rsyslog/siem"] * 2


@pytest.mark.fact("reference-endpoint", "not-listed-at-once")
def test_an_endpoint_that_is_not_listed_yet(run: Run, api: ScriptedServer) -> None:
    """The operation's reference names it; if nothing does, the retry finds it."""
    named = Reply(body={"id": OPERATION, "state": "success", "reference": {"id": ID}})
    api.replies = [NO_ENDPOINTS, DONE, named, NO_ENDPOINTS]
    assert run("create_endpoint_poking", name="siem", **RSYSLOG).task.result["endpoint_id"] == ID
    api.replies = [NO_ENDPOINTS, DONE, DONE, NO_ENDPOINTS, ENDPOINTS]
    ended = run("create_endpoint_poking", name="siem", **RSYSLOG)
    assert (ended.task.state, ended.task.tries, ended.task.result["endpoint_id"]) == ("success", 2, ID)
    assert "does not list it" in ended.output


@pytest.mark.fact("answer-lost", "double-refused")
def test_an_attachment_whose_answer_is_lost_is_not_made_again(run: Run, api: ScriptedServer) -> None:
    """As with the creation; one that another run made in between is used, or refused."""
    begin = [ENDPOINTS, SERVICES, KINDS, attached()]
    api.replies = [*begin, Reply(drop=True), attached(SHOWN)]
    ended = run("attach_new_poking", service="db", name="siem")
    assert (ended.task.state, ended.task.tries, ended.task.result["created"]) == ("success", 1, True)
    api.replies = [*begin, Reply(drop=True), attached(), ENDPOINTS, SERVICES, KINDS, attached(SHOWN)]
    ended = run("attach_deferred", service="db", name="siem")
    assert (ended.task.state, ended.task.tries, ended.task.result["integration_id"]) == ("success", 2, ATTACHMENT)
    assert sent(api) == ["PUT /v2/dbaas-external-endpoint/db/attach"] * 2
    for dag, state in (("attach_poking", "success"), ("attach_new_poking", "failed")):
        api.replies = [*begin, Reply(409, {"message": "attached already"}), attached(SHOWN)]
        ended = run(dag, service="db", name="siem")
        assert (ended.task.state, ended.task.tries) == (state, 1)


def test_deletions_whose_answers_were_lost_are_done(run: Run, api: ScriptedServer) -> None:
    """The repeated request finds nothing: the first one did its work."""
    gone = [Reply(drop=True), Reply(404, {"message": "no such thing"})]
    api.replies = [attached(SHOWN), *gone]
    ended = run("detach_known_poking", service="db", id=ID)
    assert (ended.task.state, ended.task.tries, ended.task.result["deleted"]) == ("success", 1, True)
    api.replies = [ENDPOINTS, SERVICES, attached(), *gone]
    ended = run("delete_known_endpoint_poking", name="siem")
    assert (ended.task.state, ended.task.tries, ended.task.result["deleted"]) == ("success", 1, True)
