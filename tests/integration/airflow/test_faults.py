"""One fault on the wire under a task of a real Airflow: as ``make soak`` tries many at once without it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_dbaas.api import client
from tests.integration.airflow.conftest import Run
from tests.integration.emulator.failing import HASTY, Failing

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

CREATE = "create-dbaas-service-valkey"
LOST: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "504": {"kind": "status", "status": 504},
    "reset": {"kind": "reset"},
    "html": {"kind": "html"},
    "empty": {"kind": "empty"},
    "redirect": {"kind": "redirect"},
}
modes = pytest.mark.parametrize("mode", ["poking", "deferred"])


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    """An emulator of this module's own."""
    with Failing.started(tmp_path_factory.mktemp("failing") / "emulator.log") as failing:
        yield failing


@pytest.fixture
def create(run: Run, failing: Failing, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``create(mode, name)`` runs the DAG that creates a service there; afterwards there are no faults."""
    emulator = failing.emulator
    connection = {
        "conn_type": "exoscale",
        "login": emulator.key,
        "password": emulator.secret,
        "host": emulator.url,
        "extra": {"zone": emulator.zone, "timeout": 1},
    }
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(client, "RetryPolicy", lambda: HASTY)
    yield lambda mode, name: run(f"service_create_{mode}", service=name, type="valkey")
    failing.control("DELETE")


def made(failing: Failing, name: str) -> int:
    """How many creations of a service the emulator tells of."""
    lines = failing.emulator.log.read_text().splitlines()
    return len([line for line in lines if f" {CREATE}: " in line and line.endswith(f"/{name}")])


@modes
@pytest.mark.parametrize("kind", [*LOST, "truncated", "slow"])
def test_a_creation_whose_answer_is_lost(create: Any, failing: Failing, kind: str, mode: str) -> None:
    """The same try finds what it made, and knows it for its own."""
    others = {"truncated": {"kind": "truncated"}, "slow": {"kind": "slow-headers", "seconds": 1.5}}
    rule = others.get(kind) or {**LOST[kind], "processed": True}
    failing.told({**rule, "operation": CREATE})
    name = f"valkey-{secrets.token_hex(4)}"
    task = create(mode, name).task
    assert (task.state, task.tries, task.result["created"]) == ("success", 1, True)
    assert failing.counts() == [(1, 1)]
    assert made(failing, name) == 1


@modes
@pytest.mark.parametrize("kind", LOST)
def test_a_creation_that_was_not_done(create: Any, failing: Failing, kind: str, mode: str) -> None:
    """It is not sent again at once, for that it was not done is not known; the next try does it.

    After a redirect there is none: the address is wrong, or somebody stands in between.
    """
    failing.told({**LOST[kind], "operation": CREATE})
    name = f"valkey-{secrets.token_hex(4)}"
    ended = create(mode, name)
    if kind == "redirect":
        assert (ended.task.state, ended.task.tries, made(failing, name)) == ("failed", 1, 0)
        assert f"{CREATE} (POST /dbaas-valkey/{name}): unexpected redirect to https://elsewhere.invalid" in ended.output
        ended = create(mode, name)
        assert (ended.task.state, ended.task.tries) == ("success", 1)
    else:
        assert (ended.task.state, ended.task.tries) == ("success", 2)
    assert ended.task.result["created"] is True
    assert made(failing, name) == 1


@modes
def test_a_refused_signature(create: Any, failing: Failing, mode: str) -> None:
    """The task fails at once and says what to look at; what is right again later is for whoever clears it."""
    failing.told({"kind": "clock-skew", "operation": CREATE})
    name = f"valkey-{secrets.token_hex(4)}"
    ended = create(mode, name)
    assert (ended.task.state, ended.task.tries, made(failing, name)) == ("failed", 1, 0)
    assert "(check API key, secret, IAM role and this machine's clock)" in ended.output
