"""An emulator in the background: for a shell, found again, and stopped as it says."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airflow_dbaas.api import Client
from tests.integration.emulator.conftest import eventually
from tests.integration.emulator.own_emulator import QUICK

Run = Callable[..., "subprocess.CompletedProcess[str]"]
FREE = ("--port", "0", *QUICK)


@pytest.fixture
def run(tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``run("--env")`` runs the emulator's command; what runs in the background afterwards is stopped."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    for name in ("EXOSCALE_API_KEY", "EXOSCALE_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    states: set[str] = {""}

    def command(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        if "--state" in options:
            states.add(options[options.index("--state") + 1])
        line = [sys.executable, "-m", "airflow_dbaas.cli", "emulator", *options]
        return subprocess.run(
            line, capture_output=True, text=True, check=False, timeout=120, env=os.environ | variables
        )

    yield command
    for state in states:
        command("--stop", *(["--state", state] if state else []))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the servers' account may pass through, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def exported(printed: str) -> dict[str, Any]:
    """The connections that a shell has after ``eval``, by id."""
    script = f'{printed}\n{shlex.quote(sys.executable)} -c "import json, os; print(json.dumps(dict(os.environ)))"'
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_CONN_")}
    done = subprocess.run(["sh", "-eu", "-c", script], check=True, capture_output=True, text=True, env=clean)
    return {
        name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(value)
        for name, value in json.loads(done.stdout).items()
        if name.startswith("AIRFLOW_CONN_")
    }


def services(connection: dict[str, Any]) -> set[str]:
    """What services there are."""
    with Client(connection["login"], connection["password"], url=connection["host"]) as client:
        return {service.name for service in client.services.list().dbaas_services}


def test_for_a_shell(run: Run, tmp_path: Path) -> None:
    """``eval "$(airflow-dbaas emulator --env)"`` starts one and the next time finds it; it is stopped as it says."""
    begun = run("--env", "--seed-demo", *FREE)
    assert begun.returncode == 0, begun.stderr
    assert {line.split("=")[0] for line in begun.stdout.splitlines()} == {
        "export AIRFLOW_CONN_EXOSCALE_DEFAULT",
        "export AIRFLOW_CONN_DEMO_SOURCE",
    }
    api = exported(begun.stdout)["exoscale_default"]
    assert begun.stderr == (
        f"Started an emulator at {api['host']}. It runs in the background until it is stopped: "
        "airflow-dbaas emulator --stop\n"
    )
    assert "demo-source" in services(api)
    found = run("--env", *FREE)
    assert (found.returncode, found.stdout) == (0, begun.stdout)
    assert found.stderr.startswith(f"Found an emulator at {api['host']}.")
    shown = run("--background", *FREE)
    assert begun.stdout in shown.stdout
    for file in (tmp_path / "home" / "airflow-dbaas").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home" / "airflow-dbaas").stat().st_mode) == 0o700
    stopped = run("--stop")
    assert (stopped.returncode, stopped.stdout) == (0, f"Stopped the emulator at {api['host']}.\n")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(api["host"].split(":")[2].removesuffix("/v2")))) != 0
    again = run("--stop")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "airflow-dbaas emulator: no emulator runs in the background\n"


def test_one_that_was_killed_is_none(run: Run, tmp_path: Path) -> None:
    """The next start begins another; one without the demo is not taken for one with it."""
    first = exported(run("--env", *FREE).stdout)["exoscale_default"]
    refused = run("--env", "--seed-demo", *FREE)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "was started without --seed-demo: stop it first (airflow-dbaas emulator --stop)" in refused.stderr
    known = json.loads((tmp_path / "home" / "airflow-dbaas" / "emulator.json").read_text())
    os.kill(known["pid"], signal.SIGKILL)
    eventually(lambda: run("--stop").returncode, lambda code: code == 1)
    second = exported(run("--env", *FREE).stdout)["exoscale_default"]
    assert second["login"] != first["login"]
    assert services(second) == set()


def test_with_its_state_it_has_the_same_ports_again(run: Run, open_folder: Path) -> None:
    """That of the API and those of the servers, though nobody names any; the relative path means the same folder."""
    state = str(open_folder / "state")
    first = exported(run("--env", "--seed-demo", "--state", state, *FREE).stdout)
    assert run("--stop").returncode == 1
    stopped = run("--stop", "--state", os.path.relpath(state))
    assert stopped.returncode == 0, stopped.stderr
    second = exported(run("--env", "--seed-demo", "--state", state, *FREE).stdout)
    assert second == first
    source = second["demo_source"]
    conninfo = psycopg.conninfo.make_conninfo(
        host=source["host"],
        port=source["port"],
        user=source["login"],
        password=source["password"],
        dbname=source["schema"],
    )
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() != (0,)
    run("--stop", "--state", state)
    port = int(first["exoscale_default"]["host"].split(":")[2].removesuffix("/v2"))
    with socket.create_server(("127.0.0.1", port)):
        third = exported(run("--env", "--seed-demo", "--state", state, *FREE).stdout)
    assert third["exoscale_default"]["host"] != first["exoscale_default"]["host"]
    assert third["demo_source"] == source


def test_what_does_not_start_is_said(run: Run) -> None:
    """In one line on standard error; nothing for the shell."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("--env", "--port", str(port))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"airflow-dbaas emulator: cannot listen at 127.0.0.1:{port}: Address already in use\n"
    assert run("--env", "--stop").returncode == 2


def test_a_secret_of_the_environment_is_not_kept(run: Run, tmp_path: Path) -> None:
    """It is exported where it is known; elsewhere a line says which variable is missing."""
    given = {"EXOSCALE_API_KEY": "EXOmine", "EXOSCALE_API_SECRET": "my-very-own"}
    api = exported(run("--env", *FREE, **given).stdout)["exoscale_default"]
    assert (api["login"], api["password"]) == ("EXOmine", "my-very-own")
    assert services(api) == set()
    for file in (tmp_path / "home" / "airflow-dbaas").iterdir():
        assert "my-very-own" not in file.read_text()
    elsewhere = run("--env", *FREE)
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
    assert "was started with the secret in EXOSCALE_API_SECRET, which is not set here: set it" in elsewhere.stderr
