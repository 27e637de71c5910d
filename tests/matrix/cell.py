"""One cell of the matrix: its steps, each in processes of the cell's own environment, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from demo.airflow import Airflow
from demo.pace import Patience
from demo.processes import House
from tests.matrix import features
from tests.matrix.cells import Cell
from tests.matrix.environments import ROOT, make

HERE = Path(__file__).parent
CONNECTION_TYPE = "exoscale"
WRONG_USE = 2
STEP_SECONDS = 300.0
API_SECONDS = 120.0
#: The components of an Airflow; 3.x has the last two besides.
COMPONENTS = ("scheduler", "triggerer", "dag-processor", "api-server")


class CheckError(Exception):
    """Something is not as it should be; the message says what."""


@dataclass(frozen=True)
class World:
    """What all cells share: the wheel, and the connections to emulator and source."""

    wheel: Path
    connections: Mapping[str, str]


@dataclass
class Outcome:
    """What became of a cell.

    :param seconds: how long each step took.
    :param found: what this Airflow has, by feature.
    :param problem: the step that failed, and what was wrong.
    """

    cell: Cell
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    problem: tuple[str, str] | None = None


class Trial:
    """Goes through the steps of a cell.

    :param service: what the names of its services begin with.
    """

    def __init__(self, cell: Cell, world: World, house: House, service: str) -> None:
        self.cell = cell
        self.world = world
        self.house = house
        self.service = service
        self.outcome = Outcome(cell)
        self.empty = house.folder / "empty"
        self.empty.mkdir()
        self.dags = shutil.copytree(ROOT / "dags", house.folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        self.waiting = shutil.copytree(HERE / "dags", house.folder / "waiting")
        self.inside = shutil.copytree(HERE / "inside", house.folder / "inside")
        self.python = house.folder / "environment" / "bin" / "python"
        settings = {
            **world.connections,
            "MATRIX_SERVICE": f"{service}-wait",
            # Where 2.11's executor looks for the command.
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
        }
        if cell.version < (3,):
            # There others cannot do with SQLite.
            settings["AIRFLOW__CORE__EXECUTOR"] = "SequentialExecutor"
        self.airflow = Airflow(house, self.waiting, settings=settings, python=self.python)

    @property
    def steps(self) -> dict[str, Callable[[], None]]:
        """What is done, in this order."""
        return {
            "install": self.install,
            "listed": self.listed,
            "imports": self.imports,
            "dag.test()": self.dag_test,
            "triggerer": self.triggerer,
        }

    def install(self) -> None:
        """The environment, and Airflow's metadata database."""
        make(self.cell, self.house.folder / "environment", self.world.wheel)
        self.airflow.migrate()

    def discovered(self) -> None:
        """Airflow knows the provider."""
        (provider,) = self._airflow("providers", "get", "airflow-dbaas")
        _same("airflow providers get", provider["Provider"], "airflow-dbaas")

    def listed(self) -> None:
        """Airflow's own listings show the provider."""
        self.discovered()
        hooks = [hook for hook in self._airflow("providers", "hooks") if hook["connection_type"] == CONNECTION_TYPE]
        _same("airflow providers hooks", [hook["class"] for hook in hooks], ["airflow_dbaas.hooks.dbaas.DbaasHook"])
        links = [link["extra_link_class_name"] for link in self._airflow("providers", "links")]
        ours = [link for link in links if link.startswith("airflow_dbaas.")]
        _same("airflow providers links", [link.rpartition(".")[2] for link in ours], features.LINKS)
        # Airflow before 3.2 takes such a command for a mistake.
        answer = self._answer(["-P", "-m", "airflow", "dbaas", "check-connection", "exoscale_default"])
        self.outcome.found["commands"] = answer.returncode == 0
        if answer.returncode not in {0, WRONG_USE}:
            raise CheckError(f"airflow dbaas check-connection\n{answer.stdout}{answer.stderr}")

    def imports(self) -> None:
        """All modules and DAGs are imported without an error, a warning of ours, or a word."""
        found = self._inside("imports", self.dags)
        self._is_the_wheel(found)
        _same("DAGs", found["dags"], sorted(file.stem for file in self.dags.glob("*.py")))
        _same("warnings", found["warnings"], [])
        _same("printed at import", found["printed"], "")
        self.outcome.found.update(self._inside("features"))

    def dag_test(self) -> None:
        """The migration DAG and that of a fleet run to their ends in ``DAG.test()``, deferred."""
        source = {"source_conn_id": "legacy_postgres", "method": "dump"}
        self.run_dag("dbaas_migrate_service", {"service": f"{self.service}-test", **source})
        self.run_dag("dbaas_migrate_fleet", {"services": [{"service": f"{self.service}-fleet", **source}]})
        table = "asset_event" if self.cell.version >= (3,) else "dataset_event"
        self.outcome.found["assets"] = self._database(f"SELECT count(*) FROM {table}")[0][0] > 0

    def run_dag(self, dag_id: str, conf: Mapping[str, Any]) -> None:
        """Run a DAG to its end in ``DAG.test()``: it succeeds, something of it was deferred, nothing warned."""
        found = self._inside("migrate", self.dags, dag_id, json.dumps(conf))
        self._is_the_wheel(found)
        _same(f"state of the run of {dag_id} ({found['tasks']})", found["state"], "success")
        _same("warnings", found["warnings"], [])
        if not found["deferred"]:
            raise CheckError(f"no task of {dag_id} was deferred")

    def triggerer(self) -> None:
        """A deferred operator and a deferred sensor with a scheduler and a triggerer."""
        if self.cell.version >= (3,):
            self.airflow.start("api-server")
            self._until(self._serves, "the API server answers", API_SECONDS)
            # What is served to those who have not logged in: nothing, or where there is no such page, Airflow's own.
            page = httpx.get(f"{self.airflow.url}/exoscale-dbaas/api/connections", trust_env=False)
            self.outcome.found["page"] = page.status_code == httpx.codes.UNAUTHORIZED
        self.airflow.start(*COMPONENTS[: 2 if self.cell.version < (3,) else 3])
        seen: set[str] = set()

        def over() -> bool:
            seen.update(str(state) for (state,) in self._database("SELECT state FROM task_instance"))
            runs = self._database("SELECT state FROM dag_run WHERE dag_id = 'matrix_wait'")
            return [state for (state,) in runs] in (["success"], ["failed"])

        self._until(over, "the run ends", STEP_SECONDS)
        states = dict(self._database("SELECT task_id, state FROM task_instance WHERE dag_id = 'matrix_wait'"))
        # The last three take single values of the others' results.
        tasks = ("create", "wait", "look", "again", "nothing", "outputs")
        _same("states", states, dict.fromkeys(tasks, "success"))
        if "deferred" not in seen:
            raise CheckError(f"no task was deferred; seen were {sorted(seen)}")
        ((looked,),) = self._database("SELECT value FROM xcom WHERE task_id = 'look' AND key = 'return_value'")
        while not isinstance(looked, dict):  # JSON; from 3.0 on, within JSON
            looked = json.loads(looked)
        self.outcome.found["task_state"] = looked["task_state"]
        logs = (self.house.folder / "airflow" / "logs").glob("dag_id=matrix_wait/*/task_id=wait/*")
        self.outcome.found["no_worker"] = all("trigger" in file.name for file in logs)

    def _is_the_wheel(self, found: Mapping[str, Any]) -> None:
        """What a script imported is what was installed, and no DAG failed to be imported."""
        if not Path(found["from"]).is_relative_to(self.house.folder / "environment"):
            raise CheckError(f"airflow_dbaas is imported from {found['from']}")
        _same("import errors", found["errors"], {})

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.airflow.url}/api/v2/monitor/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        patience = Patience(seconds)
        while not condition():
            if patience.over:
                logs = "\n".join(f"{name}:\n{self.house.tail(f'airflow {name}')}" for name in COMPONENTS)
                raise CheckError(f"not within {patience}: {what}\n{logs}")
            self.house.check_alive()
            self.house.sleep(0.3)

    def _database(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.house.folder / "airflow" / "airflow.db", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def _airflow(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command of Airflow's lists."""
        command = ["-P", "-m", "airflow", *arguments, "--output", "json"]
        for line in self._run(command).splitlines():
            if line.startswith("[{"):
                listed: list[dict[str, Any]] = json.loads(line)
                return listed
        return []

    def _inside(self, name: str, *arguments: object) -> dict[str, Any]:
        """What a script of ``inside`` found out."""
        out = self.house.folder / f"{name}.json"
        head, *rest = (*arguments[:1], out, *arguments[1:]) if arguments else (out,)
        self._run([str(self.inside / f"{name}.py"), str(head), *map(str, rest)])
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found

    def _run(self, arguments: list[str]) -> str:
        """Run the environment's Python in an empty folder; what it printed."""
        done = self._answer(arguments)
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
            raise CheckError(f"{' '.join(arguments)} ended with exit code {done.returncode}\n{tail}")
        return done.stdout

    def _answer(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), *arguments],
            check=False,
            cwd=self.empty,
            env=self.house.environment | self.airflow.environment | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.dags)},
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
        )


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise CheckError(f"{what}: {found}, should be {wanted}")


def run(cell: Cell, world: World, service: str) -> Outcome:
    """Try a cell; what it leaves behind is removed.

    :param cell: which.
    :param world: what all share.
    :param service: what the names of its services begin with.
    """
    house = House()
    try:
        trial = Trial(cell, world, house, service)
        for name, step in trial.steps.items():
            began = time.monotonic()
            try:
                step()
            except Exception as error:  # noqa: BLE001 - one cell does not stop the others
                trial.outcome.problem = (name, str(error) or repr(error))
                break
            trial.outcome.seconds[name] = time.monotonic() - began
        else:
            wrong = features.wrong(trial.outcome.found, cell)
            if wrong:
                trial.outcome.problem = ("features", wrong)
        trial.airflow.close()
    finally:
        house.end_processes()
        house.sweep()
    return trial.outcome
