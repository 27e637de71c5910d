"""An Airflow connection becomes a client of the DBaaS API."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import time
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit

from airflow_dbaas import credentials
from airflow_dbaas._compat import (
    AirflowNotFoundException,
    BaseHook,
    Connection,
    call_in_loop,
    get_connection_async,
    seconds,
)
from airflow_dbaas.api import addresses
from airflow_dbaas.api.calls import choice, shown
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError
from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.api.redaction import Secret, redact
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.credentials import ConnectionData, Extra
from airflow_dbaas.provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow_dbaas.api import AsyncClient, Client
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.waiting.conditions import Wait

log = logging.getLogger(__name__)

#: How long the hook's own waits take at most, unless the caller says otherwise.
_WAIT_SECONDS = 3600.0
_PORTAL = "https://portal.exoscale.com"


class DbaasHook(BaseHook):
    """Opens the DBaaS API with an Airflow connection of type ``exoscale``.

    The connection: login = API key, password = API secret, host = base URL of the API if it is not
    ``https://api-{zone}.exoscale.com/v2`` (an emulator, a gateway), extra = ``zone``, ``timeout`` (seconds, 30 by
    default), ``ca_file`` (authorities to trust instead of the usual ones), ``organization`` (for links to the portal)
    and ``allow_http`` (true: the host may be another machine that has no TLS).

    A host ``api-{zone}.exoscale.com`` belongs to that zone: another zone in the extra or as ``zone`` is refused. Behind
    any other host, services that the API lists in another zone are refused before anything is done to them.

    :param exoscale_conn_id: id of the connection.
    :param zone: zone to work in instead of the connection's.
    """

    conn_name_attr = "exoscale_conn_id"
    default_conn_name = "exoscale_default"
    conn_type = "exoscale"
    hook_name = "Exoscale DBaaS"

    def __init__(self, exoscale_conn_id: str = default_conn_name, *, zone: str | None = None) -> None:
        super().__init__()
        self.exoscale_conn_id = exoscale_conn_id
        self._zone = zone or None

    @cached_property
    def _connection(self) -> ConnectionData:
        return credentials.get_connection(self.exoscale_conn_id, parameter=self.conn_name_attr)

    @cached_property
    def _arguments(self) -> dict[str, Any]:
        for doubt in self.doubts:
            log.warning("%s", doubt)
        return client_arguments(self._connection, zone=self._zone)

    @property
    def zone(self) -> str | None:
        """Zone the hook works in: that of a host of Exoscale's own, or the one asked for, or the connection's. None if
        the connection names another host only."""
        zone: str | None = self._arguments["zone"]
        return zone

    def zone_of(self, service_name: str | None) -> str | None:
        """The zone that the client of this hook last saw a service listed in; else the one that the hook works in.

        :param service_name: name of the service.
        """
        client: Client | None = self.__dict__.get("_client")
        return client.zone_of(service_name) if client else self.zone

    @property
    def key(self) -> str:
        """The API key; the secret is the client's alone."""
        key: str = self._arguments["key"]
        return key

    @property
    def doubts(self) -> list[str]:
        """What is odd about the connection but does not keep it from being used, such as an unknown extra."""
        return doubts(self._connection)

    @cached_property
    def _client(self) -> Client:
        return self.new_conn()

    def get_conn(self) -> Client:
        """The blocking client, the same at each call.

        :raises DbaasConfigurationError: if the connection is missing or cannot be used.
        """
        return self._client

    def new_conn(self, *, retry: RetryPolicy | None = None, any_zone: bool = False) -> Client:
        """A blocking client of the caller's own, who closes it.

        :param retry: how patient one call is, if not as usual.
        :param any_zone: whether it may ask about services of other zones, where the host is not Exoscale's own.
        """
        from airflow_dbaas.api import Client

        extras: dict[str, Any] = {"retry": retry, "on_secret": credentials.mask}
        if any_zone and self._arguments["url"]:
            extras["zone"] = None
        return _open(Client, {**self._arguments, **extras}, self.exoscale_conn_id)

    def close(self) -> None:
        """Close the blocking client's connections, if it was used; ``get_conn`` opens another one."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_for_service(
        self,
        service_name: str,
        *,
        state: Literal["running", "poweroff", "absent"] = "running",
        timeout: float | timedelta = _WAIT_SECONDS,
        outage_grace_period: float | timedelta | None = None,
    ) -> dict[str, Any]:
        """Wait, blocking, until a service is in a state (list-dbaas-services); as ``DbaasServiceSensor`` does.

        :param service_name: name of the service, 1 to 63 characters.
        :param state: ``running``, ``poweroff``, or ``absent``: deleted.
        :param timeout: seconds, or a timedelta.
        :param outage_grace_period: seconds, or a timedelta, for which the API may give no usable answer; a quarter of
            ``timeout`` by default, five minutes at least and six hours at most.
        :returns: what the sensor pushes: ``service``, ``state``, ``type``, ``plan`` and ``zone``.
        :raises DbaasError: see ``wait_for``.
        """
        from airflow_dbaas import validation
        from airflow_dbaas.waiting.conditions import ServiceWait

        validation.name("service_name", service_name)
        validation.one_of("running", "poweroff", "absent")("state", state)
        return self.wait_for(ServiceWait(service_name, state), timeout=timeout, outage_grace_period=outage_grace_period)

    def wait_for_operation(
        self,
        operation: str | Operation | None,
        *,
        timeout: float | timedelta = _WAIT_SECONDS,
        outage_grace_period: float | timedelta | None = None,
    ) -> dict[str, Any]:
        """Wait, blocking, until an operation has ended well (get-operation); as ``DbaasOperationSensor`` does.

        :param operation: the operation, as a call of the client returns it, or its id; None if nothing was started, and
            then there is nothing to wait for.
        :param timeout: seconds, or a timedelta.
        :param outage_grace_period: seconds, or a timedelta, for which the API may give no usable answer; a quarter of
            ``timeout`` by default, five minutes at least and six hours at most.
        :returns: what the sensor pushes: ``operation_id``, ``reference_id`` and ``reference_link``.
        :raises DbaasError: see ``wait_for``.
        """
        from airflow_dbaas import validation
        from airflow_dbaas.waiting.conditions import OperationWait

        operation_id = operation
        if operation is None or isinstance(operation, str):
            nothing = OperationWait.nothing({"operation_id": operation})
            if nothing is not None:
                self.log.info(nothing.note)
                return nothing.result
        else:
            operation_id = operation.id
        validation.uuid("operation", operation_id)
        wait = OperationWait(str(operation_id))
        return self.wait_for(wait, timeout=timeout, outage_grace_period=outage_grace_period)

    def wait_for_migration(
        self,
        service_name: str,
        *,
        until: Literal["synced", "done"] = "synced",
        failure_grace_period: float | timedelta | None = None,
        timeout: float | timedelta = _WAIT_SECONDS,
        outage_grace_period: float | timedelta | None = None,
    ) -> dict[str, Any]:
        """Wait, blocking, until every database of the migration into a service is copied (get-dbaas-migration-status);
        as ``DbaasMigrationSensor`` does.

        :param service_name: name of the target service, 1 to 63 characters.
        :param until: ``synced``: the copy is complete, replication may go on; ``done``: replication has ended too.
        :param failure_grace_period: seconds, or a timedelta, for which a replicating migration may be shown as failed;
            three minutes by default.
        :param timeout: seconds, or a timedelta.
        :param outage_grace_period: seconds, or a timedelta, for which the API may give no usable answer; a quarter of
            ``timeout`` by default, five minutes at least and six hours at most.
        :returns: what the sensor pushes: ``service``, ``status``, ``method`` and ``databases``.
        :raises DbaasError: see ``wait_for``.
        """
        from airflow_dbaas import validation
        from airflow_dbaas.waiting.conditions import MigrationWait

        validation.name("service_name", service_name)
        validation.one_of("synced", "done")("until", until)
        grace = {} if failure_grace_period is None else {"failure_grace_period": seconds(failure_grace_period)}
        return self.wait_for(
            MigrationWait(service_name, until, **grace), timeout=timeout, outage_grace_period=outage_grace_period
        )

    def wait_for(
        self,
        wait: Wait,
        *,
        timeout: float | timedelta = _WAIT_SECONDS,
        outage_grace_period: float | timedelta | None = None,
    ) -> dict[str, Any]:
        """Wait, blocking, by the rules of the sensors: the same pauses, the same trouble is waited out.

        :param wait: what to wait for.
        :param timeout: seconds, or a timedelta.
        :param outage_grace_period: seconds, or a timedelta, for which the API may give no usable answer; a quarter of
            ``timeout`` by default, five minutes at least and six hours at most.
        :raises DbaasError: if it fails, or the time is over. One that a retry cannot fix is an
            ``AirflowFailException`` as well: Airflow does not retry the task that it ends.
        """
        from airflow_dbaas import validation
        from airflow_dbaas.waiting import poller
        from airflow_dbaas.waiting.conditions import Failed
        from airflow_dbaas.waiting.events import as_final

        validation.positive("timeout", seconds(timeout))
        tolerance = None
        if outage_grace_period is not None:
            validation.grace_period("outage_grace_period", outage_grace_period)
            tolerance = seconds(outage_grace_period)
        watch = poller.Watch(wait, deadline=time.time() + seconds(timeout), outage_grace_period=tolerance)
        verdict = poller.run(self.get_conn(), watch)
        if isinstance(verdict, Failed):
            raise as_final(verdict.error)
        return verdict.result

    def get_service_connection(self, service_name: str, database: str | None = None) -> Connection:
        """An Airflow connection to a PostgreSQL or MySQL service, with its admin's login, for another hook: such as
        ``PostgresHook(connection=…)`` (get-dbaas-service-…, reveal-dbaas-…-user-password).

        It is stored nowhere, and its password is masked in logs. Ask for it in the task that uses it: what a task
        returns is stored in clear.

        :param service_name: name of the service, 1 to 63 characters.
        :param database: the database; ``defaultdb``, which every service has, by default.
        :raises DbaasServiceError: if there is no such service, it is of another type, or does not show how to connect
            to it yet.
        """
        from airflow_dbaas.api.errors import DbaasServiceError
        from airflow_dbaas.migration.engines import ENGINES
        from airflow_dbaas.migration.target import MigrationTarget

        client = self.get_conn()
        service = client.services.list().named(service_name)
        if service is None:
            raise DbaasServiceError(f"there is no service {shown(service_name)} in zone {self.zone}")
        engine = next((each for each in ENGINES if each.service_type == service.type), None)
        if engine is None:
            usual = " or ".join(each.service_type for each in ENGINES)
            raise DbaasServiceError(f"service {service_name} must be of type {usual} for this, is {service.type}")
        login = MigrationTarget.of_service(client, service_name, engine)
        return Connection(
            conn_id=service_name,
            conn_type=engine.conn_types[0],
            host=login.host,
            port=login.port,
            login=login.username,
            password=login.password.reveal(),
            schema=database or login.dbname,
            extra=json.dumps({engine.tls_extra: login.sslmode}),
        )

    async def get_async_conn(self) -> AsyncClient:
        """A client for the running event loop. The caller closes it.

        :raises DbaasConfigurationError: if the connection is missing or cannot be used.
        """
        return self.open_async(await self.async_arguments())

    async def async_arguments(self) -> dict[str, Any]:
        """The arguments of ``open_async``: the connection, read in the running event loop.

        :raises DbaasConfigurationError: if the connection is missing or cannot be used.
        """
        try:
            self._connection = ConnectionData.of(await get_connection_async(self.exoscale_conn_id))
        except AirflowNotFoundException as error:
            raise credentials.missing(self.exoscale_conn_id, parameter=self.conn_name_attr) from error
        return await call_in_loop(lambda: self._arguments)

    def open_async(self, arguments: dict[str, Any]) -> AsyncClient:
        """A client for an event loop; the caller closes it.

        :param arguments: what ``async_arguments`` gave.
        :raises DbaasConfigurationError: if the connection cannot be used.
        """
        from airflow_dbaas.api import AsyncClient

        return _open(AsyncClient, {**arguments, "on_secret": _mask_in_loop}, self.exoscale_conn_id)

    def portal_page(self, service_name: str, page: str = "") -> str:
        """Address of a service's page in Exoscale's portal; if the host is not Exoscale's own, on that host.

        :param service_name: name of the service.
        :param page: what follows the service's own page.
        """
        override = self._arguments["url"]
        if override and not addresses.zone_of(override):
            base = "{0.scheme}://{0.netloc}".format(urlsplit(override))
        else:
            organization = _extra(self._connection, "connection").get("organization")
            base = _PORTAL + (f"/u/{quote(organization, safe='')}" if organization else "")
        return f"{base}/dbaas/{self.zone or '-'}/{quote(service_name, safe='')}{page}"

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection by listing the zone's services (list-dbaas-services), for Airflow's "Test" button."""
        try:
            with self.new_conn(retry=RetryPolicy(max_seconds=5)) as client:
                services = client.services.list().dbaas_services
        except DbaasError as error:
            return False, str(error)
        return True, f"{client.url} answers; {len(services)} services"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The connection form's standard fields, for Airflow before 3.2; later ones read them from provider info."""
        # There the keys are spelled as Python's names; with another spelling all of it is left out.
        return {name.replace("-", "_"): value for name, value in _form()["ui-field-behaviour"].items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The connection form's own fields, for Airflow before 3.2."""
        # Only the Airflow versions that ask for the widgets are sure to have these.
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import IntegerField, StringField
        from wtforms.validators import AnyOf, NumberRange, Optional

        kinds: dict[str, Any] = {"string": StringField, "integer": IntegerField}
        widgets = {}
        for name, field in _form()["conn-fields"].items():
            schema = field["schema"]
            validators = [Optional()]
            if "enum" in schema:
                validators.append(AnyOf(schema["enum"]))
            if "minimum" in schema:
                validators.append(NumberRange(schema["minimum"], schema["maximum"]))
            widgets[name] = kinds[schema["type"][0]](
                lazy_gettext(field["label"]),
                widget=BS3TextFieldWidget(),
                description=field["description"],
                validators=validators,
            )
        return widgets


async def _mask_in_loop(secret: Secret) -> None:
    await call_in_loop(lambda: credentials.mask(secret))


def _form() -> dict[str, Any]:
    """The connection's form: the one table of its fields, from which both kinds of form are made."""
    form: dict[str, Any] = get_provider_info()["connection-types"][0]
    return form


ClientT = TypeVar("ClientT", "Client", "AsyncClient")


def _open(kind: type[ClientT], arguments: dict[str, Any], conn_id: str) -> ClientT:
    try:
        return kind(**{name: value for name, value in arguments.items() if value is not None})
    except DbaasConfigurationError as error:
        raise DbaasConfigurationError(f"connection {conn_id!r}: {error}") from error


def client_arguments(connection: Connection | ConnectionData, *, zone: str | None = None) -> dict[str, Any]:
    """Arguments of ``Client`` and ``AsyncClient`` from an Airflow connection.

    :param connection: a connection of type ``exoscale``.
    :param zone: zone to use instead of the connection's; a host of Exoscale's own must be in that zone.
    :raises DbaasConfigurationError: if key, secret or zone are missing, a field cannot be used, or two contradict each
        other.
    """
    connection = ConnectionData.of(connection)
    credentials.mask(connection.password)
    where = f"connection {connection.conn_id!r}"
    if connection.conn_type and connection.conn_type != DbaasHook.conn_type:
        raise DbaasConfigurationError(f"{where} must be of type {DbaasHook.conn_type}, is {connection.conn_type!r}")
    extra = _extra(connection, where)
    if zone:
        choice("zone", zone, ZONES)
    for field, meaning in (("login", "API key"), ("password", "API secret")):
        given = Secret.of(getattr(connection, field) or "")
        if not given:
            raise DbaasConfigurationError(f"{where} lacks the {meaning} ({field})")
        if given.reveal() != given.reveal().strip():
            raise DbaasConfigurationError(f"{where}: the {meaning} ({field}) must not begin or end with white space")
    url = _url(connection, where)
    _text("organization", extra, where)
    return {
        "key": connection.login,
        "secret": connection.password,
        "url": url,
        "zone": _zone(url, zone or None, extra.get("zone") or None, where),
        "timeout": _timeout(extra.get("timeout"), where),
        "ca_file": _text("ca_file", extra, where) or None,
        "allow_http": _allow_http(extra.get("allow_http"), where),
        "label": where,
    }


def doubts(connection: ConnectionData) -> list[str]:
    """What is odd about an Airflow connection but does not keep it from being used. Values are never quoted.

    :param connection: a connection of type ``exoscale``.
    :raises DbaasConfigurationError: if its extra or its host cannot be read.
    """
    import difflib

    where = f"connection {connection.conn_id!r}"
    known = ", ".join(EXTRAS)
    found: list[str] = []
    if connection.conn_type and connection.conn_type != DbaasHook.conn_type:
        return found
    for name in credentials.extra_of(connection, where):
        if name.removeprefix(_PREFIX) not in EXTRAS:
            close = difflib.get_close_matches(_SYNONYMS.get(name.lower(), name.lower()), EXTRAS, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ";"
            found.append(f"{where}: unknown extra {shown(name)}{hint} Known extras are {known}")
    url = _url(connection, where)
    zone = addresses.zone_of(url) if url else None
    if zone and zone not in ZONES:
        found.append(f"{where}: its host belongs to zone {zone}, which this version does not know; known are {_KNOWN}")
    return found


#: What a connection's extra may hold: what is in its form, and what few need.
EXTRAS = (*_form()["conn-fields"], "allow_http")
#: Airflow's forms once stored their fields with this in front of the name, and old examples still show it.
_PREFIX = "extra__exoscale__"
#: Names from elsewhere, for what is called otherwise here.
_SYNONYMS = {"region": "zone", "location": "zone", "verify": "ca_file", "org": "organization"}
_KNOWN = ", ".join(ZONES)


def _extra(connection: ConnectionData, where: str) -> Extra:
    """A connection's extra, its names without the prefix that Airflow's forms once gave them."""
    given = credentials.extra_of(connection, where)
    extra = Extra({name.removeprefix(_PREFIX): given[name] for name in given})
    for name in given:
        bare = name.removeprefix(_PREFIX)
        if given[name] != extra[bare]:
            raise DbaasConfigurationError(f"{where}: its extra has both {bare} and {_PREFIX}{bare}, with two values")
    return extra


def _zone(url: str | None, asked: str | None, extra: Any, where: str) -> str | None:
    """The zone to work in: that of a host of Exoscale's own, which the others must not contradict, or the one asked
    for, or the connection's."""
    own = addresses.zone_of(url) if url else None
    if extra is not None and extra != own:
        choice(f"{where}: zone", extra, ZONES)
    if url is not None:
        try:
            addresses.check_zone(url, {"its extra zone": extra, "the parameter zone": asked})
        except DbaasConfigurationError as error:
            raise DbaasConfigurationError(f"{where}: {error}") from error
    zone: str | None = own or asked or extra
    if zone is None and url is None:
        raise DbaasConfigurationError(f"{where} lacks a zone (extra: zone), one of {_KNOWN}")
    return zone


def _text(name: str, extra: Extra, where: str) -> str | None:
    given = extra.get(name)
    if not isinstance(given, str | None):
        raise DbaasConfigurationError(f"{where}: {name} must be a text, got {shown(given)}")
    return given


def _allow_http(given: Any, where: str) -> bool | None:
    """Whether a connection may be one without TLS: true or false, or one of them as text, as a URI gives it."""
    known = {None: None, "": None, "true": True, "false": False}
    word = str(given) if isinstance(given, bool) else given
    word = word.lower() if isinstance(word, str) else word
    if not isinstance(word, str | None) or word not in known:
        raise DbaasConfigurationError(f"{where}: allow_http must be true or false, got {shown(given)}")
    return known[word]


def _timeout(given: Any, where: str) -> float | None:
    """The timeout of a connection: a number, or one as text, as forms give it."""
    if given is None or given == "":
        return None
    schema = _form()["conn-fields"]["timeout"]["schema"]
    least, most = schema["minimum"], schema["maximum"]
    try:
        timeout = float(given)
    except (TypeError, ValueError, OverflowError):
        timeout = -1.0
    if not least <= timeout <= most:
        raise DbaasConfigurationError(
            f"{where}: timeout must be a number of seconds from {least} to {most}, got {shown(given)}"
        )
    return timeout


def _url(connection: ConnectionData, where: str) -> str | None:
    """The endpoint override of a connection: a URL as host, or a host's name; port and schema may add to it, but must
    not contradict it."""
    schema, port = (connection.schema or "").lower(), connection.port
    if schema not in {"", "http", "https"}:
        # What follows the host in a connection's URI is its schema.
        hint = "; a path belongs in the host, e.g. https://api.example.com/v2" if re.match(r"v\d|.*/", schema) else ""
        raise DbaasConfigurationError(f"{where}: schema must be http or https, got {shown(connection.schema)}{hint}")
    if not connection.host:
        if schema == "http" or port not in {None, 443}:
            given = f"schema {schema}" if schema == "http" else f"port {port}"
            raise DbaasConfigurationError(f"{where}: {given} without a host: Exoscale's own is https and port 443")
        return None
    scheme, found, rest = str(connection.host).rpartition("://")
    if not found:
        scheme = schema or "https"
    shown_host = redact(f"{scheme}://{rest}")
    if schema and schema != scheme.lower():
        raise DbaasConfigurationError(f"{where}: schema {schema} contradicts the host {shown_host}")
    authority, _, path = rest.partition("/")
    if authority.count(":") > 1 and _is_ipv6(authority):
        authority = f"[{authority}]"
    if port is not None:
        its_own = re.search(r":([0-9]+)$", authority)
        if its_own and int(its_own[1]) != port:
            raise DbaasConfigurationError(f"{where}: port {port} contradicts the host {shown_host}")
        authority = authority if its_own else f"{authority}:{port}"
    url = f"{scheme}://{authority}/{path.rstrip('/') or 'v2'}"
    try:
        # Before a link to it is made.
        addresses.check_form(url)
    except DbaasConfigurationError as error:
        raise DbaasConfigurationError(f"{where}: {error}") from error
    return url


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
