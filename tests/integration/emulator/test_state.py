"""An emulator that keeps its state: what it is told is there again after a stop and after a kill."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import RunningEmulator
from tests.integration.emulator.conftest import Api, eventually
from tests.integration.emulator.own_emulator import processes_of, start

Start = Callable[..., Api]


@pytest.fixture
def started(folder: Path) -> Iterator[Start]:
    """Starts an emulator on the test's state directory, with a client of it; all are ended afterwards."""
    with ExitStack() as stack:

        def start_again(*options: str, **process_options: Any) -> Api:
            emulator = start(folder, "--state", str(folder / "state"), *options, **process_options)
            api = Api(emulator)
            stack.callback(_end, emulator, api)
            return api

        yield start_again


def _end(emulator: RunningEmulator, api: Api) -> None:
    with emulator:
        api.close()


def kill(api: Api) -> None:
    """End the emulator without a warning. Its keepers are still at work when this returns."""
    api.emulator.process.kill()
    api.emulator.process.wait()


def one_of_everything(api: Api) -> list[str]:
    """Make one of everything that the API can have; the paths that show it."""
    pg, mysql = api.service("shop", version="16"), api.record("mysql", "store")
    thanos, grafana = api.record("thanos", "metrics"), api.record("grafana", "board")
    api.done("PUT", f"/dbaas-postgres/{pg}", {"plan": "startup-4", "termination-protection": True, "ip-filter": []})
    paths = ["/dbaas-service", "/dbaas-ca-certificate", "/dbaas-external-endpoints"]
    for service, kind, users in ((pg, "postgres", "postgres"), (mysql, "mysql", "mysql")):
        api.done("POST", f"/dbaas-{kind}/{service}/user", {"username": "reader"})
        api.done("POST", f"/dbaas-{kind}/{service}/database", {"database-name": "extra"})
        paths += [f"/dbaas-{users}/{service}/user/{name}/password/reveal" for name in ("avnadmin", "reader")]
    paths += [f"/dbaas-{kind}/{name}" for kind, name in (("postgres", pg), ("mysql", mysql), ("thanos", thanos))]
    ends = {"source-service": pg, "dest-service": thanos}
    settings = {"integration-type": "metrics", "settings": {"retention_days": 7}} | ends
    paths.append(f"/dbaas-integration/{api.done('POST', '/dbaas-integration', settings)}")
    body = {"integration-type": "datasource", "source-service": grafana, "dest-service": pg}
    paths.append(f"/dbaas-integration/{api.done('POST', '/dbaas-integration', body)}")
    body = {"settings": {"datadog-api-key": "0123456789abcdef0123456789abcdef", "site": "datadoghq.eu"}}
    endpoint = api.done("POST", "/dbaas-external-endpoint-datadog/dog", body)
    body = {"dest-endpoint-id": endpoint, "type": "datadog"}
    attached = api.done("PUT", f"/dbaas-external-endpoint/{pg}/attach", body)
    body = {"settings": {"datadog-dbm-enabled": True}}
    api.done("POST", f"/dbaas-external-integration-settings-datadog/{attached}", body)
    paths += [
        f"/dbaas-external-endpoint-datadog/{endpoint}",
        f"/dbaas-external-integrations/{pg}",
        f"/dbaas-external-integration/{attached}",
        f"/dbaas-external-integration-settings-datadog/{attached}",
    ]
    # A source that is not there: the check and the migration are over, and say so.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    operation = api.ok(
        "POST", f"/dbaas-task-migration-check/{pg}", {"source-service-uri": f"postgres://u:p@127.0.0.1:{port}/d"}
    )
    task = f"/dbaas-task/{pg}/{operation['reference']['id']}"
    eventually(lambda: api.ok("GET", task), lambda found: "success" in found)
    api.finish(operation)
    api.migrate(pg, host="127.0.0.1", port=port, username="u", password="p")
    return [*paths, task, f"/dbaas-migration-status/{pg}", f"/operation/{operation['id']}"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_there_is_is_there_again(started, folder, number):
    """Every answer is the same, addresses included, and so is the data; a connection that was written down works."""
    api = started()
    paths = one_of_everything(api)
    with api.connect("shop", "extra") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS a")
        written_down = connection.info.dsn, connection.info.password
    before = {path: api.ok("GET", path) for path in paths}
    logs = api.ok("POST", "/dbaas-service-logs/metrics")
    key, secret = api.emulator.key, api.emulator.secret
    api.emulator.stop(number)

    api = started()
    assert (api.emulator.key, api.emulator.secret) == (key, secret)
    assert {path: api.ok("GET", path) for path in paths} == before
    assert api.ok("POST", "/dbaas-service-logs/metrics") == logs
    with psycopg.connect(written_down[0], password=written_down[1]) as connection:
        assert connection.execute("SELECT a FROM kept").fetchall() == [(42,)]
    assert "protected" in api.refused(409, "DELETE", "/dbaas-service/shop")
    api.done("DELETE", "/dbaas-service/store")
    api.done("PUT", "/dbaas-postgres/shop", {"termination-protection": False})
    api.done("DELETE", "/dbaas-service/shop")
    assert api.emulator.stop() == 0
    assert processes_of(folder) == []
    assert [each.name for each in (folder / "state").iterdir() if each.is_dir() and "-" in each.name] == [
        each.name for each in (folder / "state").glob("mariadb-*")
    ]
    for each in (folder / "state").iterdir():
        assert each.stat().st_mode & 0o077 == 0


def test_what_was_being_made_or_removed_is_so_after_a_kill(started):
    """A service that was ordered comes, one that was deleted goes, and pending operations end in success."""
    api = started("--startup-seconds", "60", "--operation-seconds", "60")
    operations = [api.ok("POST", f"/dbaas-postgres/{name}", {"plan": "hobbyist-2"}) for name in ("new", "old")]
    operations.append(api.ok("DELETE", "/dbaas-service/old"))
    assert api.ok("GET", "/dbaas-postgres/new")["state"] == "rebuilding"
    kill(api)

    api = started()
    eventually(lambda: api.ok("GET", "/dbaas-postgres/new")["state"], lambda state: state == "running")
    assert [api.finish(each)["state"] for each in operations] == ["success"] * 3
    assert [each["name"] for each in api.ok("GET", "/dbaas-service")["dbaas-services"]] == ["new"]
    with api.connect("new", "defaultdb") as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_an_ending_that_was_decided_by_a_fault_is_kept(started):
    """An operation and a check that never end, and an operation that is to fail, are so after a restart."""
    rules = '{"rules": [{"kind": "operation-fails", "operation": "create-dbaas-service-thanos", "reason": "busy"}]}'
    api = started("--faults", rules, "--operation-seconds", "60")
    operation = api.ok("POST", "/dbaas-thanos/t", {"plan": "startup-4"})
    assert operation["state"] == "pending"
    kill(api)
    ended = started().finish(operation)
    assert (ended["state"], ended["reason"], ended["message"]) == ("failure", "busy", "Emulated fault")


def refused(directory: Path, *options: str) -> str:
    """What the command says when it does not start."""
    command = [sys.executable, "-m", "airflow_dbaas.cli", "emulator", "--port", "0", "--state", str(directory)]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    return ended.stderr.removeprefix("airflow-dbaas emulator: ").rstrip()


def test_a_directory_that_is_not_its_own_is_refused_and_left_alone(started, folder, tmp_path):
    """In one sentence each: in use, of another zone, another format, broken, somebody else's."""
    api = started()
    state = folder / "state"
    assert refused(state) == f"{state} is in use by another emulator"
    assert api.emulator.stop() == 0
    assert refused(state, "--zone", "at-vie-1") == f"the state in {state} is of zone ch-gva-2, not at-vie-1: see --zone"

    (tmp_path / "letter").write_text("dear")
    said = refused(tmp_path)
    assert said == f"{tmp_path} does not contain the state of an emulator, and is not empty: it has 'letter'"
    assert [each.name for each in tmp_path.iterdir()] == ["letter"]

    file = state / "emulator.sqlite3"
    whole = file.read_bytes()
    # The file's header has it at this place.
    later = whole[:60] + (2).to_bytes(4, "big") + whole[64:]
    file.write_bytes(later)
    assert refused(state).endswith("another version of the emulator: it has format 2, this one reads 1")
    assert file.read_bytes() == later
    file.write_bytes(b"not a database, whatever else it is" * 100)
    assert refused(state) == f"the state in {file} cannot be read: file is not a database"
    assert file.read_bytes().startswith(b"not a database")
