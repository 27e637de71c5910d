"""A sensor that waits for ever, and does nothing: what it takes is what Airflow takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TriggerEvent


class SleepingTrigger(BaseTrigger):
    """Sleeps."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path, and no arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Never fire."""
        await asyncio.sleep(10**6)
        yield TriggerEvent(None)


class SleepingSensor(BaseSensorOperator):
    """Begins in the triggerer."""

    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls="benchmarks.workers.asleep.SleepingTrigger", trigger_kwargs={}, next_method="execute_complete"
    )
