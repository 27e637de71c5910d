"""Databases and users inside PostgreSQL and MySQL services.

An empty list of either in a service's answer means that the service is not ready yet.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.answer import Answer, Needed
from airflow_dbaas.api.body import STRICT
from airflow_dbaas.api.calls import NAME_LENGTH, USERNAME_LENGTH, segment
from airflow_dbaas.api.fields import MysqlAuthentication, MysqlPassword, SecretText, Username
from airflow_dbaas.api.operation import ClientT, Request, Resource, delete, get, operation, post, put
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.api.retries import Resend

DatabaseName = Annotated[str, Field(min_length=1, max_length=40)]


@with_config(STRICT)
class CreatePgDatabase(TypedDict, total=False):
    """Body of create-dbaas-pg-database."""

    database_name: Required[DatabaseName]
    lc_collate: Annotated[str, Field(max_length=128)]
    lc_ctype: Annotated[str, Field(max_length=128)]


@with_config(STRICT)
class CreateMysqlDatabase(TypedDict):
    """Body of create-dbaas-mysql-database."""

    database_name: DatabaseName


@with_config(STRICT)
class CreatePostgresUser(TypedDict, total=False):
    """Body of create-dbaas-postgres-user."""

    username: Required[Username]
    allow_replication: bool


@with_config(STRICT)
class CreateMysqlUser(TypedDict, total=False):
    """Body of create-dbaas-mysql-user."""

    username: Required[Username]
    authentication: MysqlAuthentication


@with_config(STRICT)
class ResetPostgresUserPassword(TypedDict, total=False):
    """Body of reset-dbaas-postgres-user-password."""

    password: Annotated[SecretText, Field(min_length=8, max_length=256)]


@with_config(STRICT)
class ResetMysqlUserPassword(TypedDict, total=False):
    """Body of reset-dbaas-mysql-user-password."""

    password: MysqlPassword
    authentication: MysqlAuthentication


class UserSecrets(Answer):
    """Answer of the reveal calls."""

    username: Needed[str | None] = None
    password: Needed[str | None] = None


class AccountsOfType(Resource[ClientT]):
    """Databases and users of the services of one type."""

    #: The type as the operation ids of databases and of users name it, and the first segment of the paths.
    service_type: ClassVar[str]
    user_type: ClassVar[str]
    root: ClassVar[str]
    #: Greatest length of the name of a database that is deleted, in characters.
    database_name_length: ClassVar[int] = NAME_LENGTH

    @classmethod
    def _path(cls, service_name: str, what: str) -> str:
        return f"/{cls.root}/{segment('service_name', service_name)}/{what}"

    @classmethod
    def _user_path(cls, service_name: str, username: str) -> str:
        return f"{cls._path(service_name, 'user')}/{segment('username', username, longest=USERNAME_LENGTH)}"

    @operation("delete-dbaas-{self.service_type}-database", services=("service_name",))
    def delete_database(self, *, service_name: str, database_name: str) -> Request[Operation]:
        """Delete a database of a service, with all its data.

        :param service_name: service name, 1 to 63 characters.
        :param database_name: 1 to 63 characters; of a MySQL service up to 64.
        """
        name = segment("database_name", database_name, longest=self.database_name_length)
        return delete(f"{self._path(service_name, 'database')}/{name}", Operation)

    @operation("delete-dbaas-{self.user_type}-user", services=("service_name",))
    def delete_user(self, *, service_name: str, username: str) -> Request[Operation]:
        """Delete a user of a service.

        :param service_name: service name, 1 to 63 characters.
        :param username: 1 to 64 characters.
        """
        return delete(self._user_path(service_name, username), Operation)

    @operation("reveal-dbaas-{self.user_type}-user-password", services=("service_name",))
    def reveal_password(self, *, service_name: str, username: str) -> Request[UserSecrets]:
        """The password of a user.

        :param service_name: service name, 1 to 63 characters.
        :param username: account name, 1 to 64 characters; the admin is ``avnadmin`` unless chosen otherwise.
        """
        return get(f"{self._user_path(service_name, username)}/password/reveal", UserSecrets)


class PgAccounts(AccountsOfType[ClientT]):
    """``client.accounts.pg``: databases and users of PostgreSQL services."""

    service_type = "pg"
    user_type = "postgres"
    root = "dbaas-postgres"

    @operation("create-dbaas-pg-database", services=("service_name",))
    def create_database(
        self, *, service_name: str, database_name: str, lc_collate: str | None = None, lc_ctype: str | None = None
    ) -> Request[Operation]:
        """Create a database in a PostgreSQL service.

        Not repeated if the API may have acted on it: look in the ``databases`` of the service.

        :param service_name: service name, 1 to 63 characters.
        :param database_name: 1 to 40 characters.
        :param lc_collate: sort order of texts (``LC_COLLATE``), at most 128 characters.
        :param lc_ctype: classes of characters (``LC_CTYPE``), at most 128 characters.
        """
        fields = {"database_name": database_name, "lc_collate": lc_collate, "lc_ctype": lc_ctype}
        path = self._path(service_name, "database")
        return post(path, Operation, CreatePgDatabase, fields, resend=Resend.IF_UNPROCESSED)

    @operation("create-dbaas-postgres-user", services=("service_name",))
    def create_user(
        self, *, service_name: str, username: str, allow_replication: bool | None = None
    ) -> Request[Operation]:
        """Create a user of a PostgreSQL service. The service makes its password; ``reveal_password`` shows it.

        Not repeated if the API may have acted on it: look in the ``users`` of the service.

        :param service_name: service name, 1 to 63 characters.
        :param username: 1 to 64 characters.
        :param allow_replication: whether the user may replicate.
        """
        fields = {"username": username, "allow_replication": allow_replication}
        path = self._path(service_name, "user")
        return post(path, Operation, CreatePostgresUser, fields, resend=Resend.IF_UNPROCESSED)

    @operation("reset-dbaas-postgres-user-password", services=("service_name",))
    def reset_password(
        self, *, service_name: str, username: str, password: str | Secret | None = None
    ) -> Request[Operation]:
        """Give a PostgreSQL user a new password.

        Without ``password``, it is not repeated if the API may have acted on it: ``reveal_password`` shows the valid
        password.

        :param service_name: service name, 1 to 63 characters.
        :param username: account name, 1 to 64 characters.
        :param password: 8 to 256 characters; the service makes one if not given.
        """
        path = f"{self._user_path(service_name, username)}/password/reset"
        fields = {"password": password}
        return put(path, Operation, ResetPostgresUserPassword, fields, resend=_resend(password))


class MysqlAccounts(AccountsOfType[ClientT]):
    """``client.accounts.mysql``: databases and users of MySQL services."""

    service_type = user_type = "mysql"
    root = "dbaas-mysql"
    database_name_length = 64

    @operation("create-dbaas-mysql-database", services=("service_name",))
    def create_database(self, *, service_name: str, database_name: str) -> Request[Operation]:
        """Create a database in a MySQL service.

        Not repeated if the API may have acted on it: look in the ``databases`` of the service.

        :param service_name: service name, 1 to 63 characters.
        :param database_name: 1 to 40 characters.
        """
        path = self._path(service_name, "database")
        fields = {"database_name": database_name}
        return post(path, Operation, CreateMysqlDatabase, fields, resend=Resend.IF_UNPROCESSED)

    @operation("create-dbaas-mysql-user", services=("service_name",))
    def create_user(
        self, *, service_name: str, username: str, authentication: MysqlAuthentication | None = None
    ) -> Request[Operation]:
        """Create a user of a MySQL service. The service makes its password; ``reveal_password`` shows it.

        Not repeated if the API may have acted on it: look in the ``users`` of the service.

        :param service_name: service name, 1 to 63 characters.
        :param username: 1 to 64 characters.
        :param authentication: ``caching_sha2_password`` or ``mysql_native_password``.
        """
        path = self._path(service_name, "user")
        fields = {"username": username, "authentication": authentication}
        return post(path, Operation, CreateMysqlUser, fields, resend=Resend.IF_UNPROCESSED)

    @operation("reset-dbaas-mysql-user-password", services=("service_name",))
    def reset_password(
        self,
        *,
        service_name: str,
        username: str,
        password: str | Secret | None = None,
        authentication: MysqlAuthentication | None = None,
    ) -> Request[Operation]:
        """Give a MySQL user a new password.

        Without ``password``, it is not repeated if the API may have acted on it: ``reveal_password`` shows the valid
        password.

        :param service_name: service name, 1 to 63 characters.
        :param username: account name, 1 to 64 characters.
        :param password: 8 to 256 ASCII letters, digits and ``!#%^*_+={}()<>|.,;~?-``; the service makes one if not
            given.
        :param authentication: ``caching_sha2_password`` or ``mysql_native_password``.
        """
        path = f"{self._user_path(service_name, username)}/password/reset"
        fields = {"password": password, "authentication": authentication}
        return put(path, Operation, ResetMysqlUserPassword, fields, resend=_resend(password))


def _resend(password: str | Secret | None) -> Resend:
    # Each reset without a password makes a new one.
    return Resend.IF_UNPROCESSED if password is None else Resend.ALWAYS


class Accounts(Resource[ClientT]):
    """``client.accounts``: databases and users inside services, by type of service."""

    @cached_property
    def pg(self) -> PgAccounts[ClientT]:
        """PostgreSQL services."""
        return PgAccounts(self._client)

    @cached_property
    def mysql(self) -> MysqlAccounts[ClientT]:
        """MySQL services."""
        return MysqlAccounts(self._client)
