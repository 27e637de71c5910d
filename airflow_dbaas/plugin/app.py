"""The page's server side, within Airflow's API server: it only reads, and only for those whom Airflow lets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from airflow_dbaas._compat import server
from airflow_dbaas._compat.server import GetUserDep
from airflow_dbaas.api.errors import DbaasAuthError, DbaasConfigurationError, DbaasError
from airflow_dbaas.credentials import ConnectionData
from airflow_dbaas.hooks.dbaas import DbaasHook, client_arguments
from airflow_dbaas.migration import registry
from airflow_dbaas.plugin import ROUTE, view
from airflow_dbaas.plugin.overview import Overviews

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app() -> FastAPI:
    """The application that Airflow mounts."""
    app = FastAPI(title="Exoscale DBaaS", openapi_url=None)
    app.state.overviews = Overviews()
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_api_route("/", _page, dependencies=server.READER, response_class=FileResponse)
    app.add_api_route("/api/connections", _connections, dependencies=server.READER)
    app.add_api_route("/api/connections/{connection_id:path}", _overview, dependencies=server.READER)
    app.add_exception_handler(HTTPException, _refused)

    @app.middleware("http")
    async def harden(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(_HEADERS)
        static = request.url.path.startswith(f"{request.scope.get('root_path', '')}/static/")
        response.headers["Cache-Control"] = "no-cache" if static else "no-store"
        return response

    return app


def _page() -> FileResponse:
    return FileResponse(_STATIC / "index.html")


def _connections(user: GetUserDep) -> dict[str, Any]:
    """The connections that the user may choose from."""
    conn_type, default = DbaasHook.conn_type, DbaasHook.default_conn_name
    return {"connections": server.readable_connections(user, conn_type, and_perhaps=default), "default": default}


def _arguments(connection_id: str) -> dict[str, Any]:
    """The client's arguments; in a thread, for Airflow's database and secrets backends block."""
    found = server.find_connection(connection_id)
    connection = None if found is None else ConnectionData.of(found)
    # No longer a local variable, because an error from here on is shown to an error tracker.
    del found
    if connection is None or connection.conn_type != DbaasHook.conn_type:
        raise HTTPException(404, f"There is no connection {connection_id!r} of type {DbaasHook.conn_type}.")
    try:
        return client_arguments(connection)
    except DbaasConfigurationError as error:
        raise HTTPException(422, f"This connection cannot be used: {view.text(error)}") from None


async def _shared(
    request: Request, connection_id: str, arguments: Annotated[dict[str, Any], Depends(_arguments)]
) -> dict[str, Any]:
    overviews: Overviews = request.app.state.overviews
    try:
        answer = await overviews.of(connection_id, arguments)
    except DbaasAuthError as error:
        raise HTTPException(502, f"Exoscale refuses this connection's key. {view.text(error)}") from None
    except DbaasConfigurationError as error:
        raise HTTPException(422, f"This connection cannot be used: {view.text(error)}") from None
    except DbaasError as error:
        raise HTTPException(502, f"The DBaaS API gave no usable answer. {view.text(error)}") from None
    return {**answer, "zone": arguments["zone"]}


def _overview(user: GetUserDep, shared: Annotated[dict[str, Any], Depends(_shared)]) -> dict[str, Any]:
    """The overview, each migration with the task that started it if the user may read its DAG."""
    keys: dict[str, str] = {it["service"]: registry.key(shared["zone"], it["service"]) for it in shared["migrations"]}
    records = server.read_variables(keys.values())
    readable: dict[str, bool] = {}

    def started_by(service: str) -> dict[str, Any] | None:
        record = records.get(keys[service])
        try:
            task = view.task(registry.parse(record)) if record else None
        except (AttributeError, TypeError, ValueError):
            task = None  # somebody has written over the variable
        if task is None:
            return None
        dag_id = task["dag_id"]
        if dag_id not in readable:
            readable[dag_id] = server.may_read_dag(user, dag_id)
        return task if readable[dag_id] else None

    migrations = [{**it, "started_by": started_by(it["service"])} for it in shared["migrations"]]
    return {**shared, "migrations": migrations}


async def _refused(request: Request, error: Exception) -> Response:
    """Users without a login are sent to the login page, and users without permission see a message; scripts get
    JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what the handler was registered for
    if request.url.path.endswith(f"/{ROUTE}/"):
        if error.status_code == 401:
            airflow = request.scope.get("root_path", "").removesuffix(f"/{ROUTE}")
            return RedirectResponse(f"{airflow}/api/v2/auth/login?next={quote(request.url.path)}")
        if error.status_code == 403:
            return FileResponse(_STATIC / "forbidden.html", status_code=403)
    return JSONResponse({"detail": error.detail}, status_code=error.status_code)
