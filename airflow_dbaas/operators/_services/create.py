"""The operator that creates a service."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.operators._services.update import differing
from airflow_dbaas.operators.base import DbaasOperator, Existing
from airflow_dbaas.waits import ServiceWait, service_result

if TYPE_CHECKING:
    from airflow_dbaas.api.services import Service

_CREATED = "service_created"

#: Seconds by which this machine's clock may differ from the API's, which takes no request signed longer ago.
_CLOCK_SECONDS = 600.0


class DbaasCreateServiceOperator(DbaasOperator):
    """Creates a service (create-dbaas-service-…) and waits until it runs.

    A service of that name, type and plan that is there already is used as it is, so a retry goes on with what the
    first try created. One of another plan fails the task, unless told otherwise by ``if_exists``. Settings that are not
    as given are left so, with a warning. Killing the task leaves the service alone.

    Returns ``service``, ``state``, ``type``, ``plan``, ``zone``, ``created`` and ``operation_id``, and ``differs``
    (names of settings, or ``plan``) if the service is not as given. ``created`` says whether this task made it; after a
    retry only Airflow 3.3 knows that of an earlier try, elsewhere it is False then. With ``wait_for_completion=False``
    nothing is waited for, and the ``state`` of a new service is None.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param plan: plan, e.g. ``startup-4``; templated.
    :param service_type: ``pg``, ``mysql``, ``valkey``, ``grafana``, ``opensearch`` or ``thanos``; templated.
    :param settings: further properties of the type's create-dbaas-service call in snake case, e.g.
        ``{"version": "17", "termination_protection": True, "ip_filter": ["192.0.2.0/24"]}``; templated. Those that
        hold a secret (``admin_password``, ``migration``, passwords and keys at any depth) are refused.
    :param if_exists: ``reuse`` the service that is there if it has that plan; ``keep`` it whatever its plan is; or
        ``fail``. One that an earlier try of this task is known to have created is reused in any case.
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
        "service_type": validation.one_of(*validation.SERVICE_TYPES),
        "settings": validation.new_service_settings,
        "if_exists": validation.one_of("reuse", "keep", "fail"),
    }

    def __init__(
        self,
        *,
        service_name: str,
        plan: str,
        service_type: Literal["pg", "mysql", "valkey", "grafana", "opensearch", "thanos"] | str = "pg",
        settings: dict[str, Any] | str | None = None,
        if_exists: Literal["reuse", "keep", "fail"] = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.plan = plan
        self.service_type = service_type
        # A mapping, as soon as it is rendered.
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
        return validation.SERVICE_TYPES if validation.is_template(self.service_type) else (self.service_type,)

    def start(self, context: Context) -> Any:
        """Look for the service, create it if it is missing, wait for it."""
        # Built before anything is sent, so that a wrong setting is found first.
        settings = self._fitted(self.service_type) if self.settings else {}
        services = self.client.services
        creation = services.of_type(self.service_type).create.call(name=self.service_name, plan=self.plan, **settings)
        existing = self._look()
        if existing is not None:
            earlier = self.recall(context, _CREATED)
            own = earlier if earlier and _is_of(existing, earlier) else None
            return self._reuse(context, existing, own, creation.body)
        note: dict[str, Any] = {"service": self.service_name, "operation_id": None, "time": time.time()}
        operation = self.create_or_find(creation, self._look)
        if isinstance(operation, Existing):
            if operation.mine:
                self.remember(context, _CREATED, note)
            return self._reuse(context, operation.found, note if operation.mine else None, creation.body)
        self.remember(context, _CREATED, {**note, "operation_id": operation.id})
        self.log.info("Creating service %s of type %s, plan %s", self.service_name, self.service_type, self.plan)
        return self.wait_for_operation(context, operation, self._created)

    def _look(self) -> Service | None:
        return self.client.services.list().named(self.service_name)

    def _reuse(self, context: Context, service: Service, own: dict[str, Any] | None, body: bytes) -> Any:
        """Go on with a service that is there.

        :param own: what this task noted when it created it.
        :param body: what it would be created with.
        """
        if self.if_exists == "fail" and not own:
            raise DbaasServiceError(f"service {self.service_name} exists already (if_exists='fail')")
        if service.type != self.service_type:
            raise DbaasServiceError(
                f"service {self.service_name} exists already and is of type {service.type}, not {self.service_type}"
            )
        differs = []
        if service.plan not in {None, self.plan}:
            text = f"service {service.name} exists already and has plan {service.plan}, not {self.plan}"
            if self.if_exists == "reuse" and not own:
                raise DbaasServiceError(
                    f"{text}; DbaasUpdateServiceOperator changes the plan, if_exists='keep' uses the service as it is"
                )
            self.log.warning("%s; it is kept (DbaasUpdateServiceOperator changes the plan)", one_line(text))
            differs.append("plan")
        if self.settings and not own:
            different = self._different_settings(body)
            if different:
                self.log.warning(
                    "Service %s exists already, with other settings than given: %s; they are kept "
                    "(DbaasUpdateServiceOperator changes settings)",
                    service.name,
                    ", ".join(different),
                )
            differs += different
        whose = "was created by this task before" if own else "exists already"
        self.log.info("Service %s %s (%s)", service.name, whose, service.state)
        operation_id = own["operation_id"] if own else None
        return self._await_running(
            context, service, created=own is not None, differs=differs, operation_id=operation_id
        )

    def _different_settings(self, body: bytes) -> list[str]:
        """The given settings of which the service shows other values; what it does not show may be as given."""
        shown = self.client.services.of_type(self.service_type).get(self.service_name)
        return differing(json.loads(body), shown, unless_absent=True)

    def _created(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        from airflow_dbaas.api.services import Service

        new = Service(name=self.service_name, type=self.service_type, plan=self.plan, zone=self.hook.zone)
        return self._await_running(context, new, created=True, differs=[], operation_id=result["operation_id"], **state)

    def _await_running(
        self,
        context: Context,
        service: Service,
        *,
        created: bool,
        differs: list[str],
        operation_id: str | None,
        **state: Any,
    ) -> Any:
        adds = {"created": created, "operation_id": operation_id, **({"differs": differs} if differs else {})}
        if not self.wait_for_completion:
            return {**service_result(service), **adds}
        return self.end_with(context, ServiceWait(self.service_name), adds=adds, **state)


def _is_of(service: Service, note: dict[str, Any]) -> bool:
    """Whether a service is the one whose creation was noted. A task that is cleared remembers, too: by then its
    service may be gone, and another one have its name."""
    if note["service"] != service.name:
        return False
    try:
        created = datetime.fromisoformat(service.created_at or "").timestamp()
    except ValueError:
        return True
    return created <= float(note["time"]) + _CLOCK_SECONDS
