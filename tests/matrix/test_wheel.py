"""The wheel in an environment of its own, with what is pinned beside it: what the editable installation cannot show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow import __version__ as AIRFLOW_VERSION  # noqa: N812 - it is a constant

from airflow_dbaas.emulator.postgres import PostgresServer
from demo.processes import House
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import fill, password_of
from tests.matrix.cell import Trial, World
from tests.matrix.cells import choose
from tests.matrix.environments import ROOT, build_wheel

#: What the editable installation has put beside the packages.
EDITABLE = ("airflow_dbaas", "_airflow_dbaas", "__editable__")


class PinnedTrial(Trial):
    """A cell whose environment is made offline and within a second: all but this package is linked to."""

    def install(self) -> None:
        """The environment with the wheel, and Airflow's metadata database."""
        home = self.house.folder / "environment"
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--offline", "--python", sys.executable, home], check=True)
        (packages,) = home.glob("lib/python*/site-packages")
        for each in Path(sysconfig.get_path("purelib")).iterdir():
            if not each.name.startswith(EDITABLE) and not (packages / each.name).exists():
                (packages / each.name).symlink_to(each)
        command = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--compile-bytecode"]
        subprocess.run([*command, "--python", self.python, self.world.wheel], check=True, cwd=self.empty)
        self.airflow.migrate()


@pytest.fixture
def trial(emulator: RunningEmulator, postgres_source: PostgresServer, tmp_path: Path) -> Iterator[PinnedTrial]:
    """A trial of the wheel beside the Airflow that is installed here."""
    fill(postgres_source, "shop", rows=100)
    source = {
        "conn_type": "postgres",
        "host": postgres_source.host,
        "port": postgres_source.port,
        "login": "postgres",
        "password": password_of(postgres_source),
        "schema": "shop",
        "extra": {"sslmode": "disable"},
    }
    connections = {"EXOSCALE_DEFAULT": emulator.connection, "LEGACY_POSTGRES": json.dumps(source)}
    house = House()
    try:
        version = ".".join(map(str, sys.version_info[:2]))
        world = World(build_wheel(tmp_path), {f"AIRFLOW_CONN_{name}": value for name, value in connections.items()})
        trial = PinnedTrial(choose(f"{AIRFLOW_VERSION}/{version}")[0], world, house, "wheel")
        yield trial
        trial.airflow.close()
    finally:
        house.end_processes()
        house.sweep()


@pytest.mark.timeout(300)
def test_the_wheel_works_as_users_install_it(trial: PinnedTrial) -> None:
    """Airflow discovers the provider, the command runs, all example DAGs are parsed, and one migrates a database."""
    trial.install()
    trial.discovered()
    command = trial.python.with_name("airflow-dbaas")
    said = subprocess.run([command, "--help"], check=True, capture_output=True, text=True, cwd=trial.empty)
    assert "check-connection" in said.stdout
    # From now on the DAGs are the wheel's own.
    shutil.rmtree(trial.dags)
    subprocess.run([command, "copy-dags", trial.dags], check=True, capture_output=True, cwd=trial.empty)
    assert {file.name for file in trial.dags.iterdir()} == {file.name for file in (ROOT / "dags").glob("*.*")}
    source = {"source_conn_id": "legacy_postgres", "method": "dump"}
    trial.run_dag("dbaas_migrate_service", {"service": trial.service, **source})
