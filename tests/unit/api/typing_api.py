"""What a type checker sees of the clients; read by mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import assert_type

from airflow_dbaas.api import AsyncClient, Client, models


def blocking(client: Client) -> None:
    assert_type(client.get_operation("id"), models.Operation)
    assert_type(client.get_operation(id="id"), models.Operation)
    assert_type(client.list_dbaas_services(), models.ServiceList)
    assert_type(client.get_dbaas_service_mysql("db"), models.MysqlService)
    assert_type(client.get_dbaas_external_endpoint_rsyslog("id"), models.RsyslogEndpoint)
    assert_type(client.get_dbaas_service_metrics(service_name="db", period="hour").series, list[models.MetricSeries])
    assert_type(client.iter_dbaas_service_logs("db"), Iterator[models.LogEntry])
    client.create_dbaas_service_pg(name="db", plan="startup-4", version="17", migration={"host": "h", "port": 1})
    client.create_dbaas_external_endpoint_datadog(name="e", settings={"datadog_api_key": "k", "site": "datadoghq.eu"})

    client.get_operation(7)  # type: ignore[arg-type]
    client.get_operation(name="id")  # type: ignore[call-arg]
    client.get_dbaas_task("db", "id")  # type: ignore[call-arg]
    client.create_dbaas_service_pg(name="db")  # type: ignore[call-arg]
    client.create_dbaas_service_pg(name="db", plan="startup-4", version="12")  # type: ignore[arg-type]
    client.create_dbaas_service_pg(name="db", plan="startup-4", wrok_mem=5)  # type: ignore[call-arg]
    client.update_dbaas_service_pg(name="db", migration={"host": "h"})  # type: ignore[typeddict-item]
    client.create_dbaas_integration(integration_type="log", source_service="a", dest_service="b")  # type: ignore[arg-type]
    client.list_dbaas_everything()  # type: ignore[attr-defined]
    _ = models.Nothing  # type: ignore[attr-defined]


async def awaited(client: AsyncClient) -> None:
    assert_type(client.get_operation("id"), Awaitable[models.Operation])
    assert_type(await client.get_dbaas_service_grafana("g"), models.GrafanaService)
    assert_type(client.iter_dbaas_service_logs("db"), AsyncIterator[models.LogEntry])

    await client.get_operation(7)  # type: ignore[arg-type]
