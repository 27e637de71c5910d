"""An emulator to be fuzzed, apart from the one of all other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import RunningEmulator, start_emulator
from tests.integration.emulator.conftest import Api


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator that takes no longer than it has to."""
    log = tmp_path_factory.mktemp("fuzzed") / "emulator.log"
    options = ("--operation-seconds", "0", "--startup-seconds", "0", "--metrics-seconds", "5")
    with start_emulator(log, *options) as running:
        yield running


@pytest.fixture(scope="session")
def api(emulator: RunningEmulator) -> Iterator[Api]:
    """A client of it."""
    client = Api(emulator)
    yield client
    client.close()
