"""pytest fixtures for DAG authors, based on the emulator.

pytest finds this by itself once the package is installed. Neither Airflow nor anything of the emulator is imported
until a fixture is used, and without their use nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_dbaas.testing.emulator import EmulatorError, RunningEmulator, start_emulator

__all__ = ["EmulatorError", "RunningEmulator", "start_emulator"]

#: Long enough for operations to be pending and services not to run at once, and no longer.
_QUICK = ("--operation-seconds", "0.1", "--startup-seconds", "0.1", "--metrics-seconds", "1")


@pytest.fixture(scope="session")
def dbaas_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """A fast emulator in a separate process, on a free port, for the whole session; each xdist worker has one.

    It ends with the session, and also if pytest is killed.
    """
    log = tmp_path_factory.mktemp("dbaas-emulator") / "emulator.log"
    try:
        running = start_emulator(log, *_QUICK)
    except EmulatorError as error:
        pytest.fail(str(error), pytrace=False)
    with running:
        yield running


@pytest.fixture
def exoscale_connection(dbaas_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the Airflow connection to the emulator, ``exoscale_default``; it is there while the test runs."""
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", dbaas_emulator.connection)
    return "exoscale_default"
