"""The API's operations as methods of the clients."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, overload

from airflow_dbaas.api import endpoints
from airflow_dbaas.api.calls import AnswerT, Call

if TYPE_CHECKING:
    from airflow_dbaas.api.client import AsyncClient, Client

P = ParamSpec("P")


class Method(Generic[P, AnswerT]):
    """Makes a method of both clients from the statement of an endpoint."""

    def __init__(self, statement: Callable[P, Call[AnswerT]]) -> None:
        self.statement = statement
        self.__doc__ = statement.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, AnswerT]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Awaitable[AnswerT]]: ...
    def __get__(self, client: Client | AsyncClient | None, owner: type) -> Any:
        if client is None:
            return self

        @functools.wraps(self.statement)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self.statement(*args, **kwargs))

        return method


class Operations:
    """The API's operations, named by their ids."""

    attach_dbaas_service_to_endpoint = Method(endpoints.attach_dbaas_service_to_endpoint)
    create_dbaas_external_endpoint_datadog = Method(endpoints.create_dbaas_external_endpoint_datadog)
    create_dbaas_external_endpoint_elasticsearch = Method(endpoints.create_dbaas_external_endpoint_elasticsearch)
    create_dbaas_external_endpoint_opensearch = Method(endpoints.create_dbaas_external_endpoint_opensearch)
    create_dbaas_external_endpoint_prometheus = Method(endpoints.create_dbaas_external_endpoint_prometheus)
    create_dbaas_external_endpoint_rsyslog = Method(endpoints.create_dbaas_external_endpoint_rsyslog)
    create_dbaas_integration = Method(endpoints.create_dbaas_integration)
    create_dbaas_mysql_database = Method(endpoints.create_dbaas_mysql_database)
    create_dbaas_mysql_user = Method(endpoints.create_dbaas_mysql_user)
    create_dbaas_pg_database = Method(endpoints.create_dbaas_pg_database)
    create_dbaas_postgres_user = Method(endpoints.create_dbaas_postgres_user)
    create_dbaas_service_grafana = Method(endpoints.create_dbaas_service_grafana)
    create_dbaas_service_mysql = Method(endpoints.create_dbaas_service_mysql)
    create_dbaas_service_opensearch = Method(endpoints.create_dbaas_service_opensearch)
    create_dbaas_service_pg = Method(endpoints.create_dbaas_service_pg)
    create_dbaas_service_thanos = Method(endpoints.create_dbaas_service_thanos)
    create_dbaas_service_valkey = Method(endpoints.create_dbaas_service_valkey)
    create_dbaas_task_migration_check = Method(endpoints.create_dbaas_task_migration_check)
    delete_dbaas_external_endpoint_datadog = Method(endpoints.delete_dbaas_external_endpoint_datadog)
    delete_dbaas_external_endpoint_elasticsearch = Method(endpoints.delete_dbaas_external_endpoint_elasticsearch)
    delete_dbaas_external_endpoint_opensearch = Method(endpoints.delete_dbaas_external_endpoint_opensearch)
    delete_dbaas_external_endpoint_prometheus = Method(endpoints.delete_dbaas_external_endpoint_prometheus)
    delete_dbaas_external_endpoint_rsyslog = Method(endpoints.delete_dbaas_external_endpoint_rsyslog)
    delete_dbaas_integration = Method(endpoints.delete_dbaas_integration)
    delete_dbaas_mysql_database = Method(endpoints.delete_dbaas_mysql_database)
    delete_dbaas_mysql_user = Method(endpoints.delete_dbaas_mysql_user)
    delete_dbaas_pg_database = Method(endpoints.delete_dbaas_pg_database)
    delete_dbaas_postgres_user = Method(endpoints.delete_dbaas_postgres_user)
    delete_dbaas_service = Method(endpoints.delete_dbaas_service)
    delete_dbaas_service_grafana = Method(endpoints.delete_dbaas_service_grafana)
    delete_dbaas_service_mysql = Method(endpoints.delete_dbaas_service_mysql)
    delete_dbaas_service_opensearch = Method(endpoints.delete_dbaas_service_opensearch)
    delete_dbaas_service_pg = Method(endpoints.delete_dbaas_service_pg)
    delete_dbaas_service_thanos = Method(endpoints.delete_dbaas_service_thanos)
    delete_dbaas_service_valkey = Method(endpoints.delete_dbaas_service_valkey)
    detach_dbaas_service_from_endpoint = Method(endpoints.detach_dbaas_service_from_endpoint)
    get_dbaas_ca_certificate = Method(endpoints.get_dbaas_ca_certificate)
    get_dbaas_external_endpoint_datadog = Method(endpoints.get_dbaas_external_endpoint_datadog)
    get_dbaas_external_endpoint_elasticsearch = Method(endpoints.get_dbaas_external_endpoint_elasticsearch)
    get_dbaas_external_endpoint_opensearch = Method(endpoints.get_dbaas_external_endpoint_opensearch)
    get_dbaas_external_endpoint_prometheus = Method(endpoints.get_dbaas_external_endpoint_prometheus)
    get_dbaas_external_endpoint_rsyslog = Method(endpoints.get_dbaas_external_endpoint_rsyslog)
    get_dbaas_external_integration = Method(endpoints.get_dbaas_external_integration)
    get_dbaas_external_integration_settings_datadog = Method(endpoints.get_dbaas_external_integration_settings_datadog)
    get_dbaas_integration = Method(endpoints.get_dbaas_integration)
    get_dbaas_migration_status = Method(endpoints.get_dbaas_migration_status)
    get_dbaas_service_grafana = Method(endpoints.get_dbaas_service_grafana)
    get_dbaas_service_logs = Method(endpoints.get_dbaas_service_logs)
    get_dbaas_service_metrics = Method(endpoints.get_dbaas_service_metrics)
    get_dbaas_service_mysql = Method(endpoints.get_dbaas_service_mysql)
    get_dbaas_service_opensearch = Method(endpoints.get_dbaas_service_opensearch)
    get_dbaas_service_pg = Method(endpoints.get_dbaas_service_pg)
    get_dbaas_service_thanos = Method(endpoints.get_dbaas_service_thanos)
    get_dbaas_service_type = Method(endpoints.get_dbaas_service_type)
    get_dbaas_service_valkey = Method(endpoints.get_dbaas_service_valkey)
    get_dbaas_settings_mysql = Method(endpoints.get_dbaas_settings_mysql)
    get_dbaas_settings_pg = Method(endpoints.get_dbaas_settings_pg)
    get_dbaas_task = Method(endpoints.get_dbaas_task)
    get_operation = Method(endpoints.get_operation)
    list_dbaas_external_endpoint_types = Method(endpoints.list_dbaas_external_endpoint_types)
    list_dbaas_external_endpoints = Method(endpoints.list_dbaas_external_endpoints)
    list_dbaas_external_integrations = Method(endpoints.list_dbaas_external_integrations)
    list_dbaas_integration_settings = Method(endpoints.list_dbaas_integration_settings)
    list_dbaas_integration_types = Method(endpoints.list_dbaas_integration_types)
    list_dbaas_service_types = Method(endpoints.list_dbaas_service_types)
    list_dbaas_services = Method(endpoints.list_dbaas_services)
    reset_dbaas_mysql_user_password = Method(endpoints.reset_dbaas_mysql_user_password)
    reset_dbaas_postgres_user_password = Method(endpoints.reset_dbaas_postgres_user_password)
    reveal_dbaas_mysql_user_password = Method(endpoints.reveal_dbaas_mysql_user_password)
    reveal_dbaas_postgres_user_password = Method(endpoints.reveal_dbaas_postgres_user_password)
    stop_dbaas_mysql_migration = Method(endpoints.stop_dbaas_mysql_migration)
    stop_dbaas_pg_migration = Method(endpoints.stop_dbaas_pg_migration)
    stop_dbaas_valkey_migration = Method(endpoints.stop_dbaas_valkey_migration)
    update_dbaas_external_endpoint_datadog = Method(endpoints.update_dbaas_external_endpoint_datadog)
    update_dbaas_external_endpoint_elasticsearch = Method(endpoints.update_dbaas_external_endpoint_elasticsearch)
    update_dbaas_external_endpoint_opensearch = Method(endpoints.update_dbaas_external_endpoint_opensearch)
    update_dbaas_external_endpoint_prometheus = Method(endpoints.update_dbaas_external_endpoint_prometheus)
    update_dbaas_external_endpoint_rsyslog = Method(endpoints.update_dbaas_external_endpoint_rsyslog)
    update_dbaas_external_integration_settings_datadog = Method(
        endpoints.update_dbaas_external_integration_settings_datadog
    )
    update_dbaas_integration = Method(endpoints.update_dbaas_integration)
    update_dbaas_service_grafana = Method(endpoints.update_dbaas_service_grafana)
    update_dbaas_service_mysql = Method(endpoints.update_dbaas_service_mysql)
    update_dbaas_service_opensearch = Method(endpoints.update_dbaas_service_opensearch)
    update_dbaas_service_pg = Method(endpoints.update_dbaas_service_pg)
    update_dbaas_service_thanos = Method(endpoints.update_dbaas_service_thanos)
    update_dbaas_service_valkey = Method(endpoints.update_dbaas_service_valkey)
