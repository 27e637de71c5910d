"""Operators for services."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasNotFoundError, DbaasResponseError, DbaasServiceError
from airflow_dbaas.api.parameters import SERVICE_TYPES, ServiceType
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.migration import registry
from airflow_dbaas.operators._base import Check, DbaasOperator, Existing
from airflow_dbaas.operators._progress import Progress, Step
from airflow_dbaas.operators.observability import StoredFile
from airflow_dbaas.waiting.conditions import (
    MigrationWait,
    ServiceUpdateWait,
    ServiceWait,
    describe_migration,
    service_result,
)

if TYPE_CHECKING:
    from airflow_dbaas.api.answer import Answer
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service

_CREATED = "service_created"

#: Seconds by which this machine's clock may differ from the API's, which takes no request signed longer ago.
_CLOCK_SECONDS = 600.0


@dataclass
class ServiceCreation(Progress):
    """How far a creation has come.

    :param created: whether this task has created it.
    :param differs: what it has otherwise than given.
    """

    created: bool = False
    differs: list[str] = field(default_factory=list)


class DbaasCreateServiceOperator(DbaasOperator):
    """Creates a service (create-dbaas-service-…) and waits until it runs.

    An existing service of that name, type and plan is used, so a retry continues with the service that the first try
    created. A service with another plan fails the task, unless ``if_exists`` says otherwise. Settings of an existing
    service are not changed; a warning names those that differ. Killing the task leaves the service alone.

    Returns ``service``, ``state``, ``type``, ``plan``, ``zone``, ``created`` and ``operation_id``, and ``differs``
    (names of settings, or ``plan``) if the service differs from the parameters. ``created`` says whether this task
    created it; only Airflow 3.3 knows this after a retry, on earlier versions it is False then. With
    ``wait_for_completion=False``, the ``state`` of a new service is None.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param plan: plan, e.g. ``startup-4``; templated.
    :param service_type: ``pg``, ``mysql``, ``valkey``, ``grafana``, ``opensearch`` or ``thanos``; templated.
    :param settings: further properties of the type's create-dbaas-service call in snake case, e.g.
        ``{"version": "17", "termination_protection": True, "ip_filter": ["192.0.2.0/24"]}``; templated. Those that
        hold a secret (``admin_password``, ``migration``, passwords and keys at any depth) are refused.
    :param if_exists: ``reuse`` a service that has this plan, ``keep`` it whatever its plan, or ``fail``. A service that
        an earlier try of this task created is always reused.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "service_name",
        "plan",
        "service_type",
        "settings",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "plan": validation.plan,
        "service_type": validation.one_of(*SERVICE_TYPES),
        "settings": validation.new_service_settings,
        "if_exists": validation.one_of("reuse", "keep", "fail"),
    }
    progress_class = ServiceCreation
    progress: ServiceCreation

    def __init__(
        self,
        *,
        service_name: str,
        plan: str,
        service_type: ServiceType | str = "pg",
        settings: dict[str, Any] | str | None = None,
        if_exists: Literal["reuse", "keep", "fail"] = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.plan = plan
        self.service_type = service_type
        # A mapping after rendering.
        self.settings: Any = settings
        self.if_exists = if_exists
        self._check()

    def _check(self) -> None:
        super()._check()
        if isinstance(self.settings, dict):
            self.settings = self._fitted(*self._possible_types())

    def _fitted(self, *types: str) -> dict[str, Any]:
        """The settings, as a service of one of some types takes them."""
        bodies = [f"Create{each.title()}Service" for each in types]
        return validation.fit_settings("settings", self.settings, "services", bodies, elsewhere=("plan",))

    def _possible_types(self) -> Sequence[str]:
        """The types that the service may be of, as far as that is known yet."""
        return SERVICE_TYPES if validation.is_template(self.service_type) else (self.service_type,)

    def perform(self, context: Context) -> Any:
        """Look for the service, create it if it is missing, wait for it."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            # Built before anything is sent, so that a wrong setting is found first.
            settings = self._fitted(self.service_type) if self.settings else {}
            services = self.client.services
            creation = services.of_type(self.service_type).create.call(
                name=self.service_name, plan=self.plan, **settings
            )
            existing = self._look()
            note = self.recall(context, _CREATED)
            own = note if existing and note and _is_of(existing, note) else None
            if existing is None:
                note = {"service": self.service_name, "operation_id": None, "time": time.time()}
                answer = self.create_or_find(creation, self._look)
                if not isinstance(answer, Existing):
                    self.remember(context, _CREATED, {**note, "operation_id": answer.id})
                    self.log.info(
                        "Creating service %s of type %s, plan %s", self.service_name, self.service_type, self.plan
                    )
                    progress.created = True
                    progress.seen = self._new_service()
                    self.wait_for_operation(context, answer)
                else:
                    existing = answer.found
                    if answer.mine:
                        own = note
                        self.remember(context, _CREATED, note)
            if existing is not None:
                progress.differs = self._differences(existing, creation.body, own=own is not None)
                progress.seen = service_result(existing)
                progress.created = own is not None
                progress.operation_id = own["operation_id"] if own else None
        adds: dict[str, Any] = {"created": progress.created, "operation_id": progress.operation_id}
        if progress.differs:
            adds["differs"] = progress.differs
        if not self.wait_for_completion:
            return {**progress.seen, **adds}
        return self.end_with(context, ServiceWait(self.service_name), **adds)

    def _look(self) -> Service | None:
        return self.client.services.list().named(self.service_name)

    def _new_service(self) -> dict[str, Any]:
        from airflow_dbaas.api.services import Service

        return service_result(
            Service(name=self.service_name, type=self.service_type, plan=self.plan, zone=self.hook.zone)
        )

    def _differences(self, service: Service, body: bytes, *, own: bool) -> list[str]:
        """What a service that is there has otherwise than given, which a warning tells.

        :param service: the service.
        :param body: the body with which it would be created.
        :param own: whether this task has created it.
        :raises DbaasServiceError: if it cannot be used.
        """
        if self.if_exists == "fail" and not own:
            raise DbaasServiceError(f"service {self.service_name} already exists (if_exists='fail')")
        if service.type != self.service_type:
            raise DbaasServiceError(
                f"service {self.service_name} already exists and is of type {service.type}, not {self.service_type}"
            )
        differs = []
        if service.plan not in {None, self.plan}:
            text = f"service {service.name} already exists and has plan {service.plan}, not {self.plan}"
            if self.if_exists == "reuse" and not own:
                raise DbaasServiceError(
                    f"{text}; DbaasUpdateServiceOperator changes the plan, if_exists='keep' uses the service as it is"
                )
            self.log.warning("%s; it is kept (DbaasUpdateServiceOperator changes the plan)", one_line(text))
            differs.append("plan")
        if self.settings and not own:
            # What the service does not show may be as given.
            shown = self.client.services.of_type(self.service_type).get(self.service_name)
            different = differing(json.loads(body), shown, unless_absent=True)
            if different:
                self.log.warning(
                    "Service %s already exists, with settings that differ from the given ones: %s; they are kept "
                    "(DbaasUpdateServiceOperator changes settings)",
                    service.name,
                    ", ".join(different),
                )
            differs += different
        whose = "was created by this task before" if own else "already exists"
        self.log.info("Service %s %s (%s)", service.name, whose, service.state)
        return differs


def _is_of(service: Service, note: dict[str, Any]) -> bool:
    """Whether the note belongs to this service. A cleared task also has its note, but by then its service may be
    deleted, and another one may have its name."""
    if note["service"] != service.name:
        return False
    try:
        created = datetime.fromisoformat(service.created_at or "").timestamp()
    except ValueError:
        return True
    return created <= float(note["time"]) + _CLOCK_SECONDS


#: Seconds after a change that moves a service to other machines for which it may still be shown as ``running``.
SETTLING_SECONDS = 10.0

#: Properties whose change moves a service to other machines; only one that runs takes it.
_MOVING = frozenset({"plan", "version"})

_UPDATED = "service_updated"


@dataclass
class ServiceUpdate(Progress):
    """How far a change has come.

    :param differing: the properties to send.
    :param changed: the properties that this task has sent, in this try or an earlier one.
    :param not_before: Unix time before which the service may still be shown as it was.
    """

    differing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    not_before: float = 0.0


class DbaasUpdateServiceOperator(DbaasOperator):
    """Changes a service (update-dbaas-service-…) and waits until it runs again.

    Only properties that differ from get-dbaas-service-… are sent; in mappings such as ``pg_settings``, only the given
    keys are compared. The API accepts a new plan or version only while the service runs, so the operator first waits
    for that. Afterwards, it waits until the service runs with the new plan, and for at least ten seconds, because the
    API may briefly show the old state.

    A second change has no effect, so a retry continues where the last try stopped. Killing the task does not stop the
    change.

    Returns ``service``, ``type``, ``state``, ``plan``, ``zone``, ``changed`` (names of the properties that were sent;
    on Airflow 3.3, including earlier tries) and ``operation_id`` (None if nothing was sent). With
    ``wait_for_completion=False``, ``state`` is the one before the change.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param settings: properties of the type's update-dbaas-service call in snake case, with their desired values, e.g.
        ``{"plan": "business-8", "termination_protection": False}``; templated. ``ip_filter`` replaces the present list.
        Properties that hold a secret are refused, and so is ``migration``: use ``DbaasStartMigrationOperator``.
    :param service_type: ``pg``, ``mysql``, ``valkey``, ``grafana``, ``opensearch`` or ``thanos``; looked up if not
        given. A service of another type is refused. Templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name", "settings", "service_type")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "settings": validation.changed_service_settings,
        "service_type": validation.optional(validation.one_of(*SERVICE_TYPES)),
    }
    progress_class = ServiceUpdate
    progress: ServiceUpdate

    def __init__(
        self,
        *,
        service_name: str,
        settings: dict[str, Any] | str,
        service_type: ServiceType | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        # A mapping after rendering.
        self.settings: Any = settings
        self.service_type = service_type
        self._check()

    def _check(self) -> None:
        super()._check()
        if isinstance(self.settings, dict):
            known = self.service_type and not validation.is_template(self.service_type)
            types = [str(self.service_type)] if known else SERVICE_TYPES
            self.settings = _fitted(self.settings, *types)

    def perform(self, context: Context) -> Any:
        """Find the differences, change them, wait for the service."""
        progress = self.progress
        if progress.before(Step.PREPARATION):
            if self.service_type:
                # Built before anything is sent, so that a wrong setting is found first.
                self._update(self.service_type, self.settings)
            service = self.client.services.list().named(self.service_name)
            if service is None:
                raise DbaasServiceError(
                    f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one"
                )
            kind = self._type_of(service)
            progress.seen = service_result(service)
            progress.differing = progress.changed = self._differing(kind)
            if not progress.differing:
                self._recall_change(context, service)
            elif _MOVING & set(progress.differing) and service.state != "running" and self.wait_for_completion:
                self.log.info("Service %s is %s; it will be changed when it runs", service.name, service.state)
                self.wait_for(context, Step.PREPARATION, ServiceWait(service.name))
        if progress.differing and progress.before(Step.OPERATION):
            self._change(context)
        adds = {"changed": progress.changed, "operation_id": progress.operation_id}
        plan = self.settings.get("plan")
        if not self.wait_for_completion:
            return {**progress.seen, "plan": plan or progress.seen["plan"], **adds}
        wait = ServiceUpdateWait(self.service_name, plan=plan, not_before=progress.not_before)
        return self.end_with(context, wait, **adds)

    def _type_of(self, service: Service) -> str:
        if service.type not in SERVICE_TYPES:
            raise DbaasServiceError(
                f"service {service.name} is of type {service.type}; this operator changes services of type "
                f"{', '.join(SERVICE_TYPES)}"
            )
        if self.service_type and service.type != self.service_type:
            raise DbaasServiceError(f"service {service.name} is of type {service.type}, not {self.service_type}")
        return service.type

    def _update(self, kind: str, settings: dict[str, Any]) -> Call[Operation]:
        call: Call[Operation] = self.client.services.of_type(kind).update.call(
            name=self.service_name, **_fitted(settings, kind)
        )
        return call

    def _differing(self, kind: str) -> list[str]:
        """The given properties that the service does not have."""
        # Of the body, because it has the values as the API spells them.
        return differing(
            json.loads(self._update(kind, self.settings).body),
            self.client.services.of_type(kind).get(self.service_name),
        )

    def _recall_change(self, context: Context, service: Service) -> None:
        """Nothing differs: perhaps because an earlier try has changed it."""
        progress, earlier = self.progress, self.recall(context, _UPDATED)
        if earlier is None:
            self.log.info("Service %s is up to date (%s)", service.name, service.state)
            return
        self.log.info("Service %s was changed by an earlier try (%s)", service.name, service.state)
        progress.changed = earlier["changed"]
        progress.operation_id = earlier["operation_id"]
        progress.not_before = earlier["not_before"]

    def _change(self, context: Context) -> None:
        progress, changed = self.progress, self.progress.differing
        settings = {name: value for name, value in self.settings.items() if name.replace("-", "_") in changed}
        operation = self.client.send(self._update(progress.seen["type"], settings))
        progress.not_before = time.time() + SETTLING_SECONDS if _MOVING & set(changed) else 0.0
        note = {"changed": changed, "operation_id": operation.id, "not_before": progress.not_before}
        self.remember(context, _UPDATED, note)
        self.log.info("Changing %s of service %s", ", ".join(changed), self.service_name)
        self.wait_for_operation(context, operation)


def _fitted(settings: dict[str, Any], *types: str) -> dict[str, Any]:
    """The settings, as a service of one of some types takes them."""
    return validation.fit_settings("settings", settings, "services", [f"Update{each.title()}Service" for each in types])


def differing(wanted: dict[str, Any], service: Answer, *, unless_absent: bool = False) -> list[str]:
    """The properties that a service does not have as they are wanted, in snake case.

    :param wanted: a request's body.
    :param service: the answer of get-dbaas-service-….
    :param unless_absent: ignore the plan, and properties that the answer does not show.
    """
    shown = service.model_dump(by_alias=True, exclude_unset=True)
    return [
        name.replace("-", "_")
        for name, value in wanted.items()
        if not (unless_absent and (name == "plan" or shown.get(name) is None))
        and not _is_shown(name, value, shown.get(name))
    ]


def _is_shown(name: str, wanted: Any, shown: Any) -> bool:
    """Whether a property of a service already has the wanted value."""
    if name == "version":
        # Shown in full: 8.4 is shown as 8.4.8.
        return shown == wanted or str(shown).startswith(f"{wanted}.")
    if name == "ip-filter":
        return shown is not None and set(shown) == set(wanted)
    return _holds(shown, wanted)


def _holds(shown: Any, wanted: Any) -> bool:
    """Whether ``shown`` has all that is in ``wanted``; the API adds defaults, and when updates are due."""
    if isinstance(wanted, dict):
        return isinstance(shown, dict) and all(_holds(shown.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(shown, list) and len(shown) == len(wanted) and all(map(_holds, shown, wanted))
    return bool(shown == wanted)


class DbaasDeleteServiceOperator(DbaasOperator):
    """Deletes a service with all its data (delete-dbaas-service) and waits until it is gone.

    Refuses a service with active read replicas or with a migration under way, unless ``force`` is set. A service with
    termination protection is always refused: switch the protection off with ``DbaasUpdateServiceOperator``.
    Integrations and attachments to external endpoints are deleted with the service; the log names them.

    With ``dry_run``, it makes all checks and logs, but deletes nothing.

    A retry finds the service gone, or deletes it; with Airflow 3.3 it knows that the deletion was its own, also with
    ``if_missing="fail"``. Killing the task does not stop a deletion that has begun.

    Returns ``service``, ``zone``, ``state`` (``absent``; ``deleting`` with ``wait_for_completion=False``; with
    ``dry_run`` the present one), ``deleted`` (False if it did not exist, or with ``dry_run``) and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param if_missing: ``skip``: nothing to do, or ``fail``.
    :param force: delete in spite of read replicas and migrations.
    :param dry_run: only check whether it would be deleted.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name")
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "if_missing": validation.one_of("skip", "fail"),
        "force": validation.boolean,
        "dry_run": validation.boolean,
    }
    kept_as: ClassVar[dict[str, str]] = {"dry_run": "check_only"}

    def __init__(
        self,
        *,
        service_name: str,
        if_missing: Literal["skip", "fail"] = "skip",
        force: bool = False,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.if_missing = if_missing
        self.force = force
        self.check_only = dry_run
        self._check()

    def perform(self, context: Context) -> Any:
        """Look for the service, refuse or delete it, wait until it is gone."""
        if self.progress.before(Step.OPERATION):
            service = self.client.services.list().named(self.service_name)
            if service is None:
                return self._missing(context)
            if service.termination_protection:
                raise DbaasServiceError(
                    f"service {service.name} has termination protection, which force does not override; to "
                    "delete the service, switch it off first (DbaasUpdateServiceOperator, "
                    "settings={'termination_protection': False})"
                )
            if not self.force:
                self._refuse_replicated(service)
                self._refuse_migrating(context, service)
            self._tell_what_goes_with(service)
            if self.check_only:
                return self._result(service.state, deleted=False)
            self.remember_removal(context)
            try:
                operation = self.client.services.delete(self.service_name)
            except DbaasNotFoundError:
                # Deleted since the check above: by another run, or by this request whose first answer was lost.
                registry.forget(self.hook.zone, self.service_name)
                return self._result("absent", deleted=True)
            self.log.info("Deleting service %s", self.service_name)
            self.wait_for_operation(context, operation)
        if self.wait_for_completion:
            self.wait_for(context, Step.OUTCOME, ServiceWait(self.service_name, "absent"))
        registry.forget(self.hook.zone, self.service_name)
        return self._result("absent" if self.wait_for_completion else "deleting", deleted=True)

    def _missing(self, context: Context) -> dict[str, Any]:
        mine = self.has_removed(context)
        if mine:
            self.log.info("Service %s was deleted by an earlier try", self.service_name)
        elif self.if_missing == "fail":
            raise DbaasServiceError(f"service {self.service_name} does not exist (if_missing='fail')")
        else:
            self.log.info("Service %s does not exist; nothing to delete", self.service_name)
        registry.forget(self.hook.zone, self.service_name)
        return self._result("absent", deleted=mine)

    def _refuse_replicated(self, service: Service) -> None:
        replicas = [
            str(integration.dest)
            for integration in service.integrations
            if integration.type == "read_replica" and integration.source == service.name and integration.is_active
        ]
        if replicas:
            raise DbaasServiceError(
                f"service {service.name} has active read replicas: {', '.join(replicas)} (force=True deletes it)"
            )

    def _refuse_migrating(self, context: Context, service: Service) -> None:
        """See that no migration is under way; one that has failed is over, and one that may recover is waited for."""
        status, failed = self.migration_status(service.name), False
        if status is not None and _is_under_way(status):
            status, failed = self.settle(context, MigrationWait(service.name), status)
        if status is None or not _is_under_way(status):
            return
        if failed:
            self.log.info("A failed migration into it is deleted with it: %s", one_line(describe_migration(status)))
            return
        raise DbaasServiceError(
            f"a migration into service {self.service_name} is under way ({describe_migration(status)}); "
            "stop it first (DbaasStopMigrationOperator), or use force=True to delete the service anyway"
        )

    def _tell_what_goes_with(self, service: Service) -> None:
        for integration in service.integrations:
            ends = integration.type, integration.source, integration.dest, integration.id
            self.log.info("Deleted with it: integration %s, %s → %s (%s)", *(one_line(str(end)) for end in ends))
        try:
            attached = self.client.external_endpoints.list_integrations(service.name).external_integrations
        except DbaasNotFoundError:
            # It says nothing of the service: that was there a moment ago.
            return
        for attachment in attached:
            endpoint = one_line(f"{attachment.type} endpoint {attachment.dest_endpoint_name}")
            self.log.info("Deleted with it: its integration with the %s", endpoint)

    def _result(self, state: str | None, *, deleted: bool) -> dict[str, Any]:
        operation_id = self.progress.operation_id
        return {"service": self.service_name, "state": state, "deleted": deleted, "operation_id": operation_id}


def _is_under_way(status: MigrationStatus) -> bool:
    """Whether a database is still copied, or follows the source.

    The top-level status may say "done" while databases still follow. It counts only as long as no database is named:
    the migration has just begun.
    """
    states = [(d.status, d.method) for d in status.details] or [(status.status, status.method)]
    return any(state not in {"done", "failed"} or method == "replication" for state, method in states)


class DbaasCaCertificateOperator(DbaasOperator):
    """Fetches the CA certificate of the services (get-dbaas-ca-certificate).

    Clients use it to verify TLS connections to a service, e.g. as libpq's ``sslrootcert`` with ``sslmode=verify-ca``.
    It is not a secret. An existing file is replaced atomically, so a retry is harmless.

    Returns ``certificate`` (PEM), ``path`` and ``zone``.

    :param path: file to write it to as well, local or a URL of Airflow's object storage; templated.
    :param object_storage_conn_id: Airflow connection to the store; templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "path", "object_storage_conn_id")
    checks: ClassVar[dict[str, Check]] = {
        "path": validation.optional(validation.path),
        "object_storage_conn_id": validation.optional(validation.connection_id),
    }

    def __init__(self, *, path: str | None = None, object_storage_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.object_storage_conn_id = object_storage_conn_id
        self._check()

    def perform(self, context: Context) -> dict[str, Any]:
        """Fetch the certificate and write it."""
        file = StoredFile(self.path, self.object_storage_conn_id or None) if self.path else None
        certificate = self.client.services.ca_certificate().certificate
        if not certificate:
            raise DbaasResponseError("get-dbaas-ca-certificate: the answer holds no certificate")
        if file:
            file.replace(certificate.encode())
        return {"certificate": certificate, "path": self.path or None, "zone": self.hook.zone}


class DbaasEnableMysqlWritesOperator(DbaasOperator):
    """Allows writes for a while to a MySQL service that is read-only because its disk is full
    (enable-dbaas-mysql-writes), so that rows can be deleted or a larger plan can be set.

    The request is repeated on a retry, which is harmless.

    Returns ``service``, ``zone`` and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name")
    checks: ClassVar[dict[str, Check]] = {"service_name": validation.name}

    def __init__(self, *, service_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self._check()

    def perform(self, context: Context) -> dict[str, Any]:
        """Send the request and wait for its operation."""
        if self.progress.before(Step.OPERATION):
            operation = self.client.services.mysql.enable_writes(name=self.service_name)
            self.log.info("Enabling writes to service %s", self.service_name)
            self.wait_for_operation(context, operation)
        return {"service": self.service_name, "operation_id": self.progress.operation_id}
