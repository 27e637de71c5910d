"""Where secrets come in: Airflow connections. Everything read here is masked in logs at once."""

from __future__ import annotations

import json
from typing import Any

from airflow_dbaas._compat import AirflowNotFoundException, BaseHook, Connection, mask_secret
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import spellings


def mask(secret: str | None) -> None:
    """Let Airflow mask a secret in all its spellings.

    Airflow masks a connection's password as it is written there; a URL-encoded one, as in a URI, is another text.
    To be called in every process that meets the secret: a resumed task runs in a new one.
    """
    for form in spellings(secret) if secret else ():
        mask_secret(form)


def get_connection(conn_id: str, *, parameter: str) -> Connection:
    """An Airflow connection, its password masked.

    :param conn_id: id of the connection.
    :param parameter: the operator's parameter, for the error text.
    :raises DbaasConfigurationError: if there is no such connection.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise missing(conn_id, parameter=parameter) from error
    mask(connection.password)
    return connection


def extra_of(connection: Connection, where: str) -> dict[str, Any]:
    """A connection's extra. Airflow itself takes one that is no JSON for an empty one.

    :param connection: the connection.
    :param where: how to call it in an error text.
    :raises DbaasConfigurationError: if it is no JSON object. It is not quoted, for it may hold a secret.
    """
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise DbaasConfigurationError(f'{where}: extra must be a JSON object, such as {{"zone": "ch-gva-2"}}')
    return extra


def missing(conn_id: str, *, parameter: str) -> DbaasConfigurationError:
    """The error for a connection that is not defined."""
    return DbaasConfigurationError(f"{parameter}: there is no Airflow connection {conn_id!r}")
