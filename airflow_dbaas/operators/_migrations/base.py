"""What the operators of a migration share: the target service, the source and the method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import migration_registry, validation
from airflow_dbaas._compat import AirflowSkipException, Context
from airflow_dbaas.api.errors import (
    DbaasBadRequestError,
    DbaasConfigurationError,
    DbaasConflictError,
    DbaasError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.base import Check
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.migration_registry import MigrationRecord
from airflow_dbaas.operators.base import DbaasOperator
from airflow_dbaas.waits import Done, MigrationWait

if TYPE_CHECKING:
    from airflow_dbaas.api.fields import MigrationMethod
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service
    from airflow_dbaas.sources import MigrationSource
    from airflow_dbaas.targets import MigrationTarget

Method = Literal["auto", "dump", "replication"]
IfMigrated = Literal["skip", "again"]

#: XCom of a task that was skipped because its migration was done by an earlier run.
ALREADY_MIGRATED = "already_migrated"


class SourceReader(DbaasOperator):
    """What reads the source's connection, and works on a service of the same type."""

    service_name: str
    source_conn_id: str

    @cached_property
    def source(self) -> MigrationSource:
        """The source, read from its connection; its password is masked in this process from then on."""
        from airflow_dbaas.sources import MigrationSource

        return MigrationSource.from_conn_id(self.source_conn_id)

    def refuse_another_type(self) -> Service | None:
        """The service (list-dbaas-services), which must be of the source's type; None if it is missing.

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
        return service


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
        return set(migration_registry.names(self.ignore_dbs))

    @property
    def api_ignore_dbs(self) -> str | None:
        """The same as the API takes it: without spaces, which its tools would take for a part of a name."""
        return migration_registry.normalized(self.ignore_dbs) or None

    def record_of(self, created_at: str | None) -> MigrationRecord | None:
        """The record of the migration into the service, if there is one of this very service.

        :param created_at: when the service was created, None if that is not known. A record that was written before is
            about another service of the same name, which is gone.
        """
        record = migration_registry.read(self.hook.zone, self.service_name)
        if record is None or record.is_of_service_created_at(created_at):
            return record
        self.log.info(
            "The record of a migration from %s is passed over: it is about an earlier service %s, created at %s; "
            "the one that is there now was created at %s",
            record.source,
            self.service_name,
            record.service_created_at,
            created_at,
        )
        return None

    def recorded_targets(self) -> Iterator[tuple[str, MigrationRecord]]:
        """The services whose migrations are recorded as coming from this source, and not stopped."""
        for service in self.client.services.list().dbaas_services:
            record = migration_registry.read(self.hook.zone, service.name)
            if (
                record is not None
                and record.source == self.source.address
                and record.stopped_at is None
                and record.is_of_service_created_at(service.created_at)
            ):
                yield service.name, record

    def refuse_same_server(self, service: Service | None) -> None:
        """See that the source is not the service itself.

        By their addresses, and by a lock: what one server has locked, another one has not. That takes a login at both
        ends; where it does not work from this worker, addresses are all there is (get-dbaas-service-…,
        reveal-dbaas-…-user-password).

        :param service: the service; None if it is missing, and so nobody's source.
        :raises DbaasConfigurationError: if it is.
        """
        if service is None:
            return
        from airflow_dbaas import logins
        from airflow_dbaas.targets import MigrationTarget

        source = self.source
        seen = None
        try:
            target = MigrationTarget.without_password(self.client, self.service_name, source.engine)
            if logins.same_address((source.host, source.port), (target.host, target.port)):
                seen = "has its address"
            elif self.verification.same_server(source, self.target):
                seen = "is the same server, at another address"
        except DbaasError as error:
            self.log.info("Whether source and service are one server was not seen from here: %s", error)
        if seen:
            raise DbaasConfigurationError(
                f"source_conn_id: connection {source.conn_id!r} leads to service {self.service_name} itself: "
                f"{source.address} {seen}. If the connection was changed after a cut-over, this migration is over: "
                "do not run it again. Otherwise change the connection so that it leads to the server that has the data"
            )

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
    :param if_migrated: ``skip``: skip the task, and so those behind it, if this DAG has migrated the same source into
        the same service before and ``DbaasVerifyMigrationOperator`` has found both equal; ``again``: go on all the
        same. Templated.
    """

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "method", "if_migrated")
    checks: ClassVar[dict[str, Check]] = {
        **MigrationOperator.checks,
        "method": validation.method,
        "if_migrated": validation.one_of("skip", "again"),
    }

    def __init__(self, *, method: Method | str = "auto", if_migrated: IfMigrated | str = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.method: Any = method
        self.if_migrated: Any = if_migrated
        self._check()

    def skip_if_migrated(
        self,
        context: Context,
        record: MigrationRecord | None,
        created_at: str | None,
        status: MigrationStatus | None,
    ) -> None:
        """Skip the task, and with it those that follow, if an earlier run of this DAG has done it all.

        That is so if its record says that source and target were found equal, if source, service and databases left out
        are the same, and if nothing is being copied. What depends on that is pushed as XCom ``already_migrated``.

        :param context: Airflow's context.
        :param record: the record of the migration into the service.
        :param created_at: when the service was created; if that is not known, nothing is skipped.
        :param status: the migration that is there.
        :raises AirflowSkipException: if it has.
        """
        if self.if_migrated == "again" or record is None or record.verified_at is None:
            return
        over = status is None or (
            record.stopped_at is None and isinstance(MigrationWait(self.service_name, "done").verdict(status), Done)
        )
        same = (
            record.dag_id == context["ti"].dag_id
            and record.source == self.source.address
            and record.leaves_out(self.ignore_dbs)
            and created_at is not None
            and record.service_created_at is not None
        )
        if not over or not same:
            return
        context["ti"].xcom_push(
            key=ALREADY_MIGRATED,
            value={"service": self.service_name, "source": record.source, "verified_at": record.verified_at},
        )
        raise AirflowSkipException(
            f"{record.source} was migrated into service {self.service_name} already, by {record.started_by}; both were "
            f"found equal at {record.verified_at}. Nothing is started; to migrate once more, use if_migrated='again'"
        )

    @property
    def api_method(self) -> MigrationMethod | None:
        """The method as the API takes it."""
        method: MigrationMethod = self.method
        return None if self.method == "auto" else method
