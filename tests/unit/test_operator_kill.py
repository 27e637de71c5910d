"""What an operator undoes when its task ends by force."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas._compat import AirflowTaskTimeout, Context
from airflow_dbaas.operators._base import DbaasOperator
from airflow_dbaas.operators.migrations import DbaasStartMigrationOperator


class Interrupted(DbaasOperator):
    """Has something under way that a kill shall undo, then is interrupted."""

    def __init__(self, *, by: type[BaseException], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by
        self.undone: list[str] = []

    @property
    def hook(self) -> Any:
        return SimpleNamespace(new_conn=lambda: nullcontext(self), close=lambda: None, portal_page=lambda *_: "")

    def operation(self, operation: str) -> Any:
        assert operation == "undo"
        return lambda *, name: self.undone.append(name)

    def perform(self, context: Context) -> None:
        self._cancel = {"operation": "undo", "name": "x"}
        raise self.by


class Killed(BaseException):
    """As the signal that a worker gets."""


@pytest.mark.parametrize(("by", "undone"), [(Killed, ["x"]), (AirflowTaskTimeout, [])])
def test_a_time_out_is_no_kill(by: type[BaseException], undone: list[str]) -> None:
    """Airflow calls ``on_kill`` after both, but when the time is over the remote work goes on, as it does deferred."""
    task = Interrupted(task_id="t", by=by)
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None)}
    with pytest.raises(by):
        task.execute(context)
    task.on_kill()
    assert task.undone == undone


@pytest.mark.parametrize(
    ("conn_type", "operation"), [("postgres", "stop-dbaas-pg-migration"), ("mysql", "stop-dbaas-mysql-migration")]
)
def test_a_migration_is_stopped_by_the_call_of_its_type(
    conn_type: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is named by its operation id, so that a trigger can make the call, too."""
    source = {"conn_type": conn_type, "host": "old.example.com", "login": "admin", "password": "p@ssword"}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps(source))
    task = DbaasStartMigrationOperator(task_id="t", service_name="db", source_conn_id="legacy", cancel_on_kill=True)
    task._own()
    assert task._cancel == {"operation": operation, "name": "db"}
