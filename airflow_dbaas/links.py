"""Links from a task to Exoscale's portal, shown in Airflow's UI also while the task runs, is deferred or has failed."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from airflow_dbaas._compat import BaseOperatorLink, get_xcom
from airflow_dbaas.api.redaction import one_line

log = logging.getLogger(__name__)


class PortalLink(BaseOperatorLink):
    """Base of the links: a page of the task's service."""

    #: The part of the address after the page of the service.
    page: ClassVar[str] = ""

    @property
    def xcom_key(self) -> str:
        """XCom key under which the address is kept."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address; empty if it is not available. It never raises: Airflow asks after the task has ended, and would
        show a second error.

        :param operator: the task. Where it runs, it knows the address; elsewhere (2.11's web server), the pushed
            address is read.
        :param ti_key: which run of the task.
        """
        try:
            if hasattr(operator, "portal_page"):
                return str(operator.portal_page(self.page))
            return get_xcom(self.xcom_key, ti_key) or ""
        except Exception as error:  # noqa: BLE001 - a link is never worth an error
            log.debug("The link %s is not available: %s", self.name, type(error).__name__)
            return ""

    def push(self, operator: Any, context: Any) -> None:
        """Store the address where Airflow looks for it; a failure does not fail the task.

        :param operator: the task.
        :param context: Airflow's context.
        """
        address = self.get_link(operator, ti_key=None)
        try:
            context["ti"].xcom_push(key=self.xcom_key, value=address)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("The link %s could not be stored: %s", self.name, one_line(str(error)))


class DbaasServiceLink(PortalLink):
    """The page of the service that a task works on."""

    @property
    def name(self) -> str:
        """The button's text."""
        return "Exoscale service"


class DbaasMigrationLink(PortalLink):
    """The page of the migration that a task works on."""

    page = "/migration"

    @property
    def name(self) -> str:
        """The button's text."""
        return "Exoscale migration"
