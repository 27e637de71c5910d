"""An Airflow that goes wrong in the middle of a migration: the run ends well, and nothing was done twice.

``make chaos`` runs this, with a migration of a minute; it takes too long for ``make test``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.cases import APART, TOGETHER, Case
from tests.chaos.harness import HEADING, Chaos, Migration, Outcome

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

#: How many migrations go on at once.
AT_ONCE = 4


def _outcome(chaos: Chaos, name: str, case: Case, method: str) -> Outcome:
    migration = Migration(chaos, method)
    case(migration)
    outcome = migration.outcome(name)
    print(outcome.row(), flush=True)
    return outcome


def _heading() -> None:
    print(f"\n{HEADING}")


@pytest.mark.timeout(0)
def test_one_migration_whatever_happens_to_a_run(chaos: Chaos) -> None:
    """Each run succeeds, one service was created and one migration started, source and target are equal."""
    _heading()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # A source has one replication slot for a database, so only dumps can go on at the same time.
        futures = [pool.submit(_outcome, chaos, name, case, "dump") for name, case in APART.items()]
    assert [outcome for future in futures if not (outcome := future.result()).right] == []


@pytest.mark.timeout(0)
def test_one_migration_whatever_dies(chaos: Chaos) -> None:
    """As above, with components that die."""
    _heading()
    outcomes = [_outcome(chaos, name, case, "replication") for name, case in TOGETHER.items()]
    assert [outcome for outcome in outcomes if not outcome.right] == []
