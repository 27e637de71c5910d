"""What the operators make of every form that an answer may have where the API's document leaves it open."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api.errors import DbaasIntegrationError, DbaasMigrationError, DbaasOperationError
from airflow_dbaas.operators.external_endpoints import DbaasAttachEndpointOperator, DbaasCreateExternalEndpointOperator
from airflow_dbaas.operators.integrations import DbaasCreateIntegrationOperator
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator, DbaasStopMigrationOperator
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.waiting.poller import Watch
from tests.unit.conftest import Reply, ScriptedServer

OPERATION = "11111111-2222-4333-8444-55555555555a"
ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
ENDPOINT = "b02baf5a-a3e4-49a0-857b-8a08d276c1c0"


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The scripted API, and a source that is never asked; nothing pauses between polls."""
    api = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(api))
    source = {"conn_type": "postgres", "host": "old.example.com", "login": "admin", "password": "p@ssword"}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps(source))
    monkeypatch.setattr(Watch, "pause", lambda *_: 0)


class Work(NamedTuple):
    """An operator, what the API says before its request, and after it without and with what was made."""

    kind: type[Any]
    arguments: dict[str, Any]
    before: list[Any]
    nothing: Any
    after: Any
    always: Any = None

    def prepare(self, server: ScriptedServer, *replies: Any) -> None:
        """Have the API answer like this from the request on, which comes after what is looked up before."""
        server.replies = [
            reply if isinstance(reply, Reply) else Reply(body=reply) for reply in [*self.before, *replies]
        ]
        server.always = {} if self.always is None else {"/v2/dbaas-service": Reply(body=self.always)}
        if self.kind is DbaasMigrationCheckOperator:
            # No migration is under way, and the service does not show yet where it is.
            server.always["/v2/dbaas-postgres/db"] = Reply(body={"name": "db", "type": "pg"})
            server.always["/v2/dbaas-migration-status/db"] = Reply(404, {"message": "no migration"})

    def run(self, **arguments: Any) -> Any:
        context: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None)}
        return self.kind(task_id="t", deferrable=False, wait_timeout=10, **{**self.arguments, **arguments}).execute(
            context
        )


def made(result: dict[str, Any]) -> str:
    """The id of what was made; of a service, which has none, that of all the others."""
    return str(next((result[name] for name in ("integration_id", "endpoint_id", "task_id") if name in result), ID))


def services(*integrations: dict[str, Any], **db: Any) -> Any:
    shown = {"name": "db", "type": "pg", "plan": "startup-4", "state": "running", "integrations": list(integrations)}
    return {"dbaas-services": [{**shown, **db}, {"name": "search", "type": "opensearch", "state": "running"}]}


NO_SERVICE: dict[str, Any] = {"dbaas-services": []}
LOGS = {"id": ID, "type": "logs", "source": "db", "dest": "search", "status": "running", "is-active": True}
ENDPOINTS = {"dbaas-endpoints": [{"id": ENDPOINT, "name": "siem", "type": "rsyslog"}]}
ATTACHED = {"integration-id": ID, "type": "rsyslog", "dest-endpoint-id": ENDPOINT, "source-service-name": "db"}
COLLECTOR = {"server": "collector.example.com", "port": 514, "tls": False, "format": "rfc5424"}

SERVICE = Work(
    DbaasCreateServiceOperator, {"service_name": "db", "plan": "startup-4"}, [NO_SERVICE], NO_SERVICE, services()
)
INTEGRATION = Work(
    DbaasCreateIntegrationOperator,
    {"integration_type": "logs", "source_service": "db", "dest_service": "search"},
    [services(), {"dbaas-integration-types": [{"type": "logs"}]}],
    services(),
    services(LOGS),
)
EXTERNAL_ENDPOINT = Work(
    DbaasCreateExternalEndpointOperator,
    {"endpoint_type": "rsyslog", "endpoint_name": "siem", "settings": COLLECTOR},
    [{"dbaas-endpoints": []}],
    {"dbaas-endpoints": []},
    {"dbaas-endpoints": [{"id": ID, "name": "siem", "type": "rsyslog"}]},
)
ATTACHMENT = Work(
    DbaasAttachEndpointOperator,
    {"service_name": "db", "endpoint_name": "siem"},
    [ENDPOINTS, services(), {"endpoint-types": [{"type": "rsyslog"}]}, {"external-integrations": []}],
    {"external-integrations": []},
    {"external-integrations": [ATTACHED]},
)
CHECK = Work(
    DbaasMigrationCheckOperator,
    {"service_name": "db", "source_conn_id": "legacy"},
    [],
    None,
    {"id": ID, "success": True, "result": "fine"},
    # The service that the migration goes into, whenever it is looked for.
    always=services(),
)
CREATIONS = {
    "service": SERVICE,
    "integration": INTEGRATION,
    "external endpoint": EXTERNAL_ENDPOINT,
    "attachment": ATTACHMENT,
}
WORKS = {**CREATIONS, "check": CHECK}
works = pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
creations = pytest.mark.parametrize("work", CREATIONS.values(), ids=CREATIONS)


