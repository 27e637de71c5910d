"""Logs and metrics of a service."""

from __future__ import annotations

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call, segment


def get_dbaas_service_logs(
    *,
    service_name: str,
    limit: int | None = None,
    offset: str | None = None,
    sort_order: bodies.SortOrder | None = None,
) -> Call[models.ServiceLogs]:
    """A page of a service's log. ``iter_dbaas_service_logs`` of the clients goes through all pages.

    :param service_name: service name, 1 to 63 characters.
    :param limit: greatest number of entries, 1 to 500.
    :param offset: the ``offset`` of the page before; the log's beginning, or its end if the order is ``desc``,
        if not given.
    :param sort_order: ``asc``, oldest first, or ``desc``.
    """
    operation = "get-dbaas-service-logs"
    path = f"/dbaas-service-logs/{segment('service_name', service_name)}"
    fields = {"limit": limit, "offset": offset, "sort_order": sort_order}
    body = bodies.encode(operation, bodies.LogQuery, fields)
    return Call(operation, "POST", path, models.ServiceLogs, body, services=(service_name,))


def get_dbaas_service_metrics(*, service_name: str, period: bodies.Period | None = None) -> Call[models.ServiceMetrics]:
    """Metrics of a service, the latest ones. A young service has few or none.

    :param service_name: service name, 1 to 63 characters.
    :param period: ``hour``, ``day``, ``week``, ``month`` or ``year``: how far back they go.
    """
    operation = "get-dbaas-service-metrics"
    path = f"/dbaas-service-metrics/{segment('service_name', service_name)}"
    body = bodies.encode(operation, bodies.MetricsQuery, {"period": period})
    return Call(operation, "POST", path, models.ServiceMetrics, body, services=(service_name,))
