"""``airflow-dbaas verify`` with real servers, by nothing but connections in the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.test_verification import SCHEMA, change


@pytest.fixture(scope="module")
def servers(postgres_servers: Callable[..., PostgresServer]) -> tuple[PostgresServer, PostgresServer]:
    """A source and a target that are the same."""
    both = postgres_servers(16), postgres_servers(17)
    for server in both:
        change(server, "postgres", "CREATE DATABASE shop")
        change(server, "shop", SCHEMA)
    return both


def verify(
    servers: tuple[PostgresServer, PostgresServer], folder: Path, *arguments: str, target: str = "new"
) -> subprocess.CompletedProcess[str]:
    """The command; Airflow's database is none that could be used."""
    variables = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nobody@127.0.0.1:9/nowhere",
        "COLUMNS": "200",
    }
    for name, server in zip(("OLD", "NEW"), servers, strict=True):
        login = conninfo_to_dict(server.conninfo())
        connection = {"conn_type": "postgres", "login": login["user"], "password": login["password"]}
        connection |= {"host": "127.0.0.1", "port": server.port, "extra": {"sslmode": "disable"}}
        variables[f"AIRFLOW_CONN_{name}"] = json.dumps(connection)
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "airflow_dbaas.cli",
            "verify",
            "--source-conn-id",
            "old",
            "--target-conn-id",
            target,
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | variables,
    )
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended


def test_for_people_and_for_programs(servers: tuple[PostgresServer, PostgresServer], tmp_path: Path) -> None:
    """A table, JSON and a report to keep; the exit code says whether they are equal, and whether that is known."""
    equal = verify(servers, tmp_path, "--parallel", "2")
    assert equal.returncode == 0, equal.stderr
    assert "Source and target are equal" in equal.stdout
    assert "shop" in equal.stdout
    assert "308" in equal.stdout

    change(servers[1], "shop", "DELETE FROM parts WHERE a = 1", "ALTER TABLE keyless SET (fillfactor = 50)")
    different = verify(servers, tmp_path, "--json", "--report", str(tmp_path / "kept"))
    assert (different.returncode, different.stderr) == (1, "")
    told = json.loads(different.stdout)
    assert (told["equal"], [one["name"] for one in told["differences"]]) == (False, ["public.parts_1"])
    assert [one["kind"] for one in told["notes"]] == ["table"]
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["differences"] == told["differences"]
    assert len(kept["tables"]) == 5
    page = (tmp_path / "kept.html").read_text()
    assert "<h1>1 differences</h1>" in page
    assert "public.&quot;T é&quot;" in page

    one = verify(servers, tmp_path, "--table", "public.keyless")
    assert one.returncode == 0, one.stdout

    for options, target, said in (
        ((), "old", "both connections lead to the same server"),
        ((), "nowhere", "nowhere"),
        (("--ignore-dbs", "shop"), "new", "no database was compared"),
    ):
        ended = verify(servers, tmp_path, *options, target=target)
        assert ended.returncode == 2
        assert said in ended.stdout + ended.stderr
