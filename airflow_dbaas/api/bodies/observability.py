"""Logs and metrics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.encoding import STRICT

SortOrder = Literal["asc", "desc"]
Period = Literal["day", "hour", "month", "week", "year"]


@with_config(STRICT)
class LogQuery(TypedDict, total=False):
    """Body of get-dbaas-service-logs."""

    limit: Annotated[int, Field(ge=1, le=500)]
    offset: str
    sort_order: SortOrder


@with_config(STRICT)
class MetricsQuery(TypedDict, total=False):
    """Body of get-dbaas-service-metrics."""

    period: Period