def operation(state: str | None = "success", **fields: Any) -> dict[str, Any]:
    return {"id": OPERATION, "state": state, "reference": {"id": ID}, **fields}


def sent(server: ScriptedServer) -> int:
    return len([method for method, path, *_ in server.requests if method != "GET"])


NOT_KNOWN = Reply(404, {"message": "Operation not found"})
COURSES: dict[str, list[Any]] = {
    "successful at once": [operation(), operation()],
    "pending, then successful": [operation("pending"), operation("pending"), operation()],
    "not known just after": [operation("pending"), NOT_KNOWN, NOT_KNOWN, operation()],
    "in an unknown state on the way": [operation("pending"), operation("queued"), operation()],
    "without a state at first": [operation(None), operation()],
    "without a reason or message": [operation("pending", reason=None, message=None), operation()],
    "without an id": [{"state": "success", "reference": {"id": ID}}],
    "without an id or a state": [{"reference": {"id": ID}}],
    "with a null for an id": [operation(id=None)],
}


@pytest.mark.fact("operation-course", "operation-unknown-state", "operation-without-id", "operation-appears")
@works
@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_an_operation_may_take_any_course(server: ScriptedServer, work: Work, course: list[Any]) -> None:
    """At once or later, found or not yet, with an id or without one: what was asked for is made once, and found."""
    work.prepare(server, *course, work.after)
    result = work.run()
    assert result["operation_id"] == course[0].get("id")
    assert made(result) == ID
    assert sent(server) == 1


REFERENCES: dict[str, Any] = {
    "null": {"reference": None},
    "empty": {"reference": {}},
    "nulls": {"reference": {"id": None, "link": None, "command": None}},
    "a name": {"reference": {"id": "db"}},
    "a name with a link": {"reference": {"id": "db", "link": "/v2/dbaas-service/db"}},
    "a UUID": {"reference": {"id": ID}},
    "a UUID in capitals": {"reference": {"id": ID.upper()}},
    "a UUID in the link": {"reference": {"id": "db", "link": f"/v2/dbaas-thing/db/{ID}"}},
    "a UUID in the link only": {"reference": {"link": f"https://api.example.com/v2/dbaas-thing/{ID}/"}},
}
references = pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)


@pytest.mark.fact("reference-service", "reference-integration", "reference-endpoint", "reference-attachment")
@creations
@references
def test_a_reference_may_have_any_form(server: ScriptedServer, work: Work, reference: Any) -> None:
    """What is listed is found there, whatever the operation names."""
    work.prepare(server, operation("pending", **reference), operation(**reference), work.after)
    result = work.run()
    assert (made(result), result["created"]) == (ID, True)


@pytest.mark.fact("not-listed-at-once", "reference-endpoint", "reference-attachment")
@pytest.mark.parametrize("work", [EXTERNAL_ENDPOINT, ATTACHMENT], ids=["external endpoint", "attachment"])
@references
def test_what_is_not_listed_at_once_is_found_by_its_reference(
    server: ScriptedServer, work: Work, reference: dict[str, Any]
) -> None:
    """If that names it; else the task is retried, and finds it then."""
    work.prepare(server, operation("pending"), operation(**reference), work.nothing)
    if ID in str(reference).lower():
        assert made(work.run()) == ID
        return
    with pytest.raises(DbaasIntegrationError, match="but does not list it") as caught:
        work.run()
    assert caught.value.retryable


@pytest.mark.fact("reference-check")
@references
def test_the_task_of_a_check_is_found_by_its_reference(server: ScriptedServer, reference: dict[str, Any]) -> None:
    """There is no list of tasks: a check whose task nobody names is not taken for a success."""
    CHECK.prepare(server, operation("pending", **reference), operation(**reference), CHECK.after)
    if ID in str(reference).lower():
        assert CHECK.run()["task_id"].lower() == ID
        return
    with pytest.raises(AirflowFailException, match="named no task"):
        CHECK.run()


