"""What the emulator accepts and what it refuses, and how it says so."""

import json
import secrets
import time

import httpx
import pytest

from tests.contract.document import DOCUMENTED, WITH_BODY, path_parameters
from tests.contract.operations import OPERATIONS
from tests.integration.emulator.conftest import Api

MIGRATION = {"host": "127.0.0.1", "port": 1, "username": "u", "password": "p"}


@pytest.fixture(scope="module")
def service(api: Api) -> str:
    return api.service()


@pytest.mark.fact("error-403")
@pytest.mark.parametrize(
    "changes",
    [
        {"unsigned": True},
        {"key": "EXOunknown"},
        {"secret": "wrong"},
        {"expires": time.time() - 60},
        {"expires": time.time() + 2 * 86400},
    ],
    ids=["unsigned", "unknown key", "wrong secret", "expired", "valid for days"],
)
def test_a_request_without_a_valid_signature_is_refused(api, changes):
    """With 403, as the service does, before anything else is looked at."""
    for path in ("/dbaas-service", "/no-such-thing"):
        response = api.request("GET", path, **changes)
        assert (response.status_code, response.json()) == (403, {"message": "Invalid request signature"})


def test_the_body_is_part_of_the_signature(api):
    """A body that was changed on the way is refused."""
    signed = api.request("POST", "/dbaas-postgres/x", {"plan": "hobbyist-2"}).request
    header = {"Authorization": signed.headers["Authorization"]}
    answer = httpx.post(signed.url, content=b'{"plan": "startup-4"}', headers=header)
    assert answer.status_code == 403
    api.finish(api.ok("DELETE", "/dbaas-service/x"))


@pytest.mark.parametrize(
    ("status", "request_line", "body", "text"),
    [
        (404, ("GET", "/no-such-thing"), None, "Not found"),
        (404, ("GET", "/dbaas-service/x"), None, "Not found"),
        (501, ("GET", "/dbaas-settings-kafka"), None, "get-dbaas-settings-kafka is not served"),
        (404, ("OPTIONS", "/dbaas-service"), None, "Not found: OPTIONS /v2/dbaas-service"),
        (404, ("GET", "/dbaas-postgres/a%0Ab"), None, "Service a\nb does not exist"),
        (404, ("GET", "/dbaas-postgres/absent"), None, "Service absent does not exist"),
        (404, ("PUT", "/dbaas-postgres/absent"), {}, "Service absent does not exist"),
        (404, ("DELETE", "/dbaas-postgres/absent"), None, "Service absent does not exist"),
        (404, ("DELETE", "/dbaas-service/absent"), None, "Service absent does not exist"),
        (404, ("GET", "/dbaas-migration-status/absent"), None, "Service absent does not exist"),
        (404, ("POST", "/dbaas-postgres/absent/migration/stop"), None, "Service absent does not exist"),
        (404, ("POST", "/dbaas-task-migration-check/absent"), {"source-service-uri": "x"}, "Service absent"),
        (404, ("GET", "/operation/00000000-0000-4000-8000-000000000000"), None, "does not exist"),
        (400, ("GET", "/operation/17"), None, "id: must be a valid uuid"),
        (400, ("POST", f"/dbaas-postgres/{'n' * 64}"), {"plan": "hobbyist-2"}, "at most 63 characters"),
        (400, ("POST", "/dbaas-postgres/"), {"plan": "hobbyist-2"}, "name: must have at least 1"),
        (400, ("POST", "/dbaas-postgres/bad"), None, "missing keys 'plan'"),
        (400, ("POST", "/dbaas-postgres/bad"), b"{", "not JSON"),
        (400, ("POST", "/dbaas-postgres/bad"), b"\xff\xfe", "not JSON"),
        (400, ("POST", "/dbaas-postgres/bad"), b'{"plan": "\\ud800"}', "not JSON"),
        (400, ("POST", "/dbaas-postgres/bad"), b'{"plan": NaN}', "not JSON"),
        (400, ("POST", "/dbaas-postgres/bad"), b"[" * 100_000, "not JSON"),
        (400, ("POST", "/dbaas-postgres/bad"), '{"plan": "startup-4"}'.encode("utf-16"), "not JSON"),
        (400, ("POST", "/dbaas-postgres/bad"), '{"plan": "startup-4"}'.encode("utf-8-sig"), "not JSON"),
        (400, ("POST", "/dbaas-grafana/bad"), b'{"plan": "startup-4", "maintenance": {"x": -1e999}}', "not JSON"),
        (
            400,
            ("POST", "/dbaas-grafana/bad"),
            b'{"plan": "startup-4", "maintenance": {"x": 1' + b"0" * 5000,
            "not JSON",
        ),
        (
            400,
            ("POST", "/dbaas-grafana/bad"),
            b'{"plan": "", "maintenance": ' + b'{"x":' * 400 + b"1" + b"}" * 401,
            "levels",
        ),
        (400, ("POST", "/dbaas-postgres/bad"), [], "must be of type object"),
        (400, ("POST", "/dbaas-postgres/bad"), {"plan": "gigantic-1"}, "unknown plan 'gigantic-1'"),
        (
            400,
            ("POST", "/dbaas-postgres/bad"),
            {"plan": "hobbyist-2", "version": "13"},
            "PostgreSQL 13 is not available",
        ),
        (400, ("POST", "/dbaas-postgres/bad"), {"plan": "hobbyist-2", "fork-from-service": "y"}, "fork-from-service"),
        (
            400,
            ("POST", "/dbaas-postgres/bad"),
            {"plan": "hobbyist-2", "variant": "timescale"},
            "variant: not supported",
        ),
        (400, ("POST", "/dbaas-postgres/bad"), {"plan": "hobbyist-2", "migration": {"host": "h"}}, "migration.port"),
        (
            400,
            ("POST", "/dbaas-postgres/bad"),
            {"plan": "hobbyist-2", "migration": {"host": "h\0", "port": 1}},
            "migration.host: must not contain a NUL",
        ),
        (
            400,
            ("POST", "/dbaas-postgres/bad"),
            {"plan": "hobbyist-2", "migration": {"host": "/tmp", "port": 1}},
            "not the path of a socket",
        ),
        (413, ("POST", "/dbaas-postgres/bad"), b"x" * (2 << 20), "larger than"),
    ],
)
def test_a_bad_request_is_refused_in_words(api, status, request_line, body, text):
    """With the status that fits and a message that names what is wrong."""
    assert text in api.refused(status, *request_line, body)


