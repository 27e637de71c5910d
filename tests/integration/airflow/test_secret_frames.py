"""What an error tracker gets of our errors: it sends the local variables of every frame.

Each path that has a secret in its hands is made to fail. The error, as whoever started the path gets it, is written out
by Python itself with its local variables, and sent by the real Sentry SDK, which walks dictionaries and sequences that
are local variables. Sentry's own scrubbing by names is off, and its limits are wide: nothing but our own code hides.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk import serializer
from sentry_sdk.envelope import Envelope
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport

from airflow_dbaas._compat import AirflowTaskTimeout
from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.api.migrations import Migrations
from airflow_dbaas.api.retries import NO_RETRY, RetryPolicy
from airflow_dbaas.api.services import PgServices
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.migration.source import MigrationSource
from airflow_dbaas.operators._base import DbaasOperator, DbaasTask
from airflow_dbaas.plugin.app import _arguments
from airflow_dbaas.plugin.overview import Overviews
from airflow_dbaas.verification.mysql import sessions as mysql_sessions
from airflow_dbaas.verification.postgres import sessions as postgres_sessions
from tests.integration.airflow.conftest import Run
from tests.integration.hunt import AWKWARD, search
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

API_SECRET = "C@n/ary\"p&ss%41+'<\\api"
SOURCE = AWKWARD + "src"
ADMIN = AWKWARD + "adm"
GIVEN = AWKWARD + "giv"
DATADOG = "DatadogCanary0f7e1"
PROMETHEUS = AWKWARD + "pro"
SECRETS = {
    "API": API_SECRET,
    "source": SOURCE,
    "admin": ADMIN,
    "given": GIVEN,
    "datadog": DATADOG,
    "scraper": PROMETHEUS,
}


class Memory(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent += [item.get_bytes().decode() for item in envelope.items]


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """The SDK, sending local variables, all of them, to memory."""
    monkeypatch.setattr(serializer, "MAX_DATABAG_BREADTH", 1000)
    monkeypatch.setattr(serializer, "MAX_DATABAG_DEPTH", 12)
    memory = Memory()
    with sentry_sdk.new_scope():
        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1",
            transport=memory,
            include_local_variables=True,
            max_value_length=1_000_000,
            event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),
            default_integrations=False,
            # They would add headers to the requests of all later tests.
            auto_enabling_integrations=False,
        )
        yield memory
        sentry_sdk.get_client().close()
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)


Places = dict[str, str]
Caught = Callable[[Callable[[], Any]], Places]


def ours(error: BaseException) -> BaseException:
    """The error without the frames of this file, which hold the canaries; nothing of its causes is left out."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return error.with_traceback(frames)


def places_of(error: BaseException, memory: Memory) -> Places:
    """The error as it is written out by Python, and as it is sent by Sentry."""
    written = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    sentry_sdk.capture_exception(error)
    (sent,) = memory.sent
    memory.sent.clear()
    # Its texts as they were, without JSON's escapes.
    texts: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, str):
            texts.append(node)
        for each in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            collect(each[0])
            collect(each[1])

    collect(json.loads(sent))
    return {"traceback": written, "Sentry": "\n".join(texts), "Sentry's JSON": sent}


@pytest.fixture
def caught(sentry: Memory) -> Caught:
    """``caught(path)`` is what error trackers get when ``path`` fails."""

    def run(path: Callable[[], Any]) -> Places:
        try:
            path()
        except BaseException as error:  # noqa: BLE001 - a task's time-out is none of Exception
            return places_of(ours(error), sentry)
        pytest.fail("it did not fail")

    return run


@pytest.fixture
def in_tasks(sentry: Memory, monkeypatch: pytest.MonkeyPatch) -> Places:
    """What error trackers get when tasks of a run fail, by task."""
    places: Places = {}
    execute = DbaasOperator.execute

    def watched(task: DbaasOperator, context: Any) -> Any:
        try:
            return execute(task, context)
        except Exception as error:
            # Without Airflow's frames, for this is none of its callers; its context is among our variables.
            for name, text in places_of(ours(error), sentry).items():
                places[f"{task.dag_id}, {name}"] = text
            raise

    monkeypatch.setattr(DbaasOperator, "execute", watched)
    new_conn = DbaasHook.new_conn

    def impatient(hook: DbaasHook, *, retry: RetryPolicy | None = None) -> Client:
        return new_conn(hook, retry=retry or RetryPolicy(max_seconds=0.2, first_pause=0.05))

    monkeypatch.setattr(DbaasHook, "new_conn", impatient)
    assert issubclass(DbaasOperator, DbaasTask)
    return places


