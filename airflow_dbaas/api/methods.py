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
    """Makes a method of both clients from the statement of an endpoint.

    :param state: gives the statement. It is asked when the method is first used: who calls a few imports only these.
    """

    def __init__(self, state: Callable[[], Callable[P, Call[AnswerT]]]) -> None:
        self._state = state

    @functools.cached_property
    def statement(self) -> Callable[P, Call[AnswerT]]:
        """The function of ``endpoints``."""
        return self._state()

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
            # The arguments may hold a password: they are gone from this frame before anything is raised out of it.
            try:
                call = self.statement(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - raised again, without the frames that hold them as well
                problem = error.with_traceback(None)
            else:
                del args, kwargs
                return client.send(call)
            del args, kwargs
            raise problem

        return method


class Operations:
    """The API's operations, named by their ids."""

    attach_dbaas_service_to_endpoint = Method(lambda: endpoints.attach_dbaas_service_to_endpoint)
    create_dbaas_external_endpoint_datadog = Method(lambda: endpoints.create_dbaas_external_endpoint_datadog)
    create_dbaas_external_endpoint_elasticsearch = Method(
        lambda: endpoints.create_dbaas_external_endpoint_elasticsearch
    )
    create_dbaas_external_endpoint_opensearch = Method(lambda: endpoints.create_dbaas_external_endpoint_opensearch)
    create_dbaas_external_endpoint_prometheus = Method(lambda: endpoints.create_dbaas_external_endpoint_prometheus)
    create_dbaas_external_endpoint_rsyslog = Method(lambda: endpoints.create_dbaas_external_endpoint_rsyslog)
    create_dbaas_integration = Method(lambda: endpoints.create_dbaas_integration)
    create_dbaas_mysql_database = Method(lambda: endpoints.create_dbaas_mysql_database)
    create_dbaas_mysql_user = Method(lambda: endpoints.create_dbaas_mysql_user)
    create_dbaas_pg_database = Method(lambda: endpoints.create_dbaas_pg_database)
    create_dbaas_postgres_user = Method(lambda: endpoints.create_dbaas_postgres_user)
    create_dbaas_service_grafana = Method(lambda: endpoints.create_dbaas_service_grafana)
    create_dbaas_service_mysql = Method(lambda: endpoints.create_dbaas_service_mysql)
    create_dbaas_service_opensearch = Method(lambda: endpoints.create_dbaas_service_opensearch)
    create_dbaas_service_pg = Method(lambda: endpoints.create_dbaas_service_pg)
    create_dbaas_service_thanos = Method(lambda: endpoints.create_dbaas_service_thanos)
    create_dbaas_service_valkey = Method(lambda: endpoints.create_dbaas_service_valkey)
    create_dbaas_task_migration_check = Method(lambda: endpoints.create_dbaas_task_migration_check)
    delete_dbaas_external_endpoint_datadog = Method(lambda: endpoints.delete_dbaas_external_endpoint_datadog)
    delete_dbaas_external_endpoint_elasticsearch = Method(
        lambda: endpoints.delete_dbaas_external_endpoint_elasticsearch
    )
    delete_dbaas_external_endpoint_opensearch = Method(lambda: endpoints.delete_dbaas_external_endpoint_opensearch)
    delete_dbaas_external_endpoint_prometheus = Method(lambda: endpoints.delete_dbaas_external_endpoint_prometheus)
    delete_dbaas_external_endpoint_rsyslog = Method(lambda: endpoints.delete_dbaas_external_endpoint_rsyslog)
    delete_dbaas_integration = Method(lambda: endpoints.delete_dbaas_integration)
    delete_dbaas_mysql_database = Method(lambda: endpoints.delete_dbaas_mysql_database)
    delete_dbaas_mysql_user = Method(lambda: endpoints.delete_dbaas_mysql_user)
    delete_dbaas_pg_database = Method(lambda: endpoints.delete_dbaas_pg_database)
    delete_dbaas_postgres_user = Method(lambda: endpoints.delete_dbaas_postgres_user)
    delete_dbaas_service = Method(lambda: endpoints.delete_dbaas_service)
    delete_dbaas_service_grafana = Method(lambda: endpoints.delete_dbaas_service_grafana)
    delete_dbaas_service_mysql = Method(lambda: endpoints.delete_dbaas_service_mysql)
    delete_dbaas_service_opensearch = Method(lambda: endpoints.delete_dbaas_service_opensearch)
    delete_dbaas_service_pg = Method(lambda: endpoints.delete_dbaas_service_pg)
    delete_dbaas_service_thanos = Method(lambda: endpoints.delete_dbaas_service_thanos)
    delete_dbaas_service_valkey = Method(lambda: endpoints.delete_dbaas_service_valkey)
    detach_dbaas_service_from_endpoint = Method(lambda: endpoints.detach_dbaas_service_from_endpoint)
    get_dbaas_ca_certificate = Method(lambda: endpoints.get_dbaas_ca_certificate)
    get_dbaas_external_endpoint_datadog = Method(lambda: endpoints.get_dbaas_external_endpoint_datadog)
    get_dbaas_external_endpoint_elasticsearch = Method(lambda: endpoints.get_dbaas_external_endpoint_elasticsearch)
    get_dbaas_external_endpoint_opensearch = Method(lambda: endpoints.get_dbaas_external_endpoint_opensearch)
    get_dbaas_external_endpoint_prometheus = Method(lambda: endpoints.get_dbaas_external_endpoint_prometheus)
    get_dbaas_external_endpoint_rsyslog = Method(lambda: endpoints.get_dbaas_external_endpoint_rsyslog)
    get_dbaas_external_integration = Method(lambda: endpoints.get_dbaas_external_integration)
    get_dbaas_external_integration_settings_datadog = Method(
        lambda: endpoints.get_dbaas_external_integration_settings_datadog
    )
    get_dbaas_integration = Method(lambda: endpoints.get_dbaas_integration)
    get_dbaas_migration_status = Method(lambda: endpoints.get_dbaas_migration_status)
    get_dbaas_service_grafana = Method(lambda: endpoints.get_dbaas_service_grafana)
    get_dbaas_service_logs = Method(lambda: endpoints.get_dbaas_service_logs)
    get_dbaas_service_metrics = Method(lambda: endpoints.get_dbaas_service_metrics)
    get_dbaas_service_mysql = Method(lambda: endpoints.get_dbaas_service_mysql)
    get_dbaas_service_opensearch = Method(lambda: endpoints.get_dbaas_service_opensearch)
    get_dbaas_service_pg = Method(lambda: endpoints.get_dbaas_service_pg)
    get_dbaas_service_thanos = Method(lambda: endpoints.get_dbaas_service_thanos)
    get_dbaas_service_type = Method(lambda: endpoints.get_dbaas_service_type)
    get_dbaas_service_valkey = Method(lambda: endpoints.get_dbaas_service_valkey)
    get_dbaas_settings_mysql = Method(lambda: endpoints.get_dbaas_settings_mysql)
    get_dbaas_settings_pg = Method(lambda: endpoints.get_dbaas_settings_pg)
    get_dbaas_task = Method(lambda: endpoints.get_dbaas_task)
    get_operation = Method(lambda: endpoints.get_operation)
    list_dbaas_external_endpoint_types = Method(lambda: endpoints.list_dbaas_external_endpoint_types)
    list_dbaas_external_endpoints = Method(lambda: endpoints.list_dbaas_external_endpoints)
    list_dbaas_external_integrations = Method(lambda: endpoints.list_dbaas_external_integrations)
    list_dbaas_integration_settings = Method(lambda: endpoints.list_dbaas_integration_settings)
    list_dbaas_integration_types = Method(lambda: endpoints.list_dbaas_integration_types)
    list_dbaas_service_types = Method(lambda: endpoints.list_dbaas_service_types)
    list_dbaas_services = Method(lambda: endpoints.list_dbaas_services)
    reset_dbaas_mysql_user_password = Method(lambda: endpoints.reset_dbaas_mysql_user_password)
    reset_dbaas_postgres_user_password = Method(lambda: endpoints.reset_dbaas_postgres_user_password)
    reveal_dbaas_mysql_user_password = Method(lambda: endpoints.reveal_dbaas_mysql_user_password)
    reveal_dbaas_postgres_user_password = Method(lambda: endpoints.reveal_dbaas_postgres_user_password)
    stop_dbaas_mysql_migration = Method(lambda: endpoints.stop_dbaas_mysql_migration)
    stop_dbaas_pg_migration = Method(lambda: endpoints.stop_dbaas_pg_migration)
    stop_dbaas_valkey_migration = Method(lambda: endpoints.stop_dbaas_valkey_migration)
    update_dbaas_external_endpoint_datadog = Method(lambda: endpoints.update_dbaas_external_endpoint_datadog)
    update_dbaas_external_endpoint_elasticsearch = Method(
        lambda: endpoints.update_dbaas_external_endpoint_elasticsearch
    )
    update_dbaas_external_endpoint_opensearch = Method(lambda: endpoints.update_dbaas_external_endpoint_opensearch)
    update_dbaas_external_endpoint_prometheus = Method(lambda: endpoints.update_dbaas_external_endpoint_prometheus)
    update_dbaas_external_endpoint_rsyslog = Method(lambda: endpoints.update_dbaas_external_endpoint_rsyslog)
    update_dbaas_external_integration_settings_datadog = Method(
        lambda: endpoints.update_dbaas_external_integration_settings_datadog
    )
    update_dbaas_integration = Method(lambda: endpoints.update_dbaas_integration)
    update_dbaas_service_grafana = Method(lambda: endpoints.update_dbaas_service_grafana)
    update_dbaas_service_mysql = Method(lambda: endpoints.update_dbaas_service_mysql)
    update_dbaas_service_opensearch = Method(lambda: endpoints.update_dbaas_service_opensearch)
    update_dbaas_service_pg = Method(lambda: endpoints.update_dbaas_service_pg)
    update_dbaas_service_thanos = Method(lambda: endpoints.update_dbaas_service_thanos)
    update_dbaas_service_valkey = Method(lambda: endpoints.update_dbaas_service_valkey)
