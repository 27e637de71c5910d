"""Waiting for an integration between services, or between a service and an external endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasIntegrationError, DbaasNotFoundError
from airflow_dbaas.waits.base import APPEARANCE_SECONDS, Done, Failed, Pending, Verdict, Wait
from airflow_dbaas.waits.ids import is_nothing

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.external_endpoints import ExternalIntegration
    from airflow_dbaas.api.integrations import Integration
    from airflow_dbaas.api.services import ServiceList

#: Seconds for which an integration may be shown as failed or switched off: it is while a service restarts.
INTEGRATION_GRACE_PERIOD = 120.0

State = Literal["active", "absent"]


@dataclass(frozen=True)
class IntegrationWait(Wait):
    """Until an integration between two services is active, or gone (``absent``).

    It is read off the list of all services: one request answers the waits on many integrations.
    """

    integration_id: str
    state: State = "active"
    kind: ClassVar[str] = "integration"
    keys: ClassVar[tuple[str, ...]] = (
        "integration_id",
        "integration_type",
        "source_service",
        "dest_service",
        "status",
        "service",
        "zone",
    )

    @property
    def subject(self) -> str:
        return f"integration {self.integration_id}"

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:
        return _nothing(cls, "integration", fields)

    @cached_property
    def _id(self) -> str:
        # A UUID can be written in several ways.
        return calls.identifier("integration_id", self.integration_id)

    def call(self) -> Call[ServiceList]:
        # The request does not need the id, but one that is none is to be found before it.
        from airflow_dbaas.api.services import Services

        _ = self._id
        return Services.list.call()

    def verdict(self, answer: ServiceList) -> Verdict:
        found = answer.integration_with(self._id)
        if self.state == "absent":
            gone = Done(_gone(type(self), self.integration_id), note="absent")
            return Pending(f"{self.subject} is still there") if found else gone
        if found is None:
            return Failed(DbaasIntegrationError(f"{self.subject} does not exist"), grace_period=APPEARANCE_SECONDS)
        status = found.status or "unknown"
        # Older answers have no is-active; then the status is all there is.
        if found.is_active or (found.is_active is None and status in {"running", "active"}):
            return Done(integration_result(found), note="active")
        where = f"{self.subject} ({found.type}, {found.source} → {found.dest})"
        if status == "failed" or found.is_enabled is False:
            what = "failed" if status == "failed" else "is switched off"
            return Failed(DbaasIntegrationError(f"{where} {what}", retryable=True), grace_period=INTEGRATION_GRACE_PERIOD)
        ends = (answer.named(name) for name in (found.source, found.dest) if name)
        off = [service.name for service in ends if service and service.state == "poweroff"]
        if off:
            text = f"{where} cannot become active: service {' and '.join(off)} is powered off"
            return Failed(DbaasIntegrationError(text))
        return Pending(f"{where} is {status}, not active yet")


@dataclass(frozen=True)
class ExternalIntegrationWait(Wait):
    """Until the integration of a service with an external endpoint is active, or gone (``absent``).

    An answer without a status is taken for active: the API need not show one.
    """

    integration_id: str
    state: State = "active"
    kind: ClassVar[str] = "external-integration"
    keys: ClassVar[tuple[str, ...]] = (
        "integration_id",
        "endpoint_type",
        "endpoint_id",
        "endpoint_name",
        "service",
        "status",
        "zone",
    )

    @property
    def subject(self) -> str:
        return f"external integration {self.integration_id}"

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:
        return _nothing(cls, "external integration", fields)

    def call(self) -> Call[ExternalIntegration]:
        from airflow_dbaas.api.external_endpoints import ExternalEndpoints

        return ExternalEndpoints.get_integration.call(self.integration_id)

    def absent(self, error: DbaasNotFoundError) -> Verdict:
        gone = Done(_gone(type(self), self.integration_id), note="absent")
        return gone if self.state == "absent" else super().absent(error)

    def verdict(self, answer: ExternalIntegration) -> Verdict:
        if self.state == "absent":
            return Pending(f"{self.subject} is still there")
        status = answer.status or "active"
        if status in {"running", "active"}:
            return Done(external_integration_result(answer), note="active")
        where = f"{self.subject} ({answer.type}, {answer.source_service_name} → {answer.dest_endpoint_name})"
        if status == "failed":
            return Failed(DbaasIntegrationError(f"{where} failed", retryable=True), grace_period=INTEGRATION_GRACE_PERIOD)
        return Pending(f"{where} is {status}, not active yet")


def _gone(wait: type[Wait], integration_id: str | None) -> dict[str, Any]:
    return {**dict.fromkeys(wait.keys), "integration_id": integration_id, "status": "absent"}


def _nothing(wait: type[Wait], kind: str, fields: Mapping[str, Any]) -> Done | None:
    """The end of the wait for the end of an integration that was not there."""
    integration_id = fields["integration_id"]
    if not is_nothing(integration_id):
        return None
    if fields["state"] != "absent":
        # One that is being made must not be taken for active.
        raise DbaasConfigurationError(
            f"integration_id must be a UUID, got {calls.shown(integration_id)}: the API did not show the {kind} when "
            "it was made; let the operator wait for it (wait_for_completion=True)"
        )
    text = f"There is no {kind} whose end to wait for: nothing was deleted (integration_id is None)"
    return Done(_gone(wait, None), text)


def integration_result(integration: Integration) -> dict[str, Any]:
    """An integration between services as plain JSON, for XCom."""
    return {
        "integration_id": integration.id,
        "integration_type": integration.type,
        "source_service": integration.source,
        "dest_service": integration.dest,
        "status": integration.status,
        "service": integration.source,
    }


def external_integration_result(integration: ExternalIntegration) -> dict[str, Any]:
    """An integration with an external endpoint as plain JSON, for XCom."""
    return {
        "integration_id": integration.integration_id,
        "endpoint_type": integration.type,
        "endpoint_id": integration.dest_endpoint_id,
        "endpoint_name": integration.dest_endpoint_name,
        "service": integration.source_service_name,
        "status": integration.status,
    }
