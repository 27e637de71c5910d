"""The one place that knows Airflow's versions (2.11 to 3.3): where things are imported from, and what differs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    # What the type checker sees is the newest Airflow.
    from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator, Connection, Context, Variable
    from airflow.sdk.bases.sensor import PokeReturnValue
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
    )
    from airflow.sdk.log import mask_secret
else:
    try:
        from airflow.sdk import BaseOperator, BaseSensorOperator, Connection, Context, Variable
        from airflow.sdk.bases.sensor import PokeReturnValue
        from airflow.sdk.log import mask_secret
    except ImportError:  # 2.11
        from airflow.models import BaseOperator, Connection, Variable
        from airflow.sensors.base import BaseSensorOperator, PokeReturnValue
        from airflow.utils.context import Context
        from airflow.utils.log.secrets_masker import mask_secret
    try:
        from airflow.sdk import BaseHook
    except ImportError:  # 2.11, 3.0
        from airflow.hooks.base import BaseHook
    try:
        from airflow.sdk.configuration import conf
        from airflow.sdk.exceptions import (
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
        )
    except ImportError:  # 2.11, 3.0, 3.1
        from airflow.configuration import conf
        from airflow.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSensorTimeout

__all__ = [
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseSensorOperator",
    "BaseTrigger",
    "Connection",
    "Context",
    "PokeReturnValue",
    "TriggerEvent",
    "default_deferrable",
    "delete_variable",
    "get_connection_async",
    "get_variable",
    "mask_secret",
    "seconds",
    "set_variable",
]


def default_deferrable() -> bool:
    """Airflow's ``[operators] default_deferrable``."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def seconds(duration: float | timedelta) -> float:
    """A duration in seconds; Airflow keeps it as a number or a timedelta, depending on version and user."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


async def get_connection_async(conn_id: str) -> Connection:
    """An Airflow connection, read inside the triggerer's event loop."""
    if hasattr(BaseHook, "aget_connection"):  # 3.1 and later
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    # Not asyncio.to_thread: on 3.0 that ends the triggerer.
    connection: Connection = await sync_to_async(BaseHook.get_connection)(conn_id)
    return connection


def get_variable(key: str) -> str | None:
    """The value of an Airflow variable, or None."""
    get: Any = Variable.get
    try:
        value: str | None = get(key, default=None)
    except TypeError:  # 2.11 calls it differently
        value = get(key, default_var=None)
    return value


def set_variable(key: str, value: str, description: str) -> None:
    """Create or replace an Airflow variable."""
    Variable.set(key, value, description=description)


def delete_variable(key: str) -> None:
    """Delete an Airflow variable, if it is there."""
    if get_variable(key) is not None:
        Variable.delete(key)
