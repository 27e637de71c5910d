"""An Airflow that goes wrong in the middle of a migration: the run ends well, and nothing was done twice.

``make chaos`` runs all cases, with a migration of a minute; ``make test`` the most telling ones, with a short one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.cases import APART, TELLING, TOGETHER, Case
from tests.chaos.harness import HEADING, Chaos, Migration, Outcome

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

ALL = "CHAOS_SECONDS" in os.environ
#: How many migrations go on at once.
AT_ONCE = 4


def _wanted(cases: Mapping[str, Case]) -> list[tuple[str, Case]]:
    return [(name, case) for name, case in cases.items() if ALL or name in TELLING]


def _outcome(chaos: Chaos, name: str, case: Case, method: str) -> Outcome:
    migration = Migration(chaos, method)
    case(migration)
    outcome = migration.outcome(name)
    print(outcome.row(), flush=True)
    return outcome


def _heading() -> None:
    print(f"\n{HEADING}")


@pytest.mark.timeout(0 if ALL else 300)
def test_one_migration_whatever_happens_to_a_run(chaos: Chaos) -> None:
    """Each run succeeds, one service was created and one migration started, source and target are equal."""
    _heading()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # A source has one replication slot for a database, so only dumps can go on at the same time.
        futures = [pool.submit(_outcome, chaos, name, case, "dump") for name, case in _wanted(APART)]
    assert [outcome for future in futures if not (outcome := future.result()).right] == []


@pytest.mark.timeout(0 if ALL else 300)
def test_one_migration_whatever_dies(chaos: Chaos) -> None:
    """As above, with components that die."""
    _heading()
    outcomes = [_outcome(chaos, name, case, "replication") for name, case in _wanted(TOGETHER)]
    assert [outcome for outcome in outcomes if not outcome.right] == []
