"""What the operators of integrations share: how one is named, found and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.base import Check
from airflow_dbaas.desired import INTEGRATION_TYPES, Link, check_settings
from airflow_dbaas.operators.base import DbaasOperator
from airflow_dbaas.waits.integrations import integration_result

if TYPE_CHECKING:
    from airflow_dbaas.api.integrations import Integration, IntegrationTypeName
    from airflow_dbaas.api.services import ServiceList


def settings(parameter: str, value: Any) -> dict[str, Any]:
    """A mapping without secrets."""
    value = validation.mapping(parameter, value)
    check_settings(parameter, value)
    return dict(value)


def one_way(owner: object, *ways: tuple[str, ...]) -> None:
    """Check that one of several ways to name something is used, and is complete.

    :param owner: the operator.
    :param ways: the parameters of each way. Templates are left for the time when they are rendered.
    :raises DbaasConfigurationError: if there is none, half of one, or more than one.
    """
    given = {name for way in ways for name in way if getattr(owner, name)}
    if any(validation.is_template(getattr(owner, name)) for name in given):
        return
    if given not in [set(way) for way in ways]:
        wanted = ", or ".join(" and ".join(way) for way in ways)
        raise DbaasConfigurationError(f"give either {wanted}; got {', '.join(sorted(given)) or 'none of them'}")


def named_by(result: dict[str, Any]) -> str | None:
    """The id of what an operation was about, if its result names one: as the reference's id or at the end of its link.

    A reference may also name something else, such as a service.
    """
    link = (result["reference_link"] or "").rstrip("/").rpartition("/")[2]
    for candidate in (result["reference_id"], link):
        try:
            return calls.identifier("id", candidate)
        except DbaasConfigurationError:
            continue
    return None


def find_link(services: ServiceList, link: Link) -> Integration | None:
    """The integration between two services, if there is one."""
    return services.integration(type=link.integration_type, source=link.source_service, dest=link.dest_service)


class LinkedOperator(DbaasOperator):
    """Base of operators that name an integration by its type and services; links lead to the source.

    :param integration_type: ``datasource``, ``logs`` or ``metrics``; templated.
    :param source_service: name of the service that it comes from, 1 to 63 characters; templated.
    :param dest_service: name of the service that it goes to, 1 to 63 characters; templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "integration_type",
        "source_service",
        "dest_service",
    )
    checks: ClassVar[dict[str, Check]] = {
        "integration_type": validation.one_of(*INTEGRATION_TYPES),
        "source_service": validation.name,
        "dest_service": validation.name,
    }

    integration_type: str | None
    source_service: str | None
    dest_service: str | None

    @property
    def linked_service(self) -> str | None:
        return self.source_service

    @property
    def link(self) -> Link:
        """The integration that this task is about."""
        return Link(str(self.integration_type), str(self.source_service), str(self.dest_service))


class NamedOperator(LinkedOperator):
    """Base of operators that name an integration by its id, or by its type and services.

    :param integration_id: id of the integration, a UUID; templated.
    :param integration_type: instead of the id, with both services: its type; templated.
    :param source_service: name of the service that it comes from; templated.
    :param dest_service: name of the service that it goes to; templated.
    """

    template_fields: Sequence[str] = (*LinkedOperator.template_fields, "integration_id")
    checks: ClassVar[dict[str, Check]] = {
        "integration_id": validation.optional(validation.uuid),
        **{name: validation.optional(check) for name, check in LinkedOperator.checks.items()},
    }

    def __init__(
        self,
        *,
        integration_id: str | None = None,
        integration_type: IntegrationTypeName | str | None = None,
        source_service: str | None = None,
        dest_service: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.integration_type = integration_type
        self.source_service = source_service
        self.dest_service = dest_service

    def _check(self) -> None:
        super()._check()
        one_way(self, ("integration_id",), ("integration_type", "source_service", "dest_service"))

    @property
    def subject(self) -> str:
        """The integration in words."""
        return f"integration {self.integration_id}" if self.integration_id else str(self.link)

    def find(self, services: ServiceList) -> Integration | None:
        """The integration that this task is about, if it is there."""
        if not self.integration_id:
            return find_link(services, self.link)
        return services.integration_with(calls.identifier("integration_id", self.integration_id))


def link_of(integration: Integration) -> Link:
    """What tells an integration from others."""
    return Link(str(integration.type), str(integration.source), str(integration.dest))


def result_of(integration: Integration, **more: Any) -> dict[str, Any]:
    """The result of an operator: the integration and what was done."""
    return {**integration_result(integration), **more}
