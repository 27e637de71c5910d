"""The source: a PostgreSQL 16 with a large, plain database and a small, awkward one."""

import random
import secrets
from dataclasses import dataclass
from pathlib import Path

import psycopg

from airflow_dbaas.emulator.postgres import PostgresServer, installed
from demo.processes import House
from demo.report import Report

SOURCE_VERSION = 16
SHOP = "shop"
# No capital letter: the service documents that its replication does not get along with one.
AWKWARD = "été-données"
DATABASES = (SHOP, AWKWARD)
# Every character that a connection string can trip over.
TROUBLE = "p@ss/w:ör d%#?&'\"\\"

PGBENCH_SCALE = 10
PGBENCH_TRANSACTIONS = 500
LARGE_BYTES = 3_000_000


@dataclass(frozen=True)
class Source:
    """A running source server and how to log in to it."""

    server: PostgresServer
    user: str
    password: str

    @property
    def host(self) -> str:
        """Host name or address."""
        return self.server.host

    @property
    def port(self) -> int:
        """TCP port."""
        return self.server.port

    def conninfo(self, database: str) -> str:
        """Connection string of one database, for :mod:`psycopg`."""
        return psycopg.conninfo.make_conninfo(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=database
        )


def start_source(house: House) -> Source:
    """Start an empty source server."""
    password = TROUBLE + secrets.token_hex(4)
    server = PostgresServer(
        binaries=installed()[SOURCE_VERSION],
        directory=house.folder / "source",
        superuser="postgres",
        password=password,
    )
    house.on_close(server.stop)
    server.start()
    return Source(server, "postgres", password)


def fill(source: Source, house: House, report: Report) -> None:
    """Make both databases."""
    with psycopg.connect(source.conninfo("postgres"), autocommit=True) as connection:
        for name in DATABASES:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    _fill_awkward(source, house)
    _fill_shop(source, house)
    report.line("source", f"PostgreSQL at {source.host}:{source.port} is filled: {', '.join(DATABASES)}")


def _client(source: Source, tool: str) -> list[str]:
    """The start of a command line of one of PostgreSQL's client tools."""
    program = source.server.binaries.tool(tool)
    return [str(program), f"--host={source.host}", f"--port={source.port}", f"--username={source.user}"]


def _fill_shop(source: Source, house: House) -> None:
    """A million accounts, and a history of some transactions."""
    pgbench = _client(source, "pgbench")
    env = {"PGPASSWORD": source.password}
    house.run("pgbench init", [*pgbench, "--initialize", f"--scale={PGBENCH_SCALE}", "--foreign-keys", SHOP], env)
    house.run("pgbench", [*pgbench, "--no-vacuum", f"--transactions={PGBENCH_TRANSACTIONS}", SHOP], env)


def _fill_awkward(source: Source, house: House) -> None:
    """The schema and rows of ``awkward.sql``, and values of several megabytes."""
    script = Path(__file__).with_name("awkward.sql")
    psql = [*_client(source, "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={script}", AWKWARD]
    house.run("psql awkward.sql", psql, {"PGPASSWORD": source.password, "PGCLIENTENCODING": "UTF8"})
    noise = random.Random(SOURCE_VERSION)  # noqa: S311 - the same bytes in each run, not a secret
    rows = [
        (1, "compresses well", "Ein Käse, zwei Wein.\n" * (LARGE_BYTES // 22), b"\0" * LARGE_BYTES),
        (2, "does not compress", noise.randbytes(LARGE_BYTES // 2).hex(), noise.randbytes(LARGE_BYTES)),
        (3, "every character of the plane", "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x10000)])), b""),
        (4, "nothing", None, None),
    ]
    with psycopg.connect(source.conninfo(AWKWARD), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany('INSERT INTO "große Texte" VALUES (%s, %s, %s, %s)', rows)
