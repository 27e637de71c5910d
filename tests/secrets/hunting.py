"""The hunt through a whole Airflow: what runs meanwhile, all places that are searched, and what must be found there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cryptography.fernet import Fernet

from airflow_dbaas.api.errors import DbaasNotFoundError
from tests.integration.hunt import command_lines, dump, files, repeated, search
from tests.integration.scheduler.conftest import Scheduled
from tests.secrets.answers import ask_everything
from tests.secrets.canaries import CANARIES, PLANTED
from tests.secrets.kinds import COMMAND, KINDS, Kind, report

#: What Airflow stores of tasks while they are deferred, and not after.
FLEETING = ("trigger", "task_instance")

#: What Airflow itself shows, by the beginning of its version: the output and, in it, what is not searched.
#:
#: Airflow 3.0 logs each request to mask something in clear; in ``airflow dags test`` that is the password of every
#: connection that is looked up. In 3.3 a LocalExecutor's worker repeats on its own standard output what a task prints
#: and logs, without masking it; in the task's log it is masked.
OWN = {
    "3.0.": {"airflow dags test.log": rb"Sending request +msg=MaskSecret\(.*"},
    "3.3.": {"airflow scheduler.log": rb"\] +(?:revealed .*|Done\. Returned value was: .* task_id=tell .*)"},
}


@dataclass
class Hunt:
    """What is searched, and what for.

    :param secrets: by name: the canaries, and what was met on the way.
    :param passing: what was only there for a while, by the place's name.
    :param paths: of the runs, in the REST API.
    :param kinds: of places that there have to be.
    :param apart: what is not searched, as a regular expression by the name of the output that has it.
    """

    scheduled: Scheduled
    secrets: dict[str, str] = field(default_factory=lambda: dict(CANARIES))
    passing: dict[str, set[bytes]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    kinds: tuple[Kind, ...] = KINDS
    apart: dict[str, bytes] = field(default_factory=dict)

    def leave_out(self, version: str) -> None:
        """Do not search what a version of Airflow shows by itself."""
        self.apart = next((apart for start, apart in OWN.items() if version.startswith(start)), {})

    @contextmanager
    def services(self, names: dict[str, str]) -> Iterator[None]:
        """Services that run, with the canary as their administrator's password; all their users' passwords are hunted.

        :param names: their engines, ``pg`` or ``mysql``, by name.
        """
        with self.scheduled.client as client:
            for name, engine in names.items():
                create = client.operation(f"create-dbaas-service-{engine}")
                create(name=name, plan="startup-4", admin_password=CANARIES["administrator"])

            def run() -> bool:
                listed = client.services.list()
                return all((service := listed.named(name)) and service.state == "running" for name in names)

            self.scheduled.until(run, "the services run")
            for name, engine in names.items():
                reveal = client.operation(f"reveal-dbaas-{'postgres' if engine == 'pg' else engine}-user-password")
                shown = client.operation(f"get-dbaas-service-{engine}")(name)
                for user in shown.users:
                    revealed = reveal(service_name=name, username=user.username).password
                    self.secrets[f"{user.username} of {name}"] = str(revealed)
            yield
            for name in names:
                with suppress(DbaasNotFoundError):
                    client.services.delete(name)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep looking at command lines and at what the database holds for a while only; something is planted there."""

        def look() -> None:
            self.passing.setdefault("command lines", set()).update(command_lines())
            for column, content in dump(self.scheduled.airflow.database, FLEETING).items():
                self.passing.setdefault(column, set()).update(content.encode(errors="surrogateescape").split(b"\n"))

        planted = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)", PLANTED])
        try:
            with repeated(look, 0.2):
                yield
        finally:
            planted.kill()
            planted.wait()

    def start(self, dag_id: str, **conf: Any) -> str:
        """Start a run whose traces are searched; its path."""
        path = self.scheduled.start(dag_id, **conf)
        self.paths.append(path)
        return path

    def finish(self, path: str) -> dict[str, str]:
        """Wait for a run's end; the states of its tasks."""

        def over() -> bool:
            return self.scheduled.airflow.call("GET", path)["state"] in {"success", "failed"}

        self.scheduled.until(over, f"{path} ends", seconds=400)
        return {name: task["state"] for name, task in self.scheduled.tasks(path).items()}

    def kill(self, path: str, task: str, service: str) -> None:
        """Mark a task as failed while its migration replicates and it is in the state that it is named after."""

        def replicates() -> bool:
            with self.scheduled.client as client, suppress(DbaasNotFoundError):
                details = client.migrations.status(service).details
                return [each.status for each in details] == ["syncing"] and state() == task
            return False

        def state() -> str:
            return str(self.scheduled.tasks(path)[task]["state"])

        self.scheduled.until(replicates, f"{task} replicates")
        self.scheduled.airflow.call("PATCH", f"{path}/taskInstances/{task}", {"new_state": "failed"})
        self.scheduled.until(lambda: state() == "failed", f"{task} is killed")

    def run_by_command(self, dag_id: str, **conf: Any) -> None:
        """Run a DAG by ``airflow dags test``: all in one process, which prints."""
        airflow, house = self.scheduled.airflow, self.scheduled.house
        # Or else the scheduler takes a part in it.
        airflow.call("PATCH", f"/dags/{dag_id}", {"is_paused": True})
        command = airflow.command("dags", "test", dag_id, "--conf", json.dumps(conf))
        house.run("airflow dags test", command, airflow.environment, timeout=240)
        self.kinds = (COMMAND, *self.kinds)
        runs = airflow.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"]
        self.paths = sorted({*self.paths, *(f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}" for run in runs)})

    def connections(self) -> dict[str, str]:
        """The passwords of all connections, from the database; there they are encrypted, and so is what is beside."""
        key = Fernet(self.scheduled.airflow.environment["AIRFLOW__CORE__FERNET_KEY"])
        columns = "conn_id, password, extra, is_encrypted, is_extra_encrypted"
        found = {}
        for name, password, extra, *encrypted in self.scheduled.database(f"SELECT {columns} FROM connection"):
            for value, is_encrypted in zip((password, extra), encrypted, strict=True):
                assert not value or is_encrypted, name
            if password:
                found[f"password of {name}"] = key.decrypt(password).decode()
        return found

    def known(self) -> Iterator[dict[str, Any]]:
        """What can stand in addresses of the REST API: of connections, runs, tasks, their tries and XComs."""
        call = self.scheduled.airflow.call
        yield from ({}, {"pool_name": "default_pool"})
        yield from ({"connection_id": name.removeprefix("password of ")} for name in self.connections())
        for path in self.paths:
            _, _, dag, _, run = path.split("/")
            yield {"dag_id": dag, "version_number": 1, "file_token": call("GET", f"/dags/{dag}").get("file_token")}
            of_run = {"dag_id": dag, "dag_run_id": run, "run_id": run}
            yield of_run
            for name, task in self.scheduled.tasks(path).items():
                of_task = {**of_run, "task_id": name, "map_index": -1}
                yield of_task
                for number in range(1, task["try_number"] + 1):
                    yield {**of_task, "try_number": number, "task_try_number": number}
                for entry in call("GET", f"{task['path']}/xcomEntries")["xcom_entries"]:
                    yield {**of_task, "xcom_key": entry["key"]}

    def places(self) -> dict[str, str | bytes]:
        """All that is searched, by name."""
        # There is no such DAG; the API server remembers who was asked for.
        assert self.scheduled.airflow.call("GET", f"/dags/{quote(PLANTED, safe='')}") is None
        answers = ask_everything(self.scheduled.airflow, self.known())
        for address, reason in answers.missing.items():
            print(f"REST, no answer ({reason}): {address}")
        folder = self.scheduled.house.folder
        output = files(folder / "logs")
        for name in self.apart.keys() & output.keys():
            lines = self.apart[name]
            output[name], count = re.subn(lines, b"", output[name])
            print(f"left out of {name}: {count} times {lines!r}")
        return {
            **{f"REST {each}": content for each, content in answers.given.items()},
            **{f"output {name}": content for name, content in output.items()},
            **{f"file {name}": content for name, content in files(folder / "airflow").items()},
            **dump(self.scheduled.airflow.database),
            **{f"passing {name}": b"\n".join(content) for name, content in self.passing.items()},
        }

    def found(self, name: str) -> list[str]:
        """Where which secret is, and where the search looks at the wrong things.

        :param name: the service's that all tasks have to do with.
        """
        wanted = self.secrets | self.connections() | {"API secret": self.scheduled.emulator.secret}
        places = self.places()
        found = search(places, wanted)
        empty = report(places, self.kinds, {"planted": PLANTED, "name": name})
        size = sum(len(content) for content in places.values()) / 1e6
        print(f"in all {len(places)} places, {size:.1f} MB; {len(wanted)} secrets, found {len(found)} times")
        return [*found, *(f"what is known to be there is not found in: {kind}" for kind in empty)]


def add_connections(scheduled: Scheduled, connections: dict[str, dict[str, Any]]) -> None:
    """Add them one by one, as a person does."""
    for name, fields in connections.items():
        scheduled.airflow.call("POST", "/connections", {"connection_id": name, **fields})


def run_canaries(hunt: Hunt, engine: str, service: str, endpoints: str) -> None:
    """Run what takes secrets, succeeding and failing as it should.

    :param hunt: with services that run and are watched.
    :param engine: the service's engine, ``pg`` or ``mysql``.
    :param service: name of the service.
    :param endpoints: the DAG that makes them.
    """
    good = [hunt.start(endpoints, service=service), hunt.start("canary_waits", service=service)]
    planted = hunt.start("canary_planted", service=service, planted=PLANTED)
    bad = hunt.start("canary_failures", service=service, engine=engine)
    for path in good:
        ended = hunt.finish(path)
        assert set(ended.values()) == {"success"}, ended
    assert hunt.finish(planted) == {"plant": "success", "fail": "failed"}
    states = hunt.finish(bad)
    good_ones = {"start", "tell"}
    assert {name for name, state in states.items() if state == "success"} == good_ones, states
    assert set(states.values()) == {"success", "failed"}, states
