"""A page in Airflow (3.1 and later) that shows an Exoscale account's services, their links and their migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from airflow_dbaas._compat.plugins import AirflowPlugin, has_views

#: Where the page is, below Airflow's own address.
ROUTE = "exoscale-dbaas"


class LazyApp:
    """The page's server side, built when it is first asked: every process of Airflow may load this module."""

    _app: Callable[..., Awaitable[None]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            # In a thread: its imports would hold up the whole API server.
            self._app = await asyncio.to_thread(_build)
        await self._app(scope, receive, send)


@cache
def _build() -> Callable[..., Awaitable[None]]:
    from airflow_dbaas.plugin.app import create_app

    return create_app()


class DbaasPlugin(AirflowPlugin):
    """Adds the page. Before 3.1 it adds nothing."""

    name = "exoscale_dbaas"

    if has_views():
        fastapi_apps = [{"app": LazyApp(), "url_prefix": f"/{ROUTE}", "name": "Exoscale DBaaS"}]
        external_views = [
            {
                "name": "Exoscale DBaaS",
                # Relative to Airflow's own address, which may have a path.
                "href": f"{ROUTE}/",
                "destination": "nav",
                "url_route": ROUTE,
            }
        ]
