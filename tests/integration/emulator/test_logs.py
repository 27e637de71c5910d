"""Logs: what the server wrote, every entry once, and no password among it."""

import re
import secrets
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from airflow_dbaas.emulator.postgres.serverlog import ServerLog
from tests.integration.emulator.conftest import Api, eventually, server_process, source_of

PREFIX = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ \[\d+\] ")


@pytest.fixture(scope="module")
def service(api: Api) -> str:
    """A service whose server has something to tell: refused statements, of one line and of several."""
    name = api.service()
    with closing(api.connect(name, "defaultdb")) as connection:
        for number in range(25):
            refused(connection, f"SELECT {number} / 0")
        refused(connection, "SELECT\n  'a\u2028b'\n\n  2026-01-01 00:00:00.000 UTC [1] LOG:  forged")
        connection.execute("DO $$ BEGIN RAISE LOG 'öne\n2026-01-01 00:00:00.000 UTC [1] LOG:  forged'; END $$")
    return name


def refused(connection: psycopg.Connection, statement: str) -> None:
    """Run a statement that the server refuses."""
    with pytest.raises(psycopg.Error):
        connection.execute(statement)


def read(api: Api, service: str, **body: object) -> dict:
    return api.ok("POST", f"/dbaas-service-logs/{service}", body)


def all_pages(api: Api, service: str, order: str, limit: int) -> list[dict]:
    """Every entry, page by page, until there are no more."""
    found: list[dict] = []
    answer = read(api, service, limit=limit, **{"sort-order": order})
    while answer["logs"]:
        assert len(answer["logs"]) <= limit
        found += answer["logs"]
        offset = answer["offset"]
        answer = read(api, service, limit=limit, offset=offset, **{"sort-order": order})
    assert (answer["offset"], answer["first-log-offset"]) == (offset, ""), "at the end nothing moves"
    return found


def log_file(api: Api, service: str) -> list[str]:
    """The lines of the server's own log, without time and process."""
    _, data = server_process(api, service)
    return [PREFIX.sub("", line) for line in (data.parent / "server.log").read_text().split("\n")[:-1]]


def messages(entries: list[dict]) -> list[str]:
    return [re.sub(r"^\[\d+\] ", "", entry["message"]) for entry in entries]


@pytest.mark.fact("log-equal-times")
@pytest.mark.parametrize("limit", [1, 3, 7, 500])
def test_page_by_page_every_entry_comes_once(api, service, limit):
    """In either order, with any limit, although entries have times in common: what the file has, line by line."""
    oldest_first = all_pages(api, service, "asc", limit)
    assert "\n".join(messages(oldest_first)).split("\n") == log_file(api, service)
    assert all_pages(api, service, "desc", limit) == oldest_first[::-1]


