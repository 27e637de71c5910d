"""A DBaaS service becomes something that a database driver can connect to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dbaas import credentials
from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.engines import Engine
from airflow_dbaas.logins import DatabaseLogin

if TYPE_CHECKING:
    from airflow_dbaas.api import Client


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
        given = engine.services(client).get(name).uri_params or {}
        missing = [key for key in ("host", "port", "user") if not given.get(key)]
        if missing:
            raise DbaasServiceError(f"service {name} does not show its {', '.join(missing)} yet", retryable=True)
        user = str(given["user"])
        password = engine.accounts(client).reveal_password(service_name=name, username=user).password
        credentials.mask(password)
        return cls(
            engine=engine,
            host=str(given["host"]),
            port=int(given["port"]),
            username=user,
            password=password or "",
            dbname=str(given.get("dbname") or "defaultdb"),
            sslmode=str(given.get(engine.tls_option) or engine.tls_demanded),
        )
