"""An emulator, or a keeper of a server, that is killed: no server goes on without either."""

import os
import signal
from pathlib import Path

from tests.integration.emulator.conftest import Api, eventually
from tests.integration.emulator.own_emulator import close, processes_of, start


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