def test_requests_to_a_service_that_does_not_run_yet_are_refused(api):
    """While it is rebuilding there is no user to reveal and no target to migrate to."""
    name = f"s-{secrets.token_hex(4)}"
    operation = api.ok("POST", f"/dbaas-postgres/{name}", {"plan": "startup-4", "admin-username": "boss"})
    assert operation["state"] == "pending"
    shown = api.ok("GET", f"/dbaas-postgres/{name}")
    assert (shown["state"], shown["databases"], shown["users"]) == ("rebuilding", [], [])
    assert "uri" not in shown
    assert "already taken" in api.refused(409, "POST", f"/dbaas-postgres/{name}", {"plan": "startup-4"})
    assert (
        api.refused(404, "GET", f"/dbaas-postgres/{name}/user/boss/password/reveal")
        == f"User boss does not exist for service {name}"
    )
    assert "not running" in api.refused(409, "PUT", f"/dbaas-postgres/{name}", {"migration": MIGRATION})
    assert "not running" in api.refused(
        409, "POST", f"/dbaas-task-migration-check/{name}", {"source-service-uri": "postgres://u:p@h/d"}
    )
    # Deleted while it is being made: nothing of it stays.
    assert api.finish(api.ok("DELETE", f"/dbaas-postgres/{name}"))["state"] == "success"
    assert name not in {each["name"] for each in api.ok("GET", "/dbaas-service")["dbaas-services"]}


@pytest.mark.fact("service-passwords")
def test_a_service_is_what_was_asked_for(api):
    """Plan, admin user and settings; passwords only by reveal."""
    name = api.service(
        plan="business-4",
        version="16",
        maintenance={"dow": "monday", "time": "01:02:03"},
        **{"admin-username": "boss", "admin-password": "a-Long_password1", "ip-filter": ["10.0.0.0/8"]},
    )
    shown = api.ok("GET", f"/dbaas-postgres/{name}")
    assert shown["version"].startswith("16.")
    assert shown["maintenance"] == {"dow": "monday", "time": "01:02:03", "updates": []}
    assert (shown["ip-filter"], shown["plan"], shown["node-count"]) == (["10.0.0.0/8"], "business-4", 2)
    assert shown["databases"] == ["defaultdb"]
    assert shown["users"] == [{"username": "boss", "type": "primary", "allow-replication": True}]
    assert "a-Long_password1" not in str(shown)
    with api.connect(name, "defaultdb") as connection:
        attributes = "rolsuper, rolcreatedb, rolcreaterole, rolreplication"
        row = connection.execute(f"SELECT {attributes} FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False, True, True, True)
    api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))


def test_a_name_may_hold_anything_when_it_is_encoded(api):
    """Up to 63 characters of any kind: the document sets no other limit."""
    api.service("an%20odd%2Fname%3F")
    assert api.ok("GET", "/dbaas-postgres/an%20odd%2Fname%3F")["name"] == "an odd/name?"
    api.finish(api.ok("DELETE", "/dbaas-service/an%20odd%2Fname%3F"))


