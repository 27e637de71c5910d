"""The pytest plugin, as somebody has it who installed the package: pytest in a folder of its own.

The example of docs/how-to/test-your-dags.md, with a DAG, is run by tests/docs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.integration.emulator.conftest import eventually

UNASKED = """
import os, sys

def test_nothing_is_there_unasked():
    assert {"airflow", "pydantic", "starlette", "airflow_dbaas.api", "airflow_dbaas.emulator"}.isdisjoint(sys.modules)
    assert "AIRFLOW_CONN_EXOSCALE_DEFAULT" not in os.environ

def test_it(dbaas_emulator):
    pass
"""

USE = """
import json, os, time
from pathlib import Path
import pytest
from airflow_dbaas.api.errors import DbaasServerError
from airflow_dbaas.api.retries import NO_RETRY

def until(holds):
    while not holds():
        time.sleep(0.05)

def test_the_connection(exoscale_connection, dbaas_emulator):
    given = json.loads(os.environ[f"AIRFLOW_CONN_{exoscale_connection.upper()}"])
    assert given["conn_type"] == "exoscale"
    assert (given["host"], given["extra"]) == (dbaas_emulator.url, {"zone": dbaas_emulator.zone})
    assert (given["login"], given["password"]) == (dbaas_emulator.key, dbaas_emulator.secret)
    seen = {"pid": dbaas_emulator.process.pid, "url": dbaas_emulator.url}
    Path(__file__).with_suffix(".json").write_text(json.dumps(seen))

def test_it_is_gone_again(dbaas_emulator):
    assert "AIRFLOW_CONN_EXOSCALE_DEFAULT" not in os.environ

def test_faults(dbaas_emulator):
    with dbaas_emulator.client() as client:
        with dbaas_emulator.faults({"kind": "status", "status": 502, "times": 2}) as struck:
            assert struck() == [0]
            client.services.list()
            assert struck() == [2]
        with dbaas_emulator.faults({"kind": "status", "probability": 1}):
            client.retry = NO_RETRY
            with pytest.raises(DbaasServerError):
                client.services.list()
        client.services.list()

def test_reset(dbaas_emulator):
    rsyslog = {"server": "logs.example.com", "port": 514, "tls": False, "format": "rfc3164"}
    with dbaas_emulator.client() as client:
        client.services.valkey.create(name="kept", plan="startup-4", termination_protection=True)
        client.services.opensearch.create(name="logs", plan="startup-4")
        client.external_endpoints.rsyslog.create(name="elsewhere", settings=rsyslog)
        until(lambda: {each.state for each in client.services.list().dbaas_services} == {"running"})
        client.integrations.create(integration_type="logs", source_service="kept", dest_service="logs")
        (endpoint,) = client.external_endpoints.list().dbaas_endpoints
        client.external_endpoints.attach(
            source_service_name="kept", dest_endpoint_id=str(endpoint.id), type="rsyslog"
        )
        dbaas_emulator.reset()
        assert client.services.list().dbaas_services == []
        assert client.external_endpoints.list().dbaas_endpoints == []
"""

WAIT = """
import time
from pathlib import Path

def test_that_never_ends(dbaas_emulator):
    Path("pid").write_text(str(dbaas_emulator.process.pid))
    time.sleep(600)
"""


def command(*options: str) -> list[str]:
    # Other plugins have warnings of their own.
    others = [word for name in ("asyncio", "cacheprovider", "schemathesis") for word in ("-p", f"no:{name}")]
    return [sys.executable, "-m", "pytest", "-q", *others, *options]


def alive(pid: int) -> bool:
    """Whether a process is there, and not merely its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_fixtures(tmp_path: Path) -> None:
    """They are there by themselves, do as they say, and leave nothing; each worker of xdist has an emulator."""
    (tmp_path / "test_b_use.py").write_text(USE)
    (tmp_path / "test_c_use.py").write_text(USE)
    ended = subprocess.run(
        command("-n", "2", "--dist", "loadfile", "-W", "error"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "8 passed" in ended.stdout
    seen = [json.loads((tmp_path / f"test_{each}_use.json").read_text()) for each in "bc"]
    assert len({each["url"] for each in seen}) == 2
    assert not any(alive(each["pid"]) for each in seen)


def test_pytest_is_killed(tmp_path: Path) -> None:
    """The emulator ends all the same."""
    (tmp_path / "test_wait.py").write_text(WAIT)
    with subprocess.Popen(command(), cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), bool))
        assert alive(pid)
        process.kill()
    eventually(lambda: alive(pid), lambda there: not there)


def test_a_package_is_missing(tmp_path: Path) -> None:
    """A test that uses a fixture fails in a sentence that names what to install; what does not loads nothing."""
    (tmp_path / "starlette").mkdir()
    (tmp_path / "starlette/__init__.py").write_text("raise ModuleNotFoundError(name='starlette')")
    (tmp_path / "test_it.py").write_text(UNASKED)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        command(), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert "1 passed, 1 error" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert (
        "the emulator did not start: airflow-dbaas emulator: package starlette is missing: "
        "pip install 'airflow-dbaas[emulator]'"
    ) in ended.stdout
