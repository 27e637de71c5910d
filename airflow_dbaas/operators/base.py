"""What all operators share: how they work, and wait for what they started."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import closing
from typing import Any

from airflow_dbaas import polling, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api import Client, models
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.base import DbaasTask
from airflow_dbaas.triggers.waits import DbaasWaitTrigger, airflow_errors, result_of
from airflow_dbaas.waits import OperationWait, Pending, Wait, outcome

#: What goes on with the result of a wait: a method of the operator that takes context, result and state.
Then = Callable[..., Any]


class DbaasOperator(DbaasTask):
    """Base of the operators.

    :param wait_timeout: seconds that the operator's own waits may take together, by the wall clock.
    """

    def __init__(self, *, wait_timeout: float = 3600, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wait_timeout = wait_timeout

    def _check(self) -> None:
        validation.check(self, {"wait_timeout": validation.positive})
        super()._check()

    @property
    def client(self) -> Client:
        """Blocking client of this task's connection."""
        return self.hook.get_conn()

    def migration_status(self, service_name: str) -> models.MigrationStatus | None:
        """The migration into a service, or None if there is none (get-dbaas-migration-status)."""
        try:
            return self.client.get_dbaas_migration_status(service_name)
        except DbaasNotFoundError:
            return None

    def execute(self, context: Context) -> Any:
        """Check what the templates rendered to, then do the work."""
        with airflow_errors(), closing(self.hook):
            self._check()
            return self.start(context)

    @abstractmethod
    def start(self, context: Context) -> Any:
        """Do the work; returns the result, or that of ``wait_for``."""

    def wait_for(self, context: Context, wait: Wait, then: Then, **state: Any) -> Any:
        """Wait, deferred or not, and go on with ``then(context, result, **state)``.

        :param context: Airflow's context.
        :param wait: what to wait for.
        :param then: the method of this operator to go on with.
        :param state: plain JSON without secrets that ``then`` needs; it is stored while deferred. ``deadline``
            is kept in it, so that several waits share one time limit.
        """
        deadline = state.setdefault("deadline", time.time() + self.wait_timeout)
        watch = polling.Watch(wait, deadline=deadline)
        verdict = polling.run_briefly(self.client, watch) if self.deferrable else polling.run(self.client, watch)
        if isinstance(verdict, Pending):
            # The state travels with the trigger, not as kwargs of the deferral: DAG.test() loses those.
            state = {"then": then.__name__, **state}
            trigger = DbaasWaitTrigger.after(watch, exoscale_conn_id=self.exoscale_conn_id, zone=self.zone, state=state)
            return self.defer(trigger=trigger, method_name=self.execute_complete.__name__)
        return then(context, outcome(verdict), **state)

    def wait_for_operation(self, context: Context, operation: models.Operation, then: Then, **state: Any) -> Any:
        """Wait for an operation that was started; one that needs no waiting is gone through all the same."""
        if operation.id is None:
            self.log.info("The API names no operation to wait for")
            return then(context, {"operation_id": None, "reference_id": None, "reference_link": None}, **state)
        return self.wait_for(context, OperationWait(operation.id), then, **state)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on after a deferred wait."""
        state = dict(event["state"])
        then = getattr(self, state.pop("then"))
        with airflow_errors(), closing(self.hook):
            return then(context, result_of(event), **state)
