"""What both clients offer: the API's operations, by subject. A subject is imported when it is first used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from airflow_dbaas.api.calls import shown
from airflow_dbaas.api.errors import DbaasConfigurationError

if TYPE_CHECKING:
    from airflow_dbaas.api.accounts import Accounts
    from airflow_dbaas.api.external_endpoints import ExternalEndpoints
    from airflow_dbaas.api.integrations import Integrations
    from airflow_dbaas.api.migrations import Migrations
    from airflow_dbaas.api.observability import Observability
    from airflow_dbaas.api.operation import BoundOperation
    from airflow_dbaas.api.operations import Operations
    from airflow_dbaas.api.services import Services


class Resources:
    """The subjects of the API, each an attribute."""

    @cached_property
    def services(self) -> Services[Self]:
        """Services of every type, the types themselves, and the certificate to trust."""
        from airflow_dbaas.api.services import Services

        return Services(self)

    @cached_property
    def migrations(self) -> Migrations[Self]:
        """Checks, states and ends of migrations."""
        from airflow_dbaas.api.migrations import Migrations

        return Migrations(self)

    @cached_property
    def integrations(self) -> Integrations[Self]:
        """Integrations between two services, and their types."""
        from airflow_dbaas.api.integrations import Integrations

        return Integrations(self)

    @cached_property
    def external_endpoints(self) -> ExternalEndpoints[Self]:
        """External endpoints by type, and the services attached to them."""
        from airflow_dbaas.api.external_endpoints import ExternalEndpoints

        return ExternalEndpoints(self)

    @cached_property
    def accounts(self) -> Accounts[Self]:
        """Databases and users inside services."""
        from airflow_dbaas.api.accounts import Accounts

        return Accounts(self)

    @cached_property
    def observability(self) -> Observability[Self]:
        """Logs and metrics of services."""
        from airflow_dbaas.api.observability import Observability

        return Observability(self)

    @cached_property
    def operations(self) -> Operations[Self]:
        """Operations, and the tasks of services."""
        from airflow_dbaas.api.operations import Operations

        return Operations(self)

    def every_operation(self) -> Iterator[tuple[str, BoundOperation[Any, Any, Any]]]:
        """All operations, each with its place below the client: ``services.pg.create``."""
        for name, member in vars(Resources).items():
            if isinstance(member, cached_property):
                yield from getattr(self, name).operations(name)

    def operation(self, id: str) -> BoundOperation[Any, Any, Any]:
        """The operation with an id of the API, for tools: ``client.operation("get-dbaas-task")``.

        :param id: operation id, as in Exoscale's documentation.
        :raises DbaasConfigurationError: if the client does not have it.
        """
        for _, operation in self.every_operation():
            if operation.id == id:
                return operation
        raise DbaasConfigurationError(f"the client has no operation {shown(id)}; see every_operation()")
