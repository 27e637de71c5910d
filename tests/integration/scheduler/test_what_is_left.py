"""The last test of this folder's Airflow: no secret is in anything that all of them have left."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from airflow_dbaas._compat import AIRFLOW_VERSION
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.scheduler.conftest import Scheduled
from tests.secrets.canaries import connections, postgres_source
from tests.secrets.hunting import Hunt, add_connections, run_canaries

# ``make secrets`` does the same, and more.
pytestmark = [pytest.mark.extended, pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]


def test_no_secret_gets_out(scheduled: Scheduled, postgres_servers: Callable[..., PostgresServer]) -> None:
    """While tasks with secrets succeed and fail, and after it, none is in a log or output of a component, in the
    metadata database, in an answer of the REST API, in the emulator's log, or on a command line.
    """
    hunt, name = Hunt(scheduled), f"canary-{secrets.token_hex(3)}"
    hunt.leave_out(AIRFLOW_VERSION)
    with hunt.watching(), hunt.services({name: "pg"}):
        add_connections(scheduled, connections(scheduled.emulator, {"pg": postgres_source(postgres_servers())}))
        run_canaries(hunt, "pg", name, endpoints="canary_two_endpoints")
    assert hunt.found(name) == []
