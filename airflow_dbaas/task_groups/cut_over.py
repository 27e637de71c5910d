"""The tasks around the end of a replication: whether it is to end, and whether somebody agrees.

Apart, and imported only where it is asked for: what Airflow has for this is not cheap to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow_dbaas._compat import AIRFLOW_VERSION, AirflowFailException, Context, has_approval
from airflow_dbaas._compat.groups import BaseBranchOperator
from airflow_dbaas.api.errors import DbaasConfigurationError


class CutOverBranch(BaseBranchOperator):
    """Decides, when the values of the run are known, which of approval and stop are to happen.

    :param stop: whether the migration is to be stopped: a boolean, or text that says true or false; templated.
    :param approve: whether somebody has to approve that; as above, templated.
    :param approve_task_id: the task to go on with if so, or None.
    :param stop_task_id: the task to go on with if it is to be stopped without asking.
    :param otherwise_task_id: the task to go on with if it is not to be stopped.
    """

    template_fields: Sequence[str] = ("stop", "approve")

    def __init__(
        self,
        *,
        stop: Any,
        approve: Any,
        approve_task_id: str | None,
        stop_task_id: str,
        otherwise_task_id: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stop = stop
        self.approve = approve
        self.approve_task_id = approve_task_id
        self.stop_task_id = stop_task_id
        self.otherwise_task_id = otherwise_task_id

    def choose_branch(self, context: Context) -> str:  # noqa: ARG002 - the signature is Airflow's
        """The task to go on with."""
        try:
            stop, approve = truth("stop", self.stop), truth("approve_cut_over", self.approve)
        except DbaasConfigurationError as error:
            raise AirflowFailException(str(error)) from error
        if not stop:
            return self.otherwise_task_id
        return self.approve_task_id if approve and self.approve_task_id else self.stop_task_id


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
