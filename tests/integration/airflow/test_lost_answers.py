"""Lost answers and runs that cross: nothing is done twice. A server that answers as told plays the API."""

from __future__ import annotations

import json

import pytest

from tests.integration.airflow.conftest import Run
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
RUNNING = Reply(body={"status": "running", "details": [{"dbname": "shop", "status": "running", "method": "pg_dump"}]})
NONE = Reply(404, {"message": "no migration"})
SERVICE = Reply(body={"dbaas-services": [{"name": "db", "type": "pg", "plan": "startup-4", "state": "running"}]})
NO_SERVICE = Reply(body={"dbaas-services": []})


@pytest.fixture(autouse=True)
def sources(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sources, ``legacy`` and ``other``, that are never asked; the list of services forbids no migration."""
    api.always["/v2/dbaas-service"] = NO_SERVICE
    source = {"conn_type": "postgres", "host": "old.example.com", "login": "admin", "password": "p@ssword"}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps(source))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({**source, "host": "elsewhere.example.com"}))


def sent(server: ScriptedServer, *methods: str) -> list[str]:
    return [f"{method} {path}" for method, path, *_ in server.requests if method in methods]


@pytest.mark.fact("answer-lost")
def test_a_start_whose_answer_is_lost_is_not_sent_again(run: Run, api: ScriptedServer) -> None:
    """The connection breaks after the request: the migration that is there by then is this one."""
    api.replies = [NONE, Reply(drop=True), RUNNING]
    ended = run("start_poking", service="db-1", source="legacy")
    assert (ended.task.state, ended.task.tries) == ("success", 1)
    assert ended.task.result["joined"] is True
    assert sent(api, "PUT") == ["PUT /v2/dbaas-postgres/db-1"]


@pytest.mark.fact("answer-lost", "migration-404")
def test_a_start_that_took_no_effect_is_retried_by_airflow(run: Run, api: ScriptedServer) -> None:
    """Nothing is there after the failure, so the second attempt may start it."""
    taken = Reply(body={"id": ID, "state": "success"})
    api.replies = [NONE, Reply(500), NONE, NONE, taken, taken]
    ended = run("start_poking", service="db-2", source="legacy")
    assert (ended.task.state, ended.task.tries) == ("success", 2)
    assert ended.task.result["joined"] is False
    assert len(sent(api, "PUT")) == 2


def test_a_start_that_was_taken_before_the_worker_died_is_joined(run: Run, api: ScriptedServer) -> None:
    """The first attempt left its record before its request; a later one of any run finds its own source in it."""
    api.replies = [NONE, Reply(drop=True), Reply(403, {"message": "interrupted here"})]
    assert run("start_poking", service="db-3", source="legacy").state == "failed"
    api.replies = [RUNNING]
    joined = run("start_deferred", service="db-3", source="legacy")
    assert joined.task.result["joined"] is True
    refused = run("start_poking", service="db-3", source="other")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "from old.example.com:5432 (started by start_poking.task, run manual__" in refused.output
    assert len(sent(api, "PUT")) == 1


def test_of_two_starts_at_once_the_loser_claims_nothing(run: Run, api: ScriptedServer) -> None:
    """Another run was taken in between: this one's record goes, so it cannot mistake the other's for its own."""
    api.replies = [NONE, Reply(409, {"message": "already running"}), RUNNING]
    refused = run("start_poking", service="db-4", source="legacy")
    assert (refused.task.state, refused.task.tries) == ("failed", 2)
    assert "was started at the same moment" in refused.output
    assert "its source is unknown" in refused.output
    assert len(sent(api, "PUT")) == 1


@pytest.mark.parametrize(
    "lost", [Reply(drop=True), Reply(307, headers={"Location": "https://elsewhere.invalid/"})], ids=["lost", "redirect"]
)
def test_a_service_whose_creation_was_not_answered_is_found(run: Run, api: ScriptedServer, lost: Reply) -> None:
    """A create is sent once; what became of it is looked up, also if somebody else than the API has answered."""
    api.always.clear()
    api.replies = [NO_SERVICE, lost, SERVICE]
    ended = run("create_poking", service="db")
    assert (ended.task.state, ended.task.tries) == ("success", 1)
    assert len(sent(api, "POST")) == 1


@pytest.mark.fact("double-refused")
def test_a_service_that_another_run_created_is_used(run: Run, api: ScriptedServer) -> None:
    """The API says that the name is taken: it is there."""
    api.always.clear()
    api.replies = [NO_SERVICE, Reply(409, {"message": "Service name is already taken"}), SERVICE]
    ended = run("create_deferred", service="db")
    assert (ended.task.state, ended.task.result["created"]) == ("success", False)


@pytest.mark.fact("answer-lost")
def test_a_deletion_whose_answer_was_lost_is_done(run: Run, api: ScriptedServer) -> None:
    """The repeated request finds nothing: the first one did its work."""
    nothing_attached = Reply(body={"external-integrations": []})
    gone = Reply(404, {"message": "no such service"})
    api.always.clear()
    api.replies = [SERVICE, NONE, nothing_attached, Reply(drop=True), gone]
    ended = run("delete_poking", service="db")
    assert (ended.task.state, ended.task.result["deleted"]) == ("success", True)


def test_a_refused_start_claims_nothing(run: Run, api: ScriptedServer) -> None:
    """The API did not take it, so whatever migration is there later is not this task's."""
    api.replies = [NONE, Reply(400, {"message": "not like this"})]
    assert run("start_poking", service="db-5", source="legacy").task.tries == 1
    api.replies = [RUNNING]
    refused = run("start_poking", service="db-5", source="legacy")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "its source is unknown" in refused.output


FAILED = Reply(body={"status": "failed", "error": "no", "details": [{"dbname": "a", "status": "failed"}]})


@pytest.mark.fact("migration-stop-early", "migration-restart")
def test_a_failed_migration_that_cannot_be_cleared_away_yet_is_tried_again(run: Run, api: ScriptedServer) -> None:
    """The service allows a stop only some minutes after the start."""
    taken = Reply(body={"id": ID, "state": "success"})
    api.replies = [FAILED, Reply(409, {"message": "too early"}), FAILED, Reply(404, {"message": "gone"}), taken, taken]
    ended = run("start_poking", service="db-6", source="legacy")
    assert (ended.task.state, ended.task.tries) == ("success", 2)
    assert sent(api, "POST", "PUT")[-1] == "PUT /v2/dbaas-postgres/db-6"


@pytest.mark.fact("migration-waiting")
def test_a_migration_that_still_works_is_not_cleared_away(run: Run, api: ScriptedServer) -> None:
    """One database has failed, others wait for their turn: it is not over."""
    details = [{"dbname": "a", "status": "failed"}, {"dbname": "b", "status": "waiting"}]
    api.replies = [Reply(body={"status": "running", "details": details})]
    refused = run("start_poking", service="db-7", source="legacy")
    assert refused.state == "failed"
    assert "already exists" in refused.output
    assert not sent(api, "POST", "PUT")


def test_a_migration_that_has_failed_is_stopped_and_one_that_runs_is_not(run: Run, api: ScriptedServer) -> None:
    """No later try can find it complete: it is over. One that runs may be complete by the next try."""
    api.replies = [FAILED, Reply(body={"id": ID, "state": "success"})]
    removed = run("stop_poking", service="db-8", source="legacy")
    assert (removed.task.state, removed.task.result["stopped"]) == ("success", True)
    assert sent(api, "POST") == ["POST /v2/dbaas-postgres/db-8/migration/stop"]
    api.replies = [RUNNING]
    assert run("stop_poking", service="db-8", source="legacy").task.tries == 2


@pytest.mark.fact("operation-reason")
def test_an_operation_that_failed_for_now_is_retried(run: Run, api: ScriptedServer) -> None:
    """Busy: Airflow tries again. Forbidden: it does not."""
    busy = Reply(body={"id": ID, "state": "failure", "reason": "busy", "message": "try later"})
    api.replies = [busy, Reply(body={"id": ID, "state": "success"})]
    assert run("operation_poking", id=ID).task.tries == 2
    api.replies = [Reply(body={"id": ID, "state": "failure", "reason": "forbidden", "message": "not yours"})]
    refused = run("operation_deferred", id=ID)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "ended in failure (forbidden): not yours" in refused.output


TASK = "11111111-2222-4333-8444-555555555555"
LINK = f"/v2/dbaas-task/db/{TASK}"


@pytest.mark.fact("reference-check")
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"id": TASK}, {"id": TASK}),
        ({"id": TASK}, None),
        (None, {"id": TASK}),
        ({"id": "db", "link": LINK}, {"id": "db", "link": LINK}),
        (None, {"link": LINK}),
    ],
)
def test_the_task_of_a_check_is_found_wherever_it_is_named(
    run: Run, api: ScriptedServer, first: dict[str, str] | None, last: dict[str, str] | None
) -> None:
    """At once or when the operation has ended, as a UUID or only in a link, beside a name."""
    api.always["/v2/dbaas-migration-status/db"] = NONE
    api.replies = [
        Reply(body={"id": ID, "state": "pending", "reference": first}),
        Reply(body={"id": ID, "state": "success", "reference": last}),
        Reply(body={"id": TASK, "success": True, "result": "fine"}),
    ]
    ended = run("check_poking", service="db", source="legacy")
    assert ended.task.result == {
        "task_id": TASK,
        "service": "db",
        "zone": None,
        "result": "fine",
        "operation_id": ID,
    }


def test_a_check_that_names_no_task_fails(run: Run, api: ScriptedServer) -> None:
    """What cannot be followed is not taken for success."""
    api.always["/v2/dbaas-migration-status/db"] = NONE
    api.replies = [Reply(body={"id": ID, "state": "success"})]
    refused = run("check_poking", service="db", source="legacy")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "named no task" in refused.output
