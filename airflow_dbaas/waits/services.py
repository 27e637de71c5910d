"""Waiting for a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from airflow_dbaas.api import endpoints, models
from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.waits.base import APPEARANCE_SECONDS, Done, Failed, Pending, Verdict, Wait

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call


@dataclass(frozen=True)
class ServiceWait(Wait):
    """Until a service is in a state, or gone (``absent``).

    The list of all services is what is fetched: one request answers the waits on many services.
    """

    service_name: str
    state: Literal["running", "poweroff", "absent"] = "running"
    kind: ClassVar[str] = "service"

    @property
    def subject(self) -> str:
        return f"service {self.service_name}"

    def call(self) -> Call[models.ServiceList]:
        return endpoints.list_dbaas_services()

    def verdict(self, answer: models.ServiceList) -> Verdict:
        service = answer.named(self.service_name)
        state = service.state if service else "absent"
        if state == self.state:
            shown = service or models.Service(name=self.service_name)
            return Done(
                {
                    "service": self.service_name,
                    "state": state,
                    "type": shown.type,
                    "plan": shown.plan,
                    "zone": shown.zone,
                }
            )
        if service is None:
            error = DbaasServiceError(f"{self.subject} does not exist (waiting for {self.state})")
            return Failed(error, patience=APPEARANCE_SECONDS)
        if state == "poweroff":
            text = f"{self.subject} is powered off (waiting for {self.state}); power it on in the portal"
            return Failed(DbaasServiceError(text))
        return Pending(f"{self.subject} is {state}")
