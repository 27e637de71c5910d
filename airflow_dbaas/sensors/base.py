"""What all sensors share: one wait, poked or deferred."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import closing
from functools import cached_property
from typing import Any

from airflow_dbaas import polling
from airflow_dbaas._compat import (
    AirflowSensorTimeout,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    seconds,
)
from airflow_dbaas.api.errors import DbaasWaitTimeoutError
from airflow_dbaas.base import DbaasTask
from airflow_dbaas.triggers.waits import DbaasWaitTrigger, airflow_errors, as_event, result_of
from airflow_dbaas.waits import Pending, Wait, outcome


class DbaasSensor(DbaasTask, BaseSensorOperator):
    """Base of the sensors.

    Poked, it looks every ``poke_interval`` seconds; deferred, after a brief wait by itself, it looks at intervals that
    grow with the time waited (1 to 60 seconds). A sensor only looks: killing it leaves what it waits for alone.
    """

    @abstractmethod
    def wait(self) -> Wait:
        """What this sensor waits for."""

    @cached_property
    def _watch(self) -> polling.Watch:
        return polling.Watch(self.wait())

    def execute(self, context: Context) -> Any:
        """Wait poked, or briefly and then deferred."""
        with closing(self.hook):
            with airflow_errors():
                self._check()
            if not self.deferrable:
                return super().execute(context)
            watch = polling.Watch(self.wait(), deadline=time.time() + seconds(self.timeout))
            with airflow_errors():
                verdict = polling.run_briefly(self.hook.get_conn(), watch)
        if isinstance(verdict, Pending):
            trigger = DbaasWaitTrigger.after(watch, exoscale_conn_id=self.exoscale_conn_id, zone=self.zone)
            return self.defer(trigger=trigger, method_name=self.execute_complete.__name__)
        return self.execute_complete(context, as_event(verdict))

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; the result is pushed to XCom."""
        with airflow_errors():
            verdict = polling.poll(self.hook.get_conn(), self._watch)
            # Rescheduled, the next look is made by another process that knows nothing of this one's doubts.
            while self.reschedule and isinstance(verdict, Pending) and self._watch.in_doubt:
                time.sleep(self._watch.pause())
                verdict = polling.poll(self.hook.get_conn(), self._watch)
            if isinstance(verdict, Pending):
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=outcome(verdict))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """The result of a deferred wait, or its failure."""
        with airflow_errors():
            try:
                return result_of(event)
            except DbaasWaitTimeoutError as error:
                # As in the other modes: a sensor's time-out is not retried.
                raise AirflowSensorTimeout(str(error)) from error
