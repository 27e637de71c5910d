"""An Airflow that goes wrong in the middle of a migration: the run ends well, and nothing was done twice.

``make chaos`` runs this, with a migration of a minute; ``tests/integration/scheduler/test_chaos.py`` is what
``make test`` has of it.
"""

from __future__ import annotations

import pytest

from tests.chaos.cases import APART, EMULATOR, TOGETHER
from tests.chaos.harness import Chaos, judged

pytestmark = [
    pytest.mark.timeout(0),
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("error:::airflow_dbaas"),
]


def test_one_migration_whatever_happens_to_a_run(chaos: Chaos) -> None:
    """Each run succeeds, one service was created and one migration started, source and target are equal."""
    assert judged(chaos, APART, "dump", at_once=6) == []


def test_one_migration_whatever_dies(chaos: Chaos) -> None:
    """As above, with components that die, and all runs that go on have to live with it."""
    assert judged(chaos, TOGETHER, "replication", at_once=2) == []


def test_one_migration_whatever_happens_to_the_api(chaos: Chaos) -> None:
    """As above, with an emulator that dies and goes on with what it kept."""
    assert judged(chaos, EMULATOR, "replication", at_once=1) == []