def test_an_update_is_stored_and_shown(api, service):
    """What the emulator does not act on is shown all the same; what it cannot do is refused."""
    update = {"plan": "startup-8", "work-mem": 16, "backup-schedule": {"backup-hour": 5, "backup-minute": 6}}
    assert api.finish(api.ok("PUT", f"/dbaas-postgres/{service}", update))["state"] == "success"
    shown = api.ok("GET", f"/dbaas-postgres/{service}")
    assert {key: shown[key] for key in update} == update
    assert shown["updated-at"] > shown["created-at"]
    assert "changing the version" in api.refused(400, "PUT", f"/dbaas-postgres/{service}", {"version": "18"})
    assert "unknown plan" in api.refused(400, "PUT", f"/dbaas-postgres/{service}", {"plan": "x"})


def test_a_protected_service_is_not_deleted(api, service):
    """Until the protection is taken away."""
    api.ok("PUT", f"/dbaas-postgres/{service}", {"termination-protection": True})
    assert "termination" in api.refused(409, "DELETE", f"/dbaas-service/{service}")
    assert api.ok("GET", f"/dbaas-postgres/{service}")["termination-protection"] is True
    api.ok("PUT", f"/dbaas-postgres/{service}", {"termination-protection": False})


@pytest.mark.fact("migration-404")
def test_without_a_migration_there_is_no_status_and_nothing_to_stop(api, service):
    """Both answer 404."""
    api.refused(404, "GET", f"/dbaas-migration-status/{service}")
    api.refused(404, "POST", f"/dbaas-postgres/{service}/migration/stop")


@pytest.mark.fact("migration-done-with-error")
def test_a_source_that_is_down_shows_as_the_service_shows_it(api, service):
    """Status "done" with an error, no method and no databases: observed at the real service."""
    status = api.migrate(service, **MIGRATION)
    assert (status["status"], status["method"], status["details"]) == ("done", "", [])
    assert status["error"].startswith("Failed to run query on source db: '")
    assert "refused" in status["error"]
    # It may be replaced without a stop, and stopped afterwards.
    assert api.migrate(service, **MIGRATION)["error"]
    assert api.stop(service)["state"] == "success"
    api.refused(404, "GET", f"/dbaas-migration-status/{service}")


def test_a_database_password_is_in_no_answer_and_no_log(api, service, emulator):
    """Neither plain nor encoded, also when the driver is unhappy."""
    password = "sécret %/pass"
    api.migrate(service, **(MIGRATION | {"password": password}))
    bad = api.check(service, **{"source-service-uri": "postgres://u:s%C3%A9cret%20%ZZ@127.0.0.1:1/d"})
    assert bad["success"] is False
    shown = str([bad, api.ok("GET", f"/dbaas-migration-status/{service}"), api.ok("GET", f"/dbaas-postgres/{service}")])
    for text in (shown, emulator.log.read_text()):
        assert not any(form in text for form in ("sécret", "s%C3%A9cret", emulator.secret))


def test_a_service_that_is_gone_is_gone(api):
    """From the list, too, and its name is free again."""
    name = api.service()
    operation = api.finish(api.ok("DELETE", f"/dbaas-postgres/{name}"))
    assert operation["state"] == "success"
    api.refused(404, "GET", f"/dbaas-postgres/{name}")
    assert api.service(name) == name
    api.finish(api.ok("DELETE", f"/dbaas-postgres/{name}"))


@pytest.mark.parametrize(
    "name",
    [
        *("%00", "a%0Ab", "%ff%fe", "%ED%A0%80", "%F0%9F%98%80", "%25", "%", "%s", "%7B0%7D", "n" * 9000),
        *("..", "%2E%2E", "%2F", "%5C", "a;b", "'%3B--", "%22"),
    ],
)
def test_no_name_in_a_path_is_too_odd(api, service, name):
    """In whichever operation and place, it is refused in words or does no harm."""
    for operation in OPERATIONS:
        method, path, _ = DOCUMENTED[operation]
        for place in path_parameters(operation):
            filled = path.replace(f"{{{place}}}", name).replace("{service-name}", service)
            filled = filled.replace("{name}", service).replace("{username}", "u").replace("{database-name}", "d")
            response = api.request(method, filled, {} if operation in WITH_BODY else None)
            assert response.status_code < 500, f"{operation}: {response.text}"
            if response.status_code != 200:
                assert list(response.json()) == ["message"]
    for listed in ("/dbaas-service", "/dbaas-external-endpoints"):
        api.ok("GET", listed)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "TRACE", "GET", "BREW"])
def test_a_method_that_a_path_does_not_have_is_not_found(api, method):
    """With 404, as the service has been seen to answer."""
    response = api.request(method, "/dbaas-service/x")
    assert response.status_code == 404
    assert response.text == (
        ""
        if method == "HEAD"
        else json.dumps({"message": f"Not found: {method} /v2/dbaas-service/x"}, separators=(",", ":"))
    )
