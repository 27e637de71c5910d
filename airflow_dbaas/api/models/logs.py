"""Logs of a service."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_dbaas.api.models.base import Answer, Items, Needed


class LogEntry(Answer):
    """One line of a service's log: when, which unit (program), on which node, and what it says."""

    time: str | None = None
    unit: str | None = None
    node: str | None = None
    message: str | None = None

    @property
    def moment(self) -> datetime | None:
        """``time`` as an aware datetime; None if it is not readable."""
        return moment(self.time)


class ServiceLogs(Answer):
    """A page of a service's log. ``offset`` is where the next page goes on, ``first_log_offset`` the first entry's."""

    offset: Needed[str | None] = None
    first_log_offset: str | None = None
    logs: Needed[Items[LogEntry]] = []


def moment(text: object) -> datetime | None:
    """A time of the API as an aware datetime (UTC unless it says otherwise); None if it is not readable."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
