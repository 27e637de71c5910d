"""How others poll: the triggers of three Airflow providers as they are, without their pauses, and Exoscale's SDK."""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from typing import Any

from benchmarks.polls import Polls, connect


async def _run(trigger: Any) -> None:
    async for event in trigger.run():
        raise RuntimeError(f"a wait has ended: {event}")


async def http(url: str, n: int) -> float:
    """The HTTP provider's sensor, deferred: it polls while the answer is 404."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    name = connect("bench_http", conn_type="http", host=url)
    return await Polls(url).cpu(
        _run(HttpSensorTrigger(endpoint=f"not-yet/{uuid.uuid4()}", http_conn_id=name, poke_interval=0))
        for _ in range(n)
    )


async def dbt_cloud(url: str, n: int) -> float:
    """The dbt Cloud provider's trigger. It asks by HTTPS only; here it is made to ask by HTTP, as all others do."""
    from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook
    from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger

    def by_http(tenant: str, endpoint: str, _related: Any) -> tuple[str, dict[str, Any]]:
        return f"http://{tenant}/api/v2/accounts/{endpoint}", {}

    DbtCloudHook.get_request_url_params = staticmethod(by_http)
    host = url.removeprefix("http://")
    name = connect("bench_dbt", conn_type="dbt_cloud", host=host, login="1", password="token")  # noqa: S106
    return await Polls(url).cpu(
        _run(DbtCloudRunJobTrigger(conn_id=name, run_id=number, end_time=math.inf, poll_interval=0, account_id=1))
        for number in range(n)
    )


async def dms(url: str, n: int) -> float:
    """The Amazon provider's trigger for AWS DMS; the waiter inside asks once per attempt."""
    from airflow.providers.amazon.aws.triggers.dms import DmsReplicationTerminalStatusTrigger

    extra = {"endpoint_url": f"{url}/dms", "region_name": "eu-central-1"}
    name = connect("bench_aws", conn_type="aws", login="key", password="secret", extra=extra)  # noqa: S106
    return await Polls(url).cpu(
        _run(
            DmsReplicationTerminalStatusTrigger(
                f"arn:{number}", waiter_delay=0, waiter_max_attempts=10**9, aws_conn_id=name
            )
        )
        for number in range(n)
    )


async def sdk(url: str, n: int) -> float:
    """Exoscale's SDK, which blocks: each wait has a thread, all share the client, its connections and its threads."""
    from concurrent.futures import ThreadPoolExecutor

    from exoscale.api.v2 import Client

    # It warns when there are more threads than connections that it keeps.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    client = Client("key", "secret", url=f"{url}/v2")
    polls = Polls()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(n) as threads:

        async def poll(operation: str) -> object:
            return await loop.run_in_executor(threads, lambda: client.get_operation(id=operation))

        return await polls.cpu(polls.for_ever(poll) for _ in range(n))
