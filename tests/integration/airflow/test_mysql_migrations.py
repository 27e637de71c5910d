"""Migrations of MySQL sources in a real Airflow, step by step and by the example DAG, between real servers."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.mysql.server import MysqlServer
from tests import AIRFLOW_HOME
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run
from tests.integration.hunt import dump, files, search

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

SCHEMA = (
    "CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    "USE shop",
    """CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'none',
        price decimal(9,2),
        note json, picture blob, made timestamp(3) DEFAULT current_timestamp(3), KEY by_name (name))""",
    "INSERT INTO item (name, price, note, picture) SELECT CONCAT('ñ', seq), seq / 7, JSON_OBJECT('n', seq), "
    "UNHEX(MD5(seq)) FROM seq_1_to_1000",
    "CREATE TABLE sale (item int, CONSTRAINT what FOREIGN KEY (item) REFERENCES item (id))",
    "INSERT INTO sale SELECT id FROM item WHERE id < 100",
    "CREATE VIEW cheap AS SELECT id FROM item WHERE price < 10",
    "CREATE TRIGGER stamp BEFORE UPDATE ON item FOR EACH ROW SET NEW.made = current_timestamp(3)",
    "CREATE FUNCTION tax(p decimal(9,2)) RETURNS decimal(9,2) DETERMINISTIC RETURN p * 1.081",
    "CREATE DATABASE scratch",
    "CREATE TABLE scratch.left_behind (i int PRIMARY KEY)",
)


@pytest.fixture(scope="module")
def shop(mysql_servers: Callable[..., MysqlServer]) -> MysqlServer:
    """A source with a database ``shop``, and another one."""
    server = mysql_servers()
    change(server.login(), *SCHEMA)
    return server


@pytest.fixture(autouse=True)
def source(shop: MysqlServer, monkeypatch: pytest.MonkeyPatch) -> MysqlServer:
    """The source as connection ``legacy``, and as ``wrong`` with another password."""
    for conn_id, password in (("LEGACY", password_of(shop)), ("WRONG", WRONG)):
        connection = {
            "conn_type": "mysql",
            "host": shop.host,
            "port": shop.port,
            "login": shop.superuser,
            "password": password,
            "extra": {"ssl_mode": "DISABLED"},
        }
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", json.dumps(connection))
    return shop


#: Not one that can be put into a URI, or anywhere else, as it is; it is as long as it may be.
WRONG = "c@n/of wrong:pässword%41'\"#1234"


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """A name for a service that a test, or a DAG of it, creates."""
    name = f"my-{secrets.token_hex(4)}"
    yield name
    with suppress(DbaasNotFoundError):
        client.services.delete(name)


@pytest.fixture
def mysql_service(client: Client, run: Run, name: str) -> str:
    """A MySQL service that runs."""
    client.services.mysql.create(name=name, plan="startup-4")
    assert run("service_poking", service=name).state == "success"
    return name


def password_of(server: MysqlServer) -> str:
    return str(server.login()["password"].decode())


def change(login: dict[str, Any], *statements: str) -> None:
    with closing(pymysql.connect(**login)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def login_of(client: Client, service: str) -> dict[str, Any]:
    """How to log in to a service."""
    given = client.services.mysql.get(service).uri_params or {}
    password = client.accounts.mysql.reveal_password(service_name=service, username=given["user"]).password or ""
    return {
        "host": given["host"],
        "port": int(given["port"]),
        "user": given["user"],
        "password": password.encode(),
        "ssl": {"verify_mode": False},
        "autocommit": True,
    }


def test_from_nothing_to_a_verified_copy(run: Run, client: Client, name: str) -> None:
    """The example DAG creates a service of the source's type, moves and compares all, table by table."""
    ended = run("dbaas_migrate_service", service=name, source_conn_id="legacy", ignore_dbs="scratch")
    assert ended.state == "success", ended.output
    assert ended.tasks["create_service"].result["type"] == "mysql"
    assert [database["method"] for database in ended.tasks["wait_for_migration"].result["databases"]] == ["replication"]
    (database,) = ended.tasks["verify_migration"].result["databases"]
    assert (database["name"], database["tables"], database["rows"]) == ("shop", 2, 1099)
    with pytest.raises(DbaasNotFoundError):
        client.migrations.status(name)