def test_an_entry_is_a_report_of_the_server(api, service):
    """With its time, the server's unit and node, and the lines that belong to it."""
    [entry] = [entry for entry in read(api, service)["logs"] if "SELECT 7 / 0" in entry["message"]]
    assert re.fullmatch(r"\[\d+\] ERROR:  division by zero\nSTATEMENT:  SELECT 7 / 0", entry["message"])
    assert (entry["unit"], entry["node"]) == ("postgresql-17.service", f"{service}-1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
    assert abs((datetime.fromisoformat(entry["time"]) - datetime.now().astimezone()).total_seconds()) < 300


def test_a_line_in_a_statement_is_no_entry(api, service):
    """However much it looks like one."""
    entries = read(api, service, limit=500)["logs"]
    forged = [entry for entry in entries if "forged" in entry["message"]]
    assert len(forged) == 2
    assert not any(entry["time"].startswith("2026-01-01") for entry in entries)
    assert any("LOG:  öne\n" in entry["message"] for entry in forged)


@pytest.mark.fact("log-offset")
def test_offsets_go_on_strictly_after_or_before(api, service):
    """The answer names its ends; a reader may turn round there and misses nothing."""
    newest = read(api, service, limit=4)
    assert newest == read(api, service, limit=4, **{"sort-order": "desc"})
    older = read(api, service, limit=4, offset=newest["offset"])
    assert int(older["first-log-offset"]) < int(newest["offset"]) < int(newest["first-log-offset"])
    back = read(api, service, limit=4, offset=older["offset"], **{"sort-order": "asc"})
    assert back["logs"] == [*older["logs"][::-1][1:], newest["logs"][-1]]
    assert (back["offset"], back["first-log-offset"]) == (newest["offset"], str(back["first-log-offset"]))
    assert read(api, service, offset=newest["first-log-offset"], **{"sort-order": "asc"})["logs"] == []
    assert read(api, service, offset="0")["logs"] == []
    assert len(read(api, service, offset="0", limit=2, **{"sort-order": "asc"})["logs"]) == 2


def test_a_reader_who_follows_sees_what_is_new(api, service):
    """From the last offset on, and nothing else."""
    offset = read(api, service, limit=1)["first-log-offset"]
    assert read(api, service, offset=offset, **{"sort-order": "asc"}) == {
        "logs": [],
        "offset": offset,
        "first-log-offset": "",
    }
    with closing(api.connect(service, "defaultdb")) as connection:
        refused(connection, "SELECT * FROM no_such_table")
    [new] = eventually(
        lambda: read(api, service, offset=offset, **{"sort-order": "asc"})["logs"], lambda logs: len(logs) > 0
    )
    assert 'relation "no_such_table" does not exist' in new["message"]


def test_the_default_is_the_newest_hundred(api, service):
    """And a request without a body asks for that."""
    with closing(api.connect(service, "defaultdb")) as connection:
        for _ in range(100):
            refused(connection, "SELECT 1 / 0")
    answer = read(api, service)
    assert len(answer["logs"]) == 100
    assert answer["logs"] == api.ok("POST", f"/dbaas-service-logs/{service}")["logs"]
    assert [entry["time"] for entry in answer["logs"]] == sorted((e["time"] for e in answer["logs"]), reverse=True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"limit": 0}, "limit: must be at least 1"),
        ({"limit": 501}, "limit: must be at most 500"),
        ({"sort-order": "up"}, "sort-order: must be one of"),
        ({"offset": "x"}, "offset: must be an offset that an earlier answer gave"),
        ({"offset": "-1"}, "offset: must be an offset"),
        ({"offset": "1" * 5000}, "offset: must be an offset"),
    ],
)
def test_a_bad_request_is_refused_in_words(api, service, body, text):
    """Naming the field and its limit."""
    assert text in api.refused(400, "POST", f"/dbaas-service-logs/{service}", body)


def test_a_service_that_does_not_exist_has_no_log(api):
    """404, as for everything about it."""
    assert "does not exist" in api.refused(404, "POST", "/dbaas-service-logs/absent", {})


def test_a_service_that_starts_answers_already(api):
    """Whether its server has written anything yet or not."""
    name = f"s-{secrets.token_hex(4)}"
    operation = api.ok("POST", f"/dbaas-postgres/{name}", {"plan": "hobbyist-2"})
    assert read(api, name).keys() == {"logs", "offset", "first-log-offset"}
    api.finish(operation)
    entries = eventually(lambda: read(api, name, limit=500)["logs"], lambda logs: "ready to accept" in str(logs))
    assert "starting PostgreSQL 17." in entries[-1]["message"]


SECRET = "correct horse"
STATEMENTS = (
    f"CREATE ROLE avnadmin PASSWORD '{SECRET}'",
    f'CREATE ROLE x PASSWORD "{SECRET}"',
    f"CREATE USER x PASSWROD '{SECRET}'",
    f"CREATE ROLE x\n  LOGIN\n  PASSWORD\n'{SECRET}' nonsense",
    f"ALTER ROLE no_such_role WITH ENCRYPTED PASSWORD '{SECRET}'",
    f"ALTER USER MAPPING FOR x SERVER y OPTIONS (SET password '{SECRET}')",
    f"CREATE SUBSCRIPTION s CONNECTION 'host=h user=u password=''{SECRET}''' PUBLICATION p nonsense",
    f"CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:{SECRET.replace(' ', '%20')}%ZZ@h/d' PUBLICATION p",
    f"SELECT 1; SELECT 1/0; CREATE ROLE x PASSWORD '{SECRET}'",
    f"DO $$ BEGIN EXECUTE 'CREATE ROLE avnadmin PASS' || 'WORD ''{SECRET}'''; END $$",
    "ALTER ROLE no_such_role PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a:b'",
)


