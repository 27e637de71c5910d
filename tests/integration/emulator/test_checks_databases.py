"""The migration check and what the two servers are and hold: sameness, versions, sizes, databases, roles, extensions.

Each reason holds for a migration that nobody checked as well. Of the checks that the service is known to make, these
have no test here:

- A negative maximum lag for stopping: the API has no such parameter.
- A database that the target lacks while making it is switched off: the API cannot switch it off.
- Superusers refused by the target's security agent: there is no agent here. Such a role is carried without its power,
  and the check warns.
- ``extwlist`` (extensions an administrator allows although they need a superuser): no server here has that module.
"""

import re
import shutil
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from airflow_dbaas.emulator.postgres import PostgresServer, installed
from airflow_dbaas.emulator.postgres.checks import check
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from tests.integration.emulator.checking import forwarded, refusal, refused, verdict
from tests.integration.emulator.conftest import execute, query, source_of, uri_of


@pytest.fixture(scope="module")
def service(api):
    """The target: PostgreSQL 17."""
    return api.service()


@pytest.fixture(scope="module")
def source(postgres_source):
    """A source with one database, and a user who is nobody special."""
    execute(postgres_source, "postgres", "CREATE DATABASE one", "CREATE ROLE plain LOGIN PASSWORD 'plain-word'")
    return postgres_source


@pytest.fixture(scope="module")
def folder():
    """One that the account which runs the servers can enter."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def newer(folder):
    """Binaries of 17, copied: they have a newer version of one extension, and one that nobody else has."""
    found = installed()[17]
    root = folder / "pginstall"
    shutil.copytree(found.root, root, symlinks=True)
    extensions = next(root.glob("share/**/extension"))
    control = extensions / "citext.control"
    (version,) = [line.split("'")[1] for line in control.read_text().splitlines() if "default_version" in line]
    control.write_text(control.read_text().replace(version, "1.99"))
    (extensions / f"citext--{version}--1.99.sql").write_text("SELECT 1;\n")
    (extensions / "ours.control").write_text("default_version = '3.2'\n")
    (extensions / "ours--3.2.sql").write_text("CREATE TABLE of_ours (a int);\n")
    return replace(found, root=root)


@pytest.fixture(scope="module")
def extended(newer, folder):
    """A source of version 17 with one database, ``d``."""
    with PostgresServer(newer, folder / "extended", "postgres", "a secret") as server:
        execute(server, "postgres", "CREATE DATABASE d")
        yield server


@pytest.fixture
def in_d(extended):
    """Installs extensions in the source's database for one test."""
    made = []

    def install(*names):
        made.extend(names)
        execute(extended, "d", *(f"CREATE EXTENSION {name}" for name in names))

    yield install
    execute(extended, "d", *(f"DROP EXTENSION {name}" for name in made))


def endpoint(server: PostgresServer) -> Endpoint:
    password = str(psycopg.conninfo.conninfo_to_dict(server.conninfo())["password"])
    return Endpoint(server.host, server.port, server.superuser, password)


def admin(api, service):
    """Login of a service's admin user, as a source."""
    params = api.ok("GET", f"/dbaas-postgres/{service}")["uri-params"]
    revealed = api.ok("GET", f"/dbaas-postgres/{service}/user/{params['user']}/password/reveal")
    return {
        "host": params["host"],
        "port": int(params["port"]),
        "username": params["user"],
        "password": revealed["password"],
    }


# The servers


@pytest.mark.fact("pg-same-server")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "localhost.", "[::1]"])
def test_the_same_server_is_refused_by_its_address(api, service, host):
    """However it is spelled, and before anybody logs in."""
    login = admin(api, service)
    result = refusal(api, service, f"postgres://u:some-word@{host}:{login['port']}/d")
    assert result.startswith(
        f"Migrating to the same server is not supported: {host}:{login['port']} is the target itself"
    )
    status = api.migrate(service, **login | {"host": host.strip("[]")})
    assert (status["status"], status["error"]) == ("failed", result)


def test_the_same_server_is_refused_by_another_name_or_port(api, service):
    """Told by what the server says of itself."""
    login = admin(api, service)
    with forwarded(login["port"]) as port:
        for host, elsewhere in (("127.1", login["port"]), ("127.0.0.1", port)):
            uri = f"postgres://{login['username']}:{login['password']}@{host}:{elsewhere}/defaultdb"
            result = refusal(api, service, uri)
            assert result.startswith(f"Migrating to the same server is not supported: {host}:{elsewhere} is the target")
            status = api.migrate(service, **login | {"host": host, "port": elsewhere})
            assert (status["status"], status["error"]) == ("failed", result)


