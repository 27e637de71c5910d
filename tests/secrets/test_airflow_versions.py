"""No secret gets out of a whole Airflow, whichever version it is. ``make secrets`` runs this."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow import __version__ as AIRFLOW_VERSION  # noqa: N812 - it is a constant

from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.scheduler.conftest import Scheduled
from tests.matrix.environments import NoEnvironmentError, build_wheel
from tests.secrets.airflows import environment, has_lineage, running
from tests.secrets.canaries import connections, mysql_source, postgres_source
from tests.secrets.hunting import Hunt, add_connections, run_canaries
from tests.secrets.kinds import LINEAGE

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(900)]

VERSIONS = os.environ.get("SECRETS_VERSIONS", "").split()


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``environments(version)`` makes an environment with that Airflow; its interpreter."""
    folder = tmp_path_factory.mktemp("environments")
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    return lambda version: environment(version, Path(os.environ.get("SECRETS_ENVIRONMENTS") or folder), wheel)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each version of Airflow."""
    return str(request.param)


@pytest.fixture
def scheduled(version: str, environments: Callable[[str], Path], tmp_path: Path) -> Iterator[Scheduled]:
    """An Airflow of that version; this one's own is not installed once more."""
    python = Path(sys.executable)
    if version != AIRFLOW_VERSION:
        try:
            python = environments(version)
        except NoEnvironmentError as error:
            pytest.skip(str(error))
    with running(version, python, tmp_path) as airflow:
        yield airflow


@pytest.mark.parametrize("engine", ["pg", "mysql"])
def test_no_secret_gets_out(
    version: str,
    engine: str,
    scheduled: Scheduled,
    postgres_servers: Callable[..., PostgresServer],
    mysql_servers: Callable[..., MysqlServer],
) -> None:
    """A migration, failures, waits and endpoints, all with canaries: with MySQL endpoints of all types, with PostgreSQL
    two of them, and again from the command line, and tasks that are killed. None of the canaries is in a log or output,
    the database, an answer of the REST API, or a command line.
    """
    hunt, name = Hunt(scheduled), f"canary-{secrets.token_hex(3)}"
    hunt.leave_out(version)
    if has_lineage(scheduled):
        hunt.kinds = (LINEAGE, *hunt.kinds)
    print(f"\nAirflow {version}, {engine}{'' if has_lineage(scheduled) else ', without OpenLineage (not installed)'}")
    service, target = f"{name}-{engine}", f"{name}-to"
    killed = {f"{name}-{mode}": mode for mode in ("deferred", "running")} if engine == "pg" else {}
    sources = {engine: mysql_source(mysql_servers()) if engine == "mysql" else postgres_source(postgres_servers())}
    if killed:
        # A database is replicated to one service at a time.
        sources["running"] = postgres_source(postgres_servers())
    with hunt.watching():
        api = {"conn_type": "exoscale", "login": scheduled.emulator.key, "password": scheduled.emulator.secret}
        default = {**api, "host": scheduled.emulator.url, "extra": json.dumps({"zone": "ch-gva-2"})}
        add_connections(scheduled, {"exoscale_default": default, **connections(scheduled.emulator, sources)})
        with hunt.services(dict.fromkeys((service, target, *killed), engine)):
            source = {"source_conn_id": f"canary_{engine}_long", "method": "dump"}
            migration = hunt.start("dbaas_migrate_service", service=target, **source)
            to_kill = hunt.start("canary_killed", service=name) if killed else ""
            run_canaries(hunt, engine, service, endpoints="canary_two_endpoints" if killed else "canary_endpoints")
            left = {task: state for task, state in hunt.finish(migration).items() if state != "success"}
            assert set(left.items()) <= {("approve_cut_over", "skipped"), ("link_service", "skipped")}
            for replica, mode in killed.items():
                hunt.kill(to_kill, mode, replica)
            if killed:
                hunt.run_by_command("canary_two_endpoints", service=service)
    assert hunt.found(name) == []
