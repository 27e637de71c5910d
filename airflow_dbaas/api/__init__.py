"""Exoscale's DBaaS API for anyone: signed requests, typed answers, one tree of errors. Knows nothing of Airflow.

The clients are imported when they are first used: Airflow parses operators and sensors without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dbaas.api.client import AsyncClient as AsyncClient
    from airflow_dbaas.api.client import Client as Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow_dbaas.api import client

    return getattr(client, name)