def test_step_by_step(run: Run, client: Client, mysql_service: str, source: MysqlServer) -> None:
    """Check, start, wait, compare while it replicates, stop, compare; what was written meanwhile has arrived, and an
    event that came by replication is to run. A second start joins, a second stop finds nothing to do."""
    steps = {"service": mysql_service, "source": "legacy", "ignore_dbs": "scratch"}
    checked = run("check_poking", **steps, method="replication")
    assert checked.state == "success", checked.output
    for mode, joined in (("poking", False), ("deferred", True)):
        started = run(f"start_{mode}", **steps, method="replication")
        assert started.task.result["joined"] is joined
        assert started.task.result["source"] == f"{source.host}:{source.port}"
        copied = run(f"migration_{mode}", service=mysql_service)
        assert [database["name"] for database in copied.task.result["databases"]] == ["shop"]
    change(
        source.login("shop"),
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM sale",
        "INSERT INTO item (name) VALUES ('written meanwhile')",
    )
    followed = run("verify_poking", **steps)
    assert followed.state == "success", followed.output
    stopped = run("stop_poking", **steps)
    assert stopped.task.result["stopped"] is True
    assert (stopped.task.result["events"], stopped.task.result["sequences"]) == (1, 0)
    verified = run("verify_poking", **steps)
    assert verified.state == "success", verified.output
    assert run("stop_deferred", **steps).task.result["stopped"] is False
    change(login_of(client, mysql_service), "DELETE FROM shop.sale LIMIT 1", "DROP EVENT shop.nightly")
    differing = run("verify_poking", **steps)
    assert differing.state == "failed"
    assert "shop: event nightly: missing in the target" in differing.output
    assert "shop: table sale: rows (99 at the source, 98 in the target)" in differing.output
    change(source.login("shop"), "DROP EVENT nightly", "DELETE FROM item WHERE name = 'written meanwhile'")


def test_a_service_of_another_type_is_refused(run: Run, client: Client, service: str) -> None:
    """By the example DAG and by every operator, at once and before anything is sent; both types are named."""
    for task in ("check", "start", "stop", "verify"):
        refused = run(f"{task}_poking", service=service, source="legacy")
        assert (refused.task.state, refused.task.tries) == ("failed", 1)
        assert f"service {service} is of type pg, but connection 'legacy' is of type mysql" in refused.output
    refused = run("dbaas_migrate_service", service=service, source_conn_id="legacy")
    states = {step: task.state for step, task in refused.tasks.items()}
    assert states.pop("create_service") == "failed"
    assert set(states.values()) == {"upstream_failed"}
    assert f"service {service} is of type pg, but connection 'legacy' is of type mysql" in refused.output
    with pytest.raises(DbaasNotFoundError):
        client.migrations.status(service)


def test_no_secret_gets_out(
    run: Run, client: Client, emulator: RunningEmulator, mysql_service: str, source: MysqlServer, database: Path
) -> None:
    """By dump all is moved, too; with a wrong password the check is refused and nothing is started. After that no
    password is in any log, XCom or table."""
    good = run("dbaas_migrate_service", service=mysql_service, source_conn_id="legacy", method="dump", ignore_dbs="")
    assert good.state == "success", good.output
    assert [database["name"] for database in good.tasks["verify_migration"].result["databases"]] == ["scratch", "shop"]
    bad = run("dbaas_migrate_service", service=mysql_service, source_conn_id="wrong", if_migrated="again")
    assert {step: task.state for step, task in bad.tasks.items()}["check_migration"] == "failed"
    assert bad.tasks["check_migration"].tries == 1
    assert bad.tasks["start_migration"].state == "upstream_failed"
    unverified = run("verify_poking", service=mysql_service, source="wrong")
    assert unverified.state == "failed"
    assert "Access denied" in unverified.output
    places = {
        "output": "".join(ended.output for ended in (good, bad, unverified)),
        **dump(database),
        **files(AIRFLOW_HOME / "logs"),
        "emulator's log": emulator.log.read_bytes(),
    }
    assert mysql_service in places["output"]
    admin = login_of(client, mysql_service)["password"].decode()
    assert search(places, {"source password": password_of(source), "wrong password": WRONG, "admin": admin}) == []


def test_a_password_that_no_migration_takes(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before a service is created for it."""
    long = "ñ" * 17
    source = {"conn_type": "mysql", "host": "old.example.com", "login": "admin", "password": long}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps(source))
    refused = run("dbaas_migrate_service", service=name, source_conn_id="legacy")
    assert refused.tasks["create_service"].tries == 1
    assert "connection 'legacy': for a migration from MySQL the password must have at most 32 bytes" in refused.output
    assert long not in refused.output


def test_a_check_names_what_the_login_cannot_see(
    run: Run, mysql_service: str, source: MysqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump by a login without the privilege ``TRIGGER`` has no triggers, and no error."""
    login = "'half'@'%' IDENTIFIED BY 'Half_Sees_1'"
    change(source.login(), f"CREATE USER {login}", "GRANT SELECT, SHOW VIEW, EVENT, PROCESS ON *.* TO 'half'@'%'")
    connection = json.loads(os.environ["AIRFLOW_CONN_LEGACY"]) | {"login": "half", "password": "Half_Sees_1"}
    monkeypatch.setenv("AIRFLOW_CONN_HALF", json.dumps(connection))
    try:
        checked = run("check_poking", service=mysql_service, source="half", method="dump")
        assert "The migration will leave out what the login cannot see: shop: the login" in checked.output
        assert "TRIGGER" in checked.output
        checked = run("check_poking", service=mysql_service, source="legacy", method="dump")
        assert checked.state == "success"
        assert "cannot see" not in checked.output
    finally:
        change(source.login(), "DROP USER 'half'@'%'")
