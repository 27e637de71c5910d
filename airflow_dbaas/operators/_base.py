"""What the operators and sensors share: connection, zone, checks of parameters, waiting, and what a task remembers."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from airflow_dbaas import advice, validation
from airflow_dbaas._compat import AirflowTaskTimeout, BaseOperator, Context, default_deferrable, task_state
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import (
    DbaasBadRequestError,
    DbaasConfigurationError,
    DbaasConflictError,
    DbaasError,
    DbaasNotFoundError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.api.retries import may_have_acted
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.links import DbaasServiceLink, PortalLink
from airflow_dbaas.operators._progress import Progress, Step
from airflow_dbaas.waiting import poller
from airflow_dbaas.waiting.conditions import (
    Failed,
    MigrationRecoveryWait,
    MigrationWait,
    OperationWait,
    Pending,
    Wait,
    is_known,
    outcome,
)
from airflow_dbaas.waiting.events import airflow_errors, result_of
from airflow_dbaas.waiting.results import own_xcoms, with_zone

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.api.operations import Operation

Check = validation.Check
Limit = Literal["timeout", "execution_timeout"]


class DbaasTask(BaseOperator):
    """Base of operators and sensors.

    :param exoscale_conn_id: id of the Airflow connection to the API; templated.
    :param zone: zone to work in instead of the connection's; templated.
    :param deferrable: wait in the triggerer instead of holding a worker; Airflow's
        ``[operators] default_deferrable`` by default.
    :param outage_grace_period: for how long the API may give no usable answer while the task waits: seconds, or a
        timedelta; templated. By default a quarter of the time that the wait may take, 5 minutes at least and 6 hours at
        most.
    """

    template_fields: Sequence[str] = ("exoscale_conn_id", "zone", "outage_grace_period")
    operator_extra_links: Collection[PortalLink] = (DbaasServiceLink(),)
    ui_color = "#da291c"
    ui_fgcolor = "#ffffff"

    #: Check of each parameter, by name.
    checks: ClassVar[dict[str, Check]] = {}
    #: The attribute of a parameter that is kept under another name, because Airflow has that one.
    kept_as: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        *,
        exoscale_conn_id: str = DbaasHook.default_conn_name,
        zone: str | None = None,
        deferrable: bool = default_deferrable(),
        outage_grace_period: float | timedelta | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.exoscale_conn_id = exoscale_conn_id
        self.zone = zone
        self.deferrable = deferrable
        #: The zone that the service was listed in before the task was deferred.
        self._listed_zone: str | None = None
        self.outage_grace_period = outage_grace_period

    def _check(self) -> None:
        """Check the parameters that are known so far.

        Subclasses call it at the end of ``__init__``; it runs again when templates are rendered.
        """
        common = {
            "exoscale_conn_id": validation.connection_id,
            "zone": validation.zone,
            "deferrable": validation.boolean,
            "outage_grace_period": validation.optional(validation.grace_period),
        }
        validation.check(self, {**common, **self.checks})

    @cached_property
    def hook(self) -> DbaasHook:
        """Hook of this task's connection."""
        return DbaasHook(self.exoscale_conn_id, zone=self.zone)

    @property
    def linked_service(self) -> str | None:
        """The service that the extra links lead to."""
        return getattr(self, "service_name", None)

    def portal_page(self, page: str) -> str:
        """Address of the service's page in the portal; empty if the task is about no service."""
        service = self.linked_service
        return self.hook.portal_page(service, page) if service else ""

    def _push_links(self, context: Context) -> None:
        # Airflow does so only when the task ends or defers, and 2.11 not at all.
        for link in self.operator_extra_links:
            if isinstance(link, PortalLink):
                link.push(self, context)

    def _publish(self, context: Context, result: Any) -> Any:
        """Push each single value of a result under its own key, besides the result, which Airflow pushes.

        So ``task.output["operation_id"]`` gives it to another task.

        :param context: Airflow's context.
        :param result: what the task returns.
        :returns: the result, with the service's zone.
        """
        result = with_zone(result, self.zone_of)
        if not self.do_xcom_push or (self.multiple_outputs and self._returns_another_result()):
            return result
        for key, value in own_xcoms(result, all_keys=self.multiple_outputs).items():
            context["ti"].xcom_push(key=key, value=value)
        # Done. This is the copy of the task that runs: Airflow would push all again, None as None.
        self.multiple_outputs = False
        return result

    def zone_of(self, service_name: str | None) -> str | None:
        """The zone that a service was last listed in; the one asked for, if it was not listed or shows none."""
        return self.hook.zone_of(service_name) or self._listed_zone

    def _returns_another_result(self) -> bool:
        """Whether a subclass may make something else of the result, whose keys only Airflow gets to see."""
        from airflow_dbaas._compat.triggers import overrides

        return not {"execute", "execute_complete"}.isdisjoint(overrides(self))

    def _ends_in_triggerer(self, context: Context) -> bool:
        """Whether success can end this task, which is about to be deferred, without a worker."""
        from airflow_dbaas._compat.triggers import why_end_on_a_worker

        facts: Any = context
        reason = why_end_on_a_worker(self, facts)
        if reason is not None:
            self.log.debug("Success will end this task on a worker, because it %s", reason)
        return reason is None

    def _deadline(self, context: Context, seconds: float) -> tuple[float, Limit]:
        """When a wait of ``seconds`` that begins now is over, and by which limit.

        Airflow does not hold a deferred task to its ``execution_timeout``, so the wait does.
        """
        deadlines: list[tuple[float, Limit]] = [(time.time() + seconds, "timeout")]
        began = context["ti"].start_date
        if self.execution_timeout is not None and began is not None:
            deadlines.append(((began + self.execution_timeout).timestamp(), "execution_timeout"))
        return min(deadlines)


