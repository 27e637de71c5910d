"""Users, databases and passwords, in services of both types that have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from tests.integration.emulator.conftest import execute, source_of

BOTH = ("postgres", "mysql")


@pytest.fixture(scope="module")
def services(api) -> dict[str, str]:
    """A running service of each type."""
    return {"postgres": api.service(), "mysql": api.record("mysql")}


@pytest.fixture(params=BOTH)
def kind(request) -> str:
    return request.param


@pytest.fixture
def path(kind, services) -> str:
    """Path of the service of this type."""
    return f"/dbaas-{kind}/{services[kind]}"


@pytest.fixture(scope="module")
def pg(services) -> str:
    return f"/dbaas-postgres/{services['postgres']}"


def users(api, path) -> dict[str, dict]:
    return {each["username"]: each for each in api.ok("GET", path)["users"]}


def reveal(api, path, username) -> str:
    revealed = api.ok("GET", f"{path}/user/{username}/password/reveal")
    assert set(revealed) == {"username", "password"}
    return revealed["password"]


def login(api, path, username, password, dbname="defaultdb") -> psycopg.Connection:
    params = api.ok("GET", path)["uri-params"] | {"user": username, "password": password, "dbname": dbname}
    return psycopg.connect(**params, autocommit=True)


@pytest.mark.fact("service-passwords")
def test_a_user_is_made_shown_and_removed(api, path, services, kind):
    """With a password that only reveal shows; the operation is about the service."""
    operation = api.ok("POST", f"{path}/user", {"username": "some.one"})
    assert (operation["state"], operation["reference"]["link"]) == ("pending", f"/v2{path}")
    assert api.finish(operation)["state"] == "success"
    assert users(api, path)["some.one"]["type"] == "normal"
    assert users(api, path)["avnadmin"]["type"] == "primary"
    assert len(reveal(api, path, "some.one")) >= 8
    assert reveal(api, path, "some.one") not in str(api.ok("GET", path))
    assert "already exists" in api.refused(409, "POST", f"{path}/user", {"username": "some.one"})
    assert "already exists" in api.refused(409, "POST", f"{path}/user", {"username": "avnadmin"})
    api.done("DELETE", f"{path}/user/some.one")
    assert "some.one" not in users(api, path)
    gone = f"User some.one does not exist for service {services[kind]}"
    assert api.refused(404, "GET", f"{path}/user/some.one/password/reveal") == gone
    assert api.refused(404, "DELETE", f"{path}/user/some.one") == gone
    assert api.refused(404, "PUT", f"{path}/user/some.one/password/reset", {}) == gone


def test_a_password_is_reset_to_a_given_or_a_new_one(api, path):
    """What the document refuses is refused without being repeated."""
    api.done("POST", f"{path}/user", {"username": "forgetful"})
    before = reveal(api, path, "forgetful")
    reset = f"{path}/user/forgetful/password/reset"
    api.done("PUT", reset, {"password": "Chosen_Passw0rd"})
    assert reveal(api, path, "forgetful") == "Chosen_Passw0rd"
    api.done("PUT", reset, {})
    assert reveal(api, path, "forgetful") not in {before, "Chosen_Passw0rd"}
    message = api.refused(400, "PUT", reset, {"password": "s3cret"})
    assert message == "password: must have at least 8 characters"
    api.done("DELETE", f"{path}/user/forgetful")


def test_a_database_is_made_shown_and_removed(api, path, services, kind):
    """Twice is once too often, both ways."""
    api.done("POST", f"{path}/database", {"database-name": "Böok s"})
    assert api.ok("GET", path)["databases"] == ["Böok s", "defaultdb"]
    assert "already exists" in api.refused(409, "POST", f"{path}/database", {"database-name": "Böok s"})
    api.done("DELETE", f"{path}/database/B%C3%B6ok%20s")
    assert api.ok("GET", path)["databases"] == ["defaultdb"]
    message = api.refused(404, "DELETE", f"{path}/database/B%C3%B6ok%20s")
    assert message == f"Database Böok s does not exist for service {services[kind]}"
    assert "at most 40" in api.refused(400, "POST", f"{path}/database", {"database-name": "d" * 41})


def test_the_admin_user_and_the_default_database_stay(api, path):
    """A service without them could not be reached the way it says."""
    assert "admin user" in api.refused(400, "DELETE", f"{path}/user/avnadmin")
    assert "the default" in api.refused(400, "DELETE", f"{path}/database/defaultdb")
    assert "avnadmin" in users(api, path)


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("POST", "user", {"username": "u"}),
        ("DELETE", "user/u", None),
        ("GET", "user/u/password/reveal", None),
        ("PUT", "user/u/password/reset", {}),
        ("POST", "database", {"database-name": "d"}),
        ("DELETE", "database/d", None),
    ],
)
def test_without_the_service_there_is_nothing_in_it(api, services, kind, method, rest, body):
    """Nor under the path of another type."""
    other = services["mysql" if kind == "postgres" else "postgres"]
    assert "Service absent does not exist" in api.refused(404, method, f"/dbaas-{kind}/absent/{rest}", body)
    assert "it is of type" in api.refused(404, method, f"/dbaas-{kind}/{other}/{rest}", body)


def test_users_of_postgresql_are_real(api, pg):
    """They log in with what is revealed, and no longer after a reset or their end."""
    api.done("POST", f"{pg}/user", {"username": 'Odd "name"; --', "allow-replication": True})
    odd = "Odd%20%22name%22%3B%20--"
    assert users(api, pg)['Odd "name"; --']["allow-replication"] is True
    first = reveal(api, pg, odd)
    with login(api, pg, 'Odd "name"; --', first) as connection:
        row = connection.execute(
            "SELECT rolreplication, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (True, False, False, False)
    password = "New p@ss'w\"örd"
    api.done("PUT", f"{pg}/user/{odd}/password/reset", {"password": password})
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        login(api, pg, 'Odd "name"; --', first)
    login(api, pg, 'Odd "name"; --', password).close()
    api.done("DELETE", f"{pg}/user/{odd}")
    with pytest.raises(psycopg.OperationalError):
        login(api, pg, 'Odd "name"; --', password)


def test_the_admin_user_acts_for_the_users(api, pg):
    """And can log in with a new password after a reset."""
    api.done("POST", f"{pg}/user", {"username": "worker"})
    api.done("PUT", f"{pg}/user/avnadmin/password/reset", {"password": "another-admin-password"})
    with login(api, pg, "avnadmin", "another-admin-password") as connection:
        connection.execute("CREATE SCHEMA for_worker AUTHORIZATION worker")
    # A user who owns something is the server's to refuse.
    message = api.refused(400, "DELETE", f"{pg}/user/worker")
    assert "cannot be dropped because some objects depend on it" in message
    with login(api, pg, "avnadmin", "another-admin-password") as connection:
        connection.execute("DROP SCHEMA for_worker")
    api.done("DELETE", f"{pg}/user/worker")
    api.done("POST", f"{pg}/user", {"username": "after"})
    api.done("DELETE", f"{pg}/user/after")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"username": "pg_mine"}, 'role name "pg_mine" is reserved'),
        ({"username": "ü" * 32}, "username: must have at most 63 bytes, has 64"),
        ({"username": "with\0nul"}, "username: must not contain a NUL character"),
        ({"username": "\ud800"}, "not JSON"),
        ({"username": ""}, "username: must have at least 1 characters"),
        ({}, "missing keys 'username'"),
    ],
)
def test_names_that_postgresql_would_not_take_are_refused(api, pg, body, text):
    """In its own words where it has some; it would cut a long name off without any."""
    assert text in api.refused(400, "POST", f"{pg}/user", body)


def test_what_is_the_servers_own_is_out_of_reach(api, pg):
    """Its superuser, its own database, its templates and roles that cannot log in are nobody's to remove."""
    for username in ("postgres", "pg_monitor", "a%00b"):
        api.refused(404, "DELETE", f"{pg}/user/{username}")
        api.refused(404, "PUT", f"{pg}/user/{username}/password/reset", {})
    assert "already exists" in api.refused(409, "POST", f"{pg}/user", {"username": "postgres"})
    assert "server's own" in api.refused(400, "DELETE", f"{pg}/database/postgres")
    for dbname in ("template0", "template1", "a%00b"):
        api.refused(404, "DELETE", f"{pg}/database/{dbname}")


