"""What Airflow's REST API says when it is asked for everything; each version says itself what that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml

from demo.airflow import HTTP_OK_BELOW, Airflow

#: Where the API's document is: Airflow 3, Airflow 2.
DOCUMENTS = {"/openapi.json": "", "/api/v1/openapi.json": "/api/v1"}

#: The document of what Airflow's own pages ask, which is not served: a file of Airflow 3.
PAGES = "lib/python*/site-packages/airflow/api_fastapi/core_api/openapi/_private_ui.yaml"


@dataclass
class Answers:
    """What was asked, and what was answered.

    :param given: the answers by address.
    :param missing: addresses as in the document that gave nothing, and why: a status, or what they would have needed.
    """

    given: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def ask_everything(airflow: Airflow, known: Iterable[Mapping[str, Any]]) -> Answers:
    """Ask every address that the API's document has for GET.

    :param airflow: runs, and is logged in to.
    :param known: values for the names in addresses, such as ``dag_id``; each address is asked with each of these that
        has all its names.
    """
    answers = Answers()
    values = [{name: quote(str(value), safe="") for name, value in each.items()} for each in known]
    # A connection that is kept may be closed while the next request is on its way.
    options = {"timeout": 60, "trust_env": False, "limits": httpx.Limits(max_keepalive_connections=0)}
    headers = {**airflow._http.headers, "Accept": "application/json"}
    with httpx.Client(base_url=airflow.url, headers=headers, **options) as client:
        _ask(client, _templates(client, Path(airflow._python)), values, answers)
    return answers


def _ask(client: httpx.Client, templates: Mapping[str, str], values: list[dict[str, str]], answers: Answers) -> None:
    for template, suffix in templates.items():
        # A task that is not mapped says the same twice; and who has logged out is told nothing more.
        if template.replace("/{map_index}", "") in templates.keys() - {template} or template.endswith("/auth/logout"):
            continue
        names = set(re.findall(r"{(\w+)}", template))
        asked = {template.format(**each) + suffix for each in values if each.keys() >= names}
        said = {path: client.get(path) for path in sorted(asked)}
        answers.given |= {path: answer.content for path, answer in said.items()}
        if not any(answer.status_code < HTTP_OK_BELOW for answer in said.values()):
            statuses = ", ".join(sorted({str(answer.status_code) for answer in said.values()}))
            answers.missing[template] = statuses or f"needs {', '.join(sorted(names))}"


def _templates(client: httpx.Client, python: Path) -> dict[str, str]:
    """The addresses with names in braces, and what to add to each to get more at once."""
    found = {}
    for path, prefix in DOCUMENTS.items():
        answer = client.get(path)
        if answer.status_code == httpx.codes.OK:
            found |= _of_document(answer.json(), prefix)
    for file in python.parents[1].glob(PAGES):
        found |= _of_document(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader), "")
    return found


def _of_document(document: Mapping[str, Any], prefix: str) -> dict[str, str]:
    found = {}
    for template, operations in document["paths"].items():
        if "get" in operations:
            parameters = operations.get("parameters", []) + operations["get"].get("parameters", [])
            named = {each.get("name") or each["$ref"].rpartition("/")[2] for each in parameters}
            found[prefix + template] = "?limit=100" if named & {"limit", "PageLimit"} else ""
    return found
