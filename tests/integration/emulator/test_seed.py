"""``--seed-demo`` and ``--json``: what a newcomer and a script get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import RunningEmulator
from tests.integration.emulator.conftest import Api
from tests.integration.emulator.own_emulator import QUICK

COUNTS = "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items)"


@contextmanager
def seeded(state: Path) -> Iterator[tuple[Api, dict[str, Any]]]:
    """An emulator with the demo, by what it says for scripts; a client of it, and the connection to the source."""
    options = ("--port", "0", "--state", str(state), "--seed-demo", "--json", *QUICK)
    process = subprocess.Popen(
        [sys.executable, "-m", "airflow_dbaas.cli", "emulator", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("EXOSCALE_")},
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    given = said["connections"]["exoscale_default"]
    assert (given["conn_type"], given["host"], given["extra"]) == ("exoscale", said["url"], {"zone": "ch-gva-2"})
    emulator = RunningEmulator(process, said["url"], given["login"], given["password"], "ch-gva-2", state)
    with emulator:
        api = Api(emulator)
        try:
            yield api, said["connections"]["demo_source"]
        finally:
            api.close()
        process.terminate()
        assert process.stdout.read() == ""


def connect(source: dict[str, Any]) -> psycopg.Connection:
    """A connection by what was announced."""
    return psycopg.connect(
        host=source["host"],
        port=source["port"],
        user=source["login"],
        password=source["password"],
        dbname=source["schema"],
        **source["extra"],
    )


def test_the_demo_is_there_once_and_can_be_migrated(folder):
    """Both methods take all of the database; at the next start nothing is made twice, and what was changed stays."""
    with seeded(folder / "state") as (api, source):
        with connect(source) as connection:
            customers, orders, items = connection.execute(COUNTS).fetchone()
            assert (customers, orders, items > 5000) == (500, 2500, True)
            assert connection.execute("SELECT count(*) > 5 FROM revenue_by_month").fetchone() == (True,)
            connection.execute("DELETE FROM order_items WHERE order_id = 1")
        connection.close()
        migration = {
            **{name: source[name] for name in ("host", "port", "password")},
            "username": source["login"],
            "dbname": source["schema"],
            "ssl": True,
        }
        for method, status in (("dump", "done"), ("replication", "syncing")):
            target = api.service()
            migrated = api.migrate(target, method=method, **migration)
            assert (migrated["status"], migrated["error"]) == (status, "")
            with api.connect(target, "shop") as arrived, connect(source) as connection:
                assert arrived.execute(COUNTS).fetchall() == connection.execute(COUNTS).fetchall()
            arrived.close()
            connection.close()
            assert api.stop(target)["state"] == "success"
            api.done("DELETE", f"/dbaas-service/{target}")
        services = api.ok("GET", "/dbaas-service")
        attached = api.ok("GET", "/dbaas-external-integrations/demo-source")
        assert [each["name"] for each in services["dbaas-services"]] == ["demo-source", "demo-metrics", "demo-grafana"]
        assert {each["type"] for each in services["dbaas-services"][1]["integrations"]} == {"metrics", "datasource"}
        assert [each["dest-endpoint-name"] for each in attached["external-integrations"]] == ["demo-syslog"]

    with seeded(folder / "state") as (api, again):
        assert again == source
        assert api.ok("GET", "/dbaas-service") == services
        assert api.ok("GET", "/dbaas-external-integrations/demo-source") == attached
        with connect(source) as connection:
            assert connection.execute("SELECT count(*) FROM order_items WHERE order_id = 1").fetchone() == (0,)
        connection.close()
