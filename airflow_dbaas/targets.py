"""A DBaaS service becomes something that a database driver can connect to."""

from __future__ import annotations

from airflow_dbaas import credentials
from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.logins import DatabaseLogin


class MigrationTarget(DatabaseLogin):
    """A PostgreSQL service with its admin's login."""

    @classmethod
    def of_service(cls, client: Client, name: str) -> MigrationTarget:
        """Look up a service (get-dbaas-service-pg) and its admin's password (reveal-dbaas-postgres-user-password).

        The password is masked in logs from then on.

        :param client: client of the API.
        :param name: name of the service.
        :raises DbaasServiceError: if the service does not show how to connect to it.
        """
        given = client.get_dbaas_service_pg(name).uri_params or {}
        missing = [key for key in ("host", "port", "user") if not given.get(key)]
        if missing:
            raise DbaasServiceError(f"service {name} does not show its {', '.join(missing)} yet", retryable=True)
        user = str(given["user"])
        password = client.reveal_dbaas_postgres_user_password(service_name=name, username=user).password
        credentials.mask(password)
        return cls(
            host=str(given["host"]),
            port=int(given["port"]),
            username=user,
            password=password or "",
            dbname=str(given.get("dbname") or "defaultdb"),
            sslmode=str(given.get("sslmode") or "require"),
        )