@pytest.mark.fact("pg-versions")
def test_a_newer_source_is_refused(api, service, postgres_servers):
    """18 to 17; all reasons at once, not one a time."""
    result = refused(api, service, postgres_servers(major=18))
    assert (
        "Migrating to older major PostgreSQL server version is not supported (source 18, target 17); "
        "take a service of version 18 or newer" in result
    )
    assert ". No databases to migrate: " in result


@pytest.mark.fact("pg-versions")
def test_a_source_that_no_pg_dump_reads_is_refused(api, service, source):
    """A real server behind a port where it calls itself 9.1, for that cannot be run any more."""
    mine = installed()[17].version
    with forwarded(source.port, replaced=(b"server_version\0" + b"16.14", b"server_version\0" + b"9.1.2")) as port:
        result = refusal(api, service, uri_of(source, port=port))
    assert result == f"No suitable pg_dump: that of PostgreSQL {mine} reads servers from 9.2 on, the source is 9.1"


async def test_missing_programs_and_too_small_a_plan_are_refused(source, newer, extended, folder):
    """Asked of the checks themselves: every version that is offered has its programs, and no plan is as small."""
    ends, good = (endpoint(source), endpoint(extended), frozenset()), installed()[17]
    (size,) = query(source, "postgres", "SELECT pg_database_size('one')")[0]
    assert (await check(*ends, disk=int(size * 1.4), binaries=good)).verdict(None)[0] is True
    (newer.root / "bin" / "pg_dump").rename(folder / "pg_dump")
    try:
        success, result = (await check(*ends, disk=int(size * 1.2), binaries=newer)).verdict(None)
    finally:
        (folder / "pg_dump").rename(newer.root / "bin" / "pg_dump")
    assert success is False
    assert f"No suitable pg_dump: PostgreSQL {newer.version} comes without pg_dump" in result
    assert re.search(
        r"\. Databases do not fit: \d+ bytes at the source need \d+ bytes of disk, the plan has \d+;", result
    )


@pytest.mark.fact("pg-size")
def test_databases_larger_than_the_plans_disk_are_refused(api, service, source):
    """130 per cent of 7 GiB are more than the 8 GiB of the plan; the file that makes up for it is all hole."""
    execute(source, "postgres", "CREATE DATABASE vast")
    (oid,) = query(source, "postgres", "SELECT oid FROM pg_database WHERE datname = 'vast'")[0]
    with (source.data / "base" / str(oid) / "99999999").open("wb") as hole:
        hole.truncate(7 << 30)
    try:
        status = api.migrate(service, **source_of(source, method="dump"))
        assert (status["status"], status["details"]) == ("failed", [])
        for result in (refusal(api, service, uri_of(source), method="dump"), status["error"]):
            assert result.startswith("Databases do not fit: ")
            assert result.endswith("the plan has 8589934592; take a larger plan or leave databases out (ignore-dbs)")
        assert verdict(api, service, uri_of(source), **{"ignore-dbs": "vast"})[0] is True
    finally:
        execute(source, "postgres", "DROP DATABASE vast")


# Databases and roles


@pytest.mark.fact("pg-left-out")
def test_nothing_to_migrate_is_refused(api, service, source):
    """Templates and an empty ``postgres`` do not count; blanks and unknown names among the ignored do not matter."""
    result = refused(api, service, source, **{"ignore-dbs": " one ,nothing"})
    assert result == (
        "No databases to migrate: "
        "the source has none but templates, ignored ones (nothing, one) and an empty 'postgres'"
    )


@pytest.mark.fact("pg-one-database")
@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("REVOKE CONNECT ON DATABASE shut FROM PUBLIC", 'permission denied for database "shut"'),
        ("ALTER DATABASE shut ALLOW_CONNECTIONS false", 'database "shut" is not currently accepting connections'),
        ("ALTER DATABASE shut CONNECTION LIMIT 0", 'too many connections for database "shut"'),
    ],
    ids=["connect-revoked", "connections-not-allowed", "connection-limit"],
)
def test_a_single_database_that_cannot_be_connected_to_fails_alone(api, service, source, statement, text):
    """The check warns, the migration shows it as failed: nothing is left behind without a word."""
    execute(source, "postgres", "CREATE DATABASE shut", statement)
    login = {"username": "plain", "password": "plain-word"}
    try:
        success, result = verdict(api, service, uri_of(source, **login), method="dump")
        assert success is True
        assert "Warning: database 'shut' cannot be connected to, its migration will fail unless" in result
        assert text in result
        status = api.migrate(service, **source_of(source, method="dump", **login))
        assert (status["status"], status["error"]) == ("failed", "Migration process failed")
        one, shut = status["details"]
        assert one == {"dbname": "one", "method": "pg_dump", "status": "done"}
        assert (shut["dbname"], shut["status"], text in shut["error"]) == ("shut", "failed", True)
        alone = refused(api, service, source, method="dump", **login, **{"ignore-dbs": "one"})
        assert "those that cannot be connected to" in alone
    finally:
        execute(source, "postgres", "DROP DATABASE shut")
        with closing(api.connect(service, "defaultdb")) as target:
            target.execute("DROP DATABASE IF EXISTS one")


