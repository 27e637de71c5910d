"""External endpoints: where services send their logs and metrics, by type.

A service is attached to an endpoint with attach-dbaas-service-to-endpoint.
"""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import EndpointCalls

_DATADOG = EndpointCalls("datadog")
_ELASTICSEARCH = EndpointCalls("elasticsearch")
_OPENSEARCH = EndpointCalls("opensearch")
_PROMETHEUS = EndpointCalls("prometheus")
_RSYSLOG = EndpointCalls("rsyslog")


def list_dbaas_external_endpoints() -> Call[models.ExternalEndpointList]:
    """All external endpoints of the zone, of every type: name, type and id."""
    path = "/dbaas-external-endpoints"
    return Call("list-dbaas-external-endpoints", "GET", path, models.ExternalEndpointList)


def list_dbaas_external_endpoint_types() -> Call[models.ExternalEndpointTypeList]:
    """The types of external endpoint, each with the types of service that can be attached to it."""
    path = "/dbaas-external-endpoint-types"
    return Call("list-dbaas-external-endpoint-types", "GET", path, models.ExternalEndpointTypeList)


def create_dbaas_external_endpoint_datadog(
    *, name: str, **fields: Unpack[bodies.CreateDatadogEndpoint]
) -> Call[models.Operation]:
    """Create a Datadog endpoint. Its operation refers to the endpoint's id.

    Not repeated when it is unknown whether the API acted on it: look by name and type in
    list-dbaas-external-endpoints.

    :param name: name of the endpoint, at least 1 character.
    :param fields: ``settings``, with ``datadog_api_key`` and ``site`` at least;
        see ``bodies.CreateDatadogEndpoint``.
    """
    return _DATADOG.create(name, bodies.CreateDatadogEndpoint, fields)


def get_dbaas_external_endpoint_datadog(endpoint_id: str) -> Call[models.DatadogEndpoint]:
    """A Datadog endpoint with its settings, without secrets.

    :param endpoint_id: a UUID.
    """
    return _DATADOG.get(endpoint_id, models.DatadogEndpoint)


def update_dbaas_external_endpoint_datadog(
    *, endpoint_id: str, **fields: Unpack[bodies.UpdateDatadogEndpoint]
) -> Call[models.Operation]:
    """Change the settings of a Datadog endpoint.

    :param endpoint_id: a UUID.
    :param fields: ``settings``; ``datadog_api_key`` is needed every time, see ``bodies.UpdateDatadogEndpoint``.
    """
    return _DATADOG.update(endpoint_id, bodies.UpdateDatadogEndpoint, fields)


def delete_dbaas_external_endpoint_datadog(endpoint_id: str) -> Call[models.Operation]:
    """Delete a Datadog endpoint.

    :param endpoint_id: a UUID.
    """
    return _DATADOG.delete(endpoint_id)


def create_dbaas_external_endpoint_elasticsearch(
    *, name: str, **fields: Unpack[bodies.CreateElasticsearchEndpoint]
) -> Call[models.Operation]:
    """Create an Elasticsearch endpoint. Its operation refers to the endpoint's id.

    Not repeated when it is unknown whether the API acted on it: look by name and type in
    list-dbaas-external-endpoints.

    :param name: name of the endpoint, at least 1 character.
    :param fields: ``settings``, with ``url`` and ``index_prefix`` at least;
        see ``bodies.CreateElasticsearchEndpoint``.
    """
    return _ELASTICSEARCH.create(name, bodies.CreateElasticsearchEndpoint, fields)


def get_dbaas_external_endpoint_elasticsearch(endpoint_id: str) -> Call[models.ElasticsearchEndpoint]:
    """An Elasticsearch endpoint with its settings, without secrets.

    :param endpoint_id: a UUID.
    """
    return _ELASTICSEARCH.get(endpoint_id, models.ElasticsearchEndpoint)


def update_dbaas_external_endpoint_elasticsearch(
    *, endpoint_id: str, **fields: Unpack[bodies.UpdateElasticsearchEndpoint]
) -> Call[models.Operation]:
    """Change the settings of an Elasticsearch endpoint.

    :param endpoint_id: a UUID.
    :param fields: ``settings``, see ``bodies.UpdateElasticsearchEndpoint``.
    """
    return _ELASTICSEARCH.update(endpoint_id, bodies.UpdateElasticsearchEndpoint, fields)


def delete_dbaas_external_endpoint_elasticsearch(endpoint_id: str) -> Call[models.Operation]:
    """Delete an Elasticsearch endpoint.

    :param endpoint_id: a UUID.
    """
    return _ELASTICSEARCH.delete(endpoint_id)


