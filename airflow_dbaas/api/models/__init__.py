"""Answers of the API.

The models are tolerant: fields the API adds are kept (``extra``), values of enumerations are plain strings, so
that a new one is no error, and whatever the API may leave out is optional here. A null list is an empty one. What is
not of its type is absent, and among the extras as it came, unless something rests on it; see ``base.Answer``.

A model is built when its name is first used, not before: that costs time, and few DAGs need many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dbaas.api._lazy import attributes

if TYPE_CHECKING:
    from airflow_dbaas.api.models.accounts import UserSecrets as UserSecrets
    from airflow_dbaas.api.models.base import Answer as Answer
    from airflow_dbaas.api.models.base import Items as Items
    from airflow_dbaas.api.models.external_endpoints import DatadogEndpoint as DatadogEndpoint
    from airflow_dbaas.api.models.external_endpoints import DatadogEndpointSettings as DatadogEndpointSettings
    from airflow_dbaas.api.models.external_endpoints import DatadogTag as DatadogTag
    from airflow_dbaas.api.models.external_endpoints import ElasticsearchEndpoint as ElasticsearchEndpoint
    from airflow_dbaas.api.models.external_endpoints import ExternalEndpoint as ExternalEndpoint
    from airflow_dbaas.api.models.external_endpoints import ExternalEndpointList as ExternalEndpointList
    from airflow_dbaas.api.models.external_endpoints import ExternalEndpointType as ExternalEndpointType
    from airflow_dbaas.api.models.external_endpoints import ExternalEndpointTypeList as ExternalEndpointTypeList
    from airflow_dbaas.api.models.external_endpoints import OpensearchEndpoint as OpensearchEndpoint
    from airflow_dbaas.api.models.external_endpoints import PrometheusEndpoint as PrometheusEndpoint
    from airflow_dbaas.api.models.external_endpoints import PrometheusEndpointSettings as PrometheusEndpointSettings
    from airflow_dbaas.api.models.external_endpoints import RsyslogEndpoint as RsyslogEndpoint
    from airflow_dbaas.api.models.external_endpoints import RsyslogEndpointSettings as RsyslogEndpointSettings
    from airflow_dbaas.api.models.external_endpoints import SearchEndpointSettings as SearchEndpointSettings
    from airflow_dbaas.api.models.external_integrations import DatadogIntegrationFlags as DatadogIntegrationFlags
    from airflow_dbaas.api.models.external_integrations import DatadogIntegrationSettings as DatadogIntegrationSettings
    from airflow_dbaas.api.models.external_integrations import ExternalIntegration as ExternalIntegration
    from airflow_dbaas.api.models.external_integrations import ExternalIntegrationList as ExternalIntegrationList
    from airflow_dbaas.api.models.integrations import Integration as Integration
    from airflow_dbaas.api.models.integrations import IntegrationSettings as IntegrationSettings
    from airflow_dbaas.api.models.integrations import IntegrationType as IntegrationType
    from airflow_dbaas.api.models.integrations import IntegrationTypeList as IntegrationTypeList
    from airflow_dbaas.api.models.logs import LogEntry as LogEntry
    from airflow_dbaas.api.models.logs import ServiceLogs as ServiceLogs
    from airflow_dbaas.api.models.metrics import MetricPoint as MetricPoint
    from airflow_dbaas.api.models.metrics import MetricSeries as MetricSeries
    from airflow_dbaas.api.models.metrics import ServiceMetrics as ServiceMetrics
    from airflow_dbaas.api.models.migrations import MigrationDetail as MigrationDetail
    from airflow_dbaas.api.models.migrations import MigrationStatus as MigrationStatus
    from airflow_dbaas.api.models.operations import Operation as Operation
    from airflow_dbaas.api.models.operations import Reference as Reference
    from airflow_dbaas.api.models.schemas import SettingsSchema as SettingsSchema
    from airflow_dbaas.api.models.service_grafana import GrafanaConnectionInfo as GrafanaConnectionInfo
    from airflow_dbaas.api.models.service_grafana import GrafanaService as GrafanaService
    from airflow_dbaas.api.models.service_mysql import MysqlConnectionInfo as MysqlConnectionInfo
    from airflow_dbaas.api.models.service_mysql import MysqlService as MysqlService
    from airflow_dbaas.api.models.service_opensearch import OpensearchConnectionInfo as OpensearchConnectionInfo
    from airflow_dbaas.api.models.service_opensearch import OpensearchService as OpensearchService
    from airflow_dbaas.api.models.service_pg import PgConnectionInfo as PgConnectionInfo
    from airflow_dbaas.api.models.service_pg import PgService as PgService
    from airflow_dbaas.api.models.service_thanos import ThanosConnectionInfo as ThanosConnectionInfo
    from airflow_dbaas.api.models.service_thanos import ThanosService as ThanosService
    from airflow_dbaas.api.models.service_types import BackupConfig as BackupConfig
    from airflow_dbaas.api.models.service_types import CaCertificate as CaCertificate
    from airflow_dbaas.api.models.service_types import MysqlSettings as MysqlSettings
    from airflow_dbaas.api.models.service_types import MysqlSettingsSchemas as MysqlSettingsSchemas
    from airflow_dbaas.api.models.service_types import PgSettings as PgSettings
    from airflow_dbaas.api.models.service_types import PgSettingsSchemas as PgSettingsSchemas
    from airflow_dbaas.api.models.service_types import ServicePlan as ServicePlan
    from airflow_dbaas.api.models.service_types import ServiceType as ServiceType
    from airflow_dbaas.api.models.service_types import ServiceTypeList as ServiceTypeList
    from airflow_dbaas.api.models.service_valkey import ValkeyConnectionInfo as ValkeyConnectionInfo
    from airflow_dbaas.api.models.service_valkey import ValkeyService as ValkeyService
    from airflow_dbaas.api.models.services import Notification as Notification
    from airflow_dbaas.api.models.services import Service as Service
    from airflow_dbaas.api.models.services import ServiceDetails as ServiceDetails
    from airflow_dbaas.api.models.services import ServiceList as ServiceList
    from airflow_dbaas.api.models.services import ServiceUser as ServiceUser
    from airflow_dbaas.api.models.tasks import ResultCode as ResultCode
    from airflow_dbaas.api.models.tasks import Task as Task
else:
    __getattr__ = attributes(
        __name__,
        {
            "accounts": ("UserSecrets",),
            "base": (
                "Answer",
                "Items",
            ),
            "external_endpoints": (
                "DatadogEndpoint",
                "DatadogEndpointSettings",
                "DatadogTag",
                "ElasticsearchEndpoint",
                "ExternalEndpoint",
                "ExternalEndpointList",
                "ExternalEndpointType",
                "ExternalEndpointTypeList",
                "OpensearchEndpoint",
                "PrometheusEndpoint",
                "PrometheusEndpointSettings",
                "RsyslogEndpoint",
                "RsyslogEndpointSettings",
                "SearchEndpointSettings",
            ),
            "external_integrations": (
                "DatadogIntegrationFlags",
                "DatadogIntegrationSettings",
                "ExternalIntegration",
                "ExternalIntegrationList",
            ),
            "integrations": (
                "Integration",
                "IntegrationSettings",
                "IntegrationType",
                "IntegrationTypeList",
            ),
            "logs": (
                "LogEntry",
                "ServiceLogs",
            ),
            "metrics": (
                "MetricPoint",
                "MetricSeries",
                "ServiceMetrics",
            ),
            "migrations": (
                "MigrationDetail",
                "MigrationStatus",
            ),
            "operations": (
                "Operation",
                "Reference",
            ),
            "schemas": ("SettingsSchema",),
            "service_grafana": (
                "GrafanaConnectionInfo",
                "GrafanaService",
            ),
            "service_mysql": (
                "MysqlConnectionInfo",
                "MysqlService",
            ),
            "service_opensearch": (
                "OpensearchConnectionInfo",
                "OpensearchService",
            ),
            "service_pg": (
                "PgConnectionInfo",
                "PgService",
            ),
            "service_thanos": (
                "ThanosConnectionInfo",
                "ThanosService",
            ),
            "service_types": (
                "BackupConfig",
                "CaCertificate",
                "MysqlSettings",
                "MysqlSettingsSchemas",
                "PgSettings",
                "PgSettingsSchemas",
                "ServicePlan",
                "ServiceType",
                "ServiceTypeList",
            ),
            "service_valkey": (
                "ValkeyConnectionInfo",
                "ValkeyService",
            ),
            "services": (
                "Notification",
                "Service",
                "ServiceDetails",
                "ServiceList",
                "ServiceUser",
            ),
            "tasks": (
                "ResultCode",
                "Task",
            ),
        },
    )
