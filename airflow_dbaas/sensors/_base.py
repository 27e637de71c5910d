"""What all sensors share: one wait, poked or deferred."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from airflow_dbaas import advice, validation
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
    task_state,
)
from airflow_dbaas.api.errors import DbaasError, DbaasWaitTimeoutError
from airflow_dbaas.operators._base import DbaasTask, Limit
from airflow_dbaas.waiting import conditions, poller
from airflow_dbaas.waiting.conditions import Pending, Verdict, Wait, outcome
from airflow_dbaas.waiting.events import airflow_errors, as_event, result_of

#: Key of the state that a rescheduled sensor keeps for its next poll (Airflow 3.3).
_DOUBTS = "doubts"


class _OfCompleteTask:
    """An attribute that Airflow reads when it stores a DAG: found out then, for callbacks, outlets and mapped tasks
    may be added to a task after it was made.

    :param find: finds the value for a sensor.
    :param of_class: the value for the class, which Airflow reads for a mapped task.
    """

    def __init__(self, find: Callable[[Any], Any], *, of_class: Any) -> None:
        self._find = find
        self._of_class = of_class

    def __get__(self, sensor: Any, owner: type | None = None) -> Any:
        return self._of_class if sensor is None else self._find(sensor)


class DbaasSensor(DbaasTask, BaseSensorOperator):
    """Base of the sensors.

    In poke mode, it polls every ``poke_interval`` seconds. Deferred, it waits briefly on the worker, then polls in the
    triggerer at intervals that grow with the time waited (from 0.5 to 5 s). ``timeout``, ``execution_timeout`` and
    ``soft_fail`` mean the same in all modes. Killing a sensor changes nothing remotely.

    :param start_from_trigger: if deferrable, start and end in the triggerer, without a worker (Airflow 3.3 and later).
        A sensor that needs something that only a worker does starts or ends on one: see
        docs/reference/where-tasks-end.md.
    """

    #: The wait; its fields are parameters of the sensor.
    wait_class: ClassVar[type[Wait]]
    kept_as: ClassVar[dict[str, str]] = {"start_from_trigger": "_may_start_in_triggerer"}
    _is_ready = False

    # What Airflow reads of a task to begin it in the triggerer.
    start_from_trigger: Any = _OfCompleteTask(lambda sensor: sensor._trigger_args() is not None, of_class=False)
    start_trigger_args: Any = _OfCompleteTask(lambda sensor: sensor._trigger_args(), of_class=None)

    def __init__(self, *, start_from_trigger: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._may_start_in_triggerer = start_from_trigger

    def _ready(self) -> None:
        """To be called at the end of ``__init__``."""
        validation.check(self, {"start_from_trigger": validation.boolean})
        self._check()
        self._is_ready = True

    def _check(self) -> None:
        super()._check()
        self.wait_class.nothing(self._fields)

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As Airflow's own. A mapped sensor begins on a worker: its parameters are known only there."""
        if kwargs.get("start_from_trigger") is True:
            # Airflow has an attribute of that name.
            del kwargs["start_from_trigger"]
        return super().partial(**kwargs)

    def _trigger_args(self) -> Any:
        """The arguments with which the triggerer starts this task; None if it starts on a worker."""
        if not (self._is_ready and self.deferrable and self._may_start_in_triggerer):
            return None
        # Imported here: it is needed by deferrable sensors only, and not cheap.
        from airflow_dbaas._compat.triggers import StartTriggerArgs, why_begin_on_a_worker, why_end_on_a_worker

        tolerated = self.outage_grace_period
        arguments = {
            "exoscale_conn_id": self.exoscale_conn_id,
            "zone": self.zone,
            "outage_grace_period": tolerated.total_seconds() if isinstance(tolerated, timedelta) else tolerated,
            **self._fields,
        }
        if why_begin_on_a_worker(self, arguments.values()) is not None:
            return None
        return StartTriggerArgs(
            trigger_cls="airflow_dbaas.triggers.dbaas.DbaasSensorTrigger",
            trigger_kwargs={
                **arguments,
                "kind": self.wait_class.kind,
                "timeout": seconds(self.timeout),
                "ends_here": why_end_on_a_worker(self) is None,
                "pushes": self.do_xcom_push,
                "links": {link.xcom_key: link.page for link in self.operator_extra_links},
            },
            next_method=self.execute_complete.__name__,
        )

    @property
    def _fields(self) -> dict[str, Any]:
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self.wait_class)}
        # As JSON, because Airflow stores a trigger's arguments as JSON.
        return {name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in given.items()}

    def wait(self) -> Wait:
        """The condition that this sensor waits for."""
        return self.wait_class(**self._fields)

    @property
    def _tolerated_outage(self) -> float:
        return poller.tolerated_outage(self.outage_grace_period, seconds(self.timeout))

    @cached_property
    def _watch(self) -> poller.Watch:
        return poller.Watch(self.wait(), outage_grace_period=self._tolerated_outage)

    def execute(self, context: Context) -> Any:
        """Wait poked, or briefly and then deferred."""
        with closing(self.hook):
            with airflow_errors(self):
                self._check()
                self._push_links(context)
            nothing = self._nothing_to_wait_for()
            if nothing is not None:
                return self._publish(context, nothing)
            if not self._can_defer():
                # Airflow's ``soft_fail`` does not cover a time-out between two polls.
                with self._lenience():
                    self._keep_execution_timeout(context)
                    return self._publish(context, poke_until_done(self, context))
            deadline, limit = self._deadline(context, seconds(self.timeout))
            watch = poller.Watch(self.wait(), deadline=deadline, outage_grace_period=self._tolerated_outage)
            with airflow_errors(self):
                verdict = poller.run_briefly(self.hook.get_conn(), watch, until=time.monotonic() + poller.BRIEF_SECONDS)
        if isinstance(verdict, Pending):
            from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger

            trigger = DbaasWaitTrigger.after(
                watch,
                exoscale_conn_id=self.exoscale_conn_id,
                zone=self.zone,
                state={"limit": limit},
                ends_here=self._ends_in_triggerer(context),
                pushes=self.do_xcom_push,
            )
            return self.defer(trigger=trigger, method_name=self.execute_complete.__name__)
        return self.execute_complete(context, as_event(verdict, {"limit": limit}))

    def _nothing_to_wait_for(self) -> dict[str, Any] | None:
        """The result if the previous task had nothing to do, so that there is nothing to wait for; or None."""
        nothing = self.wait_class.nothing(self._fields)
        if nothing is None:
            return None
        self.log.info(nothing.note)
        return nothing.result

    def _can_defer(self) -> bool:
        """Whether the triggerer can wait like this sensor; a subclass with its own ``poke`` or ``wait`` runs in poke
        mode."""
        if not self.deferrable:
            return False
        from airflow_dbaas._compat.triggers import overrides

        own = {"poke", "wait_class", "_watch"}.intersection(overrides(self))
        if own or not conditions.is_known(self.wait()):
            self.log.info(
                "%s overrides %s, which the triggerer does not know: it waits on this worker",
                type(self).__name__,
                ", ".join(sorted(own)) or "wait",
            )
            return False
        return True

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; the result is pushed to XCom."""
        with airflow_errors(self):
            verdict = self._poll_rescheduled(context) if self.reschedule else self._poll()
            if isinstance(verdict, Pending):
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=outcome(verdict))

    def _poll(self) -> Verdict:
        return poller.poll(self.hook.get_conn(), self._watch)

    def _poll_rescheduled(self, context: Context) -> Verdict:
        """Poll once. The next poll is made by another process, which does not know of failures seen by this one."""
        store, attempt = task_state(context), getattr(context["ti"], "try_number", None)
        if store is not None:
            kept = store.get(_DOUBTS) or {}
            if kept.get("try") == attempt:
                self._watch.take_over(kept["doubts"])
        verdict = self._poll()
        if store is not None:
            # Airflow 3.3 keeps them.
            store.set(_DOUBTS, {"try": attempt, "doubts": self._watch.doubts()})
            return verdict
        # Elsewhere a failure that may pass is settled before the worker is given back. An outage of the API is not: it
        # may take hours, and the sensor's own time-out ends it.
        while isinstance(verdict, Pending) and self._watch.unsettled:
            time.sleep(self._watch.pause())
            verdict = self._poll()
        return verdict

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """The result of a deferred wait, or its failure."""
        limit: Limit = (event.get("state") or {}).get("limit", "timeout")
        with self._lenience(), airflow_errors(self):
            try:
                return self._publish(context, result_of(event))
            except DbaasWaitTimeoutError as error:
                advice.tell(self, error)
                # As in the other modes: a sensor's time-out is not retried, an execution time-out is.
                raise (AirflowSensorTimeout if limit == "timeout" else AirflowTaskTimeout)(str(error)) from None

    def _keep_execution_timeout(self, context: Context) -> None:
        """Airflow measures each poll of a rescheduled sensor separately; the limit covers all of them."""
        if self.reschedule and self.execution_timeout is not None:
            began = first_start(context)
            if began is not None and datetime.now(UTC) - began > self.execution_timeout:
                raise AirflowTaskTimeout(f"not finished after {self.execution_timeout} (execution_timeout)")

    @contextmanager
    def _lenience(self) -> Iterator[None]:
        """``soft_fail`` and ``never_fail`` as Airflow applies them to a poke; a deferred task gets less of it."""
        try:
            yield
        except (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException) as error:
            if self.soft_fail or self.never_fail:
                self.log.info("Skipped instead of failed: %s", error)
                raise AirflowSkipException(str(error)) from None
            raise
        except DbaasError as error:
            if self.never_fail:
                self.log.info("Skipped instead of failed: %s", error)
                raise AirflowSkipException(str(error)) from None
            raise
