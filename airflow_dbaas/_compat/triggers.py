"""What Airflow has of triggers. Apart, because importing it costs every DAG file more than all the rest together."""

from __future__ import annotations

from typing import Any

from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskSuccessEvent, TriggerEvent

__all__ = [
    "BaseTrigger",
    "StartTriggerArgs",
    "TaskSuccessEvent",
    "TriggerEvent",
    "has_listeners",
    "starts_in_triggerer",
]


def starts_in_triggerer() -> bool:
    """Whether a task can begin in the triggerer, its templates rendered there (3.3)."""
    return hasattr(BaseTrigger, "on_kill")


def has_listeners() -> bool:
    """Whether plugins listen to tasks: a task that ends in the triggerer passes them by."""
    from airflow.sdk.listener import get_listener_manager

    manager: Any = get_listener_manager()
    return bool(manager.has_listeners)
