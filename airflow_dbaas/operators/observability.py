"""Operators for the logs and metrics of services."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, NamedTuple

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.logs import LogPager, position_after
from airflow_dbaas.api.parameters import Period
from airflow_dbaas.operators._base import Check, DbaasOperator

if TYPE_CHECKING:
    from airflow_dbaas.api.observability import LogEntry, ServiceMetrics

_LOCAL = frozenset({"file", "local"})
#: Stores whose fsspec implementation appends without changing the existing content until everything has arrived.
_APPENDABLE = frozenset({"s3", "s3a"})
_BLOCK = 1 << 20


class StoredFile:
    """A file at an Airflow object storage path.

    It is replaced atomically: on a local file system by renaming a complete file, in an object store by copying a
    complete object (``.<name>.<random>.part`` next to it, removed afterwards). Local folders are created as needed.

    :param path: a local path or a URL that Airflow has a file system for.
    :param conn_id: Airflow connection to the store; the store's default, or the one in the URL, if not given.
    :raises DbaasConfigurationError: if there is no file system for the URL.
    """

    def __init__(self, path: str, conn_id: str | None) -> None:
        # Imported here: it is not cheap, and most operators write no files.
        from airflow_dbaas._compat.storage import locate

        try:
            self._fs, found = locate(path, conn_id)
        except (ValueError, ImportError) as error:
            raise DbaasConfigurationError(f"path {path!r} cannot be used: {error}") from error
        protocols: set[str] = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._local = bool(protocols & _LOCAL)
        self._appendable = bool(protocols & _APPENDABLE)
        # The target of a link is replaced, not the link.
        self._path = os.path.realpath(found) if self._local else found

    def size(self) -> int | None:
        """Bytes; None if there is no such file."""
        # Cached information about a store may be out of date.
        self._fs.invalidate_cache()
        try:
            size: int = self._fs.info(self._path)["size"]
        except FileNotFoundError:
            return None
        return size

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from ``begin`` to ``end``, that one excluded."""
        content: bytes = self._fs.cat_file(self._path, start=begin, end=end)
        return content

    def replace(self, content: bytes) -> None:
        """Write the file, or replace it."""
        with self._replacing() as file:
            file.write(content)

    def extend(self, keep: int, more: BinaryIO) -> None:
        """Put ``more``, from its beginning, behind the first ``keep`` bytes of the file; the rest of it is dropped."""
        more.seek(0)
        size = self.size() or 0
        if self._local:
            self._make_folder()
            with Path(self._path).open("r+b" if size else "wb") as file:
                file.truncate(keep)
                file.seek(keep)
                shutil.copyfileobj(more, file, _BLOCK)
                _settle(file)
        elif self._appendable and keep == size:
            with self._fs.open(self._path, "ab") as file:
                shutil.copyfileobj(more, file, _BLOCK)
        else:
            with self._replacing() as file:
                self._copy_beginning(file, keep)
                shutil.copyfileobj(more, file, _BLOCK)

    def _copy_beginning(self, target: Any, length: int) -> None:
        for begin in range(0, length, _BLOCK):
            target.write(self.read(begin, min(begin + _BLOCK, length)))

    @contextmanager
    def _replacing(self) -> Iterator[Any]:
        folder, _, name = self._path.rpartition("/")
        part = f"{folder}/.{name}.{secrets.token_hex(4)}.part"
        try:
            if self._local:
                self._make_folder()
                with Path(part).open("wb") as file:
                    yield file
                    _settle(file)
                with suppress(FileNotFoundError):
                    shutil.copymode(self._path, part)
                Path(part).replace(self._path)
            else:
                with self._fs.open(part, "wb") as file:
                    yield file
                self._fs.cp_file(part, self._path)
        finally:
            # Of a local file nothing is left by now if all went well.
            with suppress(FileNotFoundError):
                self._fs.rm_file(part)

    def _make_folder(self) -> None:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


_TAIL_BLOCK = 1 << 16


@dataclass(frozen=True)
class Tail:
    """The end of a log file.

    :param end: bytes up to the end of its last complete line.
    :param entries: its last entries, all that share the last one's time; oldest first.
    """

    end: int
    entries: list[LogEntry]


def line(entry: LogEntry) -> bytes:
    """An entry as an ASCII line, so that no character in it can look like a line break."""
    fields = {"time": entry.time, "unit": entry.unit, "node": entry.node, "message": entry.message}
    return json.dumps(fields).encode() + b"\n"


