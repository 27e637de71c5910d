"""The waits, in the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from airflow_dbaas import polling, waits
from airflow_dbaas._compat import AirflowFailException, BaseTrigger, TriggerEvent
from airflow_dbaas.api import errors
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.waits import Done, Failed


class DbaasWaitTrigger(BaseTrigger):
    """Runs one wait and fires once, when its verdict is final.

    Its arguments and its event carry ids, times and states only; the API key is looked up by connection id here.

    :param exoscale_conn_id: id of the connection to the API.
    :param zone: zone instead of the connection's.
    :param wait: what to wait for, as ``Wait.serialize`` gives it.
    :param deadline: Unix time at which the wait is over.
    :param first_look: Unix time before which it does not look.
    :param state: what the task needs to go on, plain JSON; the event gives it back.
    """

    def __init__(
        self,
        *,
        exoscale_conn_id: str,
        zone: str | None,
        wait: dict[str, Any],
        deadline: float,
        first_look: float,
        state: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.exoscale_conn_id = exoscale_conn_id
        self.zone = zone
        self.wait = wait
        self.deadline = deadline
        self.first_look = first_look
        self.state = state

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        arguments = {
            "exoscale_conn_id": self.exoscale_conn_id,
            "zone": self.zone,
            "wait": self.wait,
            "deadline": self.deadline,
            "first_look": self.first_look,
            "state": self.state,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    @classmethod
    def after(
        cls, watch: polling.Watch, *, exoscale_conn_id: str, zone: str | None, state: dict[str, Any] | None = None
    ) -> DbaasWaitTrigger:
        """The trigger that goes on with a watch which a task has begun."""
        now = time.time()
        return cls(
            exoscale_conn_id=exoscale_conn_id,
            zone=zone,
            wait=watch.wait.serialize(),
            deadline=watch.deadline,
            first_look=min(now + polling.FIRST_LOOK_SECONDS, watch.deadline),
            state=state,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then fire the event that ``result_of`` reads."""
        watch = polling.Watch(waits.restore(self.wait), deadline=self.deadline)
        await asyncio.sleep(max(0.0, self.first_look - time.time()))
        try:
            async with await DbaasHook(self.exoscale_conn_id, zone=self.zone).get_async_conn() as client:
                verdict = await polling.run_async(client, watch)
        except DbaasError as error:
            verdict = Failed(error)
        yield TriggerEvent({**as_event(verdict), "state": self.state})


def as_event(verdict: Done | Failed) -> dict[str, Any]:
    """A final verdict as the payload of a trigger event."""
    if isinstance(verdict, Done):
        return {"status": "done", "result": verdict.result}
    error = verdict.error
    return {
        "status": "failed",
        "error": type(error).__name__,
        "message": str(error),
        "retryable": error.retryable,
    }


def result_of(event: dict[str, Any]) -> dict[str, Any]:
    """The result in an event.

    :param event: payload of ``as_event``.
    :raises DbaasError: the failure in the event, of the class it had in the triggerer.
    """
    if event["status"] == "done":
        result: dict[str, Any] = event["result"]
        return result
    kind: type[DbaasError] = getattr(errors, event["error"])
    raise kind(event["message"], retryable=event["retryable"])


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Turns errors that only somebody's change can mend into ``AirflowFailException``, which Airflow does not retry.

    The others pass as they are, and Airflow retries the task as its author asked.
    """
    try:
        yield
    except DbaasError as error:
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error
