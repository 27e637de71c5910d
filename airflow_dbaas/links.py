"""Links from a task to Exoscale's portal, shown in Airflow's UI also while the task runs, is deferred or has failed."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_dbaas._compat import BaseOperatorLink, get_xcom


class PortalLink(BaseOperatorLink):
    """Base of the links: a page of the task's service."""

    #: What follows the service's own page in the address.
    page: ClassVar[str] = ""

    @property
    def xcom_key(self) -> str:
        """XCom key under which the address is kept."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address.

        :param operator: the task; where it runs it knows the address itself, elsewhere (2.11's web server) what it
            pushed is read.
        :param ti_key: which run of the task.
        """
        if hasattr(operator, "portal_page"):
            return str(operator.portal_page(self.page))
        return get_xcom(self.xcom_key, ti_key) or ""


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
