"""The tasks around the end of a replication: whether it is to end, and whether somebody agrees.

Apart, and imported only where it is asked for: what Airflow has for this is not cheap to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow_dbaas._compat import AIRFLOW_VERSION, AirflowFailException, Context, has_approval
from airflow_dbaas._compat.groups import BaseBranchOperator
from airflow_dbaas._compat.states import map_index, states_in_run
from airflow_dbaas.api.errors import DbaasConfigurationError


class CutOverBranch(BaseBranchOperator):
    """Decides, when the values of the run are known, which of approval and stop are to happen.

    It is to run with the rule ``none_failed``, and so are the tasks behind it. If the task before it was skipped, so
    is all behind it: that rule alone would let it run. (``none_failed_min_one_success`` would not, but within a mapped
    task group Airflow then takes one failed chain for a failure of all.)

    :param after: the task before this one.
    :param stop: whether the migration is to be stopped: a boolean, or text that says true or false; templated.
    :param stopping: the task that does so.
    :param approve: whether somebody has to approve that; as ``stop``, templated.
    :param asking: the task that asks, or None: then nobody is asked.
    :param otherwise: the task to go on with if the migration is not to be stopped.
    """

    template_fields: Sequence[str] = ("stop", "approve")

    def __init__(
        self,
        *,
        after: Any,
        stop: Any,
        stopping: Any,
        approve: Any,
        asking: Any,
        otherwise: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.after_task_id = after.task_id
        self.stop = stop
        self.stop_task_id = stopping.task_id
        self.approve = approve
        self.approve_task_id = asking and asking.task_id
        self.otherwise_task_id = otherwise.task_id

    def choose_branch(self, context: Context) -> list[str]:
        """The task to go on with; none if the one before was skipped."""
        before = states_in_run(context, [self.after_task_id]).get(map_index(context), {})
        if before.get(self.after_task_id) == "skipped":
            return []
        try:
            stop, approve = truth("stop", self.stop), truth("approve_cut_over", self.approve)
        except DbaasConfigurationError as error:
            raise AirflowFailException(str(error)) from error
        if not stop:
            return [self.otherwise_task_id]
        return [self.approve_task_id if approve and self.approve_task_id else self.stop_task_id]


def truth(parameter: str, value: Any) -> bool:
    """A boolean, or what a template makes of one.

    :param parameter: its name, for the error.
    :param value: what was given.
    :raises DbaasConfigurationError: if it is neither true nor false.
    """
    found = {"true": True, "false": False}.get(str(value).strip().lower())
    if found is None:
        raise DbaasConfigurationError(f"{parameter} must be true or false, got {value!r}")
    return found


def approval(*, service_name: Any, timeout: timedelta | None, **kwargs: Any) -> Any:
    """The task that asks for approval of a cut-over.

    :param service_name: the service that replicates; templated.
    :param timeout: how long to wait for an answer; None for ever.
    :raises DbaasConfigurationError: if this Airflow cannot ask.
    """
    if not has_approval():
        raise DbaasConfigurationError(
            f"approve_cut_over needs Airflow 3.1 or later, which can ask people; this is {AIRFLOW_VERSION}"
        )
    try:
        from airflow_dbaas._compat.approval import ApprovalOperator, HITLTimeoutError
    except ImportError as error:
        raise DbaasConfigurationError(
            f"approve_cut_over needs apache-airflow-providers-standard with its approval operator: {error}"
        ) from error

    class DbaasApproveCutOverOperator(ApprovalOperator):
        """Asks whether a replication may be stopped; a refusal fails the task, and is not retried."""

        template_fields = (*ApprovalOperator.template_fields, "service_name")

        def __init__(self, *, service_name: Any, **kwargs: Any) -> None:
            super().__init__(subject="Cut over?", **kwargs)
            self.service_name = service_name

        def execute(self, context: Context) -> Any:
            """Ask, and wait without a worker."""
            self.subject = f"Stop the migration into {self.service_name}?"
            self.body = (
                f"The data is in service {self.service_name}. *Approve* once nothing writes to the source any more: "
                "the migration is stopped, then both ends are compared. *Reject*: it goes on as it is, and this task "
                "fails; clear it to be asked again."
            )
            return super().execute(context)

        def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
            """Go on after an approval."""
            goes_on = (
                f"the migration into service {self.service_name} goes on, nothing was stopped. "
                "Clear this task to be asked again"
            )
            if event.get("chosen_options") == [self.REJECT]:
                user = (event.get("responded_by_user") or {}).get("name") or "somebody"
                raise AirflowFailException(f"The cut-over was rejected by {user}: {goes_on}")
            try:
                return super().execute_complete(context, event)
            except HITLTimeoutError as error:
                raise AirflowFailException(f"Nobody answered within {self.response_timeout}: {goes_on}") from error

    return DbaasApproveCutOverOperator(service_name=service_name, response_timeout=timeout, **kwargs)
