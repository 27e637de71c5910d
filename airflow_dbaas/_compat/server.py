"""What Airflow's API server (3.1 and later) knows. Imported only in that process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_connection, requires_access_dag
from airflow.models import Connection, DagModel, Variable
from airflow.utils.session import create_session
from fastapi import Depends
from sqlalchemy import select

from airflow_dbaas._compat import AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

__all__ = ["READER", "GetUserDep", "find_connection", "may_read_dag", "read_variables", "readable_connections"]

#: For routes: the user may read DAGs and connections, and the connection in the path, if it has ``connection_id``.
#: Otherwise the answer is 401 or 403.
READER = [Depends(requires_access_dag("GET")), Depends(requires_access_connection("GET"))]


def readable_connections(user: BaseUser, conn_type: str, *, and_perhaps: str) -> list[str]:
    """The connections of a type that a user may read, by id and in order.

    Airflow's database has most of them; those in the environment or in a secrets backend cannot be listed.

    :param user: the user.
    :param conn_type: the type.
    :param and_perhaps: an id to look for in other places as well.
    """
    with create_session() as session:
        rows = session.execute(select(Connection.conn_id).where(Connection.conn_type == conn_type))
        found = {conn_id for (conn_id,) in rows}
    if and_perhaps not in found:
        elsewhere = find_connection(and_perhaps)
        if elsewhere is not None and elsewhere.conn_type == conn_type:
            found.add(and_perhaps)
    return sorted(conn_id for conn_id in found if _may_read_connection(user, conn_id))


def _may_read_connection(user: BaseUser, conn_id: str) -> bool:
    details = ConnectionDetails(conn_id=conn_id, team_name=Connection.get_team_name(conn_id))
    return get_auth_manager().is_authorized_connection(method="GET", details=details, user=user)


def may_read_dag(user: BaseUser, dag_id: str) -> bool:
    """Whether a user may read a DAG."""
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(method="GET", details=details, user=user)


def find_connection(conn_id: str) -> Any:
    """A connection from where tasks would find it; None if there is none."""
    team = Connection.get_team_name(conn_id)
    try:
        return Connection.get_connection_from_secrets(conn_id, **({"team_name": team} if team else {}))
    except AirflowNotFoundException:
        return None


def read_variables(keys: Iterable[str]) -> dict[str, str]:
    """The values of those of Airflow's variables, in its database, that are there."""
    with create_session() as session:
        found = session.scalars(select(Variable).where(Variable.key.in_(list(keys))))
        return {variable.key: variable.val for variable in found if variable.val}
