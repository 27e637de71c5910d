"""External endpoints, where services send their logs and metrics, and the services attached to them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, Literal, Required, TypeVar

from pydantic import Field, with_config
from typing_extensions import TypedDict, Unpack

from airflow_dbaas.api.answer import Answer, Items, Needed
from airflow_dbaas.api.body import STRICT
from airflow_dbaas.api.calls import choice, identifier, segment
from airflow_dbaas.api.fields import SecretText
from airflow_dbaas.api.operation import ClientT, Request, Resource, delete, get, operation, post, put
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.parameters import ENDPOINT_TYPES, EndpointType, Uuid
from airflow_dbaas.api.retries import Resend

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
    """New settings of a Datadog endpoint. The API key is required every time; the timeout is in seconds."""

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


@with_config(STRICT)
class AttachService(TypedDict):
    """Body of attach-dbaas-service-to-endpoint."""

    dest_endpoint_id: Uuid
    type: EndpointType


@with_config(STRICT)
class DetachService(TypedDict):
    """Body of detach-dbaas-service-from-endpoint."""

    integration_id: Uuid


@with_config(STRICT)
class NewDatadogIntegrationSettings(TypedDict, total=False):
    """What a service sends to Datadog."""

    datadog_dbm_enabled: bool
    datadog_pgbouncer_enabled: bool


@with_config(STRICT)
class UpdateDatadogIntegration(TypedDict, total=False):
    """Body of update-dbaas-external-integration-settings-datadog."""

    settings: NewDatadogIntegrationSettings


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


class DatadogTagShown(Answer):
    """A tag added to what is sent to Datadog."""

    tag: str | None = None
    comment: str | None = None


class DatadogEndpointSettings(Answer):
    """Settings of a Datadog endpoint; the time-out is in seconds."""

    site: str | None = None
    datadog_tags: Items[DatadogTagShown] = []
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
    """Settings of an rsyslog endpoint; the maximum size of a message is in bytes."""

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


class ExternalIntegration(Answer):
    """A service attached to an external endpoint; ``type`` is that of the endpoint."""

    integration_id: Needed[str | None] = None
    type: str | None = None
    description: str | None = None
    status: Needed[str | None] = None
    source_service_name: str | None = None
    source_service_type: str | None = None
    dest_endpoint_id: Needed[str | None] = None
    dest_endpoint_name: str | None = None

    @property
    def named_services(self) -> tuple[str | None, ...]:
        return (self.source_service_name,)


class ExternalIntegrationList(Answer):
    """Answer of list-dbaas-external-integrations."""

    external_integrations: Needed[Items[ExternalIntegration]] = []

    def with_endpoint(self, endpoint_id: str) -> ExternalIntegration | None:
        """The integration with the endpoint of that id, if there is one."""
        return next((found for found in self.external_integrations if found.dest_endpoint_id == endpoint_id), None)


class DatadogIntegrationFlags(Answer):
    """What a service sends to Datadog."""

    datadog_dbm_enabled: bool | None = None
    datadog_pgbouncer_enabled: bool | None = None


class DatadogIntegrationSettings(Answer):
    """Answer of get-dbaas-external-integration-settings-datadog."""

    settings: DatadogIntegrationFlags | None = None


EndpointT = TypeVar("EndpointT", bound=ExternalEndpoint)


class EndpointsOfType(Resource[ClientT], Generic[ClientT, EndpointT]):
    """External endpoints of one type."""

    endpoint_type: ClassVar[str]
    answer: ClassVar[type[Any]]

    @classmethod
    def _path(cls, endpoint_id: str) -> str:
        return f"/dbaas-external-endpoint-{cls.endpoint_type}/{identifier('endpoint_id', endpoint_id)}"

    @classmethod
    def _create(cls, name: str, body: type, fields: Mapping[str, object]) -> Request[Operation]:
        path = f"/dbaas-external-endpoint-{cls.endpoint_type}/{segment('name', name, longest=None)}"
        return post(path, Operation, body, fields, resend=Resend.IF_UNPROCESSED)

    @operation("get-dbaas-external-endpoint-{self.endpoint_type}")
    def get(self, endpoint_id: str) -> Request[EndpointT]:
        """An endpoint with its settings, without secrets.

        :param endpoint_id: a UUID.
        """
        return get(self._path(endpoint_id), self.answer)

    @operation("delete-dbaas-external-endpoint-{self.endpoint_type}")
    def delete(self, endpoint_id: str) -> Request[Operation]:
        """Delete an endpoint.

        :param endpoint_id: a UUID.
        """
        return delete(self._path(endpoint_id), Operation)


class DatadogEndpoints(EndpointsOfType[ClientT, DatadogEndpoint]):
    """``client.external_endpoints.datadog``: Datadog endpoints."""

    endpoint_type = "datadog"
    answer = DatadogEndpoint

    @operation("create-dbaas-external-endpoint-datadog")
    def create(self, *, name: str, **fields: Unpack[CreateDatadogEndpoint]) -> Request[Operation]:
        """Create a Datadog endpoint. Its operation refers to the endpoint's id.

        Not repeated if the API may have acted on it: look by name and type in list-dbaas-external-endpoints.

        :param name: name of the endpoint, at least 1 character.
        :param fields: ``settings``, with ``datadog_api_key`` and ``site`` at least; see ``CreateDatadogEndpoint``.
        """
        return self._create(name, CreateDatadogEndpoint, fields)

    @operation("update-dbaas-external-endpoint-datadog")
    def update(self, *, endpoint_id: str, **fields: Unpack[UpdateDatadogEndpoint]) -> Request[Operation]:
        """Change the settings of a Datadog endpoint.

        :param endpoint_id: a UUID.
        :param fields: ``settings``, ``datadog_api_key`` every time; see ``UpdateDatadogEndpoint``.
        """
        return put(self._path(endpoint_id), Operation, UpdateDatadogEndpoint, fields)


class ElasticsearchEndpoints(EndpointsOfType[ClientT, ElasticsearchEndpoint]):
    """``client.external_endpoints.elasticsearch``: Elasticsearch endpoints."""

    endpoint_type = "elasticsearch"
    answer = ElasticsearchEndpoint

    @operation("create-dbaas-external-endpoint-elasticsearch")
    def create(self, *, name: str, **fields: Unpack[CreateElasticsearchEndpoint]) -> Request[Operation]:
        """Create an Elasticsearch endpoint. Its operation refers to the endpoint's id.

        Not repeated if the API may have acted on it: look by name and type in list-dbaas-external-endpoints.

        :param name: name of the endpoint, at least 1 character.
        :param fields: ``settings``, with ``url`` and ``index_prefix`` at least; see ``CreateElasticsearchEndpoint``.
        """
        return self._create(name, CreateElasticsearchEndpoint, fields)

    @operation("update-dbaas-external-endpoint-elasticsearch")
    def update(self, *, endpoint_id: str, **fields: Unpack[UpdateElasticsearchEndpoint]) -> Request[Operation]:
        """Change the settings of an Elasticsearch endpoint.

        :param endpoint_id: a UUID.
        :param fields: ``settings``; see ``UpdateElasticsearchEndpoint``.
        """
        return put(self._path(endpoint_id), Operation, UpdateElasticsearchEndpoint, fields)


class OpensearchEndpoints(EndpointsOfType[ClientT, OpensearchEndpoint]):
    """``client.external_endpoints.opensearch``: OpenSearch endpoints."""

    endpoint_type = "opensearch"
    answer = OpensearchEndpoint

    @operation("create-dbaas-external-endpoint-opensearch")
    def create(self, *, name: str, **fields: Unpack[CreateOpensearchEndpoint]) -> Request[Operation]:
        """Create an OpenSearch endpoint. Its operation refers to the endpoint's id.

        Not repeated if the API may have acted on it: look by name and type in list-dbaas-external-endpoints.

        :param name: name of the endpoint, at least 1 character.
        :param fields: ``settings``, with ``url`` and ``index_prefix`` at least; see ``CreateOpensearchEndpoint``.
        """
        return self._create(name, CreateOpensearchEndpoint, fields)

    @operation("update-dbaas-external-endpoint-opensearch")
    def update(self, *, endpoint_id: str, **fields: Unpack[UpdateOpensearchEndpoint]) -> Request[Operation]:
        """Change the settings of an OpenSearch endpoint.

        :param endpoint_id: a UUID.
        :param fields: ``settings``; see ``UpdateOpensearchEndpoint``.
        """
        return put(self._path(endpoint_id), Operation, UpdateOpensearchEndpoint, fields)


class PrometheusEndpoints(EndpointsOfType[ClientT, PrometheusEndpoint]):
    """``client.external_endpoints.prometheus``: Prometheus endpoints."""

    endpoint_type = "prometheus"
    answer = PrometheusEndpoint

    @operation("create-dbaas-external-endpoint-prometheus")
    def create(self, *, name: str, **fields: Unpack[CreatePrometheusEndpoint]) -> Request[Operation]:
        """Create a Prometheus endpoint. Its operation refers to the endpoint's id.

        Not repeated if the API may have acted on it: look by name and type in list-dbaas-external-endpoints.

        :param name: name of the endpoint, at least 1 character.
        :param fields: ``settings``, the login that Prometheus uses; see ``CreatePrometheusEndpoint``.
        """
        return self._create(name, CreatePrometheusEndpoint, fields)

    @operation("update-dbaas-external-endpoint-prometheus")
    def update(self, *, endpoint_id: str, **fields: Unpack[UpdatePrometheusEndpoint]) -> Request[Operation]:
        """Change the settings of a Prometheus endpoint.

        :param endpoint_id: a UUID.
        :param fields: ``settings``; see ``UpdatePrometheusEndpoint``.
        """
        return put(self._path(endpoint_id), Operation, UpdatePrometheusEndpoint, fields)


class RsyslogEndpoints(EndpointsOfType[ClientT, RsyslogEndpoint]):
    """``client.external_endpoints.rsyslog``: rsyslog endpoints."""

    endpoint_type = "rsyslog"
    answer = RsyslogEndpoint

    @operation("create-dbaas-external-endpoint-rsyslog")
    def create(self, *, name: str, **fields: Unpack[CreateRsyslogEndpoint]) -> Request[Operation]:
        """Create an rsyslog endpoint. Its operation refers to the endpoint's id.

        Not repeated if the API may have acted on it: look by name and type in list-dbaas-external-endpoints.

        :param name: name of the endpoint, at least 1 character.
        :param fields: ``settings``, with ``server``, ``port``, ``tls`` and ``format`` at least; see
            ``CreateRsyslogEndpoint``.
        """
        return self._create(name, CreateRsyslogEndpoint, fields)

    @operation("update-dbaas-external-endpoint-rsyslog")
    def update(self, *, endpoint_id: str, **fields: Unpack[UpdateRsyslogEndpoint]) -> Request[Operation]:
        """Change the settings of an rsyslog endpoint.

        :param endpoint_id: a UUID.
        :param fields: ``settings``; see ``UpdateRsyslogEndpoint``.
        """
        return put(self._path(endpoint_id), Operation, UpdateRsyslogEndpoint, fields)


class ExternalEndpoints(Resource[ClientT]):
    """``client.external_endpoints``: external endpoints by type, and the services attached to them."""

    def of_type(self, endpoint_type: str) -> Any:
        """The endpoints of one type.

        :param endpoint_type: ``datadog``, ``elasticsearch``, ``opensearch``, ``prometheus`` or ``rsyslog``.
        """
        return getattr(self, choice("endpoint_type", endpoint_type, ENDPOINT_TYPES))

    @cached_property
    def datadog(self) -> DatadogEndpoints[ClientT]:
        """Datadog endpoints."""
        return DatadogEndpoints(self._client)

    @cached_property
    def elasticsearch(self) -> ElasticsearchEndpoints[ClientT]:
        """Elasticsearch endpoints."""
        return ElasticsearchEndpoints(self._client)

    @cached_property
    def opensearch(self) -> OpensearchEndpoints[ClientT]:
        """OpenSearch endpoints."""
        return OpensearchEndpoints(self._client)

    @cached_property
    def prometheus(self) -> PrometheusEndpoints[ClientT]:
        """Prometheus endpoints."""
        return PrometheusEndpoints(self._client)

    @cached_property
    def rsyslog(self) -> RsyslogEndpoints[ClientT]:
        """rsyslog endpoints."""
        return RsyslogEndpoints(self._client)

    @operation("list-dbaas-external-endpoints")
    def list(self) -> Request[ExternalEndpointList]:
        """All external endpoints of the zone, of every type: name, type and id."""
        return get("/dbaas-external-endpoints", ExternalEndpointList)

    @operation("list-dbaas-external-endpoint-types")
    def list_types(self) -> Request[ExternalEndpointTypeList]:
        """The types of external endpoint, each with the types of service that can be attached to it."""
        return get("/dbaas-external-endpoint-types", ExternalEndpointTypeList)

    @operation("attach-dbaas-service-to-endpoint", services=("source_service_name",))
    def attach(self, *, source_service_name: str, dest_endpoint_id: str, type: EndpointType) -> Request[Operation]:
        """Attach a service to an external endpoint. The operation refers to the integration's id.

        Not repeated if the API may have acted on it: look by endpoint in list-dbaas-external-integrations.

        :param source_service_name: service name, 1 to 63 characters.
        :param dest_endpoint_id: id of the endpoint, a UUID.
        :param type: type of the endpoint: ``datadog``, ``elasticsearch``, ``opensearch``, ``prometheus`` or
            ``rsyslog``.
        """
        path = f"/dbaas-external-endpoint/{segment('source_service_name', source_service_name)}/attach"
        fields = {"dest_endpoint_id": dest_endpoint_id, "type": type}
        return put(path, Operation, AttachService, fields, resend=Resend.IF_UNPROCESSED)

    @operation("detach-dbaas-service-from-endpoint", services=("source_service_name",))
    def detach(self, *, source_service_name: str, integration_id: str) -> Request[Operation]:
        """Detach a service from an external endpoint.

        :param source_service_name: service name, 1 to 63 characters.
        :param integration_id: id of the integration, a UUID; see list-dbaas-external-integrations.
        """
        path = f"/dbaas-external-endpoint/{segment('source_service_name', source_service_name)}/detach"
        return put(path, Operation, DetachService, {"integration_id": integration_id})

    @operation("list-dbaas-external-integrations", services=("service_name",))
    def list_integrations(self, service_name: str) -> Request[ExternalIntegrationList]:
        """The integrations of a service with external endpoints.

        :param service_name: service name, 1 to 63 characters.
        """
        return get(f"/dbaas-external-integrations/{segment('service_name', service_name)}", ExternalIntegrationList)

    @operation("get-dbaas-external-integration")
    def get_integration(self, integration_id: str) -> Request[ExternalIntegration]:
        """An integration of a service with an external endpoint.

        :param integration_id: a UUID.
        """
        return get(f"/dbaas-external-integration/{identifier('integration_id', integration_id)}", ExternalIntegration)

    @operation("get-dbaas-external-integration-settings-datadog")
    def get_datadog_settings(self, integration_id: str) -> Request[DatadogIntegrationSettings]:
        """What Datadog gets of a service that is attached to it.

        :param integration_id: a UUID.
        """
        return get(_datadog_path(integration_id), DatadogIntegrationSettings)

    @operation("update-dbaas-external-integration-settings-datadog")
    def update_datadog_settings(
        self, *, integration_id: str, settings: NewDatadogIntegrationSettings | None = None
    ) -> Request[Operation]:
        """Change what Datadog gets of a service that is attached to it.

        :param integration_id: a UUID.
        :param settings: ``datadog_dbm_enabled`` and ``datadog_pgbouncer_enabled``.
        """
        # A POST, but it states the settings as a whole: sending it twice changes nothing more.
        return post(_datadog_path(integration_id), Operation, UpdateDatadogIntegration, {"settings": settings})


def _datadog_path(integration_id: str) -> str:
    return f"/dbaas-external-integration-settings-datadog/{identifier('integration_id', integration_id)}"
