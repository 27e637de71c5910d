"""The tasks that end a replication: approval and stop.

A separate module, imported only when needed, because Airflow's approval operator is slow to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow_dbaas import validation
from airflow_dbaas._compat import (
    AIRFLOW_VERSION,
    AirflowFailException,
    AirflowSkipException,
    Context,
    has_approval,
)
from airflow_dbaas._compat.states import map_index, states_in_run
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.operators._progress import Step
from airflow_dbaas.operators.migrations import DbaasStopMigrationOperator, DbaasVerifyMigrationOperator
from airflow_dbaas.waiting.events import airflow_errors


class DbaasStopIfWantedOperator(DbaasStopMigrationOperator):
    """As its parent, but skipped if the run does not want it.

    :param wanted: whether to stop the migration: a boolean, or a text that says true or false; templated.
    :param after_task_id: the task that waits for the data. If it was skipped, so is this one: within a mapped group no
        trigger rule does that and lets a task pass whose neighbour alone was skipped.
    """

    template_fields: Sequence[str] = (*DbaasStopMigrationOperator.template_fields, "wanted")

    def __init__(self, *, wanted: Any, after_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wanted = wanted
        self.after_task_id = after_task_id

    def perform(self, context: Context) -> Any:
        """Stop the migration, or skip."""
        if self.progress.step is Step.START:
            if not truth("stop", self.wanted):
                raise AirflowSkipException("The migration is not stopped: the target continues to follow the source")
            _skip_with(context, self.after_task_id)
        return super().perform(context)


class DbaasVerifyIfMigratedOperator(DbaasVerifyMigrationOperator):
    """As its parent, but skipped if the task that waits for the data was: see ``DbaasStopIfWantedOperator``.

    :param after_task_id: that task.
    """

    def __init__(self, *, after_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after_task_id = after_task_id

    def perform(self, context: Context) -> Any:
        """Compare, or skip."""
        _skip_with(context, self.after_task_id)
        return super().perform(context)


def _skip_with(context: Context, task_id: str) -> None:
    """Skip a task if another one of its run, with the same map index, was skipped."""
    ti = context["ti"]
    before = states_in_run(ti.dag_id, ti.run_id, [task_id]).get(map_index(context), {})
    if before.get(task_id) == "skipped":
        raise AirflowSkipException(f"{task_id} was skipped")


def truth(parameter: str, value: Any) -> bool:
    """A boolean, or the text that a template renders for one.

    :param parameter: its name, for the error.
    :param value: the given value.
    :raises DbaasConfigurationError: if it is neither true nor false.
    """
    return validation.templated_boolean(parameter, value)


def approval(*, service_name: Any, approve: Any, stop: Any, timeout: timedelta | None, **kwargs: Any) -> Any:
    """The task that asks for approval of a cut-over.

    :param service_name: the service that replicates; templated.
    :param approve: whether approval is required: a boolean, or a text that says true or false; templated. If not, the
        task is skipped.
    :param stop: whether the migration will be stopped at all; as ``approve``.
    :param timeout: how long to wait for an answer; None for ever.
    :raises DbaasConfigurationError: if this Airflow cannot ask.
    """
    if not has_approval():
        raise DbaasConfigurationError(
            f"approve_cut_over needs Airflow 3.1 or later, which can ask for approval; this is {AIRFLOW_VERSION}"
        )
    try:
        from airflow_dbaas._compat.approval import ApprovalOperator, HITLTimeoutError
    except ImportError as error:
        raise DbaasConfigurationError(
            f"approve_cut_over needs apache-airflow-providers-standard with its approval operator: {error}"
        ) from error

    class DbaasApproveCutOverOperator(ApprovalOperator):
        """Asks whether a replication may be stopped; a refusal fails the task, and is not retried."""

        template_fields = (*ApprovalOperator.template_fields, "service_name", "approve", "stop")

        def __init__(self, *, service_name: Any, approve: Any, stop: Any, **kwargs: Any) -> None:
            super().__init__(subject="Cut over?", **kwargs)
            self.service_name = service_name
            self.approve = approve
            self.stop = stop

        def execute(self, context: Context) -> Any:
            """Ask, and wait without a worker; or skip."""
            with airflow_errors(self):
                wanted = truth("approve_cut_over", self.approve) and truth("stop", self.stop)
            if not wanted:
                raise AirflowSkipException("No approval is required")
            self.subject = f"Stop the migration into {self.service_name}?"
            self.body = (
                f"The data is in service {self.service_name}. *Approve* when nothing writes to the source any more: "
                "the migration is stopped, then both ends are compared. *Reject* to let the migration continue: "
                "this task fails; clear it to be asked again."
            )
            return super().execute(context)

        def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
            """Go on after an approval."""
            goes_on = (
                f"the migration into service {self.service_name} continues, and nothing was stopped. "
                "Clear this task to be asked again"
            )
            if event.get("chosen_options") == [self.REJECT]:
                user = (event.get("responded_by_user") or {}).get("name") or "somebody"
                raise AirflowFailException(f"The cut-over was rejected by {user}: {goes_on}")
            try:
                return super().execute_complete(context, event)
            except HITLTimeoutError:
                raise AirflowFailException(f"There was no answer within {self.response_timeout}: {goes_on}") from None

    return DbaasApproveCutOverOperator(
        service_name=service_name, approve=approve, stop=stop, response_timeout=timeout, **kwargs
    )
