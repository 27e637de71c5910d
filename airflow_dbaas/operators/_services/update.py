"""The operator that changes a service."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.base import Check
from airflow_dbaas.operators.base import DbaasOperator
from airflow_dbaas.waits import ServiceUpdateWait, ServiceWait, service_result

if TYPE_CHECKING:
    from airflow_dbaas.api.answer import Answer
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service

#: Seconds after a change that moves a service to other machines for which it may still be shown as ``running``.
SETTLING_SECONDS = 10.0

#: Properties whose change moves a service to other machines; only one that runs takes it.
_MOVING = frozenset({"plan", "version"})

_UPDATED = "service_updated"


class DbaasUpdateServiceOperator(DbaasOperator):
    """Changes a service (update-dbaas-service-…) and waits until it runs again.

    Only what differs from what get-dbaas-service-… shows is sent, and nothing if nothing differs; of mappings such as
    ``pg_settings`` only what is given is compared. Before a change of plan or version the service is waited for until
    it runs, for the API refuses it otherwise; afterwards until it runs with the new plan, ten seconds later at the
    earliest, because it may be shown as running for a moment still.

    Doing it twice changes nothing the second time, so a retry goes on where the try before it was. Killing the task
    leaves the change alone.

    Returns ``service``, ``type``, ``state``, ``plan``, ``zone``, ``changed`` (names of the properties that were sent,
    on Airflow 3.3 those of earlier tries included) and ``operation_id`` (None if nothing was sent). With
    ``wait_for_completion=False`` nothing is waited for, and ``state`` is the one before the change.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param settings: properties of the type's update-dbaas-service call in snake case, as the service is to have them,
        e.g. ``{"plan": "business-8", "termination_protection": False}``; templated. ``ip_filter`` replaces the one that
        is there. Those that hold a secret are refused, and ``migration``: see ``DbaasStartMigrationOperator``.
    :param service_type: ``pg``, ``mysql``, ``valkey``, ``grafana``, ``opensearch`` or ``thanos``; looked up if not
        given. A service of another type is refused. Templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name", "settings", "service_type")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "settings": validation.changed_service_settings,
        "service_type": validation.optional(validation.one_of(*validation.SERVICE_TYPES)),
    }

    def __init__(
        self,
        *,
        service_name: str,
        settings: dict[str, Any] | str,
        service_type: Literal["pg", "mysql", "valkey", "grafana", "opensearch", "thanos"] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        # A mapping, as soon as it is rendered.
        self.settings: Any = settings
        self.service_type = service_type
        self._check()

    def _check(self) -> None:
        super()._check()
        if isinstance(self.settings, dict):
            known = self.service_type and not validation.is_template(self.service_type)
            types = [str(self.service_type)] if known else validation.SERVICE_TYPES
            self.settings = _fitted(self.settings, *types)

    def start(self, context: Context) -> Any:
        """See what differs, change it, wait for the service."""
        if self.service_type:
            # Built before anything is sent, so that a wrong setting is found first.
            self._update(self.service_type, self.settings)
        service = self.client.services.list().named(self.service_name)
        if service is None:
            raise DbaasServiceError(
                f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one"
            )
        kind = self._type_of(service)
        state: dict[str, Any] = {"seen": service_result(service), "changed": self._differing(kind)}
        if not state["changed"]:
            return self._unchanged(context, service, state)
        if _MOVING & set(state["changed"]) and service.state != "running" and self.wait_for_completion:
            self.log.info("Service %s is %s; it is changed when it runs", service.name, service.state)
            return self.wait_for(context, ServiceWait(service.name), self._change, **state)
        return self._change(context, {}, **state)

    def _type_of(self, service: Service) -> str:
        if service.type not in validation.SERVICE_TYPES:
            raise DbaasServiceError(
                f"service {service.name} is of type {service.type}; this operator changes services of type "
                f"{', '.join(validation.SERVICE_TYPES)}"
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

    def _unchanged(self, context: Context, service: Service, state: dict[str, Any]) -> Any:
        earlier = self.recall(context, _UPDATED)
        if earlier is None:
            self.log.info("Service %s is as it is to be (%s)", service.name, service.state)
            earlier = {"changed": [], "operation_id": None, "not_before": 0.0}
        else:
            self.log.info("Service %s was changed by an earlier try (%s)", service.name, service.state)
        return self._await_running(context, **{**state, **earlier})

    def _change(self, context: Context, result: dict[str, Any], *, changed: list[str], **state: Any) -> Any:
        settings = {name: value for name, value in self.settings.items() if name.replace("-", "_") in changed}
        operation = self.client.send(self._update(state["seen"]["type"], settings))
        not_before = time.time() + SETTLING_SECONDS if _MOVING & set(changed) else 0.0
        self.remember(context, _UPDATED, {"changed": changed, "operation_id": operation.id, "not_before": not_before})
        self.log.info("Changing %s of service %s", ", ".join(changed), self.service_name)
        return self.wait_for_operation(context, operation, self._taken, changed=changed, not_before=not_before, **state)

    def _taken(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        return self._await_running(context, operation_id=result["operation_id"], **state)

    def _await_running(
        self,
        context: Context,
        *,
        seen: dict[str, Any],
        not_before: float,
        changed: list[str],
        operation_id: str | None,
        **state: Any,
    ) -> Any:
        adds = {"changed": changed, "operation_id": operation_id}
        plan = self.settings.get("plan")
        if not self.wait_for_completion:
            return {**seen, "plan": plan or seen["plan"], **adds}
        wait = ServiceUpdateWait(self.service_name, plan=plan, not_before=not_before)
        return self.end_with(context, wait, adds=adds, **state)


def _fitted(settings: dict[str, Any], *types: str) -> dict[str, Any]:
    """The settings, as a service of one of some types takes them."""
    return validation.fit_settings("settings", settings, "services", [f"Update{each.title()}Service" for each in types])


def differing(wanted: dict[str, Any], service: Answer, *, unless_absent: bool = False) -> list[str]:
    """The properties that a service does not have as they are wanted, in snake case.

    :param wanted: a request's body.
    :param service: the answer of get-dbaas-service-….
    :param unless_absent: leave out the plan, and what the answer does not show.
    """
    shown = service.model_dump(by_alias=True, exclude_unset=True)
    return [
        name.replace("-", "_")
        for name, value in wanted.items()
        if not (unless_absent and (name == "plan" or shown.get(name) is None))
        and not _is_shown(name, value, shown.get(name))
    ]


def _is_shown(name: str, wanted: Any, shown: Any) -> bool:
    """Whether a service has a property as it is to be."""
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