@pytest.mark.fact("operation-course", "operation-reason", "operation-without-id")
@pytest.mark.parametrize("fields", [{}, {"id": None}], ids=["with an id", "without"])
@pytest.mark.parametrize("wait", [True, False], ids=["waiting", "not waiting"])
def test_an_operation_may_fail_at_once(server: ScriptedServer, fields: Any, wait: bool) -> None:
    """Then it has failed, also for a task that does not wait; what may pass is retried, the rest is not."""
    SERVICE.prepare(server, operation("failure", reason="busy", message="later", **fields), SERVICE.after)
    with pytest.raises(DbaasOperationError, match=r"failure \(busy\): later"):
        SERVICE.run(wait_for_completion=wait)
    SERVICE.prepare(server, operation("failure", reason="forbidden", **fields), SERVICE.after)
    with pytest.raises(AirflowFailException, match=r"failure \(forbidden\): no message"):
        SERVICE.run(wait_for_completion=wait)
    SERVICE.prepare(server, operation("timeout", **fields), SERVICE.after)
    with pytest.raises(DbaasOperationError, match=r"timeout \(no reason given\)"):
        SERVICE.run(wait_for_completion=wait)


TAKEN = [(400, "Service name is already taken"), (409, "already exists"), (412, "is there"), (422, "is there")]


@pytest.mark.fact("double-refused")
@creations
@pytest.mark.parametrize(("status", "message"), TAKEN)
def test_a_double_may_be_refused_with_any_status(server: ScriptedServer, work: Work, status: int, message: str) -> None:
    """Whatever the refusal, what is there by then is used; if nothing is, the refusal is what it says."""
    refusal = Reply(status, {"message": message})
    work.prepare(server, refusal, work.after)
    assert work.run()["created"] is False
    work.prepare(server, refusal, work.nothing)
    with pytest.raises(AirflowFailException, match=f"{status} {message}"):
        work.run()


UNDER_WAY = [
    {"id": ID, "result": ""},
    {"id": ID, "success": None, "result": ""},
    {"id": ID, "success": None, "result": None, "result-codes": None},
    {},
    Reply(404, {"message": "no such task"}),
]


@pytest.mark.fact("check-running", "operation-appears")
@pytest.mark.parametrize("under_way", UNDER_WAY)
def test_a_check_may_be_under_way_in_any_form(server: ScriptedServer, under_way: Any) -> None:
    """Without a verdict it is waited for, also when the task is not known yet."""
    CHECK.prepare(server, operation("pending"), operation(), under_way, under_way, CHECK.after)
    assert CHECK.run()["result"] == "fine"


@pytest.mark.fact("check-words")
@pytest.mark.parametrize("result", ["All pre-checks passed successfully", "", None])
def test_a_check_may_pass_in_any_words(server: ScriptedServer, result: str | None) -> None:
    """Its verdict counts, not its text."""
    CHECK.prepare(server, operation(), operation(), {"id": ID, "success": True, "result": result, "result-codes": []})
    assert CHECK.run()["result"] == (result or "")


@pytest.mark.fact("check-words", "check-codes")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"result": "No databases to migrate"}, "was refused: No databases to migrate$"),
        ({"result": "no", "result-codes": []}, "was refused: no$"),
        ({"result": "no", "result-codes": [{"code": "E", "dbname": "shop"}]}, "was refused: no; shop: E$"),
        ({"result": "no", "result-codes": [{"code": "E"}]}, "was refused: no; all databases: E$"),
        ({"result": "", "result-codes": None}, "was refused: no reason given$"),
        ({}, "was refused: no reason given$"),
    ],
)
def test_a_check_may_be_refused_in_any_words(server: ScriptedServer, fields: dict[str, Any], words: str) -> None:
    """The refusal is an end, and says all that the API says."""
    CHECK.prepare(server, operation(), operation(), {"id": ID, "success": False, **fields})
    with pytest.raises(AirflowFailException, match=words):
        CHECK.run()


@pytest.mark.fact("migration-stop-early")
@pytest.mark.parametrize("status", [400, 409, 412, 422])
def test_a_stop_that_comes_too_early_is_retried(server: ScriptedServer, status: int) -> None:
    """A service allows it only some minutes after the start; nobody knows how it says so."""
    replicating = {"status": "done", "details": [{"dbname": "a", "status": "syncing", "method": "replication"}]}
    stop = CHECK._replace(kind=DbaasStopMigrationOperator)
    stop.prepare(server, replicating, Reply(status, {"message": "too early"}))
    with pytest.raises(DbaasMigrationError, match=f"cannot be stopped yet: .*{status} too early") as caught:
        stop.run(force=True)  # nobody recorded where it comes from
    assert caught.value.retryable
