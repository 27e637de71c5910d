"""Logs and metrics of a service."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.answer import Answer, Items, Needed
from airflow_dbaas.api.body import STRICT
from airflow_dbaas.api.calls import segment
from airflow_dbaas.api.operation import ClientT, Request, Resource, operation, post

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


class LogEntry(Answer):
    """One entry of a service's log: time, unit (program), node and message."""

    time: str | None = None
    unit: str | None = None
    node: str | None = None
    message: str | None = None

    @property
    def moment(self) -> datetime | None:
        """``time`` as an aware datetime; None if it is not readable."""
        return moment(self.time)


class ServiceLogs(Answer):
    """A page of a service's log. ``offset`` is that of the next page, ``first_log_offset`` that of the first entry."""

    offset: Needed[str | None] = None
    first_log_offset: str | None = None
    logs: Needed[Items[LogEntry]] = []


def moment(text: object) -> datetime | None:
    """A time of the API as an aware datetime (UTC unless it says otherwise); None if it is not readable."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


class MetricPoint(NamedTuple):
    """A value at a time; None is a gap."""

    time: datetime
    value: float | None


class MetricSeries(NamedTuple):
    """One metric, node by node.

    :param name: the API's name, e.g. ``cpu_usage``.
    :param title: the API's title, e.g. ``CPU usage %``; the name if it gives none.
    :param unit: ``%`` if the title says so, otherwise None: the API names no units.
    :param nodes: the points of each node, in the API's order, by its label, e.g. ``db-1 (master)``.
    """

    name: str
    title: str
    unit: str | None
    nodes: dict[str, list[MetricPoint]]


class ServiceMetrics(Answer):
    """Metrics as the API sends them, and as ``series``. A new service has few or none."""

    metrics: dict[str, Any] | None = None

    @property
    def series(self) -> list[MetricSeries]:
        """The metrics, one series each. Missing and unreadable values are omitted."""
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
    # Neither values that do not fit a float nor values that are not numbers.
    return float(value) if abs(value) <= sys.float_info.max else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


class Observability(Resource[ClientT]):
    """``client.observability``: logs and metrics of services."""

    @operation("get-dbaas-service-logs", services=("service_name",))
    def logs(
        self,
        *,
        service_name: str,
        limit: int | None = None,
        offset: str | None = None,
        sort_order: SortOrder | None = None,
    ) -> Request[ServiceLogs]:
        """A page of a service's log. ``iter_service_logs`` of the clients goes through all pages.

        :param service_name: service name, 1 to 63 characters.
        :param limit: greatest number of entries, 1 to 500.
        :param offset: the ``offset`` of the page before; the log's beginning, or its end if the order is ``desc``,
            if not given.
        :param sort_order: ``asc``, oldest first, or ``desc``.
        """
        fields = {"limit": limit, "offset": offset, "sort_order": sort_order}
        return post(f"/dbaas-service-logs/{segment('service_name', service_name)}", ServiceLogs, LogQuery, fields)

    @operation("get-dbaas-service-metrics", services=("service_name",))
    def metrics(self, *, service_name: str, period: Period | None = None) -> Request[ServiceMetrics]:
        """Metrics of a service, the latest ones. A young service has few or none.

        :param service_name: service name, 1 to 63 characters.
        :param period: ``hour``, ``day``, ``week``, ``month`` or ``year``: how far back they go.
        """
        path = f"/dbaas-service-metrics/{segment('service_name', service_name)}"
        return post(path, ServiceMetrics, MetricsQuery, {"period": period})
