"""Whole Airflows of several versions, each in an environment of its own, with one emulator each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from demo.airflow import HTTP_NOT_FOUND, HTTP_OK_BELOW, Airflow
from demo.emulator import start_emulator
from demo.pace import Patience
from demo.processes import DemoError, House
from tests.integration.scheduler.conftest import Scheduled, metadata
from tests.matrix.cells import choose
from tests.matrix.environments import make
from tests.secrets.canaries import API_SECRET

ROOT = Path(__file__).parents[2]
PARALLELISM = 6

#: An Airflow 2 writes hundreds of permissions to its database first.
START_SECONDS = 300.0


class Airflow2(Airflow):
    """An Airflow 2: other components, another REST API, and everybody is its administrator."""

    def __init__(self, house: House, dags: Path, **options: Any) -> None:
        super().__init__(house, dags, **options)
        (self._home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n', encoding="utf-8")
        port = self.environment["AIRFLOW__API__PORT"]
        self.environment |= {
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
            "AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR": "True",
            "AIRFLOW__WEBSERVER__BASE_URL": self.url,
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": port,
            "AIRFLOW__WEBSERVER__WORKERS": "1",
        }

    def start(self, *names: str) -> None:
        """Start components, by default all four."""
        for name in names or ("webserver", "scheduler", "dag-processor", "triggerer"):
            self._house.start(f"airflow {name}", self.command(name), self.environment)

    def wait_until_healthy(self) -> None:
        """Wait until all components report."""
        patience = Patience(START_SECONDS)
        while True:
            if patience.over:
                raise DemoError(f"not healthy after {patience}\n{self._house.tail('airflow webserver')}")
            self._house.check_alive()
            self._house.sleep(0.3)
            try:
                health = self._http.get("/api/v1/health").json()
            except (httpx.TransportError, ValueError):
                continue
            if all(health[name]["status"] == "healthy" for name in ("scheduler", "dag_processor", "triggerer")):
                return

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request to the REST API; ``None`` when there is no such thing."""
        if isinstance(body, dict) and "new_state" in body:
            body = {**body, "dry_run": False}
        answer = self.request(method, f"/api/v1{path}", body)
        if answer.status_code == HTTP_NOT_FOUND:
            return None
        if answer.status_code >= HTTP_OK_BELOW:
            raise DemoError(f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:2000]}")
        return answer.json()

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Unpause the DAG and start a run of it; returns the run's id."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", {"conf": dict(conf)})["dag_run_id"])


def environment(version: str, folder: Path, wheel: Path) -> Path:
    """The interpreter of an environment with that Airflow; it is made if it is not there.

    :param version: version of Airflow, one of the matrix'.
    :param folder: where the environments are.
    :param wheel: this package.
    """
    home = folder / version
    if not home.exists():
        make(choose(version)[0], home, wheel)
        uv = Path(sys.executable).with_name("uv")
        command = [uv, "pip", "install", "--quiet", "--python", home / "bin" / "python"]
        # The drivers of the sources and of the metadata database; Airflow 3 needs two for that.
        subprocess.run([*command, "psycopg2-binary", "pymysql", "asyncpg"], check=True)
    return home / "bin" / "python"


def has_lineage(scheduled: Scheduled) -> bool:
    """Whether Airflow's OpenLineage provider is installed in a running Airflow."""
    packages = Path(scheduled.airflow._python).parents[1].glob("lib/python*/site-packages")
    return any((each / "airflow" / "providers" / "openlineage").exists() for each in packages)


@contextmanager
def running(version: str, python: Path | str, dags: Path) -> Iterator[Scheduled]:
    """An Airflow with the project's DAGs and the canaries, and an emulator.

    :param version: version of Airflow.
    :param python: the interpreter that has it.
    :param dags: an empty folder.
    """
    shutil.copytree(ROOT / "dags", dags, dirs_exist_ok=True)
    shutil.copy(ROOT / "tests" / "integration" / "scheduler" / "dags" / "canaries.py", dags)
    house = House()
    kind = Airflow2 if version.startswith("2.") else Airflow
    lineage = {"type": "file", "log_file_path": str(house.folder / "logs" / "lineage"), "append": True}
    settings = {
        "AIRFLOW__API__EXPOSE_CONFIG": "True",
        # The DAGs do not change; those not parsed for ten minutes are taken for gone by an Airflow 2.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(lineage),
        "AIRFLOW__WEBSERVER__EXPOSE_CONFIG": "True",
    }
    airflow = None
    try:
        # With SQLite an Airflow 2 runs one task at a time and has no DAG processor of its own.
        options = {"database": metadata(house), "settings": settings, "python": python}
        airflow = kind(house, dags, parallelism=PARALLELISM, **options)
        airflow.migrate()
        airflow.start()
        emulator = start_emulator(house, secret=API_SECRET)
        airflow.wait_until_healthy()
        yield Scheduled(airflow, emulator, house)
    finally:
        if airflow is not None:
            airflow.close()
        house.end_processes()
        house.sweep()
