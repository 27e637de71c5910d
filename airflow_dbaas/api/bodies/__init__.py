"""Request bodies: what may be sent, checked before it is.

Each body is a ``TypedDict`` whose keys are the API's property names in snake case. ``encode`` refuses what the
API would refuse, with an error that names the property, the value (never a secret) and the limit.

A body is built when its name is first used, not before: that costs time, and few DAGs need many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dbaas.api._lazy import attributes
from airflow_dbaas.api.redaction import SECRETS as SECRETS

if TYPE_CHECKING:
    from airflow_dbaas.api.bodies.accounts import CreateMysqlDatabase as CreateMysqlDatabase
    from airflow_dbaas.api.bodies.accounts import CreateMysqlUser as CreateMysqlUser
    from airflow_dbaas.api.bodies.accounts import CreatePgDatabase as CreatePgDatabase
    from airflow_dbaas.api.bodies.accounts import CreatePostgresUser as CreatePostgresUser
    from airflow_dbaas.api.bodies.accounts import DatabaseName as DatabaseName
    from airflow_dbaas.api.bodies.accounts import ResetMysqlUserPassword as ResetMysqlUserPassword
    from airflow_dbaas.api.bodies.accounts import ResetPostgresUserPassword as ResetPostgresUserPassword
    from airflow_dbaas.api.bodies.common import AdminUsername as AdminUsername
    from airflow_dbaas.api.bodies.common import BackupSchedule as BackupSchedule
    from airflow_dbaas.api.bodies.common import ExternalEndpointType as ExternalEndpointType
    from airflow_dbaas.api.bodies.common import Maintenance as Maintenance
    from airflow_dbaas.api.bodies.common import MigrationMethod as MigrationMethod
    from airflow_dbaas.api.bodies.common import MigrationSettings as MigrationSettings
    from airflow_dbaas.api.bodies.common import MysqlAuthentication as MysqlAuthentication
    from airflow_dbaas.api.bodies.common import MysqlPassword as MysqlPassword
    from airflow_dbaas.api.bodies.common import Plan as Plan
    from airflow_dbaas.api.bodies.common import ServiceFields as ServiceFields
    from airflow_dbaas.api.bodies.common import ServiceIntegration as ServiceIntegration
    from airflow_dbaas.api.bodies.common import ServiceName as ServiceName
    from airflow_dbaas.api.bodies.common import Username as Username
    from airflow_dbaas.api.bodies.common import Uuid as Uuid
    from airflow_dbaas.api.bodies.encoding import encode as encode
    from airflow_dbaas.api.bodies.external_endpoints import CreateDatadogEndpoint as CreateDatadogEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import CreateElasticsearchEndpoint as CreateElasticsearchEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import CreateOpensearchEndpoint as CreateOpensearchEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import CreatePrometheusEndpoint as CreatePrometheusEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import CreateRsyslogEndpoint as CreateRsyslogEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import DatadogSettings as DatadogSettings
    from airflow_dbaas.api.bodies.external_endpoints import DatadogSite as DatadogSite
    from airflow_dbaas.api.bodies.external_endpoints import DatadogTag as DatadogTag
    from airflow_dbaas.api.bodies.external_endpoints import IndexPrefix as IndexPrefix
    from airflow_dbaas.api.bodies.external_endpoints import NewDatadogSettings as NewDatadogSettings
    from airflow_dbaas.api.bodies.external_endpoints import NewRsyslogSettings as NewRsyslogSettings
    from airflow_dbaas.api.bodies.external_endpoints import NewSearchSettings as NewSearchSettings
    from airflow_dbaas.api.bodies.external_endpoints import Pem as Pem
    from airflow_dbaas.api.bodies.external_endpoints import Port as Port
    from airflow_dbaas.api.bodies.external_endpoints import PrometheusSettings as PrometheusSettings
    from airflow_dbaas.api.bodies.external_endpoints import RsyslogFormat as RsyslogFormat
    from airflow_dbaas.api.bodies.external_endpoints import RsyslogSettings as RsyslogSettings
    from airflow_dbaas.api.bodies.external_endpoints import SearchSettings as SearchSettings
    from airflow_dbaas.api.bodies.external_endpoints import Server as Server
    from airflow_dbaas.api.bodies.external_endpoints import UpdateDatadogEndpoint as UpdateDatadogEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import UpdateElasticsearchEndpoint as UpdateElasticsearchEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import UpdateOpensearchEndpoint as UpdateOpensearchEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import UpdatePrometheusEndpoint as UpdatePrometheusEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import UpdateRsyslogEndpoint as UpdateRsyslogEndpoint
    from airflow_dbaas.api.bodies.external_endpoints import Url as Url
    from airflow_dbaas.api.bodies.external_integrations import AttachService as AttachService
    from airflow_dbaas.api.bodies.external_integrations import DatadogIntegrationSettings as DatadogIntegrationSettings
    from airflow_dbaas.api.bodies.external_integrations import DetachService as DetachService
    from airflow_dbaas.api.bodies.external_integrations import UpdateDatadogIntegration as UpdateDatadogIntegration
    from airflow_dbaas.api.bodies.integrations import CreateIntegration as CreateIntegration
    from airflow_dbaas.api.bodies.integrations import IntegrationType as IntegrationType
    from airflow_dbaas.api.bodies.integrations import UpdateIntegration as UpdateIntegration
    from airflow_dbaas.api.bodies.migrations import MigrationCheck as MigrationCheck
    from airflow_dbaas.api.bodies.observability import LogQuery as LogQuery
    from airflow_dbaas.api.bodies.observability import MetricsQuery as MetricsQuery
    from airflow_dbaas.api.bodies.observability import Period as Period
    from airflow_dbaas.api.bodies.observability import SortOrder as SortOrder
    from airflow_dbaas.api.bodies.service_grafana import CreateGrafanaService as CreateGrafanaService
    from airflow_dbaas.api.bodies.service_grafana import UpdateGrafanaService as UpdateGrafanaService
    from airflow_dbaas.api.bodies.service_mysql import CreateMysqlService as CreateMysqlService
    from airflow_dbaas.api.bodies.service_mysql import UpdateMysqlService as UpdateMysqlService
    from airflow_dbaas.api.bodies.service_opensearch import CreateOpensearchService as CreateOpensearchService
    from airflow_dbaas.api.bodies.service_opensearch import IndexPattern as IndexPattern
    from airflow_dbaas.api.bodies.service_opensearch import IndexTemplate as IndexTemplate
    from airflow_dbaas.api.bodies.service_opensearch import OpensearchDashboards as OpensearchDashboards
    from airflow_dbaas.api.bodies.service_opensearch import UpdateOpensearchService as UpdateOpensearchService
    from airflow_dbaas.api.bodies.service_pg import CreatePgService as CreatePgService
    from airflow_dbaas.api.bodies.service_pg import PgVersion as PgVersion
    from airflow_dbaas.api.bodies.service_pg import UpdatePgService as UpdatePgService
    from airflow_dbaas.api.bodies.service_thanos import CreateThanosService as CreateThanosService
    from airflow_dbaas.api.bodies.service_thanos import UpdateThanosService as UpdateThanosService
    from airflow_dbaas.api.bodies.service_valkey import CreateValkeyService as CreateValkeyService
    from airflow_dbaas.api.bodies.service_valkey import UpdateValkeyService as UpdateValkeyService
else:
    __getattr__ = attributes(
        __name__,
        {
            "accounts": (
                "CreateMysqlDatabase",
                "CreateMysqlUser",
                "CreatePgDatabase",
                "CreatePostgresUser",
                "DatabaseName",
                "ResetMysqlUserPassword",
                "ResetPostgresUserPassword",
            ),
            "common": (
                "AdminUsername",
                "BackupSchedule",
                "ExternalEndpointType",
                "Maintenance",
                "MigrationMethod",
                "MigrationSettings",
                "MysqlAuthentication",
                "MysqlPassword",
                "Plan",
                "ServiceFields",
                "ServiceIntegration",
                "ServiceName",
                "Username",
                "Uuid",
            ),
            "encoding": ("encode",),
            "external_endpoints": (
                "CreateDatadogEndpoint",
                "CreateElasticsearchEndpoint",
                "CreateOpensearchEndpoint",
                "CreatePrometheusEndpoint",
                "CreateRsyslogEndpoint",
                "DatadogSettings",
                "DatadogSite",
                "DatadogTag",
                "IndexPrefix",
                "NewDatadogSettings",
                "NewRsyslogSettings",
                "NewSearchSettings",
                "Pem",
                "Port",
                "PrometheusSettings",
                "RsyslogFormat",
                "RsyslogSettings",
                "SearchSettings",
                "Server",
                "UpdateDatadogEndpoint",
                "UpdateElasticsearchEndpoint",
                "UpdateOpensearchEndpoint",
                "UpdatePrometheusEndpoint",
                "UpdateRsyslogEndpoint",
                "Url",
            ),
            "external_integrations": (
                "AttachService",
                "DatadogIntegrationSettings",
                "DetachService",
                "UpdateDatadogIntegration",
            ),
            "integrations": (
                "CreateIntegration",
                "IntegrationType",
                "UpdateIntegration",
            ),
            "migrations": ("MigrationCheck",),
            "observability": (
                "LogQuery",
                "MetricsQuery",
                "Period",
                "SortOrder",
            ),
            "service_grafana": (
                "CreateGrafanaService",
                "UpdateGrafanaService",
            ),
            "service_mysql": (
                "CreateMysqlService",
                "UpdateMysqlService",
            ),
            "service_opensearch": (
                "CreateOpensearchService",
                "IndexPattern",
                "IndexTemplate",
                "OpensearchDashboards",
                "UpdateOpensearchService",
            ),
            "service_pg": (
                "CreatePgService",
                "PgVersion",
                "UpdatePgService",
            ),
            "service_thanos": (
                "CreateThanosService",
                "UpdateThanosService",
            ),
            "service_valkey": (
                "CreateValkeyService",
                "UpdateValkeyService",
            ),
        },
    )
