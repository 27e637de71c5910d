"""What operators and sensors share: the connection, the zone, and checks of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas._compat import BaseOperator, default_deferrable
from airflow_dbaas.hooks.dbaas import DbaasHook

Check = Callable[[str, Any], None]


class DbaasTask(BaseOperator):
    """Base of operators and sensors.

    :param exoscale_conn_id: id of the Airflow connection to the API; templated.
    :param zone: zone to work in instead of the connection's; templated.
    :param deferrable: wait in the triggerer instead of holding a worker; Airflow's
        ``[operators] default_deferrable`` by default.
    """

    template_fields: Sequence[str] = ("exoscale_conn_id", "zone")
    ui_color = "#da291c"
    ui_fgcolor = "#ffffff"

    #: Check of each parameter, by name.
    checks: ClassVar[dict[str, Check]] = {}

    def __init__(
        self,
        *,
        exoscale_conn_id: str = DbaasHook.default_conn_name,
        zone: str | None = None,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.exoscale_conn_id = exoscale_conn_id
        self.zone = zone
        self.deferrable = deferrable

    def _check(self) -> None:
        """Check the parameters that are known so far.

        Subclasses call it at the end of ``__init__``; it runs again when templates are rendered.
        """
        common = {"exoscale_conn_id": validation.connection_id, "zone": validation.zone}
        validation.check(self, {**common, **self.checks})

    @cached_property
    def hook(self) -> DbaasHook:
        """Hook of this task's connection."""
        return DbaasHook(self.exoscale_conn_id, zone=self.zone)
