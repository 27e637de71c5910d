"""What all sensors share: one wait, poked or deferred."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from airflow_dbaas import polling, validation
from airflow_dbaas._compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    first_start,
    poke_until_done,
    seconds,
)
from airflow_dbaas.api.errors import DbaasError, DbaasWaitTimeoutError
from airflow_dbaas.base import DbaasTask, Limit
from airflow_dbaas.events import airflow_errors, as_event, result_of
from airflow_dbaas.waits import Pending, Wait, outcome


class DbaasSensor(DbaasTask, BaseSensorOperator):
    """Base of the sensors.

    Poked, it looks every ``poke_interval`` seconds; deferred, after a brief wait by itself, it looks at intervals that
    grow with the time waited (from 0.5 to 5 s). ``timeout``, ``execution_timeout`` and ``soft_fail`` mean the same in
    all modes. A sensor only looks: killing it leaves what it waits for alone.

    :param start_from_trigger: if deferrable, begin and end in the triggerer, without any worker (Airflow 3.3 and
        later). A sensor that is mapped, has an ``execution_timeout`` or takes a value from another task, or whose DAG
        limits the values of its parameters, begins on a worker all the same; one that has outlets, or that listeners
        listen to, ends on one.
    """

    #: The wait; its fields are parameters of the sensor.
    wait_class: ClassVar[type[Wait]]
    kept_as: ClassVar[dict[str, str]] = {"start_from_trigger": "_may_start_in_triggerer"}

    def __init__(self, *, start_from_trigger: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._may_start_in_triggerer = start_from_trigger

    def _ready(self) -> None:
        """To be called at the end of ``__init__``."""
        validation.check(self, {"start_from_trigger": validation.boolean})
        self._check()
        if self.deferrable and self._may_start_in_triggerer:
            self._start_in_triggerer()

    def _start_in_triggerer(self) -> None:
        # Imported here: it is needed by deferrable sensors only, and not cheap.
        from airflow_dbaas._compat.triggers import (
            StartTriggerArgs,
            ends_in_triggerer,
            params_cannot_be_wrong,
            renders_in_triggerer,
            starts_in_triggerer,
        )

        arguments = {"exoscale_conn_id": self.exoscale_conn_id, "zone": self.zone, **self._fields}
        if (
            not starts_in_triggerer()
            or self.execution_timeout is not None
            or self._pre_execute_hook is not None
            or not params_cannot_be_wrong(self)
            or not all(renders_in_triggerer(value) for value in arguments.values())
        ):
            return
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="airflow_dbaas.triggers.sensors.DbaasSensorTrigger",
            trigger_kwargs={
                **arguments,
                "kind": self.wait_class.kind,
                "timeout": seconds(self.timeout),
                "ends_here": ends_in_triggerer(self),
                "pushes": self.do_xcom_push,
                "links": {link.xcom_key: link.page for link in self.operator_extra_links},
            },
            next_method=self.execute_complete.__name__,
        )
        self.start_from_trigger = True

    @property
    def _fields(self) -> dict[str, Any]:
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self.wait_class)}
        # As JSON, which is what a trigger's arguments are kept as.
        return {name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in given.items()}

    def wait(self) -> Wait:
        """What this sensor waits for."""
        return self.wait_class(**self._fields)

    @cached_property
    def _watch(self) -> polling.Watch:
        return polling.Watch(self.wait())

    def execute(self, context: Context) -> Any:
        """Wait poked, or briefly and then deferred."""
        with closing(self.hook):
            with airflow_errors():
                self._check()
                self._push_links(context)
            if not self.deferrable:
                # Airflow's own lenience does not cover a time-out between two looks.
                with self._lenience():
                    self._keep_execution_timeout(context)
                    return poke_until_done(self, context)
            deadline, limit = self._deadline(context, seconds(self.timeout))
            watch = polling.Watch(self.wait(), deadline=deadline)
            with airflow_errors():
                verdict = polling.run_briefly(
                    self.hook.get_conn(), watch, until=time.monotonic() + polling.BRIEF_SECONDS
                )
        if isinstance(verdict, Pending):
            from airflow_dbaas.triggers.waits import DbaasWaitTrigger

            trigger = DbaasWaitTrigger.after(
                watch,
                exoscale_conn_id=self.exoscale_conn_id,
                zone=self.zone,
                state={"limit": limit},
                ends_here=self._ends_in_triggerer(),
                pushes=self.do_xcom_push,
            )
            return self.defer(trigger=trigger, method_name=self.execute_complete.__name__)
        return self.execute_complete(context, as_event(verdict, {"limit": limit}))

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
        limit: Limit = (event.get("state") or {}).get("limit", "timeout")
        with self._lenience(), airflow_errors():
            try:
                return result_of(event)
            except DbaasWaitTimeoutError as error:
                # As in the other modes: a sensor's time-out is not retried, an execution time-out is.
                raise (AirflowSensorTimeout if limit == "timeout" else AirflowTaskTimeout)(str(error)) from error

    def _keep_execution_timeout(self, context: Context) -> None:
        """Airflow measures each look of a rescheduled sensor by itself; the limit is for all of them."""
        if self.reschedule and self.execution_timeout is not None:
            began = first_start(context)
            if began is not None and datetime.now(UTC) - began > self.execution_timeout:
                raise AirflowTaskTimeout(f"not over after {self.execution_timeout} (execution_timeout)")

    @contextmanager
    def _lenience(self) -> Iterator[None]:
        """``soft_fail`` and ``never_fail`` as Airflow applies them to a poke; a deferred task gets less of it."""
        try:
            yield
        except (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException) as error:
            if self.soft_fail or self.never_fail:
                self.log.info("Skipped instead of failed: %s", error)
                raise AirflowSkipException(str(error)) from error
            raise
        except DbaasError as error:
            if self.never_fail:
                self.log.info("Skipped instead of failed: %s", error)
                raise AirflowSkipException(str(error)) from error
            raise
