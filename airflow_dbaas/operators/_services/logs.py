"""The operator that writes a service's log to a file."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.logs import LogPager, position_after
from airflow_dbaas.base import Check
from airflow_dbaas.operators._services.files import StoredFile
from airflow_dbaas.operators._services.logfile import Tail, line, read_tail
from airflow_dbaas.operators.base import DbaasOperator

if TYPE_CHECKING:
    from airflow_dbaas.api.observability import LogEntry


class DbaasServiceLogsOperator(DbaasOperator):
    """Writes a service's log to a file, oldest entry first (get-dbaas-service-logs, page by page).

    The file has a line of JSON for each entry: ``{"time": …, "unit": …, "node": …, "message": …}``. It is continued
    behind its last entry, so run after run it gets every entry once, also when several share a time, and a retry
    repeats nothing. A last line that a crash cut off is dropped and written anew. Each service needs a file of its
    own, and no two tasks may write it at the same time. The API keeps a log for a limited time: what it has dropped
    since the last run is missing.

    The new entries are gathered in a temporary file on the worker and then appended (on local file systems and S3), or
    else the file is replaced, in one step, by a longer one. The end is what had been logged when the task began.
    Killing the task leaves what the file had; if it was just being appended to, perhaps with a line that is cut off.

    Returns ``service``, ``zone``, ``path``, ``entries`` (how many were written now), ``first_time`` and ``last_time``
    (of these; None if there were none).

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

    def start(self, context: Context) -> dict[str, Any]:
        """See where the file ends, fetch what comes after that, write it."""
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
