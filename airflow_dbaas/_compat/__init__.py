"""All differences between Airflow versions (2.11 to 3.3): import paths and behavior.

Code that is not needed to parse a DAG is in separate modules, so that it is imported only where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow import __version__ as AIRFLOW_VERSION  # noqa: N812 - it is a constant

if TYPE_CHECKING:
    # The type checker sees the newest Airflow.
    from airflow.sdk import (
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        Context,
        Variable,
    )
    from airflow.sdk.bases.sensor import PokeReturnValue
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
    )
    from airflow.sdk.log import mask_secret
else:
    try:
        from airflow.sdk import BaseOperator, BaseOperatorLink, BaseSensorOperator, Connection, Context, Variable
        from airflow.sdk.bases.sensor import PokeReturnValue
        from airflow.sdk.log import mask_secret
    except ImportError:  # 2.11
        from airflow.models import BaseOperator, BaseOperatorLink, Connection, Variable
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
            AirflowSkipException,
            AirflowTaskTimeout,
        )
    except ImportError:  # 2.11, 3.0, 3.1
        from airflow.configuration import conf
        from airflow.exceptions import (
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
        )

__all__ = [
    "AIRFLOW_VERSION",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "PokeReturnValue",
    "call_in_loop",
    "conf",
    "default_deferrable",
    "delete_variable",
    "first_start",
    "get_connection_async",
    "get_variable",
    "get_xcom",
    "has_approval",
    "mask_secret",
    "poke_until_done",
    "seconds",
    "set_variable",
    "task_state",
]

T = TypeVar("T")


def default_deferrable() -> bool:
    """Airflow's ``[operators] default_deferrable``."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def has_approval() -> bool:
    """Whether a task can ask for approval (3.1), without importing the operator that does."""
    major, minor = AIRFLOW_VERSION.split(".")[:2]
    return (int(major), int(minor)) >= (3, 1)


def seconds(duration: float | timedelta) -> float:
    """A duration in seconds; Airflow keeps it as a number or a timedelta, depending on version and user."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


async def get_connection_async(conn_id: str) -> Connection:
    """An Airflow connection, read inside the triggerer's event loop."""
    if hasattr(BaseHook, "aget_connection"):  # 3.1 and later
        return await BaseHook.aget_connection(conn_id)
    return await call_in_loop(lambda: BaseHook.get_connection(conn_id))


async def call_in_loop(function: Callable[[], T]) -> T:
    """Make a call to Airflow inside the triggerer's event loop, such as masking a secret."""
    if hasattr(BaseHook, "aget_connection"):  # 3.1 and later
        return function()
    from asgiref.sync import sync_to_async

    # 3.0 refuses to be spoken to from the loop itself. Not asyncio.to_thread: there that ends the triggerer.
    result: T = await sync_to_async(function)()
    return result


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


def poke_until_done(sensor: BaseSensorOperator, context: Context) -> Any:
    """Airflow's own poking.

    Bypasses the guard of Airflow 2.11, which warns about a call by a subclass as if it came from outside.
    """
    execute: Any = BaseSensorOperator.execute
    return getattr(execute, "__wrapped__", execute)(sensor, context)


def first_start(context: Context) -> datetime | None:
    """When this try of a task began: before a deferral or a rescheduling, if there was one."""
    ti: Any = context["ti"]
    rescheduled = getattr(ti, "get_first_reschedule_date", None)
    # 2.11 keeps the first start of a rescheduled task as its start date.
    began: datetime | None = (rescheduled(context) if rescheduled else None) or ti.start_date
    return began


def task_state(context: Context) -> Any:
    """The store that keeps a task's values from one try to the next (3.3), or None."""
    return context.get("task_state_store")


def get_xcom(key: str, ti_key: Any) -> Any:
    """A value that a task pushed, read from outside the task; or None."""
    try:
        from airflow.sdk.execution_time.xcom import XCom
    except ImportError:  # 2.11
        from airflow.models import XCom
    reader: Any = XCom
    return reader.get_value(key=key, ti_key=ti_key)
