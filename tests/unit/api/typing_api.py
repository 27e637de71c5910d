"""What a type checker sees of the clients; read by mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import assert_type

from airflow_dbaas.api import AsyncClient, Client
from airflow_dbaas.api.external_endpoints import RsyslogEndpoint
from airflow_dbaas.api.observability import LogEntry, MetricSeries
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.services import GrafanaService, MysqlService, ServiceList


def blocking(client: Client) -> None:
    assert_type(client.operations.get("id"), Operation)
    assert_type(client.operations.get(id="id"), Operation)
    assert_type(client.services.list(), ServiceList)
    assert_type(client.services.mysql.get("db"), MysqlService)
    assert_type(client.external_endpoints.rsyslog.get("id"), RsyslogEndpoint)
    assert_type(client.observability.metrics(service_name="db", period="hour").series, list[MetricSeries])
    assert_type(client.iter_service_logs("db"), Iterator[LogEntry])
    client.services.pg.create(name="db", plan="startup-4", version="17", migration={"host": "h", "port": 1})
    client.external_endpoints.datadog.create(name="e", settings={"datadog_api_key": "k", "site": "datadoghq.eu"})

    client.operations.get(7)  # type: ignore[arg-type]
    client.operations.get(name="id")  # type: ignore[call-arg]
    client.operations.get_task("db", "id")  # type: ignore[call-arg]
    client.services.pg.create(name="db")  # type: ignore[call-arg]
    client.services.pg.create(name="db", plan="startup-4", version="12")  # type: ignore[arg-type]
    client.services.pg.create(name="db", plan="startup-4", wrok_mem=5)  # type: ignore[call-arg]
    client.services.pg.update(name="db", migration={"host": "h"})  # type: ignore[typeddict-item]
    client.integrations.create(integration_type="log", source_service="a", dest_service="b")  # type: ignore[arg-type]
    client.list_dbaas_everything()  # type: ignore[attr-defined]


async def awaited(client: AsyncClient) -> None:
    assert_type(client.operations.get("id"), Awaitable[Operation])
    assert_type(await client.services.grafana.get("g"), GrafanaService)
    assert_type(client.iter_service_logs("db"), AsyncIterator[LogEntry])

    await client.operations.get(7)  # type: ignore[arg-type]
