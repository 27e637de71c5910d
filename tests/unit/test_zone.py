"""Nothing is done in another zone than the one asked for."""

from __future__ import annotations

import asyncio
import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_dbaas._compat import AirflowFailException
from airflow_dbaas.api import AsyncClient, Client, addresses
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasServiceError
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.operators.external_endpoints import DbaasAttachEndpointOperator, DbaasDeleteExternalEndpointOperator
from airflow_dbaas.operators.integrations import DbaasDeleteIntegrationOperator
from airflow_dbaas.operators.migrations import DbaasStartMigrationOperator
from airflow_dbaas.operators.services import DbaasCreateServiceOperator, DbaasDeleteServiceOperator
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.sensors.integrations import DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger
from tests.contract.operations import OPERATIONS, declared
from tests.unit.bad_input.kinds import GOOD
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
LIST = "/v2/dbaas-service"
LINK = {"id": ID, "type": "logs", "source": "db", "dest": "search", "status": "active", "is-active": True}
#: Operators and sensors that are about no service.
ABOUT_NONE = {
    "DbaasCaCertificateOperator",
    "DbaasCreateExternalEndpointOperator",
    "DbaasUpdateExternalEndpointOperator",
    "DbaasDeleteExternalEndpointOperator",
    "DbaasOperationSensor",
}
ARGUMENTS = {
    kind: {name: "/tmp/db.csv" if name == "path" else value for name, value in GOOD[kind].items()} for kind in GOOD
}
ACTING = [kind for kind in GOOD if kind.__name__ not in ABOUT_NONE]
SENSORS = [kind for kind in ACTING if issubclass(kind, DbaasSensor)]
REFUSED = "service db is in zone ch-gva-2, but zone ch-dk-2 was requested"


def define(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    usual = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**usual, **fields}))
    source = {"conn_type": "postgres", "host": "old.example.com", "login": "admin", "password": "p@ssword"}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps(source))


def listed(*, zone: str | None = "ch-gva-2", state: str = "running") -> Reply:
    services = [
        {"name": name, "type": kind, "plan": "startup-4", "state": state, "zone": zone, "integrations": [LINK]}
        for name, kind in (("db", "pg"), ("search", "opensearch"))
    ]
    return Reply(body={"dbaas-services": services})


