"""Waiting for a service."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.waits.base import APPEARANCE_SECONDS, Done, Failed, Pending, Verdict, Wait

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.services import Service, ServiceList


@dataclass(frozen=True)
class ServiceWait(Wait):
    """Until a service is in a state, or gone (``absent``).

    The list of all services is what is fetched: one request answers the waits on many services.
    """

    service_name: str
    state: Literal["running", "poweroff", "absent"] = "running"
    kind: ClassVar[str] = "service"
    keys: ClassVar[tuple[str, ...]] = ("service", "state", "type", "plan", "zone")
    slow: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        return f"service {self.service_name}"

    def call(self) -> Call[ServiceList]:
        from airflow_dbaas.api.services import Services

        return Services.list.call()

    def verdict(self, answer: ServiceList) -> Verdict:
        from airflow_dbaas.api.services import Service

        service = answer.named(self.service_name)
        state = service.state if service else "absent"
        if state == self.state:
            found = service or Service(name=self.service_name, state="absent")
            return Done(service_result(found), note="absent" if service is None else str(state))
        if service is None:
            error = DbaasServiceError(f"{self.subject} does not exist (waiting for {self.state})")
            return Failed(error, grace_period=APPEARANCE_SECONDS)
        if state == "poweroff":
            text = f"{self.subject} is powered off (waiting for {self.state}); power it on in the portal"
            return Failed(DbaasServiceError(text))
        return Pending(f"{self.subject} is {state}")


@dataclass(frozen=True)
class ServiceUpdateWait(ServiceWait):
    """Until a service that was changed runs again, as it is to be.

    A service may go on running for a moment before a change takes it out of that state. So ``running`` counts only
    with the plan that was asked for, and only some time after the change.

    :param plan: the plan that it is to have, if that was changed.
    :param not_before: Unix time from which on ``running`` counts.
    """

    plan: str | None = None
    not_before: float = 0.0
    kind: ClassVar[str] = "service-update"
    timed: ClassVar[bool] = True

    def verdict(self, answer: ServiceList) -> Verdict:
        verdict = super().verdict(answer)
        if isinstance(verdict, Done):
            plan = verdict.result["plan"]
            if self.plan not in {None, plan}:
                return Pending(f"{self.subject} runs, but still with plan {plan}, not {self.plan}")
            if time.time() < self.not_before:
                return Pending(f"{self.subject} still runs; whether the change stops it for a while will show")
        return verdict


def service_result(service: Service) -> dict[str, Any]:
    """A service as plain JSON, for XCom."""
    return {
        "service": service.name,
        "state": service.state,
        "type": service.type,
        "plan": service.plan,
        "zone": service.zone,
    }
