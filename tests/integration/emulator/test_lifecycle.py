"""An emulator from its start to its end, however it ends: nothing of it stays behind."""

import os
import signal
import time

import psycopg
import pytest

from tests.integration.emulator.conftest import Api, eventually, execute, query, source_of
from tests.integration.emulator.own_emulator import close, ordinary, processes_of, start


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
        assert len(processes_of(folder)) >= 4
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


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test shows it: they run as an ordinary user already")
def test_it_works_as_an_ordinary_user(folder):
    """Also where this suite is run by root."""
    emulator = start(folder, **ordinary(HOME=str(folder)))
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
