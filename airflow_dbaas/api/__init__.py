"""Exoscale's DBaaS API for anyone: signed requests, typed answers, one tree of errors. Knows nothing of Airflow.

The clients are imported when they are first used: Airflow parses operators and sensors without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dbaas.api._lazy import attributes

if TYPE_CHECKING:
    from airflow_dbaas.api.client import AsyncClient as AsyncClient
    from airflow_dbaas.api.client import Client as Client
else:
    __getattr__ = attributes(__name__, {"client": ("AsyncClient", "Client")})