def define(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))


def define_api(monkeypatch: pytest.MonkeyPatch, url: str | None = None, **extra: Any) -> None:
    login = {"conn_type": "exoscale", "login": "EXOkey", "password": API_SECRET}
    define(monkeypatch, "exoscale_default", **login, host=url, extra={"zone": "ch-gva-2", **extra})


def define_source(monkeypatch: pytest.MonkeyPatch, engine: str, port: int, **fields: Any) -> None:
    tls = {"sslmode": "disable"} if engine == "postgres" else {"ssl_mode": "DISABLED"}
    login = {"login": "legacy", "password": SOURCE, "host": "127.0.0.1", "port": port}
    define(monkeypatch, "legacy", conn_type=engine, **{**login, **fields}, extra={**tls, "hint": GIVEN})


def test_a_secret_that_lies_open_is_found(caught: Caught) -> None:
    """What looks for them finds them: in a text, a dictionary, a tuple and in the frames of a cause."""

    def careless() -> None:
        # As if it were not in this file.
        code = "def fail(password):\n    held = {'given': (password, 1)}\n    raise ValueError('no')\nfail(password)"
        exec(code, {"password": GIVEN})

    def chained() -> None:
        try:
            careless()
        except ValueError as error:
            raise KeyError("of that") from error

    for path in (careless, chained):
        found = search(caught(path), SECRETS)
        assert {each.rpartition(": ")[2] for each in found} >= {"traceback", "Sentry"}
        assert all(each.startswith("given ") for each in found)


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
@pytest.mark.parametrize("trouble", ["refused", "closed", "time is over"])
def test_no_secret_is_in_the_frames_of_a_connect(
    caught: Caught,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    engine: str,
    trouble: str,
) -> None:
    """The password is refused, nothing listens, or Airflow ends the task while the driver connects."""
    port = 9
    if trouble == "refused":
        server: PostgresServer | MysqlServer = request.getfixturevalue(f"{engine}_servers")()
        port = server.port
    if trouble == "time is over":
        import psycopg
        import pymysql

        def connect(*args: Any, **kwargs: Any) -> Any:
            raise AirflowTaskTimeout("time is over")

        monkeypatch.setattr(psycopg.Connection, "_connect_gen", connect)
        monkeypatch.setattr(pymysql.connections.Connection, "connect", connect)
    define_source(monkeypatch, engine, port)
    session: Any = (postgres_sessions if engine == "postgres" else mysql_sessions).session

    def path() -> None:
        with session(MigrationSource.from_conn_id("legacy"), "shop"):
            pass

    places = caught(path)
    assert "sessions.py" in places["traceback"]
    assert "***" in places["traceback"]
    assert search(places, SECRETS) == []


