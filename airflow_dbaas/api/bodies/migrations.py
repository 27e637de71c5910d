"""Migration checks."""

from __future__ import annotations

from typing import Annotated, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from airflow_dbaas.api.bodies.common import MigrationMethod, SecretText
from airflow_dbaas.api.bodies.encoding import STRICT


@with_config(STRICT)
class MigrationCheck(TypedDict, total=False):
    """Body of create-dbaas-task-migration-check."""

    source_service_uri: Required[Annotated[SecretText, Field(min_length=1, max_length=512)]]
    method: MigrationMethod
    ignore_dbs: Annotated[str, Field(min_length=1, max_length=2048)]
