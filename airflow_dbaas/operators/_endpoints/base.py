"""What the operators of external endpoints share: how an endpoint is named and found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasIntegrationError
from airflow_dbaas.base import Check
from airflow_dbaas.desired import ENDPOINT_TYPES
from airflow_dbaas.operators._integrations.base import one_way
from airflow_dbaas.operators.base import DbaasOperator

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.external_endpoints import ExternalEndpoint
    from airflow_dbaas.api.fields import EndpointType
    from airflow_dbaas.api.services import Service


def find_endpoint(
    known: list[ExternalEndpoint],
    *,
    endpoint_id: str | None = None,
    name: str | None = None,
    endpoint_type: str | None = None,
) -> ExternalEndpoint | None:
    """The endpoint of that id or name, if it is there.

    :param known: the endpoints, as listed.
    :param endpoint_id: its id.
    :param name: its name, without an id.
    :param endpoint_type: its type; without it the name must be enough.
    :raises DbaasConfigurationError: if several endpoints of different types have that name.
    """
    if endpoint_id:
        wanted = calls.identifier("endpoint_id", endpoint_id)
        found = [each for each in known if each.id == wanted]
    else:
        found = [each for each in known if each.name == name]
    found = [each for each in found if not endpoint_type or each.type == endpoint_type]
    if len(found) > 1:
        types = ", ".join(sorted(str(each.type) for each in found))
        raise DbaasConfigurationError(f"there are several endpoints {name}, of types {types}: give endpoint_type")
    return found[0] if found else None


def missing_endpoint(subject: str, known: list[ExternalEndpoint]) -> DbaasIntegrationError:
    """The error for an endpoint that is not there: it says which are."""
    there = ", ".join(f"{each.name} ({each.type})" for each in known) or "none"
    return DbaasIntegrationError(f"{subject} does not exist; there are: {there}")


def check_attachable(client: Client, service: Service, endpoint: ExternalEndpoint) -> None:
    """Refuse what list-dbaas-external-endpoint-types does not offer.

    :raises DbaasConfigurationError: if services of that type cannot be attached to endpoints of that type.
    """
    for kind in client.external_endpoints.list_types().endpoint_types:
        if kind.type == endpoint.type and kind.service_types and service.type not in kind.service_types:
            raise DbaasConfigurationError(
                f"service {service.name}, of type {service.type}, cannot be attached to an endpoint of type "
                f"{kind.type}: possible are {', '.join(kind.service_types)}"
            )


class EndpointOperator(DbaasOperator):
    """Base of operators that name an endpoint by its id or its name.

    :param endpoint_id: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead of the id: its name; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "endpoint_id", "endpoint_name", "endpoint_type")
    checks: ClassVar[dict[str, Check]] = {
        "endpoint_id": validation.optional(validation.uuid),
        "endpoint_name": validation.optional(validation.long_name),
        "endpoint_type": validation.optional(validation.one_of(*ENDPOINT_TYPES)),
    }

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        endpoint_name: str | None = None,
        endpoint_type: EndpointType | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_id = endpoint_id
        self.endpoint_name = endpoint_name
        self.endpoint_type = endpoint_type

    #: The parameters of which one names what the task is about.
    ways: ClassVar[tuple[tuple[str, ...], ...]] = (("endpoint_id",), ("endpoint_name",))

    def _check(self) -> None:
        super()._check()
        one_way(self, *self.ways)

    @property
    def subject(self) -> str:
        """The endpoint in words."""
        of_type = f" of type {self.endpoint_type}" if self.endpoint_type else ""
        return f"external endpoint {self.endpoint_id or self.endpoint_name}{of_type}"

    def find(self, known: list[ExternalEndpoint]) -> ExternalEndpoint | None:
        """The endpoint that this task is about, if it is there."""
        return find_endpoint(
            known, endpoint_id=self.endpoint_id, name=self.endpoint_name, endpoint_type=self.endpoint_type
        )

    def require(self) -> ExternalEndpoint:
        """The endpoint that this task is about.

        :raises DbaasIntegrationError: if it is not there; the text names those that are.
        """
        known = self.client.external_endpoints.list().dbaas_endpoints
        found = self.find(known)
        if found is None:
            raise missing_endpoint(self.subject, known)
        return found


def endpoint_result(endpoint: ExternalEndpoint, **more: Any) -> dict[str, Any]:
    """The result of an operator: the endpoint and what was done."""
    return {
        "endpoint_id": endpoint.id,
        "endpoint_name": endpoint.name,
        "endpoint_type": endpoint.type,
        **more,
    }