@pytest.mark.parametrize(
    "fields",
    [{"login": ""}, {"host": "a,b"}, {"conn_type": "http"}, {"extra": f'["{GIVEN}"'}, {"extra": {"ssl": {"x": GIVEN}}}],
)
def test_no_secret_is_in_the_frames_of_a_source_that_is_refused(
    caught: Caught, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    """Airflow's own class of connections shows the password; ours is what the frames hold."""
    login = {"conn_type": "mysql", "login": "u", "password": SOURCE, "host": "h", "extra": {"p": GIVEN}}
    define(monkeypatch, "legacy", **{**login, **fields})
    assert search(caught(lambda: MigrationSource.from_conn_id("legacy")), SECRETS) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"extra": {"zone": "nowhere", "token": GIVEN}},
        {"extra": {"zone": "ch-gva-2", "timeout": "soon"}},
        {"extra": {}},
        {"extra": f'{{"zone": {GIVEN}'},
        {"conn_type": "http"},
        {"login": "", "extra": {"zone": "ch-gva-2"}},
        {"login": "two words", "extra": {"zone": "ch-gva-2"}},
        {"host": "http://elsewhere.example.com", "extra": {"zone": "ch-gva-2"}},
        {"extra": {"zone": "ch-gva-2", "ca_file": "/no/such.pem"}},
    ],
)
def test_no_secret_is_in_the_frames_of_a_hook_that_is_refused(
    caught: Caught, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    """Neither for the blocking client nor for the one of an event loop."""
    define(
        monkeypatch,
        "exoscale_default",
        **{"conn_type": "exoscale", "login": "EXOkey", "password": API_SECRET, **fields},
    )
    for path in (lambda: DbaasHook().get_conn(), lambda: asyncio.run(DbaasHook().get_async_conn())):
        places = caught(path)
        assert "hooks/dbaas.py" in places["traceback"]
        assert search(places, SECRETS) == []


TROUBLES = {
    "failed": Reply(500, {"message": "no"}),
    "dropped": Reply(drop=True),
    "garbled": Reply(body=f'{{"id": "{GIVEN}", "state": '.encode()),
    "not as documented": Reply(body={"password": [ADMIN], "id": [GIVEN], "dbaas-services": ADMIN}),
}
WITHOUT_A_BODY = {"reveal", "services", "no such argument"}


def echo(secret: str) -> Reply:
    """An API that repeats what it was sent."""
    return Reply(400, {"message": f"cannot use {secret}"})


SERVICE = {"name": "db", "type": "pg", "state": "running", "plan": "startup-4", "zone": "ch-gva-2"}
REVEALED = Reply(body={"username": "avnadmin", "password": ADMIN})
PG_URI = "postgres://avnadmin:C%40n@127.0.0.1:9/defaultdb"

#: What a user's own code may call with secrets in its hands; the arguments' own frame is the user's.
CALLS: dict[str, Callable[[Any], Any]] = {
    "reset": lambda client: client.accounts.pg.reset_password(service_name="db", username="u", password=GIVEN),
    "reset, too short": lambda client: client.accounts.mysql.reset_password(
        service_name="db", username="u", password=GIVEN
    ),
    "create": lambda client: client.services.pg.create(name="db", plan="startup-4", admin_password=DATADOG),
    "create, misspelled": lambda client: client.services.pg.create(name="db", plan="startup-4", admin_pasword=GIVEN),
    "no such argument": lambda client: client.accounts.pg.reset_password(service_name="db", passwort=GIVEN),
    "migrate": lambda client: client.services.pg.update(
        name="db", migration={"host": "h", "port": 1, "password": GIVEN}
    ),
    "check": lambda client: client.migrations.check(service="db", source_service_uri=GIVEN),
    "endpoint": lambda client: client.external_endpoints.datadog.create(
        name="e", settings={"datadog_api_key": DATADOG, "site": "datadoghq.eu"}
    ),
    "reveal": lambda client: client.accounts.pg.reveal_password(service_name="db", username="u"),
    "services": lambda client: client.services.list(),
}


@pytest.mark.parametrize(
    ("call", "trouble"),
    [(call, each) for call in CALLS for each in [*TROUBLES, *(["echoed"] if call not in WITHOUT_A_BODY else [])]],
)
def test_no_secret_is_in_the_frames_of_a_call(
    caught: Caught, monkeypatch: pytest.MonkeyPatch, api: ScriptedServer, call: str, trouble: str
) -> None:
    """By either client: the API fails, is gone, repeats a secret, or answers what it should not."""
    sent = DATADOG if call in {"create", "endpoint"} else GIVEN
    api.replies = [echo(sent) if trouble == "echoed" else TROUBLES[trouble]]
    if call != "services":
        # The clients look for the service before they act on it.
        api.always = {"/v2/dbaas-service": Reply(body={"dbaas-services": [SERVICE]})}
    define_api(monkeypatch, api.url)

    def blocking() -> None:
        with DbaasHook().new_conn(retry=NO_RETRY) as client:
            CALLS[call](client)

    async def in_loop() -> None:
        hook = DbaasHook()
        async with hook.open_async({**await hook.async_arguments(), "retry": NO_RETRY}) as client:
            await CALLS[call](client)

    for path in (blocking, lambda: asyncio.run(in_loop())):
        # Some of what is garbled for one call is an answer to another.
        with suppress(pytest.fail.Exception):
            assert search(caught(path), SECRETS) == []


def test_no_secret_is_in_the_frames_of_a_retried_call(
    caught: Caught, monkeypatch: pytest.MonkeyPatch, api: ScriptedServer
) -> None:
    """The library that retries has frames of its own."""
    api.replies = [TROUBLES["failed"]]
    api.always = {"/v2/dbaas-service": Reply(body={"dbaas-services": [SERVICE]})}
    define_api(monkeypatch, api.url)

    def path() -> None:
        with DbaasHook().new_conn(retry=RetryPolicy(max_seconds=0.2, first_pause=0.05)) as client:
            CALLS["check"](client)

    places = caught(path)
    assert "tenacity" in places["traceback"]
    assert search(places, SECRETS) == []


def answers(trouble: str) -> dict[str, Reply]:
    """An API with a service, whose calls that take a secret are in trouble."""
    troubled = TROUBLES.get(trouble) or (echo(SOURCE) if trouble == "echoed" else None)
    uri = {"host": "127.0.0.1", "port": "9", "user": "avnadmin", "password": ADMIN}
    shown = Reply(body={**SERVICE, "uri": PG_URI, "uri-params": uri})
    return {
        "/v2/dbaas-service": Reply(body={"dbaas-services": [SERVICE]}),
        "/v2/dbaas-migration-status/db": Reply(404, {"message": "Not Found"}),
        "/v2/dbaas-postgres/db/user/avnadmin/password/reveal": REVEALED,
        "/v2/dbaas-external-endpoint": Reply(body={"dbaas-endpoints": []}),
        "/v2/dbaas-task-migration-check/db": troubled or shown,
        "/v2/dbaas-postgres/db": troubled or shown,
        "/v2/dbaas-external-endpoint-datadog/e": echo(DATADOG) if trouble == "echoed" else troubled or shown,
        "/v2/dbaas-external-endpoint-prometheus/e": echo(PROMETHEUS) if trouble == "echoed" else troubled or shown,
    }


@pytest.mark.parametrize("trouble", [*TROUBLES, "echoed", "no server"])
def test_no_secret_is_in_the_frames_of_a_task(
    run: Run, api: ScriptedServer, in_tasks: Places, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Check, start and verification of a migration, and an endpoint, all of which fail."""
    api.always = answers(trouble)
    define_api(monkeypatch, api.url)
    define_source(monkeypatch, "postgres", 11)
    define(monkeypatch, "datadog", conn_type="generic", password=DATADOG)
    define(monkeypatch, "scraper", conn_type="generic", login="scraper", password=PROMETHEUS)
    migration = {"service": "db", "source": "legacy"}
    # What the API shows of the service is all right in one case only, and then nothing listens at source and target. A
    # verification sends nothing that the API could repeat.
    failing = {"no server": ["verify_poking"], "echoed": ["check_poking", "start_poking"]}
    for dag_id in failing.get(trouble, ["check_poking", "start_poking", "verify_poking"]):
        assert run(dag_id, **migration).state == "failed", dag_id
    if trouble == "no server":
        assert all("Connection refused" in text for text in in_tasks.values())
        assert search(in_tasks, SECRETS) == []
        return
    for kind, settings in {"datadog": {"site": "datadoghq.eu"}, "prometheus": {}}.items():
        endpoint = {"name": "e", "type": kind, "settings": settings, "secrets": kind.replace("prometheus", "scraper")}
        assert run("create_endpoint_poking", **endpoint).state == "failed"
    assert {name.partition("_")[0] for name in in_tasks} >= {"check", "start", "create"}
    assert search(in_tasks, SECRETS) == []


@pytest.mark.parametrize("trouble", ["failed", "dropped", "not as documented"])
def test_no_secret_is_in_the_frames_of_the_page(
    caught: Caught, monkeypatch: pytest.MonkeyPatch, api: ScriptedServer, trouble: str, database: Any
) -> None:
    """It works in a process that many share."""
    api.replies = [TROUBLES[trouble]]
    define_api(monkeypatch, api.url)

    def path() -> None:
        asyncio.run(Overviews().of("exoscale_default", _arguments("exoscale_default")))

    places = caught(path)
    assert "plugin/overview.py" in places["traceback"]
    assert search(places, SECRETS) == []
    define_api(monkeypatch, api.url, timeout="soon")
    assert search(caught(lambda: _arguments("exoscale_default")), SECRETS) == []


def test_a_call_that_is_stated_by_hand(caught: Caught) -> None:
    """A secret that is given as one stays one, in the caller's own frames as well."""
    from airflow_dbaas.api.redaction import Secret

    with pytest.raises(DbaasError):
        Migrations.check.call(service="db", source_service_uri=Secret("x" * 600))
    call = Migrations.check.call(service="db", source_service_uri=Secret(GIVEN))
    assert json.loads(call.body) == {"source-service-uri": GIVEN}
    settings = {"migration": {"host": "h", "port": 1, "password": Secret(GIVEN), "nonsense": 1}}
    places = caught(lambda: PgServices.update.call(name="db", **settings))  # type: ignore[typeddict-item]
    assert "body.py" in places["traceback"]
    assert search(places, SECRETS) == []
