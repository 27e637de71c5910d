"""The operator that brings all integrations and attachments of a service in line with a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError, DbaasServiceError
from airflow_dbaas.config import desired_state
from airflow_dbaas.config.desired_state import Item, Link, Plan
from airflow_dbaas.operators._base import Check, DbaasOperator
from airflow_dbaas.operators._progress import Progress, Step
from airflow_dbaas.operators.external_endpoints import check_attachable, find_endpoint, missing_endpoint
from airflow_dbaas.operators.integrations import IntegrationRules

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service, ServiceList


@dataclass
class Reconciliation(Progress):
    """How far a reconciliation has come.

    :param plan: what there was to do when this try began.
    :param done: the steps of this try, which the API may not show yet.
    """

    plan: dict[str, list[Item]] = field(default_factory=dict)
    done: list[list[str | None]] = field(default_factory=list)


class DbaasReconcileIntegrationsOperator(DbaasOperator):
    """Brings the integrations of a service, and its attachments to external endpoints, in line with a list.

    Reads the present state (list-dbaas-services, list-dbaas-external-integrations), logs a plan and applies it, one
    operation after the other: first deletions, because a service may be allowed only one integration of a type, then
    changed settings, then additions. The whole list is checked against what the API offers before the first change.

    The present state is read before every step, so a retry continues where the last try stopped, and a second run
    changes nothing. Killing the task keeps completed steps. Read replicas are never touched.

    Returns ``service``, ``zone``, ``dry_run``, ``plan`` (lists ``create``, ``update``, ``delete`` and ``keep``, as they
    were when this try started) and ``applied``: False only for a dry run.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param integrations: desired integrations: mappings with ``integration_type`` (``datasource``, ``logs`` or
        ``metrics``), the other service as ``source_service`` or ``dest_service``, and optionally ``settings``; settings
        that are not named stay as they are. None leaves all integrations alone; an empty list means none are desired.
        Templated.
    :param endpoints: desired attachments to external endpoints: mappings with ``endpoint_id``, or with
        ``endpoint_name`` and ``endpoint_type``. None and an empty list as above; templated.
    :param dry_run: log and return the plan only; templated, in the field ``plan_only``.
    :param prune: delete what exists but is not in the list. By default it is kept, and the plan says so. Templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "service_name",
        "integrations",
        "endpoints",
        "plan_only",
        "prune",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"integrations": "json", "endpoints": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "dry_run": validation.templated_boolean,
        "prune": validation.templated_boolean,
    }
    kept_as: ClassVar[dict[str, str]] = {"dry_run": "plan_only"}
    progress_class = Reconciliation
    progress: Reconciliation

    def __init__(
        self,
        *,
        service_name: str,
        integrations: list[dict[str, Any]] | str | None = None,
        endpoints: list[dict[str, Any]] | str | None = None,
        dry_run: bool | str = False,
        prune: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.integrations = integrations
        self.endpoints = endpoints
        self.plan_only: Any = dry_run
        self.prune: Any = prune
        #: Of each of the integrations, once they are checked.
        self._settings: list[dict[str, Any]] | None = None
        self._check()

    def _check(self) -> None:
        super()._check()
        if self.integrations is None and self.endpoints is None:
            raise DbaasConfigurationError("give integrations, endpoints, or both: there is nothing to reconcile")
        if _known(self.service_name):
            for read, entries in (
                (desired_state.wanted_integrations, self.integrations),
                (desired_state.wanted_endpoints, self.endpoints),
            ):
                if entries is not None and _known(entries):
                    read(self.service_name, entries)

    def perform(self, context: Context) -> Any:
        """Check all that is wanted, show the plan, carry it out."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            plan = self._plan(check=True)
            for line in plan.lines():
                self.log.info("%s", line)
            progress.plan = plan.plain()
            if self.plan_only:
                return self._result(applied=False)
        while (next_step := self._next_step()) is not None:
            action, item = next_step
            self.log.info("Now: %s %s", action, desired_state.describe(item))
            try:
                operation = self._do(action, item)
            except DbaasError:
                # It may be done nevertheless: by this request whose answer was lost, or by another run.
                if _mark(action, item) in [_mark(*each) for each in self._plan().steps()]:
                    raise
                continue
            progress.done.append(_mark(action, item))
            self.wait_for_operation(context, operation)
        return self._result(applied=True)

    def _next_step(self) -> tuple[str, Item] | None:
        """The next action, given the current state; None if nothing is left to do."""
        steps = list(self._plan().steps())
        for action, item in steps:
            if _mark(action, item) not in self.progress.done:
                return action, item
        for action, item in steps:
            self.log.warning("Done, but the API does not show it: %s %s", action, desired_state.describe(item))
        return None

    def _do(self, action: str, item: Item) -> Operation:
        if "endpoint_id" in item:
            if action == "create":
                return self.client.external_endpoints.attach(
                    source_service_name=self.service_name,
                    dest_endpoint_id=item["endpoint_id"],
                    type=item["endpoint_type"],
                )
            return self.client.external_endpoints.detach(
                source_service_name=self.service_name, integration_id=item["integration_id"]
            )
        if action == "create":
            return self.client.send(_creation(item))
        if action == "update":
            return self.client.integrations.update(id=item["integration_id"], settings=item["settings"])
        return self.client.integrations.delete(item["integration_id"])

    def _plan(self, *, check: bool = False) -> Plan:
        services = self.client.services.list()
        service = services.named(self.service_name)
        if service is None:
            raise DbaasServiceError(
                f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one"
            )
        links = attachments = None
        if self.integrations is not None:
            links = desired_state.wanted_integrations(self.service_name, self.integrations)
            self._check_links(services, links, check=check)
        if self.endpoints is not None:
            attachments = self._resolved(service, check=check)
        return desired_state.make_plan(
            self.service_name,
            integrations=links,
            endpoints=attachments,
            actual_integrations=_integrations_of(service),
            actual_endpoints=self._attached() if attachments is not None else [],
            prune=self.prune,
        )

    def _check_links(self, services: ServiceList, links: list[Item], *, check: bool) -> None:
        """Give the settings the types that the API wants; once in a process, see that the links are possible."""
        if self._settings is None and (check or any(item["settings"] for item in links)):
            rules = IntegrationRules(self.client, services)
            self._settings = [
                rules.check(_link(item), item["settings"], where=f"integrations[{index}].settings")
                for index, item in enumerate(links)
            ]
        for item, settings in zip(links, self._settings or [], strict=False):
            item["settings"] = settings

    def _resolved(self, service: Service, *, check: bool) -> list[Item]:
        """The wanted attachments with the ids, types and names of their endpoints."""
        known = self.client.external_endpoints.list().dbaas_endpoints
        items = []
        for index, item in enumerate(desired_state.wanted_endpoints(self.service_name, self.endpoints)):
            endpoint = find_endpoint(
                known,
                endpoint_id=item["endpoint_id"],
                name=item["endpoint_name"],
                endpoint_type=item["endpoint_type"],
            )
            if endpoint is None:
                raise missing_endpoint(
                    f"endpoints[{index}]: endpoint {item['endpoint_name'] or item['endpoint_id']}", known
                )
            if check:
                check_attachable(self.client, service, endpoint)
            items.append(_attachment(self.service_name, endpoint.id, endpoint.type, endpoint.name))
        return items

    def _attached(self) -> list[Item]:
        return [
            {
                **_attachment(self.service_name, each.dest_endpoint_id, each.type, each.dest_endpoint_name),
                "integration_id": each.integration_id,
            }
            for each in self.client.external_endpoints.list_integrations(self.service_name).external_integrations
        ]

    def _result(self, *, applied: bool) -> dict[str, Any]:
        plan = self.progress.plan
        return {"service": self.service_name, "dry_run": self.plan_only, "plan": plan, "applied": applied}


def _known(value: Any) -> bool:
    """Whether nothing in a value is a template still."""
    if isinstance(value, dict):
        return all(map(_known, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_known, value))
    return not validation.is_template(value)


def _link(item: Item) -> Link:
    return Link(item["integration_type"], item["source_service"], item["dest_service"])


def _creation(item: Item) -> Call[Operation]:
    from airflow_dbaas.api.integrations import Integrations

    return Integrations.create.call(
        integration_type=item["integration_type"],
        source_service=item["source_service"],
        dest_service=item["dest_service"],
        settings=item["settings"] or None,
    )


def _attachment(service: str, endpoint_id: str | None, endpoint_type: str | None, name: str | None) -> Item:
    return {"service": service, "endpoint_id": endpoint_id, "endpoint_type": endpoint_type, "endpoint_name": name}


def _integrations_of(service: Service) -> list[Item]:
    return [
        {
            "integration_id": each.id,
            "integration_type": each.type,
            "source_service": each.source,
            "dest_service": each.dest,
            "settings": each.settings or {},
        }
        for each in service.integrations
        if service.name in {each.source, each.dest}
    ]


def _mark(action: str, item: Item) -> list[str | None]:
    """The identity of a step, as plain JSON."""
    return [action, *desired_state.identity(item)]
