"""Users and databases inside a service: what types that have them offer the handlers."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.services import Service

DEFAULT_DATABASE = "defaultdb"


def new_password() -> str:
    """A password of letters, digits, ``-`` and ``_``, which every type accepts."""
    return secrets.token_urlsafe(18)


@dataclass(kw_only=True, eq=False)
class DatabaseService(Service):
    """A service with users and databases. All calls but ``password`` are refused (409) unless it runs.

    They raise 409 for what is there already, 404 for what is not, 400 for what cannot be.
    """

    admin: str
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user, for reveal. A user is here once it exists in the server."""

    def password(self, username: str) -> str:
        """A user's password."""
        if username not in self.passwords:
            raise self.no_user(username)
        return self.passwords[username]

    def no_user(self, username: str) -> ApiError:
        """What is answered about a user who does not exist."""
        return ApiError(404, f"User {username} does not exist for service {self.name}")

    def refuse_admin(self, username: str) -> None:
        """Raise 400 for the admin user: a service without it is nobody's."""
        if username == self.admin:
            raise ApiError(400, f"User {username} is the admin user of service {self.name} and cannot be deleted")

    def refuse_default(self, dbname: str) -> None:
        """Raise 400 for the default database: the service's own addresses name it."""
        if dbname == DEFAULT_DATABASE:
            raise ApiError(400, f"Database {dbname} is the default of service {self.name} and cannot be deleted")

    @abstractmethod
    async def add_user(self, username: str, options: dict[str, Any]) -> None:
        """Make a user with a new password. ``options`` are the other fields of the request."""

    @abstractmethod
    async def drop_user(self, username: str) -> None:
        """Remove a user."""

    @abstractmethod
    async def set_password(self, username: str, options: dict[str, Any]) -> None:
        """Give a user the password of the request, or a new one."""

    @abstractmethod
    async def add_database(self, dbname: str, options: dict[str, Any]) -> None:
        """Make a database that belongs to the admin user."""

    @abstractmethod
    async def drop_database(self, dbname: str) -> None:
        """Remove a database, whoever is connected to it."""
