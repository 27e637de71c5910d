"""Metrics of a service."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from airflow_dbaas.api.models.base import Answer
from airflow_dbaas.api.models.logs import moment


class MetricPoint(NamedTuple):
    """A value at a time; None is a gap."""

    time: datetime
    value: float | None


class MetricSeries(NamedTuple):
    """One metric, node by node.

    :param name: the API's name, e.g. ``cpu_usage``.
    :param title: the API's title, e.g. ``CPU usage %``; the name if it gives none.
    :param unit: ``%`` if the title says so, else None: the API does not tell.
    :param nodes: the points of each node, in the API's order, by its label, e.g. ``db-1 (master)``.
    """

    name: str
    title: str
    unit: str | None
    nodes: dict[str, list[MetricPoint]]


class ServiceMetrics(Answer):
    """Metrics as the API sends them, and as ``series``. A young service has few or none."""

    metrics: dict[str, Any] | None = None

    @property
    def series(self) -> list[MetricSeries]:
        """The metrics, one series each. What is missing or not readable is left out."""
        return [_series(name, _mapping(metric)) for name, metric in (self.metrics or {}).items()]


def _series(name: str, metric: Mapping[str, Any]) -> MetricSeries:
    title = str(_mapping(metric.get("hints")).get("title") or name)
    data = _mapping(metric.get("data"))
    labels = [str(_mapping(column).get("label", "")) for column in _list(data.get("cols"))][1:]
    nodes: dict[str, list[MetricPoint]] = {label: [] for label in labels}
    for row in _list(data.get("rows")):
        time = moment(row[0]) if isinstance(row, list) and row else None
        if time is None:
            continue
        for label, value in zip(labels, row[1:], strict=False):
            nodes[label].append(MetricPoint(time, _number(value)))
    return MetricSeries(name, title, "%" if title.endswith("%") else None, nodes)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither what no float can hold nor what is no number.
    return float(value) if abs(value) <= sys.float_info.max else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
