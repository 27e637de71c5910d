"""An Airflow connection becomes the settings of an external endpoint that are secret, or accompany a secret.

========================= ====================================================================================
type of the endpoint      from the connection
========================= ====================================================================================
datadog                   password → ``datadog_api_key``
elasticsearch, opensearch schema (``https`` unless it is ``http``), host, port, login and password → ``url``;
                          extra ``ca``
prometheus                login → ``basic_auth_username``, password → ``basic_auth_password``
rsyslog                   host → ``server``, port → ``port``; extra ``ca``, ``cert``; ``secret_key`` → ``key``,
                          ``secret_logline`` → ``logline``, ``secret_sd`` → ``sd``
========================= ====================================================================================

The last three are also accepted without ``secret_``, but Airflow shows those to everyone who may view connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from airflow_dbaas import credentials, validation
from airflow_dbaas.api.addresses import bracketed
from airflow_dbaas.api.conversions import as_text, is_nothing
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import Secret, is_secret, redact
from airflow_dbaas.credentials import ConnectionData

Part = Callable[[ConnectionData], Any]

_WHERE = "secrets_conn_id: connection {!r}"


def _field(name: str) -> Part:
    return lambda connection: getattr(connection, name)


def _extra(name: str) -> Part:
    return lambda connection: credentials.extra_of(connection, _WHERE.format(connection.conn_id)).get(name)


def _secret_extra(name: str) -> Part:
    # Airflow's UI and API mask these names.
    hidden, shown = _extra(f"secret_{name}"), _extra(name)
    return lambda connection: value if (value := hidden(connection)) is not None else shown(connection)


def _url(connection: ConnectionData) -> str | None:
    host = connection.host
    if not host:
        return None
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = "http" if connection.schema == "http" else "https", host
    login = ""
    if connection.login:
        password = f":{quote(connection.password.reveal(), safe='')}" if connection.password else ""
        login = f"{quote(connection.login, safe='')}{password}@"
    address, slash, path = rest.partition("/")
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{login}{bracketed(address)}{port}{slash}{path}"


_SEARCH: dict[str, Part] = {"url": _url, "ca": _extra("ca")}

#: By type of endpoint: the properties that come from the connection, and from which part of it.
FROM_CONNECTION: dict[str, dict[str, Part]] = {
    "datadog": {"datadog_api_key": _field("password")},
    "elasticsearch": _SEARCH,
    "opensearch": _SEARCH,
    "prometheus": {"basic_auth_username": _field("login"), "basic_auth_password": _field("password")},
    "rsyslog": {
        "server": _field("host"),
        "port": _field("port"),
        "ca": _extra("ca"),
        "cert": _extra("cert"),
        "key": _secret_extra("key"),
        "logline": _secret_extra("logline"),
        "sd": _secret_extra("sd"),
    },
}

#: Where a secret belongs, for error texts.
_PLACES = {
    "datadog_api_key": "the password",
    "basic_auth_password": "the password",
    "key": "the extra, as 'secret_key',",
    "logline": "the extra, as 'secret_logline',",
    "sd": "the extra, as 'secret_sd',",
    "url": "login and password (with host, port and schema)",
}


def check_no_secrets(parameter: str, value: Any) -> dict[str, Any] | None:
    """Refuse settings of an endpoint that are not a mapping, or that contain a secret.

    :param parameter: the operator's parameter, for the error text.
    :param value: the settings, their names in snake or kebab case; None is as good as none.
    :raises DbaasConfigurationError: naming the property and where it belongs.
    """
    if is_nothing(value):
        return None
    settings = validation.mapping(parameter, value)
    for name, content in settings.items():
        # A URL is secret if it contains a login.
        if is_secret(name) or (name == "url" and "@" in str(content)):
            place = _PLACES.get(_snake(name), "a field")
            raise DbaasConfigurationError(
                f"{parameter}: {name} must not be given here, it holds a secret; "
                f"it belongs into {place} of the connection secrets_conn_id"
            )
    return settings


def endpoint_settings(
    endpoint_type: str, settings: dict[str, Any] | None, secrets_conn_id: str | None
) -> dict[str, Any]:
    """All settings of an endpoint: those given, and what else its type takes from the connection.

    Secrets from the connection are of type ``Secret`` and masked in logs from then on.

    :param endpoint_type: ``datadog``, ``elasticsearch``, ``opensearch``, ``prometheus`` or ``rsyslog``.
    :param settings: settings without secrets; they count where the connection has the same.
    :param secrets_conn_id: id of the Airflow connection; None or empty for none.
    :returns: settings by snake-case name.
    :raises DbaasConfigurationError: if there is no such connection, or is missing for a Datadog endpoint.
    """
    given = {_snake(name): value for name, value in (settings or {}).items()}
    if not secrets_conn_id:
        if endpoint_type == "datadog":
            raise DbaasConfigurationError(
                "secrets_conn_id is needed for a datadog endpoint: the password of that connection is the API key"
            )
        return given
    connection = credentials.get_connection(secrets_conn_id, parameter="secrets_conn_id")
    found = {name: _hidden(name, part(connection)) for name, part in FROM_CONNECTION[endpoint_type].items()}
    for value in found.values():
        if isinstance(value, Secret):
            credentials.mask(value)
    return {name: value for name, value in found.items() if value is not None} | given


def _hidden(name: str, value: Any) -> Any:
    """A value from a connection; as a ``Secret`` if it is one by its name, or holds one as a URL may."""
    if is_secret(name):
        # Without quotes, a token of digits is a number in JSON.
        value = as_text(value)
    secret = isinstance(value, str) and value and (is_secret(name) or redact(value) != value)
    return Secret(value) if secret else value


def _snake(name: object) -> str:
    return str(name).replace("-", "_")
