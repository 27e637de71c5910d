"""``check-connection``: whether an Airflow connection works. Imports Airflow only when it is run."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.calls import Call

#: A name that does not exist: the answer shows whether the key may ask for it.
_NOBODY = "airflow-dbaas-check-connection"
_NO_ID = "00000000-0000-0000-0000-000000000000"
_LIST = "list-dbaas-services"
_PATIENCE_SECONDS = 5.0
_GREEN, _RED = "32", "31"


@dataclass
class Permission:
    """Whether the key may send one kind of request.

    :param operation: the API's operation id.
    :param needed_for: features that need it.
    :param allowed: None if it is not known.
    :param error: what came instead of an answer.
    """

    operation: str
    needed_for: str
    allowed: bool | None = None
    error: str | None = None


@dataclass
class Report:
    """The result of a check.

    :param connection: id of the connection.
    :param works: whether tasks can use it.
    :param problem: why not, and what to do.
    :param address: base URL of the API.
    :param zone: the zone; None if the connection has none.
    :param key: the API key.
    :param signature: ``taken``, ``refused`` or ``unknown``.
    :param services: how many services there are.
    :param permissions: requests that the key may make.
    :param warnings: warnings about the connection, such as an unknown extra.
    """

    connection: str
    works: bool = False
    problem: str | None = None
    address: str | None = None
    zone: str | None = None
    key: str | None = None
    signature: str = "unknown"
    services: int | None = None
    permissions: list[Permission] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "conn_id",
        metavar="CONN_ID",
        nargs="?",
        default="exoscale_default",
        help="id of the Airflow connection (default: %(default)s)",
    )
    parser.add_argument("--zone", type=_zone, help="zone to use instead of the connection's")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _zone(text: str) -> str:
    from airflow_dbaas.api.parameters import ZONES

    if text not in ZONES:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(ZONES)}, got {text!r}")
    return text


def run(args: argparse.Namespace) -> int:
    """Check the connection and print the result; returns 0 if it works, else 1."""
    # Output of Airflow's start, which is not part of the result.
    logging.disable(logging.CRITICAL)
    report = check(args.conn_id, zone=args.zone)
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    sys.stdout.write(_json(report) if args.json else _text(report, coloured=coloured))
    return 0 if report.works else 1


def check(conn_id: str, *, zone: str | None = None) -> Report:
    """See whether a connection works, by requests that only read.

    :param conn_id: id of the Airflow connection.
    :param zone: zone to use instead of the connection's.
    """
    from airflow_dbaas._compat.commands import find_all_connections

    find_all_connections()

    from airflow_dbaas.api.errors import DbaasError, DbaasTransportError
    from airflow_dbaas.api.retries import RetryPolicy
    from airflow_dbaas.hooks.dbaas import DbaasHook

    report = Report(conn_id)
    hook = DbaasHook(conn_id, zone=zone)
    try:
        report.warnings = hook.doubts
        with hook.new_conn(retry=RetryPolicy(max_seconds=_PATIENCE_SECONDS), any_zone=True) as client:
            report.address, report.zone, report.key = client.url, hook.zone, hook.key
            _ask(client, report)
    except DbaasTransportError as error:
        report.problem = f"{error}. See whether {report.address} is right, and what is between it and this machine."
    except DbaasError as error:
        report.problem = str(error).removeprefix(f"{DbaasHook.conn_name_attr}: ")
    report.works = report.problem is None
    return report


def _ask(client: Client, report: Report) -> None:
    """Send all requests.

    :raises DbaasError: if the API does not answer as it should.
    """
    from airflow_dbaas.api.errors import DbaasAuthError, DbaasBadRequestError, DbaasNotFoundError

    refusals: list[str] = []
    for call, needed_for in _calls():
        permission = Permission(call.operation, needed_for)
        report.permissions.append(permission)
        try:
            answer: Any = client.send(call)
        except DbaasAuthError as error:
            permission.allowed, permission.error = False, str(error)
            if error.status == 401 or "signature" in str(error).lower():
                report.signature = "refused"
                report.problem = str(error)
                return
            refusals.append(str(error))
        except (DbaasBadRequestError, DbaasNotFoundError):
            if call.operation == _LIST:
                raise
            # The API says that the name does not exist only to a key that may ask.
            permission.allowed, report.signature = True, "taken"
        else:
            permission.allowed, report.signature = True, "taken"
            if call.operation == _LIST:
                report.services = len(answer.dbaas_services)
    if report.services is None:
        report.problem = f"{refusals[0]}. The role of the key has to allow {_LIST}."


def _calls() -> Iterator[tuple[Call[Any], str]]:
    """A reading request of each kind, and what needs it; nearly everything needs the first."""
    from airflow_dbaas.api.external_endpoints import ExternalEndpoints
    from airflow_dbaas.api.integrations import Integrations
    from airflow_dbaas.api.migrations import Migrations
    from airflow_dbaas.api.observability import Observability
    from airflow_dbaas.api.operations import Operations
    from airflow_dbaas.api.services import Services

    yield Services.list.call(), "services, integrations"
    yield Operations.get.call(_NO_ID), "waits of operators"
    yield Migrations.status.call(_NOBODY), "migrations"
    yield Operations.get_task.call(service=_NOBODY, id=_NO_ID), "migration checks"
    yield Services.ca_certificate.call(), "verification, CA certificate"
    yield Integrations.list_types.call(), "settings of integrations"
    yield ExternalEndpoints.list.call(), "external endpoints"
    yield ExternalEndpoints.list_integrations.call(_NOBODY), "attachments"
    yield Observability.logs.call(service_name=_NOBODY), "logs"
    yield Observability.metrics.call(service_name=_NOBODY), "metrics"


def _json(report: Report) -> str:
    from dataclasses import asdict

    return json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n"


def _text(report: Report, *, coloured: bool) -> str:
    def painted(text: str, good: bool) -> str:
        return f"\x1b[{_GREEN if good else _RED}m{text}\x1b[0m" if coloured else text

    rows = [("connection", report.connection), ("address", report.address), ("zone", report.zone)]
    rows += [("key", report.key)]
    if report.address:
        rows += [("signature", painted(report.signature, report.signature == "taken"))]
    rows += [("warning", warning) for warning in report.warnings]
    lines = [f"{name:11} {value}" for name, value in rows if value]
    if report.services is not None:
        lines += [f"{'services':11} {report.services}"]
    for each in report.permissions:
        if each.allowed is not None:
            verdict = painted("may" if each.allowed else "may not", each.allowed)
            lines += [f"{'key':11} {verdict} {each.operation} ({each.needed_for})"]
    lines += [
        painted("It works.", good=True) if report.works else f"{painted('It does not work', False)}: {report.problem}"
    ]
    return "\n".join(lines) + "\n"
