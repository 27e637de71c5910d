"""What being a replica does to the target's own server, and what it takes to follow a source."""

import asyncio
from dataclasses import replace

from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.mysql.migration import MysqlMigration
from airflow_dbaas.emulator.mysql.target import MysqlTarget
from tests.conftest import mariadb
from tests.integration.emulator.conftest import eventually
from tests.integration.emulator.mysql_ends import endpoint, rows, run


async def test_one_source_after_another(mysql_servers):
    """The target's events rest while it replicates; TLS is used where it is asked for; equal domains do not collide."""
    there = mysql_servers(settings={"event-scheduler": "ON"})
    identity = Authority().issue(["localhost", "127.0.0.1"])
    first = mysql_servers(settings={"gtid-domain-id": "7"})
    second = mysql_servers(settings={"gtid-domain-id": "7"}, identity=identity)
    # More transactions than the second one has.
    run(first, "CREATE DATABASE a", "CREATE TABLE a.t (a int)", *("INSERT INTO a.t VALUES (1)" for _ in range(20)))
    run(second, "CREATE DATABASE b", "CREATE TABLE b.t (a int)", "CREATE TABLE b.log (a int)")
    run(second, "CREATE EVENT b.e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO b.log VALUES (1)")
    target = MysqlTarget(endpoint(there), endpoint(there), mariadb(), disk=2**40)
    for source, dbname, tls in ((first, "a", None), (second, "b", True)):
        migration = MysqlMigration(
            source=replace(endpoint(source), tls=tls),
            target=target,
            method="replication",
            ignored=frozenset(),
            changed=lambda: None,
        )
        migration.start()
        try:
            seen = await asyncio.to_thread(eventually, migration.view, lambda found: found["status"] != "running")
            assert seen["status"] == "syncing", seen
            assert rows(there, "SELECT @@GLOBAL.event_scheduler") == [("OFF",)]
            run(source, f"INSERT INTO {dbname}.t VALUES (5)")
        finally:
            await migration.stop()
        assert rows(there, f"SELECT COUNT(*) FROM {dbname}.t WHERE a = 5") == [(1,)]
        assert rows(there, "SHOW ALL SLAVES STATUS") == []
        assert rows(there, "SELECT @@GLOBAL.event_scheduler, @@GLOBAL.gtid_strict_mode") == [("ON", 1)]
    eventually(lambda: rows(there, "SELECT COUNT(*) FROM b.log"), lambda found: found > [(0,)])
