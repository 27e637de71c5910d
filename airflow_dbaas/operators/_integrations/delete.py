"""The operator that deletes an integration between two services."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasIntegrationError, DbaasNotFoundError
from airflow_dbaas.base import Check
from airflow_dbaas.operators._integrations.base import NamedOperator, result_of
from airflow_dbaas.waits import IntegrationWait


class DbaasDeleteIntegrationOperator(NamedOperator):
    """Deletes an integration between two services (delete-dbaas-integration) and waits until it is gone.

    One that is gone since a first attempt is no error for a retry (with ``if_missing="fail"`` on Airflow 3.3 and later
    only). That of a read replica is refused: deleting it would make the replica a service of its own. Killing the task
    leaves the deletion to go on.

    Returns ``integration_id``, ``integration_type``, ``source_service``, ``dest_service``, ``service`` (the
    source), ``zone``, ``status`` (``absent``; ``deleting`` without waiting), ``deleted`` and ``operation_id``.

    :param integration_id: id of the integration, a UUID; templated.
    :param integration_type: instead of the id, with both services: its type; templated.
    :param source_service: name of the service that it comes from; templated.
    :param dest_service: name of the service that it goes to; templated.
    :param if_missing: ``skip``: an integration that is not there is no error; or ``fail``.
    :param wait_for_completion: wait until the integration is gone, not only until the API took the request.
    """

    checks: ClassVar[dict[str, Check]] = {
        **NamedOperator.checks,
        "if_missing": validation.one_of("skip", "fail"),
    }

    def __init__(self, *, if_missing: Literal["skip", "fail"] = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.if_missing = if_missing
        self._check()

    def start(self, context: Context) -> Any:
        """Look for the integration, delete it, wait until it is gone."""
        found = self.find(self.client.services.list())
        if found is None:
            return self._missing(context)
        if found.type == "read_replica":
            raise DbaasIntegrationError(
                f"{self.subject} is that of read replica {found.dest}: deleting it would make {found.dest} a service "
                "of its own, which this operator does not do"
            )
        self.remember_removal(context)
        try:
            operation = self.client.integrations.delete(str(found.id))
        except DbaasNotFoundError:
            # Gone since the look above: by another run, or by this very request whose first answer was lost.
            return result_of(found, status="absent", deleted=True, operation_id=None)
        self.log.info("Deleting %s", self.subject)
        return self.wait_for_operation(context, operation, self._accepted, seen=result_of(found))

    def _missing(self, context: Context) -> dict[str, Any]:
        from airflow_dbaas.api.integrations import Integration

        mine = self.has_removed(context)
        if self.if_missing == "fail" and not mine:
            raise DbaasIntegrationError(f"{self.subject} does not exist (if_missing='fail')")
        self.log.info("%s does not exist; nothing to delete", self.subject)
        seen = Integration(
            id=self.integration_id or None,
            type=self.integration_type or None,
            source=self.source_service or None,
            dest=self.dest_service or None,
        )
        return result_of(seen, status="absent", deleted=mine, operation_id=None)

    def _accepted(self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], **state: Any) -> Any:
        ended = {**seen, "deleted": True, "operation_id": result["operation_id"]}
        if not self.wait_for_completion:
            return {**ended, "status": "deleting"}
        wait = IntegrationWait(seen["integration_id"], "absent")
        return self.end_with(context, wait, adds={**ended, "status": "absent"}, **state)
