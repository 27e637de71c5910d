"""What operators and sensors share: the connection, the zone, checks of their parameters, links and deadlines."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import BaseOperator, Context, default_deferrable
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.links import DbaasServiceLink, PortalLink
from airflow_dbaas.results import own_xcoms, with_zone

Check = validation.Check
Limit = Literal["timeout", "execution_timeout"]


class DbaasTask(BaseOperator):
    """Base of operators and sensors.

    :param exoscale_conn_id: id of the Airflow connection to the API; templated.
    :param zone: zone to work in instead of the connection's; templated.
    :param deferrable: wait in the triggerer instead of holding a worker; Airflow's
        ``[operators] default_deferrable`` by default.
    :param outage_grace_period: for how long the API may give no usable answer while the task waits: seconds, or a
        timedelta; templated. By default a quarter of the time that the wait may take, 5 minutes at least and 6 hours at
        most.
    """

    template_fields: Sequence[str] = ("exoscale_conn_id", "zone", "outage_grace_period")
    operator_extra_links: Collection[PortalLink] = (DbaasServiceLink(),)
    ui_color = "#da291c"
    ui_fgcolor = "#ffffff"

    #: Check of each parameter, by name.
    checks: ClassVar[dict[str, Check]] = {}
    #: The attribute of a parameter that is kept under another name, because Airflow has that one.
    kept_as: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        *,
        exoscale_conn_id: str = DbaasHook.default_conn_name,
        zone: str | None = None,
        deferrable: bool = default_deferrable(),
        outage_grace_period: float | timedelta | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.exoscale_conn_id = exoscale_conn_id
        self.zone = zone
        self.deferrable = deferrable
        #: The zone that the service was listed in before the task was deferred.
        self._listed_zone: str | None = None
        self.outage_grace_period = outage_grace_period

    def _check(self) -> None:
        """Check the parameters that are known so far.

        Subclasses call it at the end of ``__init__``; it runs again when templates are rendered.
        """
        common = {
            "exoscale_conn_id": validation.connection_id,
            "zone": validation.zone,
            "deferrable": validation.boolean,
            "outage_grace_period": validation.optional(validation.grace_period),
        }
        validation.check(self, {**common, **self.checks})

    @cached_property
    def hook(self) -> DbaasHook:
        """Hook of this task's connection."""
        return DbaasHook(self.exoscale_conn_id, zone=self.zone)

    @property
    def linked_service(self) -> str | None:
        """The service that the extra links lead to."""
        return getattr(self, "service_name", None)

    def portal_page(self, page: str) -> str:
        """Address of the service's page in the portal; empty if the task is about no service."""
        service = self.linked_service
        return self.hook.portal_page(service, page) if service else ""

    def _push_links(self, context: Context) -> None:
        # Airflow does so only when the task ends or defers, and 2.11 not at all.
        for link in self.operator_extra_links:
            if isinstance(link, PortalLink):
                link.push(self, context)

    def _publish(self, context: Context, result: Any) -> Any:
        """Push each single value of a result under its own key, besides the result, which Airflow pushes.

        So ``task.output["operation_id"]`` gives it to another task.

        :param context: Airflow's context.
        :param result: what the task returns.
        :returns: the result, with the service's zone.
        """
        result = with_zone(result, self.zone_of)
        if not self.do_xcom_push or (self.multiple_outputs and self._returns_another_result()):
            return result
        for key, value in own_xcoms(result, all_keys=self.multiple_outputs).items():
            context["ti"].xcom_push(key=key, value=value)
        # Done. This is the copy of the task that runs: Airflow would push all again, None as None.
        self.multiple_outputs = False
        return result

    def zone_of(self, service_name: str | None) -> str | None:
        """The zone that a service was last listed in; the one asked for, if it was not listed or shows none."""
        return self.hook.zone_of(service_name) or self._listed_zone

    def _returns_another_result(self) -> bool:
        """Whether a subclass may make something else of the result, whose keys only Airflow gets to see."""
        from airflow_dbaas._compat.triggers import overrides

        return not {"execute", "execute_complete"}.isdisjoint(overrides(self))

    def _ends_in_triggerer(self, context: Context) -> bool:
        """Whether success can end this task, which is about to be deferred, without a worker."""
        from airflow_dbaas._compat.triggers import why_end_on_a_worker

        facts: Any = context
        reason = why_end_on_a_worker(self, facts)
        if reason is not None:
            self.log.debug("Success will end this task on a worker, because it %s", reason)
        return reason is None

    def _deadline(self, context: Context, seconds: float) -> tuple[float, Limit]:
        """When a wait of ``seconds`` that begins now is over, and by which limit.

        Airflow does not hold a deferred task to its ``execution_timeout``, so the wait does.
        """
        deadlines: list[tuple[float, Limit]] = [(time.time() + seconds, "timeout")]
        began = context["ti"].start_date
        if self.execution_timeout is not None and began is not None:
            deadlines.append(((began + self.execution_timeout).timestamp(), "execution_timeout"))
        return min(deadlines)
