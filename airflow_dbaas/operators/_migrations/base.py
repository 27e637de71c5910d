"""What the operators of a migration share: the target service, the source and the method."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas.api.errors import (
    DbaasBadRequestError,
    DbaasConflictError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.base import Check
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.operators.base import DbaasOperator

if TYPE_CHECKING:
    from airflow_dbaas.api.fields import MigrationMethod
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.sources import MigrationSource
    from airflow_dbaas.targets import MigrationTarget

Method = Literal["auto", "dump", "replication"]


class SourceReader(DbaasOperator):
    """What reads the source's connection, and works on a service of the same type."""

    service_name: str
    source_conn_id: str

    @cached_property
    def source(self) -> MigrationSource:
        """The source, read from its connection; its password is masked in this process from then on."""
        from airflow_dbaas.sources import MigrationSource

        return MigrationSource.from_conn_id(self.source_conn_id)

    def refuse_another_type(self) -> None:
        """See that the service is of the source's type (list-dbaas-services); one that is missing is no matter here.

        :raises DbaasServiceError: if it is of another type.
        """
        source = self.source
        wanted = source.engine.service_type
        service = self.client.services.list().named(self.service_name)
        if service is not None and service.type not in {None, wanted}:
            raise DbaasServiceError(
                f"service {service.name} is of type {service.type}, but connection {source.conn_id!r} is of type "
                f"{source.engine.conn_types[0]}, which needs a service of type {wanted}"
            )


class MigrationOperator(SourceReader):
    """What the operators of a migration share: the target service and the source.

    :param service_name: name of the target service, 1 to 63 characters; templated.
    :param source_conn_id: Airflow connection (type ``postgres`` or ``mysql``) of the source, with its admin's login;
        the service must be of the same type; templated.
    :param ignore_dbs: comma-separated databases of the source to leave out, at most 2048 characters; templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "service_name",
        "source_conn_id",
        "ignore_dbs",
    )
    operator_extra_links = (DbaasServiceLink(), DbaasMigrationLink())
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "source_conn_id": validation.connection_id,
        "ignore_dbs": validation.ignore_dbs,
    }

    def __init__(self, *, service_name: str, source_conn_id: str, ignore_dbs: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.source_conn_id = source_conn_id
        self.ignore_dbs = ignore_dbs

    @cached_property
    def target(self) -> MigrationTarget:
        """The service as a server to log in to; its password is masked in this process from then on."""
        from airflow_dbaas.targets import MigrationTarget

        return MigrationTarget.of_service(self.client, self.service_name, self.source.engine)

    @property
    def verification(self) -> ModuleType:
        """What compares servers of the source's kind (``compare``), and completes one (``complete_replication``)."""
        from airflow_dbaas.verification import mysql, postgres

        return {"pg": postgres, "mysql": mysql}[self.source.engine.service_type]

    @property
    def ignored(self) -> set[str]:
        """The databases to leave out."""
        return {name.strip() for name in (self.ignore_dbs or "").split(",") if name.strip()}

    def stop_migration(self) -> Operation | None:
        """Stop the migration (stop-dbaas-…-migration); None if there is none any more.

        :raises DbaasMigrationError: if the service does not allow it yet; worth a retry.
        """
        try:
            return self.client.send(self.source.engine.stop_migration.call(self.service_name))
        except DbaasNotFoundError:
            return None
        except (DbaasConflictError, DbaasBadRequestError) as error:
            # The service allows a stop only some minutes after the start; with which status it refuses is unknown.
            raise DbaasMigrationError(f"The migration cannot be stopped yet: {error}", retryable=True) from error


class MethodOperator(MigrationOperator):
    """Adds the method.

    :param method: ``dump``, ``replication``, or ``auto``: the service tries replication first; templated.
    """

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "method")
    checks: ClassVar[dict[str, Check]] = {
        **MigrationOperator.checks,
        "method": validation.method,
    }

    def __init__(self, *, method: Method | str = "auto", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.method: Any = method
        self._check()

    @property
    def api_method(self) -> MigrationMethod | None:
        """The method as the API takes it."""
        method: MigrationMethod = self.method
        return None if self.method == "auto" else method
