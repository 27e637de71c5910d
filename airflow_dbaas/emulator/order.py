"""The parsed request for a new service with a server, kept for the life of the service."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import Field, asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.plans import Plan
from airflow_dbaas.emulator.service_types import ServiceType


class Address(Protocol):
    """Where a server is and how to log in to it: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


SourceKind = TypeVar("SourceKind", bound=Address)
Source = tuple[SourceKind, str | None, frozenset[str]]
"""Where a migration comes from, its method, and databases it leaves out."""


def new_password() -> str:
    """A password of letters, digits, ``-`` and ``_``, which every type accepts."""
    return secrets.token_urlsafe(18)


def source_record(endpoint: Address, method: str | None, ignored: frozenset[str]) -> dict[str, Any]:
    """A recorded source."""
    return {"source": asdict(endpoint), "method": method, "ignored": sorted(ignored)}


@dataclass(frozen=True, kw_only=True)
class Order(Generic[SourceKind]):
    """A parsed request for a service."""

    name: str
    type: ServiceType
    plan: Plan
    settings: dict[str, Any]
    admin: str
    password: str = field(repr=False)
    """The admin user's first."""
    source: Source[SourceKind] | None
    """Of a migration that starts when the service runs."""
    directory: Path
    startup_seconds: float
    """Time until the service runs, at least."""
    authority: Authority
    """Signs the server's certificate."""
    durable: bool
    """Whether the data is to outlive a crash."""
    changed: Callable[[], None]
    """Called when something about the service has changed that no request was the last step of."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    superuser_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    port: int | None = None
    """The server's port, if it had one before."""

    @property
    def folder(self) -> Path:
        """Where the server has everything."""
        return self.directory / self.id
