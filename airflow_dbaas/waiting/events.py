"""The outcome of a wait for Airflow: the payload of a trigger event, and the errors of a task."""

from __future__ import annotations

from typing import Any

from airflow_dbaas import advice
from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api import errors
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.waiting.conditions import Done, Failed


def as_event(verdict: Done | Failed, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """A final verdict as the payload of a trigger event.

    :param verdict: the outcome of the wait.
    :param state: state that the task needs to continue, plain JSON.
    """
    if isinstance(verdict, Done):
        return {"status": "done", "result": verdict.result, "state": state}
    error = verdict.error
    return {
        "status": "failed",
        "error": type(error).__name__,
        "message": str(error),
        "retryable": error.retryable,
        "state": state,
    }


def result_of(event: dict[str, Any]) -> dict[str, Any]:
    """The result in an event.

    :param event: payload of ``as_event``.
    :raises DbaasError: the failure in the event, of the class it had in the triggerer.
    """
    if event["status"] == "done":
        result: dict[str, Any] = event["result"]
        return result
    # Another version may have had other errors.
    kind: type[DbaasError] = getattr(errors, event["error"], DbaasError)
    raise kind(event["message"], retryable=event["retryable"])


def as_final(error: DbaasError) -> DbaasError:
    """An error for a user's own task: of the class that it has and, unless it is retryable, ``AirflowFailException`` as
    well, so that Airflow does not retry the task.
    """
    if error.retryable or isinstance(error, AirflowFailException):
        return error
    kind = _final_class(type(error))
    final = kind.__new__(kind, *error.args)
    final.__dict__.update(error.__dict__)
    return final


def _final_class(kind: type[DbaasError]) -> type[DbaasError]:
    return type(kind.__name__, (kind, AirflowFailException), {"__doc__": kind.__doc__, "__module__": kind.__module__})


class airflow_errors:  # noqa: N801 - it is used as a function is
    """For the body of a task: says what failed and what to do next, and hands the error to Airflow without the frames
    it came through, which Airflow would write to the log after it (at level DEBUG they are there).

    Non-retryable errors are also ``AirflowFailException``, which Airflow does not retry. The others keep their class,
    and Airflow retries the task as configured.

    :param task: the operator or sensor; without it nothing is logged.
    """

    def __init__(self, task: Any = None) -> None:
        self._task = task

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, DbaasError):
            if self._task is not None:
                advice.tell(self._task, error)
            raise as_final(error).with_traceback(None) from None
