"""Real PostgreSQL servers, and moving databases between them."""

from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries, installed
from airflow_dbaas.emulator.postgres.server import PostgresServer
from airflow_dbaas.emulator.servers.server import ServerError

__all__ = ["PostgresBinaries", "PostgresServer", "ServerError", "installed"]
