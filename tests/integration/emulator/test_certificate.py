"""TLS: the authority's certificate verifies every server that has TLS, and nobody gets in without it."""

import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.postgres import installed
from tests.integration.emulator.conftest import Api, execute, query, server_process, source_of, uri_of


@pytest.fixture(scope="module")
def service(api: Api) -> str:
    """A service of the default version, which has TLS."""
    return api.service()


@pytest.fixture(scope="module")
def plain(api: Api) -> str:
    """A service of a version that was built without TLS."""
    without = next(major for major, binaries in installed().items() if not binaries.tls and major >= 17)
    return api.service(version=str(without))


@pytest.fixture(scope="module")
def ca_file(api: Api, tmp_path_factory) -> Path:
    """The certificate as a user would save it."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(api.ok("GET", "/dbaas-ca-certificate")["certificate"])
    return path


def login(api: Api, service: str, **changes: object) -> dict[str, object]:
    """Parameters of a driver, as a client gathers them from the API."""
    params = api.ok("GET", f"/dbaas-postgres/{service}")["uri-params"]
    revealed = api.ok("GET", f"/dbaas-postgres/{service}/user/{params['user']}/password/reveal")
    return params | {"password": revealed["password"]} | changes


def connected(parameters: dict[str, object]) -> bool:
    """Connect; whether that was by TLS."""
    with closing(psycopg.connect(**parameters)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        return connection.pgconn.ssl_in_use


def test_the_certificate_is_that_of_an_authority(ca_file):
    """One certificate, which may sign others and nothing else, for ten years."""
    certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)
    assert certificate.issuer == certificate.subject
    assert certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=3600)
    assert ca_file.read_text().count("BEGIN") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"sslmode": "verify-ca"},
        {"sslmode": "verify-full"},
        {"sslmode": "verify-full", "host": "localhost"},
        {"sslmode": "require"},
        {"sslmode": "prefer"},
    ],
    ids=lambda changes: "-".join(changes.values()),
)
def test_a_client_that_verifies_connects(api, service, ca_file, changes):
    """By address and by name, also as far as the strictest mode; never without TLS."""
    assert connected(login(api, service, sslrootcert=str(ca_file), **changes)) is True


def test_another_authority_does_not_verify_the_server(api, service, tmp_path):
    """Nor does one of the same name."""
    other = tmp_path / "other.pem"
    other.write_text(Authority().pem)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connected(login(api, service, sslmode="verify-ca", sslrootcert=str(other)))


def test_a_client_without_tls_is_refused(api, service):
    """Whoever it is, and whichever database it wants."""
    for changes in ({}, {"dbname": "postgres"}, {"user": "nobody"}):
        with pytest.raises(psycopg.OperationalError, match="no encryption"):
            connected(login(api, service, sslmode="disable") | changes)


def test_the_server_proves_who_it_is_for_a_year(api, service, ca_file):
    """Its certificate names all of its addresses, is for servers only, and is signed by the authority."""
    params = api.ok("GET", f"/dbaas-postgres/{service}")["uri-params"]
    pem = server_certificate(params["host"], int(params["port"]))
    certificate = x509.load_pem_x509_certificate(pem.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_file.read_bytes()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert {str(each) for each in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=360) < left < timedelta(days=367)


def server_certificate(host: str, port: int) -> str:
    """The certificate that a PostgreSQL server shows; TLS begins after a word of PostgreSQL's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=10) as raw:
        raw.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw) as encrypted:
            shown = encrypted.getpeercert(binary_form=True)
    assert shown is not None
    return ssl.DER_cert_to_PEM_cert(shown)


def test_every_server_has_a_key_of_its_own(api, service):
    """And a serial number of its own."""
    second = api.service()
    shown = []
    for name in (service, second):
        params = api.ok("GET", f"/dbaas-postgres/{name}")["uri-params"]
        pem = server_certificate(params["host"], int(params["port"]))
        shown.append(x509.load_pem_x509_certificate(pem.encode()))
    assert shown[0].serial_number != shown[1].serial_number
    assert shown[0].public_key() != shown[1].public_key()