def test_databases_of_postgresql_are_real(api, pg):
    """They belong to the admin user, have the locale that was asked for, and go even while in use."""
    body = {"database-name": "located", "lc-collate": "C", "lc-ctype": "C.UTF-8"}
    api.done("POST", f"{pg}/database", body)
    connection = login(api, pg, "avnadmin", reveal(api, pg, "avnadmin"), "located")
    with closing(connection):
        row = connection.execute(
            "SELECT datcollate, datctype, pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'located'"
        ).fetchone()
        assert row == ("C", "C.UTF-8", "avnadmin")
        connection.execute("CREATE TABLE t ()")
        api.done("DELETE", f"{pg}/database/located")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    message = api.refused(400, "POST", f"{pg}/database", {"database-name": "bad", "lc-collate": "xx_XX.nope"})
    assert "xx_XX.nope" in message
    assert "NUL" in api.refused(400, "POST", f"{pg}/database", {"database-name": "bad", "lc-ctype": "\0"})
    assert "NUL" in api.refused(400, "POST", f"{pg}/database", {"database-name": "b\0d"})


@pytest.fixture
def replicating(api, postgres_source) -> Iterator[str]:
    """Path of a service that replicates the database ``moved``."""
    execute(postgres_source, "postgres", "CREATE DATABASE moved")
    execute(postgres_source, "moved", "CREATE TABLE t (id int PRIMARY KEY)")
    name = api.service()
    assert api.migrate(name, **source_of(postgres_source))["status"] == "syncing"
    yield f"/dbaas-postgres/{name}"
    api.stop(name)
    api.done("DELETE", f"/dbaas-postgres/{name}")
    execute(postgres_source, "postgres", "DROP DATABASE moved WITH (FORCE)")


