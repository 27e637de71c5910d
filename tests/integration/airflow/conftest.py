"""A real Airflow in this process: DAGs run by ``DAG.test()`` against the emulator and real servers."""

from __future__ import annotations

import functools
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from jsonschema.validators import Draft202012Validator
from psycopg.conninfo import conninfo_to_dict

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.operators._base import DbaasTask
from airflow_dbaas.waiting import poller
from airflow_dbaas.waiting.results import own_xcoms
from tests import AIRFLOW_HOME
from tests.conftest import RunningEmulator
from tests.unit.conftest import ScriptedServer

ROOT = Path(__file__).parents[3]


@dataclass
class TaskRun:
    """How a task ended."""

    state: str
    tries: int
    result: Any


@dataclass
class DagRun:
    """How a run ended, and all it printed."""

    state: str
    tasks: dict[str, TaskRun]
    output: str

    @property
    def task(self) -> TaskRun:
        """The only task of a DAG of one."""
        (task,) = self.tasks.values()
        return task


Run = Callable[..., DagRun]


@pytest.fixture(scope="session")
def database() -> Path:
    """Airflow's metadata database with the project's and the tests' DAGs in it."""
    for folder in (ROOT / "dags", Path(__file__).parent / "dags"):
        shutil.copytree(folder, AIRFLOW_HOME / "dags", dirs_exist_ok=True)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    return AIRFLOW_HOME / "airflow.db"


@pytest.fixture(scope="session")
def dags(database: Path) -> Iterator[dict[str, Any]]:
    """All DAGs by id; none has an import error."""
    from airflow.dag_processing import dagbag

    bag = dagbag.DagBag(AIRFLOW_HOME / "dags")
    assert not bag.import_errors
    with pytest.MonkeyPatch.context() as patch:
        # DAG.test() parses every file anew and writes every DAG to the database, which is most of its work. None
        # changes here, so the first time will do.
        for work in ("BundleDagBag", "sync_bag_to_db"):
            patch.setattr(dagbag, work, functools.cache(getattr(dagbag, work)))
        # Nor do the forms: Airflow checks the schema of each field anew whenever it reads the field.
        check, known = Draft202012Validator.check_schema, set[str]()

        def check_once(schema: Any, *args: Any, **kwargs: Any) -> None:
            written = json.dumps(schema, sort_keys=True, default=str)
            if written not in known:
                check(schema, *args, **kwargs)
                known.add(written)

        patch.setattr(Draft202012Validator, "check_schema", check_once)
        yield dict(bag.dags)


@pytest.fixture(scope="session")
def defaults(dags: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters of each DAG as its file says; those that are required are left out."""
    return {
        dag_id: {name: param.value for name, param in dag.params.items() if param.has_value}
        for dag_id, dag in dags.items()
    }


@pytest.fixture
def run(
    dags: dict[str, Any],
    defaults: dict[str, dict[str, Any]],
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """``run(dag_id, **parameters)`` runs a DAG to its end, with the connection to the emulator defined."""
    connection = {
        "conn_type": "exoscale",
        "login": emulator.key,
        "password": emulator.secret,
        "host": emulator.url,
        "extra": {"zone": emulator.zone},
    }
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(connection))
    # What takes less than these would not be deferred at all; and here is no scheduler to be gentle with.
    monkeypatch.setattr(poller, "BRIEF_SECONDS", 0)
    monkeypatch.setattr(poller, "RESUME_SECONDS", 0)
    # The emulator is quick.
    monkeypatch.setattr(poller, "_SHORTEST_PAUSE", 0.1)

    def run(dag_id: str, **parameters: Any) -> DagRun:
        capfd.readouterr()
        # DAG.test() leaves a run's parameters in the DAG as the next run's defaults: so all are given each time.
        ended = dags[dag_id].test(run_conf={**defaults[dag_id], **parameters})
        tasks = {
            ti.task_id: TaskRun(str(ti.state), ti.try_number, ti.xcom_pull(task_ids=ti.task_id))
            for ti in ended.get_task_instances()
        }
        check_own_xcoms(dags[dag_id], ended)
        captured = capfd.readouterr()
        return DagRun(str(ended.state), tasks, captured.out + captured.err)

    return run


def check_own_xcoms(dag: Any, ended: Any) -> None:
    """Each single value of a result is an XCom of its own: of all operators and sensors, whatever ran them."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        kept: dict[tuple[str, int], dict[str, Any]] = {}
        for row in session.query(XComModel).filter_by(dag_id=ended.dag_id, run_id=ended.run_id):
            kept.setdefault((row.task_id, row.map_index), {})[row.key] = XComModel.deserialize_value(row)
    for (task_id, _), xcoms in kept.items():
        if issubclass(dag.get_task(task_id).operator_class, DbaasTask) and "return_value" in xcoms:
            assert own_xcoms(xcoms["return_value"]).items() <= xcoms.items(), task_id


@pytest.fixture(scope="session")
def client(emulator: RunningEmulator) -> Iterator[Client]:
    """The blocking client, on the emulator."""
    with Client(emulator.key, emulator.secret, url=emulator.url) as client:
        yield client


@pytest.fixture
def api(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The API behind ``exoscale_default``, answering as a test tells it to; in place of the emulator."""
    server = ScriptedServer()
    connection = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(connection))
    yield server
    server.close()


@pytest.fixture
def service(client: Client, run: Run) -> Iterator[str]:
    """The name of a running service of the test's own."""
    name = f"db-{secrets.token_hex(4)}"
    assert run("create_poking", service=name).state == "success"
    yield name
    client.services.delete(name)


@pytest.fixture
def define_source(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, PostgresServer], None]:
    """``define_source(conn_id, server)`` makes the Airflow connection of a source."""

    def define(conn_id: str, server: PostgresServer, **fields: Any) -> None:
        connection = {
            "conn_type": "postgres",
            "host": server.host,
            "port": server.port,
            "login": "postgres",
            "password": password_of(server),
            "schema": "postgres",
            "extra": {"sslmode": "disable"},
            **fields,
        }
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))

    return define


@pytest.fixture(scope="module")
def shop(postgres_source: PostgresServer) -> PostgresServer:
    """A source server with a database ``shop``: some rows and a sequence that has moved."""
    fill(postgres_source, "shop")
    return postgres_source


def password_of(server: PostgresServer) -> str:
    """The superuser's password of a server."""
    return str(conninfo_to_dict(server.conninfo())["password"])


def fill(server: PostgresServer, dbname: str, rows: int = 1000) -> None:
    """Make a database with a table of so many rows and a sequence behind its key."""
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {dbname}")
    with psycopg.connect(server.conninfo(dbname=dbname), autocommit=True) as connection:
        connection.execute("CREATE TABLE item (id serial PRIMARY KEY, name text)")
        connection.execute(f"INSERT INTO item (name) SELECT md5(i::text) FROM generate_series(1, {rows}) i")
