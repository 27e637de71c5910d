"""Operators and sensors while a fifth of all requests fail: nothing lost, nothing twice, nothing claimed.

``make soak`` runs it for long; ``make test`` runs a part of it, always the same.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_dbaas.emulator.mysql.binaries import installed
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.operators._base import DbaasTask
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from tests.contract import results
from tests.soak import tasks
from tests.soak.case import Case
from tests.soak.cases import CASES, MYSQL
from tests.soak.world import ENDING, World

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

COUNT = int(os.environ.get("SOAK_COUNT", "40"))
SEED = int(os.environ.get("SOAK_SEED", "5"))

#: Seconds after which a task hangs; its own waits take 40 at most, in each of 6 tries.
_HANGS = 120
#: How often a task is cleared that a fault has ended which ends tasks.
_CLEARED = 8


@dataclass
class Counts:
    """What came of it."""

    executions: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    tries: int = 0
    cleared: int = 0
    disowned: list[str] = field(default_factory=list)
    undescribed: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    false_success: list[str] = field(default_factory=list)
    false_failure: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, list[str]]:
        """What must not be."""
        return {
            "duplicates": self.duplicates,
            "false success": self.false_success,
            "false failure": self.false_failure,
            "hangs": self.hangs,
            "own work not recognized": self.disowned,
            "undescribed results": self.undescribed,
        }

    def table(self) -> str:
        """The counts, for people."""
        struck = sum(self.faults.values())
        rows: list[tuple[str, object]] = [
            ("seed", SEED),
            *sorted(self.executions.items()),
            ("executions", self.executions.total()),
            ("requests", self.requests),
            *((f"fault {kind}", count) for kind, count in sorted(self.faults.items())),
            ("faults", f"{struck} ({100 * struck / max(1, self.requests):.1f} %)"),
            ("tries of tasks", self.tries),
            ("ended by a redirect or a refused signature, and cleared", self.cleared),
            *((name, len(found)) for name, found in self.wrong.items()),
        ]
        return "\n".join(["", *(f"{name:58} {value}" for name, value in rows)])


@pytest.fixture(scope="module")
def mysql(request: pytest.FixtureRequest) -> MysqlServer | None:
    """A source of MySQL, if it can be."""
    if installed() is None and "CI" not in os.environ:
        return None
    server: MysqlServer = request.getfixturevalue("mysql_servers")()
    return server


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_source: PostgresServer, mysql: MysqlServer | None
) -> Iterator[World]:
    """An emulator that can fail, and services in it."""
    with World.started(tmp_path_factory.mktemp("world"), postgres_source, mysql) as world:
        yield world


@pytest.mark.timeout(0 if "SOAK_COUNT" in os.environ else 300)
def test_nothing_is_lost_and_nothing_done_twice(world: World, mysql: MysqlServer | None) -> None:
    """No duplicate, no success of what is not done, no failure but for faults that end a task, no hang."""
    chance = random.Random(SEED)
    cases = CASES if mysql is None else CASES | MYSQL
    drawn = chance.choices(list(cases), weights=[weight for _, weight in cases.values()], k=COUNT)
    # Each is there at least once.
    drawn += [name for name in cases if name not in drawn]
    counts = Counts()
    for number, name in enumerate(drawn):
        deferrable, keeps = number % 2 == 1, chance.random() < 0.5
        mode = f"{'deferred' if deferrable else 'poking'}{', tries remembered' if keeps else ''}"
        with cases[name][0](world) as case:
            world.fail(SEED * 100_000 + number)
            _execute(world, case, deferrable, keeps, counts, f"{number} {name} ({mode})")
        counts.executions[f"{name}, {'deferred' if deferrable else 'poking'}"] += 1
        if counts.hangs:
            break
    print(counts.table())
    assert {name: found for name, found in counts.wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("delete a service", "delete-dbaas-service"),
        ("delete an integration", "delete-dbaas-integration"),
        ("delete an endpoint", "delete-dbaas-external-endpoint-rsyslog"),
        ("detach an endpoint", "detach-dbaas-service-from-endpoint"),
    ],
)
def test_a_task_knows_what_it_has_removed(world: World, name: str, call: str) -> None:
    """Its only request was answered by somebody else, who redirects it; the task, cleared, knows whose work it was."""
    counts = Counts()
    with CASES[name][0](world) as case:
        world.fail(SEED)
        world.failing.told({"kind": "redirect", "operation": call, "processed": True, "times": 1})
        _execute(world, case, False, True, counts, name)
    assert (counts.cleared, counts.faults.total()) == (1, 1)
    assert {wrong: found for wrong, found in counts.wrong.items() if found} == {}


def _execute(world: World, case: Case, deferrable: bool, keeps: bool, counts: Counts, what: str) -> None:
    store = tasks.Store() if keeps else None
    arguments: dict[str, Any] = {"deferrable": deferrable, "task_id": "task"}

    def make() -> Any:
        with DAG("soak", schedule=None):
            return case.make(**arguments)

    earlier: Counter[str] = Counter()
    for _ in range(_CLEARED):
        outcome = _bounded(make, store)
        if outcome is None:
            counts.hangs.append(what)
            return
        counts.tries += outcome.tries
        met = world.met()
        if outcome.error is None:
            break
        if not any(kind.startswith(tuple(ENDING)) for kind in met - earlier):
            counts.false_failure.append(f"{what}: {outcome.error!r} after {dict(met - earlier)}")
            break
        counts.cleared += 1
        earlier = met
    else:
        counts.false_failure.append(f"{what}: not done after {_CLEARED} runs: {outcome.error!r}")
    counts.faults += world.met()
    counts.requests += world.requests()
    twice = world.begun_twice()
    world.work()
    if twice:
        counts.duplicates.append(f"{what}: {twice}")
    if outcome.error is None and not case.done(outcome.result):
        counts.false_success.append(f"{what}: {outcome.result}")
    task = make()
    described_as = type(task).__name__ if isinstance(task, DbaasTask) else task.described_as
    if outcome.error is None and described_as:
        always, sometimes = results.described(described_as)
        if not always <= set(outcome.result) <= always | sometimes:
            counts.undescribed.append(f"{what}: {sorted(outcome.result)}")
    if keeps and outcome.error is None and False in (outcome.result.get("created"), outcome.result.get("deleted")):
        # What was found, or was gone, is what an earlier try of this very task made or removed.
        counts.disowned.append(f"{what}: {outcome.result}")


def _bounded(make: Any, store: tasks.Store | None) -> tasks.Outcome | None:
    """How a task ended; None if it did not in time."""
    outcomes: list[tasks.Outcome] = []
    worker = threading.Thread(target=lambda: outcomes.append(tasks.run(make, store)), daemon=True)
    worker.start()
    worker.join(_HANGS)
    return outcomes[0] if outcomes else None


class _Wrong(BaseOperator):
    """An operator that does what it is given to do, which is wrong."""

    def __init__(self, *, work: Callable[[], Any], described_as: str | None, deferrable: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work, self.described_as, self.deferrable = work, described_as, deferrable

    def execute(self, context: Any) -> Any:
        return self.work()


def _twice(world: World) -> dict[str, Any]:
    for name in ("once", "more"):
        world.new_endpoint(name)
    return {}


def _fails(world: World) -> None:
    raise RuntimeError("for no reason")


WRONG: dict[str, Callable[[World], Any]] = {
    "duplicates": _twice,
    "false success": lambda world: {},
    "false failure": _fails,
    "hangs": lambda world: time.sleep(5),
    "own work not recognized": lambda world: {"created": False},
    "undescribed results": lambda world: {"operation_id": None},
}


@pytest.mark.parametrize("name", WRONG)
def test_each_count_counts(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A task that is wrong in one way is counted so, and only so."""
    monkeypatch.setitem(globals(), "_HANGS", 1 if name == "hangs" else _HANGS)
    world.fail(SEED)
    # One that strikes nothing: what is wrong is the task.
    world.failing.told({"kind": "status", "method": "DELETE", "probability": 1})
    described_as = DbaasOperationSensor.__name__ if name == "undescribed results" else None
    wrong = partial(_Wrong, work=partial(WRONG[name], world), described_as=described_as)
    case = Case(wrong, lambda result: name != "false success")
    counts = Counts()
    _execute(world, case, False, True, counts, "wrong")
    world.work()
    for endpoint in ("once", "more"):
        for each in world.endpoints(endpoint):
            world.client.external_endpoints.rsyslog.delete(str(each.id))
    assert [counted for counted, found in counts.wrong.items() if found] == [name]
    assert len(counts.wrong[name]) == 1