def read_tail(file: StoredFile, size: int) -> Tail:
    """The end of a log file. An incomplete last line was left by a crash and does not count.

    :param file: the file.
    :param size: its bytes.
    :raises DbaasConfigurationError: if its last complete line is not an entry: it is another file.
    """
    length = _TAIL_BLOCK
    while True:
        begin = max(0, size - length)
        block = file.read(begin, size)
        complete = block.rfind(b"\n") + 1
        lines = block[:complete].split(b"\n")[:-1]
        if begin:
            # Cut at its beginning, unless by chance.
            lines = lines[1:]
        entries = _last_of_one_time(lines)
        if not begin or len(entries) < len(lines):
            return Tail(begin + complete if complete else 0, entries)
        length *= 4


def _last_of_one_time(lines: list[bytes]) -> list[LogEntry]:
    entries: list[LogEntry] = []
    for text in reversed(lines):
        entry = _entry(text)
        if entries and entry.moment != entries[0].moment:
            break
        entries.append(entry)
    return entries[::-1]


def _entry(text: bytes) -> LogEntry:
    from airflow_dbaas.api.observability import LogEntry

    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    entry = LogEntry(**fields) if isinstance(fields, dict) and isinstance(fields.get("time"), str) else None
    if entry is None or entry.moment is None:
        raise DbaasConfigurationError(
            "the file at path was not written by this operator: its last line is not a log entry with a time"
        )
    return entry


class DbaasServiceLogsOperator(DbaasOperator):
    """Writes a service's log to a file, oldest entry first (get-dbaas-service-logs, page by page).

    The file has a line of JSON for each entry: ``{"time": …, "unit": …, "node": …, "message": …}``. Each run continues
    after the last entry, so the file contains every entry once, even if several share a time, and a retry repeats
    nothing. A last line that a crash cut off is rewritten. Use one file for each service, and let only one task at a
    time write it. The API keeps a log for a limited time: entries dropped since the last run are missing.

    The new entries are collected in a temporary file on the worker and then appended (on local file systems and S3); in
    other stores, the file is replaced atomically. A run ends with the entries logged before it started. Killing the
    task keeps the content of the file; the last line may be incomplete.

    Returns ``service``, ``zone``, ``path``, ``entries`` (written by this run), ``first_time`` and ``last_time`` (of
    these; None if there were none).

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param path: file to write, local or a URL of Airflow's object storage such as ``s3://bucket/logs/db.jsonl``;
        templated.
    :param object_storage_conn_id: Airflow connection to the store; templated.
    :param limit_entries: greatest number of entries to write now; all if not given. Templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "service_name",
        "path",
        "object_storage_conn_id",
        "limit_entries",
    )
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "path": validation.path,
        "object_storage_conn_id": validation.optional(validation.connection_id),
        "limit_entries": validation.optional(validation.count),
    }

    def __init__(
        self,
        *,
        service_name: str,
        path: str,
        object_storage_conn_id: str | None = None,
        limit_entries: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.path = path
        self.object_storage_conn_id = object_storage_conn_id
        self.limit_entries = limit_entries
        self._check()

    def perform(self, context: Context) -> dict[str, Any]:
        """Find the end of the file, fetch the later entries, write them."""
        file = StoredFile(self.path, self.object_storage_conn_id or None)
        size = file.size()
        tail = read_tail(file, size) if size else Tail(0, [])
        with tempfile.TemporaryFile() as spool:
            written, first, last = self._fetch(tail.entries, spool)
            if written or tail.end != size:
                file.extend(tail.end, spool)
        self.log.info("Wrote %s entries of service %s to %s", written, self.service_name, self.path)
        return {
            "service": self.service_name,
            "path": self.path,
            "entries": written,
            "first_time": first,
            "last_time": last,
        }

    def _fetch(self, had: list[LogEntry], spool: BinaryIO) -> tuple[int, str | None, str | None]:
        limit = int(self.limit_entries) if self.limit_entries else None
        written, first, last = 0, None, None
        for entry in itertools.islice(self._entries(had), limit):
            spool.write(line(entry))
            written += 1
            first, last = first or entry.time, entry.time
        return written, first, last

    def _entries(self, had: list[LogEntry]) -> Iterator[LogEntry]:
        """The entries behind those of the file, up to this moment: a busy service's log may never end."""
        began = datetime.now(UTC)
        pager = LogPager(self.service_name, position=position_after(had) if had else None)
        while call := pager.call():
            page = self.client.send(call)
            yield from pager.entries(page)
            last = page.logs[-1].moment if page.logs else None
            if last is not None and last > began:
                return


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
        "period": validation.choice(Period),
        "format": validation.optional(validation.one_of("csv", "parquet")),
        "object_storage_conn_id": validation.optional(validation.connection_id),
    }

    def __init__(
        self,
        *,
        service_name: str,
        path: str,
        period: Period | str = "hour",
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

    def perform(self, context: Context) -> dict[str, Any]:
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
    """A function that encodes rows as Parquet.

    :raises DbaasConfigurationError: if pyarrow is not installed.
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
