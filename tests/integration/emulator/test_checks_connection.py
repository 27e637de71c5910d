"""The migration check and a source that cannot be used or reached: by its connection string, network, login or TLS.

What the driver says is passed on as it is. A black hole is played by a server of this test that takes connections and
says nothing: what an address that swallows packets comes to, without needing a network that has one.
"""

import socket
from contextlib import ExitStack, closing

import pytest

from tests.integration.emulator.checking import forms_of_password, refusal
from tests.integration.emulator.conftest import eventually, execute, source_of, uri_of

PASSWORD = "s3cr3t-w0rd"
UNUSABLE = "Invalid source connection string: "


@pytest.fixture(scope="module")
def black_hole(api):
    """Checks of two sources that never answer, begun at once; they take as long as the other tests."""
    service = api.service()
    with ExitStack() as stack:
        silent = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        # Its queue is full: the network's answer fails to come, not only the server's.
        full = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        for _ in range(4):
            client = stack.enter_context(closing(socket.socket()))
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        tasks = {}
        for listener in (silent, full):
            port = listener.getsockname()[1]
            body = {"source-service-uri": f"postgres://u:{PASSWORD}@127.0.0.1:{port}/d"}
            operation = api.ok("POST", f"/dbaas-task-migration-check/{service}", body)
            tasks[port] = f"/dbaas-task/{service}/{operation['reference']['id']}"
        yield tasks


@pytest.fixture(scope="module")
def service(api, black_hole):
    """The target: PostgreSQL 17."""
    return api.service()


@pytest.fixture(scope="module")
def source(postgres_source):
    """A source without TLS, with a database."""
    execute(postgres_source, "postgres", "CREATE DATABASE one")
    return postgres_source


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("mysql://u:{}@h:1/d", "it must begin with postgres:// or postgresql://"),
        ("POSTGRES://u:{}@h:1/d", "it must begin with postgres:// or postgresql://"),
        ("host=h user=u password={}", "it must begin with postgres:// or postgresql://"),
        ("postgres://", "it has no host, user, password"),
        ("postgres://u:{}@/d", "it has no host"),
        ("postgres://:{}@h/d", "it has no user"),
        ("postgres://u@h/d", "it has no password"),
        ("postgres://u:{}@h:notaport/d", "a port from 1 to 65535"),
        ("postgres://u:{}@h:70000/d", "a port from 1 to 65535"),
        ("postgres://u:{}@h:0/d", "a port from 1 to 65535"),
        ("postgres://u:{}@h,g/d", "it must name one host"),
        ("postgres://u:{}@%2Ftmp/d", "it must name one host"),
        ("postgres://u:{}@h/d?passfile=/etc/passwd", "option passfile is not supported, only sslmode is"),
        ("postgres://u:{}@h/d?connect_timeout=1&service=x", "option connect_timeout, service is not supported"),
        ("postgres://u:{}@h/d?nonsense=1", "expected postgresql://user:password@host:port/database"),
        ("postgres://u:{}@h/d?sslmode=banana", "sslmode must be one of disable, allow, prefer, require"),
        ("postgres://u:{}%ZZ@h/d", "with special characters percent-encoded"),
        ("postgres://u:{}%00@h/d", "with special characters percent-encoded"),
        ("postgres://u:{} x@h/d", "with special characters percent-encoded"),
        ("postgres://u:{}@[::1/d", "expected postgresql://user:password@host:port/database"),
        # A password that was not encoded ends up in the host, or in the port: neither is repeated.
        ("postgres://u:x@{}@h/d", "special characters of user and password must be percent-encoded"),
        ("postgres://u:{}/y@h/d", "it has no user, password"),
    ],
)
def test_an_unusable_connection_string_is_refused(api, service, uri, text):
    """Every form, with what would be right and without the password."""
    result = refusal(api, service, uri.format(PASSWORD))
    assert result.startswith(UNUSABLE)
    assert text in result
    assert PASSWORD not in result


def assert_refused(api, service, text, login=None, *, server, query="", **changes):
    """By the check, with the address and the driver's text, and by the migration in the form that was observed."""
    migration = source_of(server, **(login or {}), **changes)
    uri = f"{uri_of(server, **(login or {})).removesuffix('postgres')}{changes.get('dbname', '')}{query}"
    result = refusal(api, service, uri)
    assert result.startswith(f"Cannot connect to the source {migration['host']}:{migration['port']} (database '")
    assert text in result
    status = api.migrate(service, **migration)
    assert (status["status"], status["method"], status["details"]) == ("done", "", [])
    assert status["error"].startswith("Failed to run query on source db: '")
    assert text in status["error"]
    assert not any(form in status["error"] for form in forms_of_password(uri))


@pytest.mark.fact("pg-connection")
def test_a_closed_port_is_refused(api, service, source):
    """Unreachable: nobody listens there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert_refused(api, service, "Connection refused", {"port": port}, server=source)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", f"{'a' * 64}.invalid"])
def test_a_host_name_that_does_not_resolve_is_refused(api, service, source, host):
    """Those too that nothing could be called, which Python's resolver has an error of its own for."""
    assert_refused(api, service, f"failed to resolve host '{host}'", {"host": host}, server=source)


@pytest.mark.fact("pg-connection")
def test_a_wrong_password_is_refused(api, service, source):
    """In the server's words."""
    login = {"password": "wr/ng  pässword"}
    assert_refused(api, service, 'password authentication failed for user "postgres"', login, server=source)


def test_an_unknown_user_is_refused(api, service, source):
    """In the server's words, which do not tell it from a wrong password."""
    text = 'password authentication failed for user "nobody"'
    assert_refused(api, service, text, {"username": "nobody"}, server=source)


def test_an_unknown_database_is_refused(api, service, source):
    """The one to connect to."""
    assert_refused(api, service, 'database "nowhere" does not exist', server=source, dbname="nowhere")


@pytest.mark.fact("pg-connection")
def test_tls_that_is_demanded_but_absent_at_the_source_is_refused(api, service, source):
    """By ``sslmode`` of the check, by ``ssl`` of the migration."""
    assert_refused(api, service, "server does not support SSL", server=source, query="?sslmode=require", ssl=True)


def test_tls_that_the_source_demands_but_the_uri_switches_off_is_refused(api, service):
    """The source is a service with TLS; the text names the mode that was asked for."""
    name = api.service()
    params = api.ok("GET", f"/dbaas-postgres/{name}")["uri-params"]
    revealed = api.ok("GET", f"/dbaas-postgres/{name}/user/{params['user']}/password/reveal")["password"]
    uri = f"postgres://{params['user']}:{revealed}@{params['host']}:{params['port']}/defaultdb"
    result = refusal(api, service, f"{uri}?sslmode=disable")
    assert "no encryption" in result
    assert "sslmode 'disable'" in result
    assert api.check(service, **{"source-service-uri": f"{uri}?sslmode=require"})["success"] is True


def test_a_source_that_never_answers_is_given_up(api, black_hole):
    """With the driver's text for it; the API answers all the while."""
    for port, path in black_hole.items():
        task = eventually(lambda path=path: api.ok("GET", path), lambda found: "success" in found)
        assert task["success"] is False
        assert task["result"].startswith(f"Cannot connect to the source 127.0.0.1:{port} (database 'd', user 'u'")
        assert "timeout expired" in task["result"]


def test_no_password_is_in_the_log(emulator, source):
    """Of all that was refused here, in whatever form."""
    log = emulator.log.read_text(errors="replace")
    assert not any(form in log for form in {PASSWORD, "wr/ng", "wr%2Fng"} | forms_of_password(uri_of(source)))