@pytest.fixture
def gateway(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """A host that is not Exoscale's own, behind which everything is in zone ch-gva-2."""
    server.always[LIST] = listed()
    endpoint = {"id": ID, "name": "logs", "type": "datadog"}
    server.always["/v2/dbaas-external-endpoints"] = Reply(body={"dbaas-endpoints": [endpoint]})
    attached = {"integration-id": ID, "source-service-name": "db", "status": "active"}
    server.always[f"/v2/dbaas-external-integration/{ID}"] = Reply(body=attached)
    define(monkeypatch, host=server.url)
    return server


def context() -> Any:
    ti = SimpleNamespace(xcom_push=lambda **_: None, start_date=None, get_first_reschedule_date=lambda _: None)
    return {"ti": ti}


def acted(server: ScriptedServer) -> list[str]:
    """Requests that are about a service and not the list."""
    return [f"{method} {path}" for method, path, _, _ in server.requests if path.split("/")[-1] in {"db", "stop"}]


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("api-ch-gva-2.exoscale.com", "ch-gva-2"),
        ("API-CH-GVA-2.Exoscale.COM", "ch-gva-2"),
        ("https://api-ch-gva-2.exoscale.com", "ch-gva-2"),
        ("https://api-ch-gva-2.exoscale.com/", "ch-gva-2"),
        ("https://api-ch-gva-2.exoscale.com:443/v2/", "ch-gva-2"),
        ("https://api-ch-gva-2.exoscale.com./v2", "ch-gva-2"),
        ("api-us-tex-9.exoscale.com", "us-tex-9"),
        ("api-ch-gva-2.exoscale.com.example.com", None),
        ("ppapi-ch-gva-2.exoscale.com", None),
        ("https://example.com/api-ch-gva-2.exoscale.com", None),
    ],
)
def test_a_host_of_exoscales_own_means_its_zone(host: str, zone: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written; also one of a zone that this version does not know. Other hosts mean none."""
    define(monkeypatch, host=host)
    hook = DbaasHook()
    assert hook.zone == zone
    assert addresses.zone_of(hook.get_conn().url) == zone
    if zone:
        assert hook.portal_page("db") == f"https://portal.exoscale.com/dbaas/{zone}/db"
        assert DbaasHook(zone="").zone == zone
    else:
        assert DbaasHook(zone="ch-dk-2").zone == "ch-dk-2"


@pytest.mark.parametrize(
    ("extra", "asked"),
    [("ch-gva-2", "ch-dk-2"), (None, "ch-dk-2"), ("ch-dk-2", None), ("ch-dk-2", "ch-gva-2"), ("ch-dk-2", "de-fra-1")],
)
@pytest.mark.parametrize("host", ["https://api-ch-gva-2.exoscale.com/v2", "API-ch-gva-2.exoscale.com"])
def test_zones_that_contradict_the_host(
    host: str, extra: str | None, asked: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Are refused before any request, in one sentence that names all of them and the connection."""
    define(monkeypatch, host=host, extra={"zone": extra} if extra else {})
    task = DbaasDeleteServiceOperator(task_id="t", service_name="prod-shop", zone=asked)
    with pytest.raises(AirflowFailException) as caught:
        task.execute(context())
    said = str(caught.value)
    assert said.startswith("connection 'exoscale_default': zones contradict each other: the host api-ch-gva-2.")
    for name, zone in (("its extra zone", extra), ("the parameter zone", asked)):
        assert (f"{name} is {zone}" in said) is bool(zone)
    with pytest.raises(DbaasConfigurationError, match="contradict"):
        asyncio.run(DbaasHook(zone=asked).get_async_conn())


def test_without_a_host_the_parameter_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the address follows it."""
    define(monkeypatch, extra={"zone": "ch-gva-2"})
    hook = DbaasHook(zone="ch-dk-2")
    assert (hook.zone, hook.get_conn().url) == ("ch-dk-2", "https://api-ch-dk-2.exoscale.com/v2")


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_client_by_itself_refuses_a_contradiction(client: Any) -> None:
    """Also without Airflow."""
    with pytest.raises(DbaasConfigurationError, match="belongs to zone ch-gva-2, but zone is ch-dk-2"):
        client("k", "s", url="https://api-ch-gva-2.exoscale.com/v2", zone="ch-dk-2")
    assert client("k", "s", url="https://api-ch-gva-2.exoscale.com/v2", zone="ch-gva-2").place.zone == "ch-gva-2"


@pytest.mark.parametrize("kind", ACTING, ids=lambda kind: kind.__name__)
def test_a_service_of_another_zone_is_refused(kind: Any, gateway: ScriptedServer) -> None:
    """By every operator and sensor, before anything is asked or done about it."""
    task = kind(task_id="t", zone="ch-dk-2", **ARGUMENTS[kind])
    with pytest.raises(AirflowFailException, match=REFUSED) as caught:
        task.execute(context())
    assert "connection 'exoscale_default' (zone ch-dk-2, 127.0.0.1:" in str(caught.value)
    assert acted(gateway) == []
    assert {method for method, *_ in gateway.requests} == {"GET"}


@pytest.mark.parametrize("kind", ACTING, ids=lambda kind: kind.__name__)
def test_the_zone_of_the_extra_counts_as_well(
    kind: Any, gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for, too."""
    define(monkeypatch, host=gateway.url, extra={"zone": "ch-dk-2"})
    with pytest.raises(AirflowFailException, match=REFUSED):
        kind(task_id="t", **ARGUMENTS[kind]).execute(context())
    assert acted(gateway) == []


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferred", "triggerer"])
@pytest.mark.parametrize("kind", SENSORS, ids=lambda kind: kind.__name__)
def test_sensors_refuse_in_all_modes(kind: Any, mode: str, gateway: ScriptedServer) -> None:
    """On a worker, and where all of the sensor or the rest of it runs in the triggerer."""
    if mode in {"poke", "reschedule"}:
        with pytest.raises(AirflowFailException, match=REFUSED):
            kind(task_id="t", zone="ch-dk-2", mode=mode, **ARGUMENTS[kind]).execute(context())
        return
    with DAG("d", schedule=None):
        task = kind(task_id="t", zone="ch-dk-2", deferrable=True, **ARGUMENTS[kind])
    trigger: Any
    if mode == "triggerer":
        from airflow_dbaas.triggers.dbaas import DbaasSensorTrigger

        assert task.start_trigger_args is not None
        trigger = DbaasSensorTrigger(**task.start_trigger_args.trigger_kwargs)
        trigger.task_instance = SimpleNamespace(task_id="t", start_date=None, try_number=1)
    else:
        trigger = DbaasWaitTrigger(
            exoscale_conn_id="exoscale_default",
            zone="ch-dk-2",
            wait=task.wait().serialize(),
            deadline=float("inf"),
            resume_after=0,
        )

    async def event() -> Any:
        return await anext(trigger.run())

    payload = asyncio.run(event()).payload
    assert payload["status"] == "failed"
    assert payload["message"].startswith(REFUSED)
    assert not payload["retryable"]
    assert acted(gateway) == []


def test_a_service_that_appears_in_another_zone(gateway: ScriptedServer) -> None:
    """It is looked at again and again, not only when the wait begins."""
    del gateway.always[LIST]
    gateway.replies = [Reply(body={"dbaas-services": []}), listed()]
    sensor = DbaasServiceSensor(task_id="t", service_name="db", zone="ch-dk-2", poke_interval=0.01)
    with pytest.raises(AirflowFailException, match=REFUSED):
        sensor.execute(context())


def test_a_new_service_is_not_taken_for_one_of_another_zone(gateway: ScriptedServer) -> None:
    """Whether its creation was noted by an earlier try or not: nothing is created, nothing is taken as it is."""
    for if_exists in ("reuse", "fail"):
        task = DbaasCreateServiceOperator(
            task_id="t", service_name="db", plan="startup-4", zone="ch-dk-2", if_exists=if_exists
        )
        with pytest.raises(AirflowFailException, match=REFUSED):
            task.execute(context())
    assert [path for _, path, _, _ in gateway.requests] == [LIST] * 2


def test_a_kill_stops_nothing_in_another_zone(gateway: ScriptedServer) -> None:
    """Neither on a worker nor in the triggerer."""
    task = DbaasStartMigrationOperator(
        task_id="t", service_name="db", source_conn_id="legacy", zone="ch-dk-2", cancel_on_kill=True
    )
    task._own()
    with pytest.raises(DbaasServiceError, match=REFUSED):
        task.on_kill()
    trigger = DbaasWaitTrigger(
        exoscale_conn_id="exoscale_default",
        zone="ch-dk-2",
        wait=task_wait(),
        deadline=0,
        resume_after=0,
        cancel=task._cancel,
    )
    asyncio.run(trigger.on_kill())
    assert acted(gateway) == []


def task_wait() -> dict[str, Any]:
    return DbaasMigrationSensor(task_id="w", service_name="db").wait().serialize()


@pytest.mark.parametrize(("asked", "shown"), [("ch-dk-2", None), ("ch-dk-2", ""), (None, "ch-gva-2"), (None, None)])
def test_nothing_to_compare(
    asked: str | None, shown: str | None, gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no zone was asked for, or the API shows none, the service is the one; the result says what is known."""
    define(monkeypatch, host=gateway.url)
    gateway.always[LIST] = listed(zone=shown)
    result = DbaasServiceSensor(task_id="t", service_name="db", zone=asked).execute(context())
    assert (result["service"], result["zone"]) == ("db", shown or asked)


def test_how_often_the_services_are_listed(gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, where a zone is asked for and nothing else has listed them; else not at all."""
    gateway.always[LIST] = listed(zone="ch-dk-2")
    done = {"id": ID, "task-type": "migration-check", "success": True, "result": "fine"}
    gateway.replies = [Reply(body={"id": ID, "success": None}), Reply(body=done)]
    task = DbaasTaskSensor(task_id="t", service_name="db", dbaas_task_id=ID, zone="ch-dk-2", poke_interval=0.01)
    assert task.execute(context())["zone"] == "ch-dk-2"
    assert [path for _, path, _, _ in gateway.requests].count(LIST) == 1
    gateway.requests.clear()
    result = DbaasTaskSensor(task_id="u", service_name="db", dbaas_task_id=ID).execute(context())
    assert (result["service"], result["zone"]) == ("db", None)
    assert [path for _, path, _, _ in gateway.requests].count(LIST) == 0
    # Exoscale's own host serves one zone.
    place = Client("k", "s", zone="ch-gva-2").place
    assert not place.must_look(["db"])
    assert place.zone_of("db") == "ch-gva-2"


def test_many_waits_list_the_services_together(gateway: ScriptedServer) -> None:
    """However many begin at the same moment."""
    gateway.always[LIST] = Reply(
        body={"dbaas-services": [{"name": f"db{number}", "zone": "ch-dk-2"} for number in range(50)]}
    )

    async def ask() -> None:
        async with AsyncClient("k", "s", url=gateway.url, zone="ch-dk-2") as client:
            await asyncio.gather(*(client.migrations.status(f"db{number}") for number in range(50)))

    asyncio.run(ask())
    assert [path for _, path, _, _ in gateway.requests].count(LIST) == 1


def test_a_gateway_to_several_zones(gateway: ScriptedServer) -> None:
    """Services of other zones are none of ours: an endpoint can be deleted although one of them may use it."""
    services = [{"name": "db", "zone": "ch-gva-2"}, {"name": "ours", "zone": "ch-dk-2"}]
    gateway.always[LIST] = Reply(body={"dbaas-services": services})
    gateway.replies = [Reply(body={"external-integrations": []}), Reply(body={"id": ID, "state": "success"})]
    task = DbaasDeleteExternalEndpointOperator(task_id="t", endpoint_id=ID, zone="ch-dk-2")
    assert task.execute(context())["deleted"]
    assert acted(gateway) == []


@pytest.mark.parametrize("there", [True, False])
def test_results_of_deletions_name_service_and_zone(there: bool, gateway: ScriptedServer) -> None:
    """Also if nothing was there."""
    del gateway.always[LIST]
    gone = Reply(body={"dbaas-services": []})
    deleting = [listed(), Reply(404), Reply(body={}), Reply(body={"id": ID, "state": "success"}), gone]
    gateway.always[f"/v2/operation/{ID}"] = Reply(body={"id": ID, "state": "success"})
    gateway.replies = deleting if there else [gone]
    task = DbaasDeleteServiceOperator(task_id="t", service_name="db", zone="ch-gva-2")
    assert task.execute(context()) == {
        "service": "db",
        "zone": "ch-gva-2",
        "state": "absent",
        "deleted": there,
        "operation_id": ID if there else None,
    }


def test_the_result_of_a_wait_for_an_end_names_the_zone(gateway: ScriptedServer) -> None:
    """That of an integration which is gone, and so are its services' names."""
    other = ID.replace("a", "b")
    sensor = DbaasIntegrationSensor(task_id="i", integration_id=other, state="absent", zone="ch-gva-2")
    result = sensor.execute(context())
    assert (result["integration_id"], result["service"], result["zone"]) == (other, None, "ch-gva-2")


def test_a_listed_zone_outlives_a_deferral(gateway: ScriptedServer) -> None:
    """No zone was asked for; what the list showed before is in the result of the task that resumes."""
    gateway.replies = [Reply(404), Reply(body={}), Reply(body={"id": ID, "state": "pending"})]
    gateway.always[f"/v2/operation/{ID}"] = Reply(body={"id": ID, "state": "pending"})
    task = DbaasDeleteServiceOperator(task_id="t", service_name="db", deferrable=True)
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context())
    gateway.always[LIST] = Reply(body={"dbaas-services": []})
    state = json.loads(json.dumps(caught.value.trigger.state))
    resumed = DbaasDeleteServiceOperator(task_id="t", service_name="db", deferrable=True)
    event = {"status": "done", "result": {"operation_id": ID}, "state": state}
    assert resumed.execute_complete(context(), event)["zone"] == "ch-gva-2"


@pytest.mark.parametrize("kind", [DbaasDeleteIntegrationOperator, DbaasAttachEndpointOperator])
def test_zone_of_the_right_service(kind: Any, gateway: ScriptedServer) -> None:
    """In the zone that was asked for, the same tasks go on to act."""
    task = kind(task_id="t", zone="ch-gva-2", wait_for_completion=False, **ARGUMENTS[kind])
    gateway.replies = [Reply(body={"id": ID, "state": "success"})]
    result = task.execute(context())
    assert (result["service"], result["zone"]) == ("db", "ch-gva-2")
    assert {method for method, *_ in gateway.requests} != {"GET"}


#: What the parameters of the operations may be.
VALUES: dict[str, Any] = {
    **dict.fromkeys(("service", "service_name", "source_service", "dest_service", "source_service_name"), "db"),
    **dict.fromkeys(("id", "integration_id", "endpoint_id", "dest_endpoint_id"), ID),
    "source_service_uri": "postgres://h/d",
    "integration_type": "logs",
    "type": "datadog",
    "username": "u",
    "database_name": "d",
    "settings": {},
}
SERVICE_PARAMETERS = {"service", "service_name", "source_service", "dest_service", "source_service_name"}


def test_every_call_names_its_services() -> None:
    """That is what the clients go by; only what makes a service, and what is found by an id alone, names none."""
    checked = 0
    for name in OPERATIONS:
        operation = declared(name)
        if name.startswith("create-dbaas-service-") or "-endpoint-" in name:
            continue
        parameters = inspect.signature(operation).parameters.values()
        of_service = "name" in inspect.signature(operation).parameters
        if not of_service and not SERVICE_PARAMETERS & {each.name for each in parameters}:
            continue
        values = {**VALUES, "name": "db"}
        needed = {
            each.name: values[each.name]
            for each in parameters
            if each.default is each.empty and each.kind is not each.VAR_KEYWORD
        }
        assert set(operation.call(**needed).services) == {"db"}, name
        checked += 1
    assert checked > 35
