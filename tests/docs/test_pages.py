"""Every block of code in the documentation, run or checked.

All fenced and indented blocks of README, CONTRIBUTING, SECURITY, CHANGELOG and ``docs`` are collected. What each is
follows from its language; one of a language, or a command, that nothing here knows how to run fails.

* ``python``: run, in the order of the page. A file with DAGs is taken in by Airflow, and its DAGs are run to their end
  against the emulator; a file with tests is run by pytest.
* ``bash``, and what is indented: its commands are run, in the order of the page. ``make`` is asked by ``-n`` only, and
  some commands are not run here: ``elsewhere.py`` says what runs them. ``pip install`` is asked by ``--dry-run``:
  everything is installed already.
* ``yaml``, ``json``, ``ini``, requirements files: read by the code that takes them.
* ``text``: shows what something looks like. With the title ``output``, the commands before it must have written it.
* ``bash`` marked ``cloud``: commands of AWS, Google Cloud or Astronomer, which need an account there and cannot run
  here. The connections in them are checked.
"""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy import delete

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.waiting import poller
from tests.conftest import RunningEmulator
from tests.docs import data
from tests.docs.blocks import PAGES, ROOT, Block, Command, blocks, commands
from tests.docs.elsewhere import ELSEWHERE, elsewhere
from tests.docs.world import World
from tests.integration.airflow.conftest import fill, password_of

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

DATA = {"yaml", "json", "ini", "text"}
RUN = {"airflow", "airflow-dbaas", "cp", "eval", "export", "make", "mkdir", "pip", "pytest"}
CLOUDS = {"aws", "gcloud", "astro"}

#: What a DAG that is not run contains, and what runs the like of it.
NOT_RUN = {
    "approve_cut_over=True": "tests/integration/scheduler/test_example_dags.py",  # somebody has to approve
    "schedule=[": "tests/integration/airflow/test_assets.py",  # does nothing but wait for an asset
    'default_args={"retries": 5': "tests/integration/airflow/test_retry_policy.py",  # a DAG without a task
}


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_left_unchecked(page: str) -> None:
    """Each block is of a language that is run or checked, and each command one that there is a way to run."""
    for block in blocks(page):
        assert block.language in {"python", "bash", *DATA}, f"{block.place}: {block.language or 'no language'}"
        if block.language == "bash":
            for command in commands(block):
                known = CLOUDS if block.cloud else RUN
                assert command.words == [] or command.words[0] in known or elsewhere(str(command)) is not None, (
                    f"{block.place}: {command}"
                )


def test_what_runs_the_rest() -> None:
    """What is named as the test of something is there."""
    assert [path for path in [*ELSEWHERE.values(), *NOT_RUN.values()] if path and not (ROOT / path).exists()] == []


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Airflow's metadata database."""
    from airflow.utils import db

    db.initdb()


@pytest.fixture(scope="module")
def source(postgres_source: PostgresServer) -> PostgresServer:
    """The server that the pages move from."""
    fill(postgres_source, "shop", rows=10)
    return postgres_source


@pytest.fixture
def world(
    airflow: None,
    emulator: RunningEmulator,
    source: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """Where a page is run: with the connections that the pages speak of, and a service ``shop`` that is empty."""
    connection = {"conn_type": "exoscale", "login": emulator.key, "password": emulator.secret, "host": emulator.url}
    legacy = {"conn_type": "postgres", "host": source.host, "port": source.port, "login": "postgres"}
    legacy |= {"password": password_of(source), "schema": "shop", "extra": {"sslmode": "disable"}}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**connection, "extra": {"zone": emulator.zone}}))
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY_POSTGRES", json.dumps(legacy))
    for name, value in {"BRIEF_SECONDS": 0, "_SHORTEST_PAUSE": 0.1}.items():
        monkeypatch.setattr(poller, name, value)
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        yield World(tmp_path, monkeypatch, stack)
    with create_session() as session:
        session.execute(delete(Connection))
    # What a page's code leaves open warns here, not in whichever test comes later.
    gc.collect()


@pytest.fixture(scope="module")
def shop(emulator: RunningEmulator) -> Iterator[Callable[[], None]]:
    """Makes the service ``shop`` anew, with nothing in it."""
    with Client(emulator.key, emulator.secret, url=emulator.url) as client:

        def state() -> str | None:
            return next((each.state for each in client.services.list().dbaas_services if each.name == "shop"), None)

        def renew() -> None:
            if state() is not None:
                client.services.delete("shop")
                wait_until(lambda: state() is None)
            client.services.pg.create(name="shop", plan="startup-4", version="17")
            wait_until(lambda: state() == "running")

        yield renew


def wait_until(holds: Callable[[], bool]) -> None:
    """Look until something is so; pytest's own limit ends it if it never is."""
    while not holds():
        time.sleep(0.1)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_page(page: str, world: World, shop: Callable[[], None]) -> None:
    """All blocks of a page, one after the other, as somebody would who follows it."""
    names: dict[str, Any] = {}
    shown = blocks(page)
    for block in shown:
        if block.language in DATA and (block.title or "rules:" in block.text) and block.title != "output":
            world.write(block.title or "faults.yaml", block.text)
    for number, block in enumerate(shown):
        try:
            if block.language in DATA:
                data.check(block, world.folder)
                if block.title == "output":
                    compare(block, world.output)
            elif block.cloud:
                data.cloud(block)
            elif block.language == "bash":
                for command in commands(block):
                    world.run(command)
            else:
                run_python(block, number, world, names, shop)
        except BaseException as error:
            error.add_note(f"in the block at {block.place}")
            raise


def compare(block: Block, output: str) -> None:
    """Every line of what is shown was written; ``…`` stands for anything."""
    for line in filter(str.strip, block.text.splitlines()):
        pattern = ".*".join(re.escape(part.strip()) for part in line.strip().split("…"))
        assert re.search(pattern, output), f"not in the output: {line}\n{output}"


def run_python(block: Block, number: int, world: World, names: dict[str, Any], shop: Callable[[], None]) -> None:
    """A file with DAGs, one with tests, or a piece of a program that goes on from the one before."""
    name = f"page_{re.sub(r'[^a-z]+', '_', block.page.lower())}_{number}"
    if "DAG(" in block.text or "@dag" in block.text:
        run_dags(world.write(block.title or f"dags/{name}.py", block.text), block, shop)
    elif "def test_" in block.text:
        path = world.write(block.title or f"test_{name}.py", block.text)
        world.run(Command(["pytest", "-q", str(path)]))
    else:
        # As many lines as are above it: an error then names the line of the page.
        exec(compile("\n" * block.line + block.text, block.page, "exec"), names)


def run_dags(path: Path, block: Block, shop: Callable[[], None]) -> None:
    """Airflow takes in the file without a complaint, and its DAGs end well."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(path, collect_dags=True)
    assert not bag.import_errors
    assert bag.dags
    if any(part in block.text for part in NOT_RUN):
        return
    by_command = {
        command.words[3]
        for each in blocks(block.page)
        if each.language == "bash"
        for command in commands(each)
        if command.words[:3] == ["airflow", "dags", "test"]
    }
    for dag in bag.dags.values():
        if dag.dag_id in by_command:
            continue  # as the page says
        if '"shop"' in block.text:
            shop()
        ended = dag.test()
        assert str(ended.state) == "success", dag.dag_id
