"""What of ``make chaos`` is tried each time: the cases at once, with a short migration."""

from __future__ import annotations

import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.chaos.cases import CASES
from tests.chaos.harness import Chaos, judged
from tests.chaos.source import SOURCE, connection_to, slow_databases
from tests.integration.scheduler.conftest import Scheduled

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

#: Seconds that copying takes.
COPYING = 10

#: Each harms the others' runs as well.
SHORT = (
    "worker killed, migration just asked for",
    "triggerer killed while data is copied",
    "everything killed while data is copied",
)


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_one_migration_whatever_dies(scheduled: Scheduled, postgres_source: PostgresServer) -> None:
    """Each run succeeds, one service was created and one migration started, source and target are equal."""
    databases = slow_databases(postgres_source, COPYING, len(SHORT))
    scheduled.airflow.add_connections({SOURCE: connection_to(postgres_source)})
    chaos = Chaos(scheduled, postgres_source, databases)
    assert judged(chaos, {name: CASES[name] for name in SHORT}, "replication", at_once=len(SHORT)) == []
