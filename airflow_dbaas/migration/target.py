"""A DBaaS service becomes something that a database driver can connect to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from airflow_dbaas import credentials
from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.api.redaction import Secret, is_secret
from airflow_dbaas.migration.engines import Engine
from airflow_dbaas.migration.login import DatabaseLogin

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.services import ServiceDetails


class MigrationTarget(DatabaseLogin):
    """A PostgreSQL or MySQL service with its admin's login."""

    @classmethod
    def of_service(cls, client: Client, name: str, engine: Engine) -> MigrationTarget:
        """Look up a service (get-dbaas-service-…) and its admin's password (reveal-dbaas-…-user-password).

        The password is masked in logs from then on.

        :param client: client of the API.
        :param name: name of the service.
        :param engine: what kind of service it is.
        :raises DbaasServiceError: if the service does not show how to connect to it.
        """
        target = cls.without_password(client, name, engine)
        password = Secret(
            engine.accounts(client).reveal_password(service_name=name, username=target.username).password or ""
        )
        credentials.mask(password)
        return dataclasses.replace(target, password=password)

    @classmethod
    def without_password(cls, client: Client, name: str, engine: Engine) -> MigrationTarget:
        """As ``of_service``, with an empty password: only where it is (get-dbaas-service-…)."""
        given = _address(engine.services(client).get(name))
        missing = [key for key in ("host", "port", "user") if not given.get(key)]
        if missing:
            raise DbaasServiceError(f"service {name} does not show its {', '.join(missing)} yet", retryable=True)
        user = str(given["user"])
        return cls(
            engine=engine,
            host=str(given["host"]),
            port=int(given["port"]),
            username=user,
            password=Secret(""),
            dbname=str(given.get("dbname") or "defaultdb"),
            sslmode=str(given.get(engine.tls_option) or engine.tls_demanded),
        )


def _address(service: ServiceDetails) -> dict[str, Any]:
    """How to connect to a service, without the password that may be among it."""
    return {name: value for name, value in (service.uri_params or {}).items() if not is_secret(name)}