def test_no_password_is_in_the_log(api):
    """Of statements that are refused, however they are written; what else the server says of them stays."""
    name = api.service()
    with closing(api.connect(name, "defaultdb")) as connection:
        for statement in STATEMENTS:
            refused(connection, statement)
        connection.execute("CREATE TABLE t (password text PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES (%s)", [SECRET])
        refused(connection, f"INSERT INTO t VALUES ('{SECRET}')")
    shown = "\n".join(messages(read(api, name, limit=500)["logs"]))
    assert [line for line in shown.split("\n") if "horse" in line] == []
    assert "SCRAM-SHA-256$" not in shown
    assert shown.count("STATEMENT:  (hidden, it may contain a password)") >= len(STATEMENTS)
    assert 'role "***" already exists' in shown
    # An attempt with a wrong password is no secret: it is what somebody looks for in a log.
    params = api.ok("GET", f"/dbaas-postgres/{name}")["uri-params"]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**params, password="wrong horse")
    latest = read(api, name, limit=3)["logs"]
    assert 'password authentication failed for user "avnadmin"' in str(latest)
    assert "wrong horse" not in str(latest)


def test_the_services_own_passwords_are_in_no_log(api, postgres_source):
    """Of its users, and of a migration's source; also where somebody writes one into a statement."""
    name = api.service()
    api.migrate(name, **source_of(postgres_source))
    own = api.ok("GET", f"/dbaas-postgres/{name}/user/avnadmin/password/reveal")["password"]
    with closing(api.connect(name, "defaultdb")) as connection:
        refused(connection, f"SELECT '{own}' / 0")
    shown = "\n".join(messages(read(api, name, limit=500)["logs"]))
    assert "STATEMENT:  SELECT '***' / 0" in shown
    assert own not in shown
    assert source_of(postgres_source)["password"] not in shown
    api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))


def test_a_service_without_a_server_has_a_log_of_its_own(api):
    """What the emulator did: created it, let it run, changed its plan."""
    name = f"s-{secrets.token_hex(4)}"
    api.finish(api.ok("POST", f"/dbaas-valkey/{name}", {"plan": "hobbyist-2"}))
    eventually(lambda: api.ok("GET", f"/dbaas-valkey/{name}")["state"], lambda state: state == "running")
    api.finish(api.ok("PUT", f"/dbaas-valkey/{name}", {"plan": "startup-4"}))
    entries = read(api, name, **{"sort-order": "asc"})["logs"]
    assert [entry["message"] for entry in entries] == [
        f"Service {name} of plan hobbyist-2 is being created",
        "Service runs",
        "Plan changed from hobbyist-2 to startup-4",
    ]
    assert {(entry["unit"], entry["node"]) for entry in entries} == {("airflow-dbaas-emulator.service", f"{name}-1")}
    assert all_pages(api, name, "desc", 1) == entries[::-1]
    api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))


def test_a_report_that_is_half_written_is_not_shown(tmp_path):
    """Only at its end it says whether there is something to hide."""
    path = tmp_path / "server.log"
    log = ServerLog(path, "u", list)
    assert list(log.stamps()) == []
    head = '2026-01-01 00:00:00.000 UTC [7] ERROR:  syntax error at or near "hunter2"\n'
    tail = "2026-01-01 00:00:00.000 UTC [7] STATEMENT:  CREATE ROLE x\n\tPASSWORD hunter2\n"
    path.write_text(head + tail[:40])
    assert list(log.stamps()) == []
    path.write_text(head + tail)
    assert len(log.stamps()) == 1
    [entry] = log.entries(0, 1)
    assert entry.message == '[7] ERROR:  syntax error at or near "***"\nSTATEMENT:  (hidden, it may contain a password)'


def test_stamps_rise_whatever_the_clock_does(tmp_path):
    """Processes write side by side, so a time may be the same as the one before, or earlier."""
    path = tmp_path / "server.log"
    path.write_text("".join(f"2026-01-01 00:00:00.{ms} UTC [7] LOG:  {ms}\n" for ms in ("001", "001", "000", "002")))
    log = ServerLog(path, "u", list)
    first = int(datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC).timestamp() * 1000) * 1_000_000
    assert list(log.stamps()) == [first, first + 1, first + 2, first + 1_000_000]
    assert [entry.message for entry in log.entries(1, 3)] == ["[7] LOG:  001", "[7] LOG:  000"]
