"""External endpoints: where services send their logs and metrics.

The class of a create body is followed by that of the update: the same properties, fewer of them required.
"""

from __future__ import annotations

from typing import Annotated, Literal, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.common import SecretText
from airflow_dbaas.api.bodies.encoding import STRICT

DatadogSite = Literal[
    "ap1.datadoghq.com", "datadoghq.com", "datadoghq.eu", "ddog-gov.com", "us3.datadoghq.com", "us5.datadoghq.com"
]
RsyslogFormat = Literal["custom", "rfc3164", "rfc5424"]
Url = Annotated[SecretText, Field(min_length=12, max_length=2048)]
IndexPrefix = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[a-z0-9][a-z0-9-_.]+$")]
Pem = Annotated[str, Field(max_length=16384)]


@with_config(STRICT)
class DatadogTag(TypedDict, total=False):
    """A tag added to what is sent to Datadog."""

    tag: Required[Annotated[str, Field(min_length=1, max_length=200)]]
    comment: Annotated[str, Field(max_length=1024)]


class _DatadogSettings(TypedDict, total=False):
    datadog_api_key: Required[
        Annotated[SecretText, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9]{1,256}$")]
    ]
    datadog_tags: list[DatadogTag]
    disable_consumer_stats: bool
    kafka_consumer_check_instances: Annotated[int, Field(ge=1, le=100)]
    kafka_consumer_stats_timeout: Annotated[int, Field(ge=2, le=300)]
    max_partition_contexts: Annotated[int, Field(ge=200, le=200000)]


@with_config(STRICT)
class NewDatadogSettings(_DatadogSettings, total=False):
    """Settings of a new Datadog endpoint; the time-out is in seconds."""

    site: Required[DatadogSite]


@with_config(STRICT)
class DatadogSettings(_DatadogSettings, total=False):
    """New settings of a Datadog endpoint. The API key is to be given every time; the time-out is in seconds."""

    site: DatadogSite


@with_config(STRICT)
class CreateDatadogEndpoint(TypedDict, total=False):
    """Body of create-dbaas-external-endpoint-datadog."""

    settings: NewDatadogSettings


@with_config(STRICT)
class UpdateDatadogEndpoint(TypedDict, total=False):
    """Body of update-dbaas-external-endpoint-datadog."""

    settings: DatadogSettings


class _SearchSettings(TypedDict, total=False):
    ca: Pem
    index_days_max: Annotated[int, Field(ge=1, le=10000)]
    timeout: Annotated[int, Field(ge=10, le=120)]


@with_config(STRICT)
class NewSearchSettings(_SearchSettings, total=False):
    """Settings of a new Elasticsearch or OpenSearch endpoint; the time-out is in seconds."""

    url: Required[Url]
    index_prefix: Required[IndexPrefix]


@with_config(STRICT)
class SearchSettings(_SearchSettings, total=False):
    """New settings of an Elasticsearch or OpenSearch endpoint; the time-out is in seconds."""

    url: Url
    index_prefix: IndexPrefix


@with_config(STRICT)
class CreateElasticsearchEndpoint(TypedDict, total=False):
    """Body of create-dbaas-external-endpoint-elasticsearch."""

    settings: NewSearchSettings


@with_config(STRICT)
class UpdateElasticsearchEndpoint(TypedDict, total=False):
    """Body of update-dbaas-external-endpoint-elasticsearch."""

    settings: SearchSettings


@with_config(STRICT)
class CreateOpensearchEndpoint(TypedDict, total=False):
    """Body of create-dbaas-external-endpoint-opensearch."""

    settings: NewSearchSettings


@with_config(STRICT)
class UpdateOpensearchEndpoint(TypedDict, total=False):
    """Body of update-dbaas-external-endpoint-opensearch."""

    settings: SearchSettings


@with_config(STRICT)
class PrometheusSettings(TypedDict, total=False):
    """The login with which Prometheus reads the metrics."""

    basic_auth_username: Annotated[str, Field(min_length=5, max_length=32, pattern=r"^[a-z0-9\-@_]{5,32}$")]
    basic_auth_password: Annotated[SecretText, Field(min_length=8, max_length=64)]


@with_config(STRICT)
class CreatePrometheusEndpoint(TypedDict, total=False):
    """Body of create-dbaas-external-endpoint-prometheus."""

    settings: PrometheusSettings


@with_config(STRICT)
class UpdatePrometheusEndpoint(TypedDict, total=False):
    """Body of update-dbaas-external-endpoint-prometheus."""

    settings: PrometheusSettings


class _RsyslogSettings(TypedDict, total=False):
    ca: Pem
    cert: Pem
    key: Annotated[SecretText, Field(max_length=16384)]
    logline: Annotated[SecretText, Field(min_length=1, max_length=512, pattern=r"^[ -~\t]+$")]
    max_message_size: Annotated[int, Field(ge=2048, le=2147483647)]
    sd: Annotated[SecretText, Field(max_length=1024)]


Server = Annotated[str, Field(min_length=4, max_length=255)]
Port = Annotated[int, Field(ge=1, le=65535)]


@with_config(STRICT)
class NewRsyslogSettings(_RsyslogSettings, total=False):
    """Settings of a new rsyslog endpoint; ``key`` is the private key of ``cert``, both PEM."""

    format: Required[RsyslogFormat]
    port: Required[Port]
    server: Required[Server]
    tls: Required[bool]


@with_config(STRICT)
class RsyslogSettings(_RsyslogSettings, total=False):
    """New settings of an rsyslog endpoint; ``key`` is the private key of ``cert``, both PEM."""

    format: RsyslogFormat
    port: Port
    server: Server
    tls: bool


@with_config(STRICT)
class CreateRsyslogEndpoint(TypedDict, total=False):
    """Body of create-dbaas-external-endpoint-rsyslog."""

    settings: NewRsyslogSettings


@with_config(STRICT)
class UpdateRsyslogEndpoint(TypedDict, total=False):
    """Body of update-dbaas-external-endpoint-rsyslog."""

    settings: RsyslogSettings
