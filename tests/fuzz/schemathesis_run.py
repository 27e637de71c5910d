"""Runs Schemathesis against an emulator, with what it needs to know to get past the front door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.document import DOCUMENT
from tests.contract.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
HOOKS = Path(__file__).with_name("hooks.py")

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "use_after_free",
)
"""What every answer is held to. Left out, and why:

- ``positive_data_acceptance``: a request that agrees with the document is still refused for an unknown plan, a name
  that is taken, or a service that does not exist.
- ``unsupported_method``, ``allow_header_conformance``: these want 405; the service has been seen to answer 404.
- ``missing_required_header``, ``ignored_auth``, ``response_headers_conformance``, ``object_level_authorization``:
  the document declares neither headers nor security.
- ``ensure_resource_availability``: creations answer with an operation, not with what they create.
"""

REFUSAL = {
    "description": "A refusal",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"message": {"type": "string", "minLength": 1}},
                "required": ["message"],
                "additionalProperties": False,
            }
        }
    },
}
"""The document names no answer but 200; this is the shape of all refusals known of the service."""


@dataclass(frozen=True)
class Report:
    """What came of a run."""

    exit_code: int
    output: str
    answers: Counter[tuple[str, int]]
    """How often an operation id was answered with a status."""

    def cases(self) -> int:
        """How many requests were answered."""
        return self.answers.total()

    def succeeded(self) -> set[str]:
        """Operation ids that were answered with 200 at least once."""
        return {operation for operation, status in self.answers if status == 200}


def limited_document() -> dict[str, Any]:
    """Exoscale's document with nothing but the operations that the emulator serves, and with refusals."""
    paths: dict[str, Any] = {}
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] in OPERATIONS:
                definition = deepcopy(operation)
                definition["responses"]["4XX"] = REFUSAL
                paths.setdefault(path, {})[method] = definition
    return DOCUMENT | {"paths": paths, "servers": []}


def run(
    folder: Path,
    arguments: list[str],
    environment: Mapping[str, str],
    known: Mapping[str, list[str]],
    not_covered: Iterable[str] = (),
) -> Report:
    """Run Schemathesis in ``folder``, where it leaves all that it writes.

    :param arguments: further arguments of its command ``run``.
    :param environment: what ``hooks.py`` takes from the environment.
    :param known: values that parameters and properties shall have in half of all cases, by ``place.name`` or
        ``operation-id place.name``.
    :param not_covered: operation ids that the coverage phase leaves out.
    """
    (folder / "openapi.json").write_text(json.dumps(limited_document()))
    (folder / "schemathesis.toml").write_text(_configuration(known, not_covered))
    (folder / "known.json").write_text(json.dumps(known))
    answers = folder / "answers"
    command = [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", environment["FUZZ_URL"]]
    finished = subprocess.run(
        [*command, "--checks", ",".join(CHECKS), "--no-color", "--warnings", "off", *arguments],
        cwd=folder,
        env=os.environ
        | environment
        | {"SCHEMATHESIS_HOOKS": str(HOOKS), "FUZZ_ANSWERS": str(answers), "FUZZ_KNOWN": str(folder / "known.json")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    counted: Counter[tuple[str, int]] = Counter()
    if answers.exists():
        for line in answers.read_text().splitlines():
            operation, status = line.split()
            counted[operation, int(status)] += 1
    return Report(finished.returncode, finished.stdout, counted)


def _configuration(known: Mapping[str, list[str]], not_covered: Iterable[str]) -> str:
    names: dict[str, str] = {}
    bindings: dict[str, list[str]] = {}
    for place, values in known.items():
        operation, _, parameter = place.rpartition(" ")
        name = names.setdefault(json.dumps(values), f"known-{len(names)}")
        bindings.setdefault(operation, []).append(f'"{parameter}" = {{ dictionary = "{name}", probability = 0.5 }}')
    lines = ["[dictionaries]", *(f"{name} = {{ values = {values} }}" for values, name in names.items())]
    lines += ["[parameters]", *bindings.pop("")]
    for operation in {**bindings, **dict.fromkeys(not_covered)}:
        lines += ["[[operations]]", f'include-operation-id = "{operation}"']
        if operation in not_covered:
            lines += ["[operations.phases.coverage]", "enabled = false"]
        lines += ["[operations.parameters]", *bindings.get(operation, ())]
    return "\n".join(lines) + "\n"
