"""Databases and users inside PostgreSQL and MySQL services.

An empty list of either in a service's answer means that the service is not ready yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import USERNAME_LENGTH, Call, segment
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.api.retries import Resend

_POSTGRES = "dbaas-postgres"
_MYSQL = "dbaas-mysql"


def create_dbaas_pg_database(
    *, service_name: str, database_name: str, lc_collate: str | None = None, lc_ctype: str | None = None
) -> Call[models.Operation]:
    """Create a database in a PostgreSQL service.

    Not repeated when it is unknown whether the API acted on it: look in the ``databases`` of get-dbaas-service-pg.

    :param service_name: service name, 1 to 63 characters.
    :param database_name: 1 to 40 characters.
    :param lc_collate: sort order of texts (``LC_COLLATE``), at most 128 characters.
    :param lc_ctype: classes of characters (``LC_CTYPE``), at most 128 characters.
    """
    fields = {"database_name": database_name, "lc_collate": lc_collate, "lc_ctype": lc_ctype}
    path = _path(_POSTGRES, service_name, "database")
    return _create(service_name, "create-dbaas-pg-database", path, bodies.CreatePgDatabase, fields)


def delete_dbaas_pg_database(*, service_name: str, database_name: str) -> Call[models.Operation]:
    """Delete a database of a PostgreSQL service, with all its data.

    :param service_name: service name, 1 to 63 characters.
    :param database_name: 1 to 63 characters.
    """
    path = f"{_path(_POSTGRES, service_name, 'database')}/{segment('database_name', database_name)}"
    return Call("delete-dbaas-pg-database", "DELETE", path, models.Operation, services=(service_name,))


def create_dbaas_mysql_database(*, service_name: str, database_name: str) -> Call[models.Operation]:
    """Create a database in a MySQL service.

    Not repeated when it is unknown whether the API acted on it: look in the ``databases`` of get-dbaas-service-mysql.

    :param service_name: service name, 1 to 63 characters.
    :param database_name: 1 to 40 characters.
    """
    path = _path(_MYSQL, service_name, "database")
    fields = {"database_name": database_name}
    return _create(service_name, "create-dbaas-mysql-database", path, bodies.CreateMysqlDatabase, fields)


def delete_dbaas_mysql_database(*, service_name: str, database_name: str) -> Call[models.Operation]:
    """Delete a database of a MySQL service, with all its data.

    :param service_name: service name, 1 to 63 characters.
    :param database_name: 1 to 64 characters.
    """
    path = f"{_path(_MYSQL, service_name, 'database')}/{segment('database_name', database_name, longest=64)}"
    return Call("delete-dbaas-mysql-database", "DELETE", path, models.Operation, services=(service_name,))


def create_dbaas_postgres_user(
    *, service_name: str, username: str, allow_replication: bool | None = None
) -> Call[models.Operation]:
    """Create a user of a PostgreSQL service; its password is made by the service, see the reveal call.

    Not repeated when it is unknown whether the API acted on it: look in the ``users`` of get-dbaas-service-pg.

    :param service_name: service name, 1 to 63 characters.
    :param username: 1 to 64 characters.
    :param allow_replication: whether the user may replicate.
    """
    fields = {"username": username, "allow_replication": allow_replication}
    path = _path(_POSTGRES, service_name, "user")
    return _create(service_name, "create-dbaas-postgres-user", path, bodies.CreatePostgresUser, fields)


def delete_dbaas_postgres_user(*, service_name: str, username: str) -> Call[models.Operation]:
    """Delete a user of a PostgreSQL service.

    :param service_name: service name, 1 to 63 characters.
    :param username: 1 to 64 characters.
    """
    path = _user_path(_POSTGRES, service_name, username)
    return Call("delete-dbaas-postgres-user", "DELETE", path, models.Operation, services=(service_name,))


def create_dbaas_mysql_user(
    *, service_name: str, username: str, authentication: bodies.MysqlAuthentication | None = None
) -> Call[models.Operation]:
    """Create a user of a MySQL service; its password is made by the service, see the reveal call.

    Not repeated when it is unknown whether the API acted on it: look in the ``users`` of get-dbaas-service-mysql.

    :param service_name: service name, 1 to 63 characters.
    :param username: 1 to 64 characters.
    :param authentication: ``caching_sha2_password`` or ``mysql_native_password``.
    """
    fields = {"username": username, "authentication": authentication}
    path = _path(_MYSQL, service_name, "user")
    return _create(service_name, "create-dbaas-mysql-user", path, bodies.CreateMysqlUser, fields)


def delete_dbaas_mysql_user(*, service_name: str, username: str) -> Call[models.Operation]:
    """Delete a user of a MySQL service.

    :param service_name: service name, 1 to 63 characters.
    :param username: 1 to 64 characters.
    """
    path = _user_path(_MYSQL, service_name, username)
    return Call("delete-dbaas-mysql-user", "DELETE", path, models.Operation, services=(service_name,))


def reveal_dbaas_postgres_user_password(*, service_name: str, username: str) -> Call[models.UserSecrets]:
    """The password of a PostgreSQL user.

    :param service_name: service name, 1 to 63 characters.
    :param username: account name, 1 to 64 characters; the admin is ``avnadmin`` unless chosen otherwise.
    """
    path = f"{_user_path(_POSTGRES, service_name, username)}/password/reveal"
    return Call("reveal-dbaas-postgres-user-password", "GET", path, models.UserSecrets, services=(service_name,))


def reveal_dbaas_mysql_user_password(*, service_name: str, username: str) -> Call[models.UserSecrets]:
    """The password of a MySQL user.

    :param service_name: service name, 1 to 63 characters.
    :param username: account name, 1 to 64 characters; the admin is ``avnadmin`` unless chosen otherwise.
    """
    path = f"{_user_path(_MYSQL, service_name, username)}/password/reveal"
    return Call("reveal-dbaas-mysql-user-password", "GET", path, models.UserSecrets, services=(service_name,))


def reset_dbaas_postgres_user_password(
    *, service_name: str, username: str, password: str | Secret | None = None
) -> Call[models.Operation]:
    """Give a PostgreSQL user a new password.

    Without ``password`` it is not repeated when it is unknown whether the API acted on it: the reveal call shows the
    password that holds.

    :param service_name: service name, 1 to 63 characters.
    :param username: account name, 1 to 64 characters.
    :param password: 8 to 256 characters; the service makes one if not given.
    """
    path = _user_path(_POSTGRES, service_name, username)
    fields = {"password": password}
    return _reset(service_name, "reset-dbaas-postgres-user-password", path, bodies.ResetPostgresUserPassword, fields)


def reset_dbaas_mysql_user_password(
    *,
    service_name: str,
    username: str,
    password: str | Secret | None = None,
    authentication: bodies.MysqlAuthentication | None = None,
) -> Call[models.Operation]:
    """Give a MySQL user a new password.

    Without ``password`` it is not repeated when it is unknown whether the API acted on it: the reveal call shows the
    password that holds.

    :param service_name: service name, 1 to 63 characters.
    :param username: account name, 1 to 64 characters.
    :param password: 8 to 256 ASCII letters, digits and ``!#%^*_+={}()<>|.,;~?-``; the service makes one if not given.
    :param authentication: ``caching_sha2_password`` or ``mysql_native_password``.
    """
    path = _user_path(_MYSQL, service_name, username)
    fields = {"password": password, "authentication": authentication}
    return _reset(service_name, "reset-dbaas-mysql-user-password", path, bodies.ResetMysqlUserPassword, fields)


def _path(root: str, service_name: str, what: str) -> str:
    return f"/{root}/{segment('service_name', service_name)}/{what}"


def _user_path(root: str, service_name: str, username: str) -> str:
    return f"{_path(root, service_name, 'user')}/{segment('username', username, longest=USERNAME_LENGTH)}"


def _create(
    service: str, operation: str, path: str, kind: type, fields: Mapping[str, object]
) -> Call[models.Operation]:
    body = bodies.encode(operation, kind, fields)
    return Call(operation, "POST", path, models.Operation, body, Resend.IF_UNPROCESSED, (service,))


def _reset(
    service: str, operation: str, user_path: str, kind: type, fields: Mapping[str, object]
) -> Call[models.Operation]:
    body = bodies.encode(operation, kind, fields)
    # Each reset without a password makes another one.
    resend = Resend.IF_UNPROCESSED if fields["password"] is None else Resend.ALWAYS
    return Call(operation, "PUT", f"{user_path}/password/reset", models.Operation, body, resend, (service,))
