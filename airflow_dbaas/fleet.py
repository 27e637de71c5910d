"""Many migrations as a list: what an entry may say, where the list comes from, and the table of what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from airflow_dbaas.api.client import ZONES
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.documents import read_document
from airflow_dbaas.validation import IGNORE_DBS_LENGTH

#: JSON schema of the list, for a DAG's parameter as well.
SERVICES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["service", "source_conn_id"],
        "properties": {
            "service": {"type": "string", "minLength": 1, "maxLength": 63},
            "source_conn_id": {"type": "string", "minLength": 1},
            "plan": {"type": "string", "pattern": "^(hobbyist|startup|business|premium)-[0-9]+$"},
            "method": {"enum": ["auto", "dump", "replication"]},
            "ignore_dbs": {"type": ["string", "null"], "maxLength": IGNORE_DBS_LENGTH},
            "zone": {"enum": [None, *ZONES]},
        },
    },
}

COLUMNS = ("service", "state", "databases", "rows", "seconds", "error")


def read_services(services: Any, path: str | None, defaults: dict[str, Any]) -> list[dict[str, Any]]:
    """The services to migrate, each as the arguments of a mapped task group.

    :param services: the list, if it is not in a file.
    :param path: a file with the list: YAML, or JSON if its name ends so. Read where this runs.
    :param defaults: what entries have that do not say otherwise: ``plan``, ``method``, ``zone``.
    :returns: for each ``service_name``, ``source_conn_id``, ``plan``, ``method``, ``ignore_dbs`` and ``zone``.
    :raises DbaasConfigurationError: naming every entry and field that is wrong.
    """
    if bool(services) == bool(path):
        raise DbaasConfigurationError(
            "give the services to migrate either as a list or as a file, got "
            + ("both" if services else "neither, or an empty list")
        )
    where = str(path) if path else "services"
    entries = read_document(Path(path)) if path else services
    problems = list(_problems(entries))
    if not problems and not entries:
        problems = ["the list is empty"]
    if problems:
        raise DbaasConfigurationError(f"{where}: {'; '.join(problems)}")
    filled = [{"ignore_dbs": None, **defaults, **entry} for entry in entries]
    _refuse_duplicates(where, filled)
    return [{"service_name": entry.pop("service"), **entry} for entry in filled]


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Rows with the keys ``COLUMNS`` as lines of text, one for each and a heading."""
    cells = [list(COLUMNS), *([_cell(row.get(column)) for column in COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    for line in cells:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def sentence(error: BaseException | str | None) -> str:
    """What an error says, without passwords, in one line of at most 300 characters."""
    words = " ".join(redact(str(error or "")).split())
    return words if len(words) <= 300 else f"{words[:299]}…"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _problems(entries: Any) -> Iterator[str]:
    import jsonschema

    for error in jsonschema.Draft7Validator(SERVICES_SCHEMA).iter_errors(entries):
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        known = ""
        if error.validator == "additionalProperties":
            known = f"; known are {', '.join(error.schema['properties'])}"
        yield f"{field.lstrip('.') or 'the list'}: {redact(error.message)}{known}"


def _refuse_duplicates(where: str, entries: list[dict[str, Any]]) -> None:
    counts = Counter((entry["service"], entry.get("zone")) for entry in entries)
    twice = [f"{service} in zone {zone}" if zone else service for (service, zone), count in counts.items() if count > 1]
    if twice:
        raise DbaasConfigurationError(f"{where}: more than once in the list: {', '.join(twice)}")
