"""A list of migrations: its entries, where it comes from, and the table of the outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from airflow_dbaas import validation
from airflow_dbaas.api.conversions import as_list
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.parameters import IgnoreDatabases, Method, Plan, Zone, schema_of
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.config.files import read_document

#: JSON schema of the list, for a DAG's parameter as well.
SERVICES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["service", "source_conn_id"],
        "properties": {
            # Without quotes, a name of digits is a number in JSON and YAML.
            "service": {"type": ["string", "integer"], "minLength": 1, "maxLength": 63},
            "source_conn_id": {"type": ["string", "integer"], "minLength": 1},
            "plan": schema_of(Plan),
            "method": schema_of(Method),
            "ignore_dbs": schema_of(IgnoreDatabases, or_none=True, minLength=0),
            "zone": schema_of(Zone, or_none=True),
        },
    },
}

_FIELDS = {
    "service": validation.name,
    "source_conn_id": validation.connection_id,
    "plan": validation.plan,
    "method": validation.method,
    "ignore_dbs": validation.ignore_dbs,
    "zone": validation.zone,
}

COLUMNS = ("service", "zone", "state", "databases", "rows", "seconds", "error")


def read_services(services: Any, path: str | None, defaults: dict[str, Any]) -> list[dict[str, Any]]:
    """The services to migrate, each as the arguments of a mapped task group.

    :param services: the list, if it is not in a file.
    :param path: a file with the list: YAML, or JSON if its name ends so. Read where this runs.
    :param defaults: values for fields that entries omit: ``plan``, ``method``, ``zone``.
    :returns: for each ``service_name``, ``source_conn_id``, ``plan``, ``method``, ``ignore_dbs`` and ``zone``.
    :raises DbaasConfigurationError: naming every entry and field that is wrong.
    """
    if bool(services) == bool(path):
        raise DbaasConfigurationError(
            "give the services to migrate either as a list or as a file, got "
            + ("both" if services else "neither, or an empty list")
        )
    where = str(path) if path else "services"
    entries: Any = as_list(read_document(Path(path)) if path else services)
    problems = list(_problems(entries))
    if problems:
        raise DbaasConfigurationError(f"{where}: {'; '.join(problems)}")
    checked = [{name: _FIELDS[name](name, value) for name, value in entry.items()} for entry in entries]
    filled = [{"ignore_dbs": None, **defaults, **entry} for entry in checked]
    _refuse_duplicates(where, filled)
    return [{"service_name": entry.pop("service"), **entry} for entry in filled]


def as_entry(service: dict[str, Any]) -> dict[str, Any]:
    """The entry of a list that ``read_services`` reads as this.

    :param service: its result for one of the services.
    """
    return {"service" if name == "service_name" else name: value for name, value in service.items()}


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Rows with the keys ``COLUMNS`` as lines of text, one for each and a heading; the zone where there are several."""
    rows = list(rows)
    several = len({row["zone"] for row in rows if row.get("zone")}) > 1
    columns = [column for column in COLUMNS if several or column != "zone"]
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def sentence(error: BaseException | str | None) -> str:
    """The text of an error without passwords, in one line of at most 300 characters."""
    words = " ".join(redact(str(error or "")).split())
    return words if len(words) <= 300 else f"{words[:299]}…"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _problems(entries: Any) -> Iterator[str]:
    """The errors of the list, in the words of the operators; the schema is for the form."""
    if not isinstance(entries, list):
        yield f"must be a list of mappings, got {type(entries).__name__}"
        return
    if not entries:
        yield "the list is empty"
    for index, entry in enumerate(entries):
        where = f"[{index}]"
        if not isinstance(entry, dict):
            yield f"{where} must be a mapping, got {type(entry).__name__}"
            continue
        unknown = sorted(str(name) for name in entry if name not in _FIELDS)
        if unknown:
            yield f"{where} must not have {', '.join(unknown)}; known: {', '.join(_FIELDS)}"
        missing = [name for name in SERVICES_SCHEMA["items"]["required"] if name not in entry]
        if missing:
            yield f"{where} must have {', '.join(missing)}"
        for name, check in _FIELDS.items():
            if name in entry:
                try:
                    check(f"{where}.{name}", entry[name])
                except DbaasConfigurationError as error:
                    yield str(error)


def _refuse_duplicates(where: str, entries: list[dict[str, Any]]) -> None:
    counts = Counter((entry["service"], entry.get("zone")) for entry in entries)
    twice = [f"{service} in zone {zone}" if zone else service for (service, zone), count in counts.items() if count > 1]
    if twice:
        raise DbaasConfigurationError(f"{where}: more than once in the list: {', '.join(twice)}")