def test_a_superuser_is_carried_without_its_power(api, service, source):
    """A managed service has none: a warning, no refusal."""
    execute(source, "postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'x'")
    try:
        success, result = verdict(api, service, uri_of(source), method="dump")
        assert success is True
        assert "Warning: role 'boss' of the source is a superuser, but no role of the target can be" in result
        assert "role 'postgres'" not in result
        assert api.migrate(service, **source_of(source, method="dump"))["status"] == "done"
        with closing(api.connect(service, "one")) as target:
            assert target.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'boss'").fetchall() == [(False,)]
    finally:
        execute(source, "postgres", "DROP ROLE boss")
        with closing(api.connect(service, "defaultdb")) as target:
            target.execute("DROP DATABASE IF EXISTS one")


# Extensions and languages


def test_extensions_that_the_target_has_are_no_reason(api, service, extended, in_d):
    """Trusted ones of the same version."""
    in_d("pgcrypto", "hstore")
    assert verdict(api, service, uri_of(extended), method="dump") == (True, "Migration method will be 'dump'.")


@pytest.mark.fact("pg-extensions")
def test_an_extension_that_is_older_in_the_targets_database_is_refused(api, service, extended, in_d):
    """Installed there already; once it is updated there is nothing against it."""
    in_d("pg_trgm")
    with closing(api.connect(service, "defaultdb")) as target:
        target.execute("CREATE DATABASE d")
    try:
        with closing(api.connect(service, "d")) as target:
            target.execute("CREATE EXTENSION pg_trgm VERSION '1.3'")
        assert refused(api, service, extended) == (
            "Installed extension 'pg_trgm' in target database 'd' is older than in source, "
            "target version: 1.3, source version: 1.6; update it there first"
        )
        with closing(api.connect(service, "d")) as target:
            target.execute("ALTER EXTENSION pg_trgm UPDATE")
        assert verdict(api, service, uri_of(extended))[0] is True
    finally:
        with closing(api.connect(service, "defaultdb")) as target:
            target.execute("DROP DATABASE d")


@pytest.mark.fact("pg-extensions")
def test_an_extension_that_is_not_available_in_the_target_is_refused(api, service, extended, in_d):
    """Only the source has it."""
    in_d("ours")
    assert refused(api, service, extended, method="dump") == (
        "Extension 'ours' of database 'd' is not available for installation in target (source version: 3.2)"
    )


@pytest.mark.fact("pg-extensions")
def test_an_extension_whose_available_version_is_older_is_refused(api, service, extended, in_d):
    """The target would install less than the source has."""
    in_d("citext")
    assert refused(api, service, extended, method="replication").startswith(
        "Extension 'citext' of database 'd': version available for installation in target is too old, "
        "source version: 1.99, target version: 1."
    )


@pytest.mark.fact("pg-extensions")
def test_an_extension_that_needs_a_superuser_is_refused(api, service, extended, in_d):
    """It is not a trusted one, and nobody is a superuser in the target; every such extension is named."""
    in_d("pageinspect", "pg_buffercache", "pgcrypto")
    result = refused(api, service, extended)
    for name in ("pageinspect", "pg_buffercache"):
        assert f"Installing extension '{name}' of database 'd' in target requires superuser" in result
    assert "pgcrypto" not in result


@pytest.mark.fact("pg-languages")
def test_a_language_that_the_target_lacks_is_refused(api, service, extended):
    """One that comes with no extension."""
    execute(extended, "d", "CREATE LANGUAGE mine HANDLER plpgsql_call_handler")
    try:
        assert refused(api, service, extended) == (
            "Languages not installed in target: mine (database 'd'); only languages that are extensions can be "
            "installed"
        )
    finally:
        execute(extended, "d", "DROP LANGUAGE mine")