def test_what_a_migration_needs_is_kept_while_it_runs(api, replicating):
    """The database it replicates, and the password that it logs in with."""
    assert "subscription" in api.refused(409, "DELETE", f"{replicating}/database/moved")
    message = api.refused(409, "PUT", f"{replicating}/user/avnadmin/password/reset", {})
    assert "migration" in message


def test_a_service_that_does_not_run_takes_no_users(api):
    """Nor databases: it is still being made."""
    api.ok("POST", "/dbaas-postgres/unready", {"plan": "hobbyist-2"})
    for request in (
        ("POST", "user", {"username": "u"}),
        ("DELETE", "user/u", None),
        ("PUT", "user/u/password/reset", {}),
        ("POST", "database", {"database-name": "d"}),
        ("DELETE", "database/d", None),
    ):
        method, rest, body = request
        assert "not running" in api.refused(409, method, f"/dbaas-postgres/unready/{rest}", body)
    api.done("DELETE", "/dbaas-postgres/unready")


def test_users_of_mysql_have_an_authentication_plugin(api, services):
    """The default one unless another is asked for, then or later."""
    path = f"/dbaas-mysql/{services['mysql']}"
    api.done("POST", f"{path}/user", {"username": "old", "authentication": "mysql_native_password"})
    api.done("POST", f"{path}/user", {"username": "new"})
    shown = users(api, path)
    assert (shown["old"]["authentication"], shown["new"]["authentication"]) == (
        "mysql_native_password",
        "caching_sha2_password",
    )
    body = {"authentication": "mysql_native_password"}
    api.done("PUT", f"{path}/user/new/password/reset", body)
    assert users(api, path)["new"]["authentication"] == "mysql_native_password"
    assert "must be one of" in api.refused(400, "POST", f"{path}/user", {"username": "x", "authentication": "none"})
    for username in ("old", "new"):
        api.done("DELETE", f"{path}/user/{username}")


def test_no_password_is_in_the_log(api, services, emulator):
    """Whatever was set, revealed or refused; but each change is there, one line for one."""
    name = api.record("mysql", **{"admin-username": "boss", "admin-password": "Admin_Passw0rd"})
    assert reveal(api, f"/dbaas-mysql/{name}", "boss") == "Admin_Passw0rd"
    path = f"/dbaas-postgres/{services['postgres']}"
    api.done("POST", f"{path}/user", {"username": "quiet"})
    api.done("PUT", f"{path}/user/quiet/password/reset", {"password": "Quiet_Passw0rd"})
    revealed = reveal(api, path, "avnadmin")
    api.done("DELETE", f"{path}/user/quiet")
    log = emulator.log.read_text()
    assert not any(secret in log for secret in ("Admin_Passw0rd", "Quiet_Passw0rd", revealed))
    assert log.count(f"create-dbaas-service-mysql: /v2/dbaas-mysql/{name}\n") == 1
    assert f"reset-dbaas-postgres-user-password: /v2{path}\n" in log
