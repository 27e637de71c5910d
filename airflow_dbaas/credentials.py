"""Where secrets come in: Airflow connections. Everything read here is masked in logs at once."""

from __future__ import annotations

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


def missing(conn_id: str, *, parameter: str) -> DbaasConfigurationError:
    """The error for a connection that is not defined."""
    return DbaasConfigurationError(f"{parameter}: there is no Airflow connection {conn_id!r}")