def test_what_the_api_says_of_tls_is_true(api, service, plain):
    """In the URI, the parameters and the connection info: required where it is demanded, disabled where it is not."""
    for name, sslmode in ((service, "require"), (plain, "disable")):
        shown = api.ok("GET", f"/dbaas-postgres/{name}")
        assert shown["uri-params"]["sslmode"] == sslmode
        assert shown["uri"].endswith(f"?sslmode={sslmode}")
        assert shown["connection-info"]["uri"] == [shown["uri"]]
        assert shown["connection-info"]["params"] == [shown["uri-params"]]
        assert connected(login(api, name)) is (sslmode == "require")


def test_a_version_without_tls_works_and_says_that_it_has_none(api, plain):
    """A client that demands TLS is told."""
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        connected(login(api, plain, sslmode="require"))


def as_source(api: Api, service: str, **options: object) -> dict[str, object]:
    """A service as the source of another one's migration."""
    given = login(api, service)
    return {
        "host": given["host"],
        "port": int(str(given["port"])),
        "username": given["user"],
        "password": given["password"],
        "ignore-dbs": "postgres",
    } | options


@pytest.mark.parametrize("method", ["dump", "replication"])
def test_one_service_is_migrated_to_another_over_tls(api, service, method):
    """Whether TLS is asked for or not: the source demands it."""
    with closing(psycopg.connect(**login(api, service), autocommit=True)) as source:
        source.execute("CREATE TABLE IF NOT EXISTS moved AS SELECT i FROM generate_series(1, 100) AS i")
    target = api.service()
    params = login(api, service)
    uri = f"postgres://{params['user']}:{params['password']}@{params['host']}:{params['port']}/defaultdb"
    assert api.check(target, **{"source-service-uri": f"{uri}?sslmode=require", "method": method})["success"] is True
    status = api.migrate(target, **as_source(api, service, method=method, ssl=method == "dump"))
    assert status["error"] == "", status
    assert [each["status"] for each in status["details"]] == ["done" if method == "dump" else "syncing"]
    with closing(psycopg.connect(**login(api, target))) as connection:
        assert connection.execute("SELECT count(*) FROM moved").fetchone() == (100,)
    assert api.stop(target)["state"] == "success"


def test_a_source_that_demands_tls_cannot_be_read_without(api, service, plain):
    """By check and by migration: the target's programs have no TLS; a source without is as good as ever."""
    params = login(api, service)
    uri = f"postgres://{params['user']}:{params['password']}@{params['host']}:{params['port']}/defaultdb"
    for asked in (uri, f"{uri}?sslmode=require"):
        check = api.check(plain, **{"source-service-uri": asked})
        assert (check["success"], "TLS is required" in check["result"]) == (False, True), check["result"]
    status = api.migrate(plain, **as_source(api, service))
    assert (status["status"], "TLS is required" in status["error"]) == ("failed", True)
    wrong = uri.replace(str(params["password"]), "wrong")
    check = api.check(plain, **{"source-service-uri": wrong})
    assert "password authentication failed" in check["result"]


def test_a_version_without_tls_takes_what_a_source_without_tls_has(api, plain, postgres_servers):
    """As before there was any TLS."""
    source = postgres_servers()
    execute(source, "postgres", "CREATE DATABASE d")
    execute(source, "d", "CREATE TABLE t AS SELECT 1 AS a")
    assert query(source, "d", "SHOW ssl") == [("off",)]
    assert api.check(plain, **{"source-service-uri": uri_of(source)})["success"] is True
    assert api.migrate(plain, **source_of(source, method="dump"))["status"] == "done"


def test_keys_are_closed_to_everybody_else(api, service, emulator):
    """Mode 0600, owned by the account that the server runs as; and in no log."""
    process, data = server_process(api, service)
    key = (data.parent / "server.key").stat()
    assert (key.st_mode & 0o777, key.st_uid) == (0o600, Path(f"/proc/{process}").stat().st_uid)
    assert "PRIVATE KEY" not in emulator.log.read_text()
