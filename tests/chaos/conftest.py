"""An Airflow and a source whose data takes a while to copy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.chaos.cases import CASES
from tests.chaos.harness import Chaos
from tests.chaos.source import SOURCE, connection_to, slow_databases, write_dag
from tests.integration.scheduler.conftest import ALERT, whole_airflow


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory, postgres_source: PostgresServer) -> Iterator[Chaos]:
    """The Airflow with the DAG that migrates a service, and what can be done to it."""
    databases = slow_databases(postgres_source, int(os.environ["CHAOS_SECONDS"]), len(CASES))
    dags = tmp_path_factory.mktemp("dags")
    write_dag(dags)
    with whole_airflow(dags, {SOURCE: connection_to(postgres_source)}, ALERT, durable=True) as scheduled:
        yield Chaos(scheduled, postgres_source, databases)
