"""Where secrets come in: Airflow connections. Everything read here is masked in logs at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from typing import Any

from airflow_dbaas._compat import AirflowNotFoundException, BaseHook, Connection, mask_secret
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import Secret, spellings


# No dataclass's ``repr``, for a URL as host may hold a password as well; and not Airflow's own class: that of Airflow 3
# shows the password in its ``repr``.
@dataclass(frozen=True, slots=True, repr=False)
class ConnectionData:
    """The fields of an Airflow connection, safe to keep in a local variable."""

    conn_id: str
    conn_type: str | None
    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: Secret | None
    extra: Secret | None

    @classmethod
    def of(cls, connection: Connection | ConnectionData) -> ConnectionData:
        """The content of an Airflow connection."""
        if isinstance(connection, ConnectionData):
            return connection
        return cls(
            conn_id=connection.conn_id,
            conn_type=connection.conn_type,
            host=connection.host,
            port=connection.port,
            schema=connection.schema,
            login=connection.login,
            password=Secret(connection.password) if connection.password else None,
            extra=Secret(connection.extra) if connection.extra else None,
        )

    def __repr__(self) -> str:
        return f"<connection {self.conn_id!r}>"


class Extra:
    """The extra of a connection, with the methods of a mapping. It is not a mapping, because error trackers send the
    content of those."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get(self, name: str, default: Any = None) -> Any:
        """The value under a name."""
        return self._values.get(name, default)

    def nested(self, name: str) -> Extra | None:
        """The mapping under a name, also if it is written as JSON, as Airflow's hooks accept it; empty if there is
        none, and None if the value is not a mapping.
        """
        value = self._values.get(name)
        return Extra.read(value) if isinstance(value, str) else Extra.over({} if value is None else value)

    @classmethod
    def read(cls, text: str) -> Extra | None:
        """The JSON object that ``text`` is; None if it is not one."""
        try:
            return cls.over(json.loads(text))
        except ValueError:
            return None

    @classmethod
    def over(cls, values: object) -> Extra | None:
        """``values``, if they are a mapping."""
        return cls(values) if isinstance(values, dict) else None

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __repr__(self) -> str:
        return f"<extra {', '.join(self._values)}>"


def mask(secret: str | Secret | None) -> None:
    """Let Airflow mask a secret in all its spellings.

    Airflow only masks the password as written in the connection, but not its URL-encoded form, as in a URI. Call this
    in every process that reads the secret: a resumed task runs in a new one.
    """
    for form in spellings(secret) if secret else ():
        mask_secret(form)


def get_connection(conn_id: str, *, parameter: str) -> ConnectionData:
    """An Airflow connection, its password masked.

    :param conn_id: id of the connection.
    :param parameter: the operator's parameter, for the error text.
    :raises DbaasConfigurationError: if there is no such connection.
    """
    try:
        connection = ConnectionData.of(BaseHook.get_connection(conn_id))
    except AirflowNotFoundException as error:
        raise missing(conn_id, parameter=parameter) from error
    mask(connection.password)
    return connection


def extra_of(connection: ConnectionData, where: str) -> Extra:
    """The extra of a connection. Airflow treats an extra that is not JSON as empty.

    :param connection: the connection.
    :param where: how to call it in an error text.
    :raises DbaasConfigurationError: if it is not a JSON object. It is not quoted, for it may hold a secret.
    """
    extra = Extra.read(connection.extra.reveal() if connection.extra else "{}")
    if extra is None:
        raise DbaasConfigurationError(f'{where}: extra must be a JSON object, such as {{"zone": "ch-gva-2"}}')
    return extra


def missing(conn_id: str, *, parameter: str) -> DbaasConfigurationError:
    """The error for a connection that is not defined."""
    return DbaasConfigurationError(f"{parameter}: there is no Airflow connection {conn_id!r}")
