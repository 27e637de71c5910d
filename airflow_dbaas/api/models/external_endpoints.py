"""External endpoints. Their secrets are never shown."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items, Needed


class ExternalEndpoint(Answer):
    """Where services send their logs or metrics; ``type`` is ``datadog``, ``elasticsearch``, ``opensearch``,
    ``prometheus`` or ``rsyslog``."""

    id: Needed[str | None] = None
    name: Needed[str | None] = None
    type: Needed[str | None] = None


class ExternalEndpointList(Answer):
    """Answer of list-dbaas-external-endpoints."""

    dbaas_endpoints: Needed[Items[ExternalEndpoint]] = []

    def named(self, name: str, *, type: str) -> ExternalEndpoint | None:
        """The endpoint of that name and type, if it is there."""
        return next((found for found in self.dbaas_endpoints if (found.name, found.type) == (name, type)), None)


class ExternalEndpointType(Answer):
    """A type of external endpoint, and the types of service that can be attached to one."""

    type: str | None = None
    title: str | None = None
    service_types: Items[str] = []


class ExternalEndpointTypeList(Answer):
    """Answer of list-dbaas-external-endpoint-types."""

    endpoint_types: Items[ExternalEndpointType] = []


class DatadogTag(Answer):
    """A tag added to what is sent to Datadog."""

    tag: str | None = None
    comment: str | None = None


class DatadogEndpointSettings(Answer):
    """Settings of a Datadog endpoint; the time-out is in seconds."""

    site: str | None = None
    datadog_tags: Items[DatadogTag] = []
    disable_consumer_stats: bool | None = None
    kafka_consumer_check_instances: int | None = None
    kafka_consumer_stats_timeout: int | None = None
    max_partition_contexts: int | None = None


class DatadogEndpoint(ExternalEndpoint):
    """Answer of get-dbaas-external-endpoint-datadog."""

    settings: DatadogEndpointSettings | None = None


class SearchEndpointSettings(Answer):
    """Settings of an Elasticsearch or OpenSearch endpoint; the time-out is in seconds."""

    url: str | None = None
    index_prefix: str | None = None
    index_days_max: int | None = None
    timeout: int | None = None


class ElasticsearchEndpoint(ExternalEndpoint):
    """Answer of get-dbaas-external-endpoint-elasticsearch."""

    settings: SearchEndpointSettings | None = None


class OpensearchEndpoint(ExternalEndpoint):
    """Answer of get-dbaas-external-endpoint-opensearch."""

    settings: SearchEndpointSettings | None = None


class PrometheusEndpointSettings(Answer):
    """Settings of a Prometheus endpoint."""

    basic_auth_username: str | None = None


class PrometheusEndpoint(ExternalEndpoint):
    """Answer of get-dbaas-external-endpoint-prometheus."""

    settings: PrometheusEndpointSettings | None = None


class RsyslogEndpointSettings(Answer):
    """Settings of an rsyslog endpoint; the greatest message is in bytes."""

    server: str | None = None
    port: int | None = None
    tls: bool | None = None
    format: str | None = None
    logline: str | None = None
    sd: str | None = None
    max_message_size: int | None = None


class RsyslogEndpoint(ExternalEndpoint):
    """Answer of get-dbaas-external-endpoint-rsyslog."""

    settings: RsyslogEndpointSettings | None = None