def create_dbaas_external_endpoint_opensearch(
    *, name: str, **fields: Unpack[bodies.CreateOpensearchEndpoint]
) -> Call[models.Operation]:
    """Create an OpenSearch endpoint. Its operation refers to the endpoint's id.

    Not repeated when it is unknown whether the API acted on it: look by name and type in
    list-dbaas-external-endpoints.

    :param name: name of the endpoint, at least 1 character.
    :param fields: ``settings``, with ``url`` and ``index_prefix`` at least;
        see ``bodies.CreateOpensearchEndpoint``.
    """
    return _OPENSEARCH.create(name, bodies.CreateOpensearchEndpoint, fields)


def get_dbaas_external_endpoint_opensearch(endpoint_id: str) -> Call[models.OpensearchEndpoint]:
    """An OpenSearch endpoint with its settings, without secrets.

    :param endpoint_id: a UUID.
    """
    return _OPENSEARCH.get(endpoint_id, models.OpensearchEndpoint)


def update_dbaas_external_endpoint_opensearch(
    *, endpoint_id: str, **fields: Unpack[bodies.UpdateOpensearchEndpoint]
) -> Call[models.Operation]:
    """Change the settings of an OpenSearch endpoint.

    :param endpoint_id: a UUID.
    :param fields: ``settings``, see ``bodies.UpdateOpensearchEndpoint``.
    """
    return _OPENSEARCH.update(endpoint_id, bodies.UpdateOpensearchEndpoint, fields)


def delete_dbaas_external_endpoint_opensearch(endpoint_id: str) -> Call[models.Operation]:
    """Delete an OpenSearch endpoint.

    :param endpoint_id: a UUID.
    """
    return _OPENSEARCH.delete(endpoint_id)


def create_dbaas_external_endpoint_prometheus(
    *, name: str, **fields: Unpack[bodies.CreatePrometheusEndpoint]
) -> Call[models.Operation]:
    """Create a Prometheus endpoint. Its operation refers to the endpoint's id.

    Not repeated when it is unknown whether the API acted on it: look by name and type in
    list-dbaas-external-endpoints.

    :param name: name of the endpoint, at least 1 character.
    :param fields: ``settings``, the login that Prometheus is to use;
        see ``bodies.CreatePrometheusEndpoint``.
    """
    return _PROMETHEUS.create(name, bodies.CreatePrometheusEndpoint, fields)


def get_dbaas_external_endpoint_prometheus(endpoint_id: str) -> Call[models.PrometheusEndpoint]:
    """A Prometheus endpoint with its settings, without secrets.

    :param endpoint_id: a UUID.
    """
    return _PROMETHEUS.get(endpoint_id, models.PrometheusEndpoint)


def update_dbaas_external_endpoint_prometheus(
    *, endpoint_id: str, **fields: Unpack[bodies.UpdatePrometheusEndpoint]
) -> Call[models.Operation]:
    """Change the settings of a Prometheus endpoint.

    :param endpoint_id: a UUID.
    :param fields: ``settings``, see ``bodies.UpdatePrometheusEndpoint``.
    """
    return _PROMETHEUS.update(endpoint_id, bodies.UpdatePrometheusEndpoint, fields)


def delete_dbaas_external_endpoint_prometheus(endpoint_id: str) -> Call[models.Operation]:
    """Delete a Prometheus endpoint.

    :param endpoint_id: a UUID.
    """
    return _PROMETHEUS.delete(endpoint_id)


def create_dbaas_external_endpoint_rsyslog(
    *, name: str, **fields: Unpack[bodies.CreateRsyslogEndpoint]
) -> Call[models.Operation]:
    """Create an rsyslog endpoint. Its operation refers to the endpoint's id.

    Not repeated when it is unknown whether the API acted on it: look by name and type in
    list-dbaas-external-endpoints.

    :param name: name of the endpoint, at least 1 character.
    :param fields: ``settings``, with ``server``, ``port``, ``tls`` and ``format`` at least;
        see ``bodies.CreateRsyslogEndpoint``.
    """
    return _RSYSLOG.create(name, bodies.CreateRsyslogEndpoint, fields)


def get_dbaas_external_endpoint_rsyslog(endpoint_id: str) -> Call[models.RsyslogEndpoint]:
    """An rsyslog endpoint with its settings, without secrets.

    :param endpoint_id: a UUID.
    """
    return _RSYSLOG.get(endpoint_id, models.RsyslogEndpoint)


def update_dbaas_external_endpoint_rsyslog(
    *, endpoint_id: str, **fields: Unpack[bodies.UpdateRsyslogEndpoint]
) -> Call[models.Operation]:
    """Change the settings of an rsyslog endpoint.

    :param endpoint_id: a UUID.
    :param fields: ``settings``, see ``bodies.UpdateRsyslogEndpoint``.
    """
    return _RSYSLOG.update(endpoint_id, bodies.UpdateRsyslogEndpoint, fields)


def delete_dbaas_external_endpoint_rsyslog(endpoint_id: str) -> Call[models.Operation]:
    """Delete an rsyslog endpoint.

    :param endpoint_id: a UUID.
    """
    return _RSYSLOG.delete(endpoint_id)