_REMOVED = "removed"
_CREATED = "created"

FoundT = TypeVar("FoundT")


@dataclass(frozen=True)
class Existing(Generic[FoundT]):
    """What a creation found instead of making it.

    :param found: what is there.
    :param mine: whether it was made by the very request whose answer was lost.
    """

    found: FoundT
    mine: bool


class DbaasOperator(DbaasTask):
    """Base of the operators.

    :param wait_for_completion: wait for what was started. If not, the task ends as soon as the API has taken the
        request; the result has the ``operation_id`` to wait for with a ``DbaasOperationSensor``.
    :param wait_timeout: how long the operator's own waits may take together, by the wall clock: seconds, or a
        timedelta.
    """

    #: What a deferred task is stored with.
    progress_class: ClassVar[type[Progress]] = Progress
    progress: Progress

    def __init__(
        self, *, wait_for_completion: bool = True, wait_timeout: float | timedelta = 3600, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        # Seconds, once it is checked.
        self.wait_timeout: Any = wait_timeout
        #: The API call that undoes what this task has under way, if the task is killed; see ``DbaasWaitTrigger``.
        self._cancel: dict[str, Any] | None = None
        #: Until when, by the monotonic clock, this task waits by itself before it is deferred.
        self._brief_end: float | None = None

    def _check(self) -> None:
        validation.check(self, {"wait_for_completion": validation.boolean, "wait_timeout": validation.positive})
        super()._check()

    @property
    def client(self) -> Client:
        """Blocking client of this task's connection."""
        return self.hook.get_conn()

    def migration_status(self, service_name: str) -> MigrationStatus | None:
        """The migration into a service, or None if there is none (get-dbaas-migration-status)."""
        try:
            return self.client.migrations.status(service_name)
        except DbaasNotFoundError:
            return None

    def execute(self, context: Context) -> Any:
        """Check what the templates rendered to, then do the work."""
        self.progress = self.progress_class()
        with airflow_errors(self), closing(self.hook):
            self._check()
            self._push_links(context)
            try:
                return self._publish(context, self.perform(context))
            except AirflowTaskTimeout:
                # Airflow calls on_kill after this, too; but nobody has killed the task, and a retry goes on.
                self._cancel = None
                raise

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on after a deferred wait, in a new process."""
        stored = event.get("state") or {}
        with airflow_errors(self), closing(self.hook):
            try:
                result = result_of(event)
            except DbaasWaitTimeoutError as error:
                if stored.get("limit") == "execution_timeout":
                    advice.tell(self, error)
                    raise AirflowTaskTimeout(str(error)) from None
                raise
            self.progress = self.progress_class.load(stored, result)
            self._listed_zone = self.progress.listed_zone
            # The templates were rendered again.
            self._check()
            return self._publish(context, self.perform(context))

    @abstractmethod
    def perform(self, context: Context) -> Any:
        """Do the work, from top to bottom; returns the result.

        A resumed task runs this again from the top, with ``progress`` as it was: it reads the current state, sends
        nothing twice, and ``wait_for`` returns the result of the wait at once.
        """

    def wait_for(self, context: Context, step: Step, wait: Wait) -> dict[str, Any]:
        """The result of a wait, deferred or not; at once if the task was deferred for it.

        :param context: Airflow's context.
        :param step: the step of ``progress`` that it is.
        :param wait: what to wait for.
        """
        if self.progress.before(step):
            self._wait(context, step, wait)
        return self.progress.result

    def end_with(self, context: Context, wait: Wait, **adds: Any) -> dict[str, Any]:
        """The task's result: that of a wait for the outcome, which is all that is left to do, and what ``adds`` to it.

        Deferred, success ends the task in the triggerer, where that can be (Airflow 3.3 and later).

        :param context: Airflow's context.
        :param wait: what to wait for.
        """
        zone = self.zone_of(self.linked_service)
        adds = {"zone": zone, **adds} if zone else adds
        if self.progress.before(Step.OUTCOME):
            self._wait(context, Step.OUTCOME, wait, adds=adds)
        return {**self.progress.result, **adds}

    def wait_for_operation(self, context: Context, operation: Operation, step: Step = Step.OPERATION) -> dict[str, Any]:
        """Wait for an operation that was just started, unless the task does not wait.

        :raises DbaasOperationError: if it has failed already.
        """
        from airflow_dbaas.api.operations import Reference

        seen = OperationWait(operation.id or "without an id").verdict(operation)
        if isinstance(seen, Failed):
            raise seen.error
        progress = self.progress
        progress.operation_id = operation.id
        if operation.id is None or not self.wait_for_completion:
            reference = operation.reference or Reference()
            progress.step = step
            progress.result = {
                "operation_id": operation.id,
                "reference_id": reference.id,
                "reference_link": reference.link,
            }
        else:
            self._brief_end = None
            self._wait(context, step, OperationWait(operation.id))
        return progress.result

    def settle(
        self, context: Context, wait: MigrationWait, status: MigrationStatus | None
    ) -> tuple[MigrationStatus | None, bool]:
        """A migration, None if it is gone, and whether it has failed for good.

        One that is shown as failed but may recover is given its grace period, which is not part of ``wait_timeout``.

        :param context: Airflow's context.
        :param wait: what tells whether it has failed, and how long it may be shown so.
        :param status: the migration as it was just seen.
        """
        verdict = wait.verdict(status) if status else None
        if not isinstance(verdict, Failed) or not verdict.grace_period:
            return status, isinstance(verdict, Failed)
        progress = self.progress
        if progress.before(Step.RECOVERY):
            self.log.info(
                "%s. It may recover; it counts as failed if it has not in %.0f s",
                one_line(str(verdict.error)),
                verdict.grace_period,
            )
            progress.deadline, progress.limit = self._deadline(context, verdict.grace_period + self.wait_timeout)
            recovery = MigrationRecoveryWait(wait.service_name, fails_at=time.time() + verdict.grace_period)
            self._wait(context, Step.RECOVERY, recovery)
            status = self.migration_status(wait.service_name)
            verdict = wait.verdict(status) if status else None
        progress.deadline = None
        return status, isinstance(verdict, Failed) and bool(progress.result["failed"])

    def _wait(self, context: Context, step: Step, wait: Wait, *, adds: dict[str, Any] | None = None) -> None:
        """Wait, deferred or not, and note the result."""
        progress = self.progress
        if progress.deadline is None:
            # All waits share one time limit.
            progress.deadline, progress.limit = self._deadline(context, self.wait_timeout)
        watch = poller.Watch(
            wait,
            deadline=progress.deadline,
            outage_grace_period=poller.tolerated_outage(self.outage_grace_period, self.wait_timeout),
            # What is waited for was started, or found, by a call of this task.
            answered=True,
        )
        if self.deferrable and is_known(wait):
            verdict = poller.run_briefly(self.client, watch, until=self._patient_until())
        else:
            verdict = poller.run(self.client, watch)
        progress.step = step
        if isinstance(verdict, Pending):
            from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger

            progress.listed_zone = self.zone_of(self.linked_service)
            # The state travels with the trigger, not as kwargs of the deferral: DAG.test() loses those.
            trigger = DbaasWaitTrigger.after(
                watch,
                exoscale_conn_id=self.exoscale_conn_id,
                zone=self.zone,
                state=progress.dump(),
                cancel=self._cancel,
                adds=adds,
                ends_here=adds is not None and self._ends_in_triggerer(context),
                pushes=self.do_xcom_push,
            )
            self.defer(trigger=trigger, method_name=self.execute_complete.__name__)
        progress.result = outcome(verdict)

    def _patient_until(self) -> float:
        # An operation and the wait for what it is to bring about share one time.
        self._brief_end = self._brief_end or time.monotonic() + poller.BRIEF_SECONDS
        return self._brief_end

    def create_or_find(
        self, creation: Call[Operation], look: Callable[[], FoundT | None]
    ) -> Operation | Existing[FoundT]:
        """Send a creation that nothing was in the way of a moment ago.

        :param creation: what to send.
        :param look: looks for what it creates. Asked if the answer is lost, or if the API takes it for a double.
        """
        try:
            return self.client.send(creation)
        except DbaasError as error:
            lost = may_have_acted(error)
            # How the API refuses a double is not documented: 409 most likely.
            if not lost and not isinstance(error, DbaasConflictError | DbaasBadRequestError):
                raise
            found = look()
            if found is None:
                raise
            return Existing(found, mine=lost)

    def create_and_remember(
        self,
        context: Context,
        creation: Call[Operation],
        look: Callable[[], FoundT | None],
        id_of: Callable[[FoundT], str | None],
    ) -> Operation | Existing[FoundT]:
        """Send a creation as ``create_or_find`` does, and keep for a retry that this task made it.

        :param context: Airflow's context.
        :param creation: what to send.
        :param look: looks for what it creates.
        :param id_of: the id of what was found.
        """
        answer = self.create_or_find(creation, look)
        if not isinstance(answer, Existing):
            self.remember_creation(context)
        elif answer.mine:
            self.remember_creation(context, id_of(answer.found))
        return answer

    def on_kill(self) -> None:
        """Undo what was started if that was asked for; otherwise what was started goes on."""
        if self._cancel is not None:
            arguments = dict(self._cancel)
            # Not the client whose call the kill may have interrupted.
            with self.hook.new_conn() as client:
                client.operation(arguments.pop("operation"))(**arguments)

    def remember(self, context: Context, key: str, value: Any) -> None:
        """Keep what was started where the next try finds it (Airflow 3.3); elsewhere the API is asked for it."""
        store = task_state(context)
        if store is not None:
            store.set(key, value)

    def remember_creation(self, context: Context, created_id: str | None = None) -> None:
        """Keep that this task has created something and, as soon as that is known, the id of it."""
        self.remember(context, _CREATED, {"id": created_id})

    def has_created(self, context: Context, found_id: str | None) -> bool:
        """Whether what was found is what an earlier try of this task created, as far as that could tell its id.

        A task that is cleared remembers, too: what it made may be gone, and what is found somebody else's.
        """
        earlier = self.recall(context, _CREATED)
        return earlier is not None and earlier["id"] in {None, found_id}

    def remember_removal(self, context: Context) -> None:
        """Keep that this task removes what it has found; before the request, whose answer may never come."""
        self.remember(context, _REMOVED, True)

    def has_removed(self, context: Context) -> bool:
        """Whether an earlier try of this task was about to remove what is not there now."""
        return self.recall(context, _REMOVED) is not None

    def recall(self, context: Context, key: str) -> Any:
        """What an earlier try of this task kept under ``key``, or None."""
        store = task_state(context)
        return store.get(key) if store is not None else None


def named_by(result: dict[str, Any]) -> str | None:
    """The id of what an operation was about, if its result names one: as the reference's id or at the end of its link.

    A reference may also name something else, such as a service.
    """
    link = (result["reference_link"] or "").rstrip("/").rpartition("/")[2]
    for candidate in (result["reference_id"], link):
        try:
            return calls.identifier("id", candidate)
        except DbaasConfigurationError:
            continue
    return None
