"""The operator that writes a service's metrics to a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.base import Check
from airflow_dbaas.operators._services.files import StoredFile
from airflow_dbaas.operators.base import DbaasOperator

if TYPE_CHECKING:
    from airflow_dbaas.api.observability import ServiceMetrics


class Row(NamedTuple):
    """One value of one metric of one node; None is a gap."""

    time: datetime
    service: str
    node: str
    metric: str
    value: float | None
    unit: str | None
    title: str


class DbaasServiceMetricsOperator(DbaasOperator):
    """Writes a service's metrics to a file, a row for each value (get-dbaas-service-metrics).

    The columns are ``time``, ``service``, ``node`` (the API's label, e.g. ``db-1 (master)``), ``metric`` (e.g.
    ``cpu_usage``), ``value`` (empty where the API has a gap), ``unit`` (``%`` or nothing) and ``title``. In CSV times
    are ISO 8601 in UTC; in Parquet they are timestamps. A young service has few rows or none.

    A file that is there is replaced in one step, so a retry does no harm, and neither does killing the task.

    Returns ``service``, ``zone``, ``path``, ``period``, ``series`` (names of the metrics) and ``rows``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param path: file to write, local or a URL of Airflow's object storage such as ``s3://bucket/metrics/db.parquet``;
        templated.
    :param period: ``hour``, ``day``, ``week``, ``month`` or ``year``: how far back the metrics go; templated.
    :param format: ``csv`` or ``parquet``, for which pyarrow must be installed; by the path's suffix if not given.
        Templated.
    :param object_storage_conn_id: Airflow connection to the store; templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "service_name",
        "path",
        "period",
        "format",
        "object_storage_conn_id",
    )
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "path": validation.path,
        "period": validation.one_of("hour", "day", "week", "month", "year"),
        "format": validation.optional(validation.one_of("csv", "parquet")),
        "object_storage_conn_id": validation.optional(validation.connection_id),
    }

    def __init__(
        self,
        *,
        service_name: str,
        path: str,
        period: Literal["hour", "day", "week", "month", "year"] | str = "hour",
        format: Literal["csv", "parquet"] | str | None = None,  # noqa: A002 - what pandas and Spark call it
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.path = path
        self.period: Any = period
        self.format = format
        self.object_storage_conn_id = object_storage_conn_id
        self._check()

    def _check(self) -> None:
        super()._check()
        if not self.format and not validation.is_template(self.path) and self._format not in {"csv", "parquet"}:
            raise DbaasConfigurationError(
                f"path must end in .csv or .parquet, or format must be given, got path {self.path!r}"
            )

    @property
    def _format(self) -> str:
        return self.format or PurePosixPath(self.path).suffix.lower().removeprefix(".")

    def start(self, context: Context) -> dict[str, Any]:
        """Fetch the metrics and write them."""
        encode = _parquet() if self._format == "parquet" else _csv
        file = StoredFile(self.path, self.object_storage_conn_id or None)
        metrics = self.client.observability.metrics(service_name=self.service_name, period=self.period)
        rows = list(self._rows(metrics))
        file.replace(encode(rows))
        self.log.info("Wrote %s rows of metrics of service %s to %s", len(rows), self.service_name, self.path)
        return {
            "service": self.service_name,
            "path": self.path,
            "period": self.period,
            "series": [series.name for series in metrics.series],
            "rows": len(rows),
        }

    def _rows(self, metrics: ServiceMetrics) -> Iterator[Row]:
        for series in metrics.series:
            for node, points in series.nodes.items():
                for time, value in points:
                    yield Row(time, self.service_name, node, series.name, value, series.unit, series.title)


def _csv(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(row._replace(time=row.time.isoformat()) for row in rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


def _parquet() -> Callable[[list[Row]], bytes]:
    """What writes rows as Parquet.

    :raises DbaasConfigurationError: if there is no pyarrow.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DbaasConfigurationError(
            "format parquet needs the package pyarrow, which is not installed here (pip install pyarrow); or write .csv"
        ) from error

    def encode(rows: list[Row]) -> bytes:
        schema = pyarrow.schema(
            {
                name: {"time": pyarrow.timestamp("us", tz="UTC"), "value": pyarrow.float64()}.get(
                    name, pyarrow.string()
                )
                for name in Row._fields
            }
        )
        content = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.Table.from_pylist([row._asdict() for row in rows], schema=schema), content)
        written: bytes = content.getvalue().to_pybytes()
        return written

    return encode
