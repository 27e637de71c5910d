"""Every call of the API, each stated once.

A function here builds the ``Call`` of one operation id: method, path, checked body, type of the answer, and
whether it may be sent again. ``Client`` and ``AsyncClient`` offer each as a method and send it.

As with ``models``, what is not used is not imported: operators and sensors are parsed without any of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dbaas.api._lazy import attributes

if TYPE_CHECKING:
    from airflow_dbaas.api.endpoints.accounts import create_dbaas_mysql_database as create_dbaas_mysql_database
    from airflow_dbaas.api.endpoints.accounts import create_dbaas_mysql_user as create_dbaas_mysql_user
    from airflow_dbaas.api.endpoints.accounts import create_dbaas_pg_database as create_dbaas_pg_database
    from airflow_dbaas.api.endpoints.accounts import create_dbaas_postgres_user as create_dbaas_postgres_user
    from airflow_dbaas.api.endpoints.accounts import delete_dbaas_mysql_database as delete_dbaas_mysql_database
    from airflow_dbaas.api.endpoints.accounts import delete_dbaas_mysql_user as delete_dbaas_mysql_user
    from airflow_dbaas.api.endpoints.accounts import delete_dbaas_pg_database as delete_dbaas_pg_database
    from airflow_dbaas.api.endpoints.accounts import delete_dbaas_postgres_user as delete_dbaas_postgres_user
    from airflow_dbaas.api.endpoints.accounts import reset_dbaas_mysql_user_password as reset_dbaas_mysql_user_password
    from airflow_dbaas.api.endpoints.accounts import (
        reset_dbaas_postgres_user_password as reset_dbaas_postgres_user_password,
    )
    from airflow_dbaas.api.endpoints.accounts import (
        reveal_dbaas_mysql_user_password as reveal_dbaas_mysql_user_password,
    )
    from airflow_dbaas.api.endpoints.accounts import (
        reveal_dbaas_postgres_user_password as reveal_dbaas_postgres_user_password,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        create_dbaas_external_endpoint_datadog as create_dbaas_external_endpoint_datadog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        create_dbaas_external_endpoint_elasticsearch as create_dbaas_external_endpoint_elasticsearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        create_dbaas_external_endpoint_opensearch as create_dbaas_external_endpoint_opensearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        create_dbaas_external_endpoint_prometheus as create_dbaas_external_endpoint_prometheus,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        create_dbaas_external_endpoint_rsyslog as create_dbaas_external_endpoint_rsyslog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        delete_dbaas_external_endpoint_datadog as delete_dbaas_external_endpoint_datadog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        delete_dbaas_external_endpoint_elasticsearch as delete_dbaas_external_endpoint_elasticsearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        delete_dbaas_external_endpoint_opensearch as delete_dbaas_external_endpoint_opensearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        delete_dbaas_external_endpoint_prometheus as delete_dbaas_external_endpoint_prometheus,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        delete_dbaas_external_endpoint_rsyslog as delete_dbaas_external_endpoint_rsyslog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        get_dbaas_external_endpoint_datadog as get_dbaas_external_endpoint_datadog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        get_dbaas_external_endpoint_elasticsearch as get_dbaas_external_endpoint_elasticsearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        get_dbaas_external_endpoint_opensearch as get_dbaas_external_endpoint_opensearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        get_dbaas_external_endpoint_prometheus as get_dbaas_external_endpoint_prometheus,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        get_dbaas_external_endpoint_rsyslog as get_dbaas_external_endpoint_rsyslog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        list_dbaas_external_endpoint_types as list_dbaas_external_endpoint_types,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        list_dbaas_external_endpoints as list_dbaas_external_endpoints,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        update_dbaas_external_endpoint_datadog as update_dbaas_external_endpoint_datadog,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        update_dbaas_external_endpoint_elasticsearch as update_dbaas_external_endpoint_elasticsearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        update_dbaas_external_endpoint_opensearch as update_dbaas_external_endpoint_opensearch,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        update_dbaas_external_endpoint_prometheus as update_dbaas_external_endpoint_prometheus,
    )
    from airflow_dbaas.api.endpoints.external_endpoints import (
        update_dbaas_external_endpoint_rsyslog as update_dbaas_external_endpoint_rsyslog,
    )
    from airflow_dbaas.api.endpoints.external_integrations import (
        attach_dbaas_service_to_endpoint as attach_dbaas_service_to_endpoint,
    )
    from airflow_dbaas.api.endpoints.external_integrations import (
        detach_dbaas_service_from_endpoint as detach_dbaas_service_from_endpoint,
    )
    from airflow_dbaas.api.endpoints.external_integrations import (
        get_dbaas_external_integration as get_dbaas_external_integration,
    )
    from airflow_dbaas.api.endpoints.external_integrations import (
        get_dbaas_external_integration_settings_datadog as get_dbaas_external_integration_settings_datadog,
    )
    from airflow_dbaas.api.endpoints.external_integrations import (
        list_dbaas_external_integrations as list_dbaas_external_integrations,
    )
    from airflow_dbaas.api.endpoints.external_integrations import (
        update_dbaas_external_integration_settings_datadog as update_dbaas_external_integration_settings_datadog,
    )
    from airflow_dbaas.api.endpoints.integrations import create_dbaas_integration as create_dbaas_integration
    from airflow_dbaas.api.endpoints.integrations import delete_dbaas_integration as delete_dbaas_integration
    from airflow_dbaas.api.endpoints.integrations import get_dbaas_integration as get_dbaas_integration
    from airflow_dbaas.api.endpoints.integrations import (
        list_dbaas_integration_settings as list_dbaas_integration_settings,
    )
    from airflow_dbaas.api.endpoints.integrations import list_dbaas_integration_types as list_dbaas_integration_types
    from airflow_dbaas.api.endpoints.integrations import update_dbaas_integration as update_dbaas_integration
    from airflow_dbaas.api.endpoints.migrations import (
        create_dbaas_task_migration_check as create_dbaas_task_migration_check,
    )
    from airflow_dbaas.api.endpoints.migrations import get_dbaas_migration_status as get_dbaas_migration_status
    from airflow_dbaas.api.endpoints.migrations import stop_dbaas_mysql_migration as stop_dbaas_mysql_migration
    from airflow_dbaas.api.endpoints.migrations import stop_dbaas_pg_migration as stop_dbaas_pg_migration
    from airflow_dbaas.api.endpoints.migrations import stop_dbaas_valkey_migration as stop_dbaas_valkey_migration
    from airflow_dbaas.api.endpoints.observability import get_dbaas_service_logs as get_dbaas_service_logs
    from airflow_dbaas.api.endpoints.observability import get_dbaas_service_metrics as get_dbaas_service_metrics
    from airflow_dbaas.api.endpoints.operations import get_dbaas_task as get_dbaas_task
    from airflow_dbaas.api.endpoints.operations import get_operation as get_operation
    from airflow_dbaas.api.endpoints.service_grafana import create_dbaas_service_grafana as create_dbaas_service_grafana
    from airflow_dbaas.api.endpoints.service_grafana import delete_dbaas_service_grafana as delete_dbaas_service_grafana
    from airflow_dbaas.api.endpoints.service_grafana import get_dbaas_service_grafana as get_dbaas_service_grafana
    from airflow_dbaas.api.endpoints.service_grafana import update_dbaas_service_grafana as update_dbaas_service_grafana
    from airflow_dbaas.api.endpoints.service_mysql import create_dbaas_service_mysql as create_dbaas_service_mysql
    from airflow_dbaas.api.endpoints.service_mysql import delete_dbaas_service_mysql as delete_dbaas_service_mysql
    from airflow_dbaas.api.endpoints.service_mysql import get_dbaas_service_mysql as get_dbaas_service_mysql
    from airflow_dbaas.api.endpoints.service_mysql import update_dbaas_service_mysql as update_dbaas_service_mysql
    from airflow_dbaas.api.endpoints.service_opensearch import (
        create_dbaas_service_opensearch as create_dbaas_service_opensearch,
    )
    from airflow_dbaas.api.endpoints.service_opensearch import (
        delete_dbaas_service_opensearch as delete_dbaas_service_opensearch,
    )
    from airflow_dbaas.api.endpoints.service_opensearch import (
        get_dbaas_service_opensearch as get_dbaas_service_opensearch,
    )
    from airflow_dbaas.api.endpoints.service_opensearch import (
        update_dbaas_service_opensearch as update_dbaas_service_opensearch,
    )
    from airflow_dbaas.api.endpoints.service_pg import create_dbaas_service_pg as create_dbaas_service_pg
    from airflow_dbaas.api.endpoints.service_pg import delete_dbaas_service_pg as delete_dbaas_service_pg
    from airflow_dbaas.api.endpoints.service_pg import get_dbaas_service_pg as get_dbaas_service_pg
    from airflow_dbaas.api.endpoints.service_pg import update_dbaas_service_pg as update_dbaas_service_pg
    from airflow_dbaas.api.endpoints.service_thanos import create_dbaas_service_thanos as create_dbaas_service_thanos
    from airflow_dbaas.api.endpoints.service_thanos import delete_dbaas_service_thanos as delete_dbaas_service_thanos
    from airflow_dbaas.api.endpoints.service_thanos import get_dbaas_service_thanos as get_dbaas_service_thanos
    from airflow_dbaas.api.endpoints.service_thanos import update_dbaas_service_thanos as update_dbaas_service_thanos
    from airflow_dbaas.api.endpoints.service_valkey import create_dbaas_service_valkey as create_dbaas_service_valkey
    from airflow_dbaas.api.endpoints.service_valkey import delete_dbaas_service_valkey as delete_dbaas_service_valkey
    from airflow_dbaas.api.endpoints.service_valkey import get_dbaas_service_valkey as get_dbaas_service_valkey
    from airflow_dbaas.api.endpoints.service_valkey import update_dbaas_service_valkey as update_dbaas_service_valkey
    from airflow_dbaas.api.endpoints.services import delete_dbaas_service as delete_dbaas_service
    from airflow_dbaas.api.endpoints.services import get_dbaas_ca_certificate as get_dbaas_ca_certificate
    from airflow_dbaas.api.endpoints.services import get_dbaas_service_type as get_dbaas_service_type
    from airflow_dbaas.api.endpoints.services import get_dbaas_settings_mysql as get_dbaas_settings_mysql
    from airflow_dbaas.api.endpoints.services import get_dbaas_settings_pg as get_dbaas_settings_pg
    from airflow_dbaas.api.endpoints.services import list_dbaas_service_types as list_dbaas_service_types
    from airflow_dbaas.api.endpoints.services import list_dbaas_services as list_dbaas_services
else:
    __getattr__ = attributes(
        __name__,
        {
            "accounts": (
                "create_dbaas_mysql_database",
                "create_dbaas_mysql_user",
                "create_dbaas_pg_database",
                "create_dbaas_postgres_user",
                "delete_dbaas_mysql_database",
                "delete_dbaas_mysql_user",
                "delete_dbaas_pg_database",
                "delete_dbaas_postgres_user",
                "reset_dbaas_mysql_user_password",
                "reset_dbaas_postgres_user_password",
                "reveal_dbaas_mysql_user_password",
                "reveal_dbaas_postgres_user_password",
            ),
            "external_endpoints": (
                "create_dbaas_external_endpoint_datadog",
                "create_dbaas_external_endpoint_elasticsearch",
                "create_dbaas_external_endpoint_opensearch",
                "create_dbaas_external_endpoint_prometheus",
                "create_dbaas_external_endpoint_rsyslog",
                "delete_dbaas_external_endpoint_datadog",
                "delete_dbaas_external_endpoint_elasticsearch",
                "delete_dbaas_external_endpoint_opensearch",
                "delete_dbaas_external_endpoint_prometheus",
                "delete_dbaas_external_endpoint_rsyslog",
                "get_dbaas_external_endpoint_datadog",
                "get_dbaas_external_endpoint_elasticsearch",
                "get_dbaas_external_endpoint_opensearch",
                "get_dbaas_external_endpoint_prometheus",
                "get_dbaas_external_endpoint_rsyslog",
                "list_dbaas_external_endpoint_types",
                "list_dbaas_external_endpoints",
                "update_dbaas_external_endpoint_datadog",
                "update_dbaas_external_endpoint_elasticsearch",
                "update_dbaas_external_endpoint_opensearch",
                "update_dbaas_external_endpoint_prometheus",
                "update_dbaas_external_endpoint_rsyslog",
            ),
            "external_integrations": (
                "attach_dbaas_service_to_endpoint",
                "detach_dbaas_service_from_endpoint",
                "get_dbaas_external_integration",
                "get_dbaas_external_integration_settings_datadog",
                "list_dbaas_external_integrations",
                "update_dbaas_external_integration_settings_datadog",
            ),
            "integrations": (
                "create_dbaas_integration",
                "delete_dbaas_integration",
                "get_dbaas_integration",
                "list_dbaas_integration_settings",
                "list_dbaas_integration_types",
                "update_dbaas_integration",
            ),
            "migrations": (
                "create_dbaas_task_migration_check",
                "get_dbaas_migration_status",
                "stop_dbaas_mysql_migration",
                "stop_dbaas_pg_migration",
                "stop_dbaas_valkey_migration",
            ),
            "observability": (
                "get_dbaas_service_logs",
                "get_dbaas_service_metrics",
            ),
            "operations": (
                "get_dbaas_task",
                "get_operation",
            ),
            "service_grafana": (
                "create_dbaas_service_grafana",
                "delete_dbaas_service_grafana",
                "get_dbaas_service_grafana",
                "update_dbaas_service_grafana",
            ),
            "service_mysql": (
                "create_dbaas_service_mysql",
                "delete_dbaas_service_mysql",
                "get_dbaas_service_mysql",
                "update_dbaas_service_mysql",
            ),
            "service_opensearch": (
                "create_dbaas_service_opensearch",
                "delete_dbaas_service_opensearch",
                "get_dbaas_service_opensearch",
                "update_dbaas_service_opensearch",
            ),
            "service_pg": (
                "create_dbaas_service_pg",
                "delete_dbaas_service_pg",
                "get_dbaas_service_pg",
                "update_dbaas_service_pg",
            ),
            "service_thanos": (
                "create_dbaas_service_thanos",
                "delete_dbaas_service_thanos",
                "get_dbaas_service_thanos",
                "update_dbaas_service_thanos",
            ),
            "service_valkey": (
                "create_dbaas_service_valkey",
                "delete_dbaas_service_valkey",
                "get_dbaas_service_valkey",
                "update_dbaas_service_valkey",
            ),
            "services": (
                "delete_dbaas_service",
                "get_dbaas_ca_certificate",
                "get_dbaas_service_type",
                "get_dbaas_settings_mysql",
                "get_dbaas_settings_pg",
                "list_dbaas_service_types",
                "list_dbaas_services",
            ),
        },
    )
