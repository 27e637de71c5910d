"""The demo's client of Airflow's REST API, on a busy machine: no answer, or a late one, is no end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import pace
from demo.airflow import Airflow
from demo.pace import Patience
from demo.processes import DemoError, House
from tests.unit.conftest import Reply, ScriptedServer

LOST = Reply(drop=True)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An empty house in which nobody waits."""
    made = House()
    monkeypatch.setattr(made, "sleep", lambda seconds: None)
    yield made
    made.sweep()


@pytest.fixture
def airflow(house: House, server: ScriptedServer, tmp_path: Path) -> Iterator[Airflow]:
    """A client whose requests the scripted server gets."""
    made = Airflow(house, tmp_path)
    made._http.base_url = server.url.removesuffix("/v2")
    yield made
    made.close()


def sent(server: ScriptedServer) -> list[tuple[str, str, Any]]:
    return [(method, path, json.loads(body) if body else None) for method, path, _, body in server.requests]


@pytest.mark.parametrize("trouble", [LOST, Reply(503), Reply(500)])
def test_what_reads_is_sent_again(airflow: Airflow, server: ScriptedServer, trouble: Reply) -> None:
    """Until there is an answer."""
    server.replies = [trouble, trouble, Reply(body={"state": "success"})]
    assert airflow.call("GET", "/dags/a") == {"state": "success"}
    assert len(server.requests) == 3


def test_a_run_is_started_once(airflow: Airflow, server: ScriptedServer) -> None:
    """The answer to the start is lost: sent again, it has the same id; the conflict says that it was started."""
    server.replies = [Reply(body={}), LOST, Reply(409, {"detail": "exists"})]
    run_id = airflow.trigger("a", {"one": 1})
    (_, *starts) = sent(server)
    assert [(method, path) for method, path, _ in starts] == 2 * [("POST", "/api/v2/dags/a/dagRuns")]
    assert starts[0] == starts[1]
    assert starts[0][2] == {"dag_run_id": run_id, "logical_date": None, "conf": {"one": 1}}
    assert run_id.startswith("manual__")


def test_a_run_that_is_refused_is_an_error(airflow: Airflow, server: ScriptedServer) -> None:
    """With the words of Airflow."""
    server.replies = [Reply(body={}), Reply(422, {"detail": "no such parameter"})]
    with pytest.raises(DemoError, match=r"422 .*no such parameter"):
        airflow.trigger("a", {})


def test_what_may_have_been_done_is_not_sent_again(airflow: Airflow, server: ScriptedServer) -> None:
    """Other requests that change something end with the first lost answer, in a sentence."""
    server.replies = [LOST]
    with pytest.raises(DemoError, match="did not answer POST /api/v2/connections"):
        airflow.call("POST", "/connections", {"connection_id": "a"})
    assert len(server.requests) == 1


def test_patience_ends(airflow: Airflow, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that never answers ends it after all."""
    monkeypatch.setattr("demo.airflow.ANSWER_TIMEOUT_S", 0.01)
    monkeypatch.setattr(pace, "_MOST", 1.0)
    server.replies = [LOST]
    with pytest.raises(DemoError, match="did not answer GET"):
        airflow.call("GET", "/dags/a")


def test_patience_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes longer on a machine that is slower, or busier, gets longer; within bounds, and never less again."""
    monkeypatch.setattr(pace, "_slowest", 1.0)
    monkeypatch.setattr(pace.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(pace.os, "getloadavg", lambda: (14.0, 0, 0))
    patience = Patience(60)
    moments = iter([60 * 6.9, 60 * 10.1, 60 * 10.1])
    begun = patience._begun
    monkeypatch.setattr(pace.time, "monotonic", lambda: begun + next(moments))
    assert not patience.over
    assert patience.over
    monkeypatch.undo()
    monkeypatch.setattr(pace, "_slowest", 1.0)
    monkeypatch.setattr(pace.os, "getloadavg", lambda: (0.0, 0, 0))
    monkeypatch.setattr(pace, "_USUAL_S", 1e-9)
    assert pace.factor() == pace._MOST
    monkeypatch.setattr(pace, "_USUAL_S", 1e9)
    assert pace.factor() == pace._MOST
