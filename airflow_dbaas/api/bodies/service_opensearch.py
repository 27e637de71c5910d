"""OpenSearch services."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.common import Count, Plan, ServiceFields, ServiceName, Version
from airflow_dbaas.api.bodies.encoding import STRICT


@with_config(STRICT)
class IndexPattern(TypedDict, total=False):
    """How many indexes whose names match a pattern are kept, and which go first."""

    max_index_count: Count | None
    pattern: Annotated[str, Field(max_length=1024)]
    sorting_algorithm: Literal["alphabetical", "creation_date"]


@with_config(STRICT)
class IndexTemplate(TypedDict, total=False):
    """Settings of new indexes."""

    mapping_nested_objects_limit: Annotated[int, Field(ge=0, le=100000)] | None
    number_of_replicas: Annotated[int, Field(ge=0, le=29)] | None
    number_of_shards: Annotated[int, Field(ge=1, le=1024)]


@with_config(STRICT)
class OpensearchDashboards(TypedDict, total=False):
    """OpenSearch Dashboards; the time-out is in milliseconds, the space in MiB."""

    enabled: bool
    max_old_space_size: Annotated[int, Field(ge=64, le=1024)]
    opensearch_request_timeout: Annotated[int, Field(ge=5000, le=120000)]


class _OpensearchFields(ServiceFields, total=False):
    index_patterns: list[IndexPattern]
    index_template: IndexTemplate
    keep_index_refresh_interval: bool
    max_index_count: Count | None
    opensearch_dashboards: OpensearchDashboards
    opensearch_settings: dict[str, Any]


@with_config(STRICT)
class CreateOpensearchService(_OpensearchFields, total=False):
    """Body of create-dbaas-service-opensearch."""

    plan: Required[Plan]
    fork_from_service: ServiceName
    recovery_backup_name: Annotated[str, Field(min_length=1)]
    version: Version


@with_config(STRICT)
class UpdateOpensearchService(_OpensearchFields, total=False):
    """Body of update-dbaas-service-opensearch."""

    plan: Plan
    version: Version
