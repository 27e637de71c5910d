"""Real servers for the tests: the emulator as its own process, PostgreSQL as "somewhere else"."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.emulator.certificates import Identity
from airflow_dbaas.emulator.mysql import binaries as mysql
from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer, installed
from airflow_dbaas.testing import RunningEmulator, start_emulator
from demo import watchdog

__all__ = ["RunningEmulator", "mariadb", "start_emulator"]

#: A quarter of an hour and more: ``make chaos`` asks for it.
collect_ignore = [] if "CHAOS_SECONDS" in os.environ else ["chaos"]

#: Folders whose tests share a whole Airflow, or start one each, the slowest first.
WHOLE_AIRFLOWS = ("integration/scheduler", "e2e", "browser")
#: So many cores have room for one whole Airflow beside the other tests.
_CORES = 2
#: What hangs ends after so many seconds. Whatever these tests wait for has a time-out of its own, which follows the
#: machine.
_HANGS_SECONDS = 1800


#: In the environment of whatever these tests start.
MARK = "TESTS_OF"
_WATCHDOG = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_configure(config: pytest.Config) -> None:
    """What the tests mark themselves with; and nothing outlives them, however they end.

    An xdist worker ends with the process that started it, and that with make. What any of them started and had no time
    to end, a watchdog does.
    """
    config.addinivalue_line("markers", "fact(*ids): shows these facts about the API, see tests/contract/facts.py")
    config.addinivalue_line("markers", "extended: a longer variant of another test, for ``make test-all`` only")
    if hasattr(config, "workerinput"):
        watchdog.tie_to_parent(signal.SIGTERM)
    elif "MAKELEVEL" in os.environ:
        watchdog.tie_to_parent(signal.SIGINT)
    os.environ[MARK] = f"{os.environ.get(MARK, '')}.{secrets.token_hex(8)}"
    config.stash[_WATCHDOG] = watchdog.start(f"{MARK}={os.environ[MARK]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing is left that could be ended."""
    os.environ[MARK] = os.environ[MARK].rpartition(".")[0]
    watchdog.stop(config.stash[_WATCHDOG])


def _group(nodeid: str) -> str:
    """Those of a group share what is shared: the tests of a file, or of one of the folders above."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in WHOLE_AIRFLOWS if f"tests/{folder}/" in file), file)


def _scope(nodeid: str) -> str:
    """Those of a scope run one after the other: on few cores, all that start whole Airflows."""
    group = _group(nodeid)
    return "whole Airflows" if group in WHOLE_AIRFLOWS and (os.cpu_count() or 1) <= _CORES else group


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only ``make test-all`` runs. The slow ones begin, so that none of them is left for the end."""
    if "TEST_ALL" not in os.environ:
        extended = [item for item in items if item.get_closest_marker("extended")]
        config.hook.pytest_deselected(items=extended)
        items[:] = [item for item in items if not item.get_closest_marker("extended")]
    turns = {folder: turn for turn, folder in enumerate(WHOLE_AIRFLOWS)}
    for item in items:
        if _group(item.nodeid) in turns:
            item.add_marker(pytest.mark.timeout(_HANGS_SECONDS), append=False)
    items.sort(key=lambda item: turns.get(_group(item.nodeid), len(turns)))


_SHARED = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> ExitStack:
    """What a folder's tests share is entered here, and ends with the last of them.

    A fixture of the session would go on to its end, and an Airflow that idles takes a tenth of a core.
    """
    return request.config.stash.setdefault(_SHARED, ExitStack())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Ends what a folder's tests have shared."""
    yield
    if nextitem is None or _group(nextitem.nodeid) != _group(item.nodeid):
        item.config.stash.setdefault(_SHARED, ExitStack()).close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """In parallel (``pytest -n``), what belongs together runs in one process, one after the other."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    return Together(config, log)


def mariadb() -> MysqlBinaries:
    """The MariaDB that is installed here; without it a test that needs one is skipped, or fails where CI is set."""
    found = mysql.installed()
    if found is None:
        reason = "mariadb-server is not installed (apt-get install mariadb-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def emulator(dbaas_emulator: RunningEmulator) -> RunningEmulator:
    """One emulator for the whole session, quick to answer: services of a test have names of their own."""
    return dbaas_emulator


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[Callable[..., PostgresServer]]:
    """Starts real PostgreSQL servers: ``postgres_servers(major=16, settings={…})``; stops them at the end."""
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as folder, ExitStack() as stack:

        def start(major: int = 16, settings: dict[str, str] | None = None) -> PostgresServer:
            directory = Path(folder) / secrets.token_hex(4)
            server = PostgresServer(
                binaries=installed()[major],
                directory=directory,
                superuser="postgres",
                # Not a password that can be put into a URI, or anywhere else, as it is.
                password=f"p@ss w/ö:%{secrets.token_hex(6)}",
                settings=settings,
            )
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            return stack.enter_context(server)

        yield start


@pytest.fixture(scope="module")
def postgres_source(postgres_servers: Callable[..., PostgresServer]) -> PostgresServer:
    """A PostgreSQL 16 server of the module's own, empty at first: the source of migrations."""
    return postgres_servers()


@pytest.fixture(scope="session")
def mysql_servers() -> Iterator[Callable[..., MysqlServer]]:
    """Starts real MariaDB servers: ``mysql_servers(settings={…}, identity=…)``; stops them at the end."""
    binaries = mariadb()
    with tempfile.TemporaryDirectory(prefix="airflow-dbaas-tests-") as folder, ExitStack() as stack:

        def start(settings: dict[str, str] | None = None, identity: Identity | None = None) -> MysqlServer:
            directory = Path(folder) / secrets.token_hex(4)
            server = MysqlServer(
                binaries=binaries,
                directory=directory,
                superuser="root",
                # Not one that can be put into a URI, or anywhere else, as it is; a replica's has at most 32 bytes.
                password=f"p@ss w/ö:%'{secrets.token_hex(6)}",
                settings=settings,
                identity=identity,
            )
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            return stack.enter_context(server)

        yield start


@pytest.fixture(scope="session")
def mysql_source(mysql_servers: Callable[..., MysqlServer]) -> MysqlServer:
    """A MariaDB server for the whole session, for what does not mind what others left: the source of migrations."""
    return mysql_servers()
