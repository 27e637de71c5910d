"""Databases and users inside PostgreSQL and MySQL services."""

from __future__ import annotations

from typing import Annotated, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.common import MysqlAuthentication, MysqlPassword, SecretText, Username
from airflow_dbaas.api.bodies.encoding import STRICT

DatabaseName = Annotated[str, Field(min_length=1, max_length=40)]


@with_config(STRICT)
class CreatePgDatabase(TypedDict, total=False):
    """Body of create-dbaas-pg-database."""

    database_name: Required[DatabaseName]
    lc_collate: Annotated[str, Field(max_length=128)]
    lc_ctype: Annotated[str, Field(max_length=128)]


@with_config(STRICT)
class CreateMysqlDatabase(TypedDict):
    """Body of create-dbaas-mysql-database."""

    database_name: DatabaseName


@with_config(STRICT)
class CreatePostgresUser(TypedDict, total=False):
    """Body of create-dbaas-postgres-user."""

    username: Required[Username]
    allow_replication: bool


@with_config(STRICT)
class CreateMysqlUser(TypedDict, total=False):
    """Body of create-dbaas-mysql-user."""

    username: Required[Username]
    authentication: MysqlAuthentication


@with_config(STRICT)
class ResetPostgresUserPassword(TypedDict, total=False):
    """Body of reset-dbaas-postgres-user-password."""

    password: Annotated[SecretText, Field(min_length=8, max_length=256)]


@with_config(STRICT)
class ResetMysqlUserPassword(TypedDict, total=False):
    """Body of reset-dbaas-mysql-user-password."""

    password: MysqlPassword
    authentication: MysqlAuthentication
