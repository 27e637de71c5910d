"""Tasks with secrets in their hands, for every Airflow: some succeed, some fail with them, some are killed."""

import logging
from urllib.parse import quote

from airflow_dbaas import credentials
from airflow_dbaas.api.migrations import Migrations
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.migration.source import MigrationSource
from airflow_dbaas.operators.external_endpoints import (
    DbaasAttachEndpointOperator,
    DbaasCreateExternalEndpointOperator,
    DbaasDeleteExternalEndpointOperator,
    DbaasDetachEndpointOperator,
    DbaasUpdateExternalEndpointOperator,
)
from airflow_dbaas.operators.migrations import (
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.operators.services import DbaasCreateServiceOperator, DbaasDeleteServiceOperator
from airflow_dbaas.sensors.services import DbaasServiceSensor

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

SETTINGS = {
    "datadog": {"site": "datadoghq.eu"},
    "elasticsearch": {"index_prefix": "logs"},
    "opensearch": {"index_prefix": "logs"},
    "prometheus": {},
    "rsyslog": {"tls": True, "format": "custom"},
}
SERVICE = "{{ params.service }}"

#: All types, or two where time is short: what is secret is the password in one, in the other the extra.
for dag_id, kinds in {"canary_endpoints": [*SETTINGS], "canary_two_endpoints": ["elasticsearch", "rsyslog"]}.items():
    with DAG(dag_id, schedule=None, params={"service": ""}):
        for kind in kinds:
            named = {"endpoint_type": kind, "endpoint_name": f"{SERVICE}-{kind}"}
            secret = {"settings": SETTINGS[kind], "secrets_conn_id": f"canary_{kind}"}
            create = DbaasCreateExternalEndpointOperator(task_id=f"create_{kind}", **named, **secret)
            update = DbaasUpdateExternalEndpointOperator(task_id=f"update_{kind}", deferrable=True, **named, **secret)
            delete = DbaasDeleteExternalEndpointOperator(task_id=f"delete_{kind}", **named)
            create >> update >> delete
            if kind == "rsyslog":
                attach = DbaasAttachEndpointOperator(task_id="attach", service_name=SERVICE, **named)
                (
                    update
                    >> attach
                    >> DbaasDetachEndpointOperator(task_id="detach", service_name=SERVICE, **named)
                    >> delete
                )


with DAG("canary_waits", schedule=None, params={"service": ""}):
    new = {"service_name": f"{SERVICE}-new", "deferrable": True}
    (
        DbaasCreateServiceOperator(task_id="create_service", plan="startup-4", service_type="grafana", **new)
        >> DbaasServiceSensor(task_id="service_runs", **new)
        >> DbaasDeleteServiceOperator(task_id="delete_service", **new)
    )


with DAG("canary_planted", schedule=None, params={"service": "", "planted": ""}):

    @task
    def plant(text: str) -> str:
        """What is no secret is found."""
        print(text)
        logging.getLogger(__name__).info(text)
        return text

    @task
    def fail(text: str) -> None:
        """Also in an error."""
        raise ValueError(text)

    fail(plant("{{ params.planted }}"))


with DAG("canary_failures", schedule=None, params={"service": "", "engine": ""}):
    source = "canary_{{ params.engine }}"
    for length in ("long", "short"):
        wrong = {"service_name": SERVICE, "source_conn_id": f"{source}_wrong_{length}"}
        DbaasMigrationCheckOperator(task_id=f"check_{length}", deferrable=True, **wrong)
        DbaasVerifyMigrationOperator(task_id=f"verify_{length}", **wrong)
        DbaasServiceSensor(task_id=f"sign_{length}", service_name=SERVICE, exoscale_conn_id=f"canary_api_{length}")
    begin = {"service_name": SERVICE, "method": "dump", "until": "done", "deferrable": True}
    start = DbaasStartMigrationOperator(task_id="start", source_conn_id=f"{source}_short", **begin)
    start.trigger_rule = "all_done"
    DbaasStartMigrationOperator(task_id="start_wrong", source_conn_id=f"{source}_wrong_long", **begin) >> start
    for kind, settings in {
        "elasticsearch": {"index_prefix": "{{ 'UPPER' }}"},
        "rsyslog": {"tls": True, "format": "{{ 'none' }}"},
    }.items():
        DbaasCreateExternalEndpointOperator(
            task_id=f"refuse_{kind}",
            endpoint_type=kind,
            endpoint_name=f"{SERVICE}-refused",
            settings=settings,
            secrets_conn_id=f"canary_{kind}",
        )

    @task
    def by_hand(service: str, engine: str) -> None:
        """A user's own code, which prints whatever it has and then fails."""
        hook, admin = DbaasHook(), credentials.get_connection("canary_admin", parameter="admin").password
        client, kind = hook.get_conn(), {"pg": "postgres"}.get(engine, engine)
        login = MigrationSource.from_conn_id(f"canary_{engine}_long")
        shown = client.operation(f"get-dbaas-service-{engine}")(service)
        user = {"service_name": service, "username": shown.users[0].username}
        revealed = client.operation(f"reveal-dbaas-{kind}-user-password")(**user)
        check = Migrations.check.call(service=service, source_service_uri=login.uri(), method="dump")
        reset = client.operation(f"reset-dbaas-{kind}-user-password").call(**user, password=admin)
        everything = [hook, client, login, shown, revealed, check, reset]
        print(*everything, *map(repr, everything))
        logging.getLogger(__name__).info("%s %r", everything, everything)
        client.operation(f"create-dbaas-service-{engine}")(name=service, plan="startup-4", admin_password=admin)

    @task(do_xcom_push=False)
    def tell(service: str, engine: str) -> str:
        """What the hook's client reveals, as it is, on standard output, in the log and as what the task returns."""
        kind = {"pg": "postgres"}.get(engine, engine)
        with DbaasHook() as hook:
            client = hook.get_conn()
            user = client.operation(f"get-dbaas-service-{engine}")(service).users[0].username
            revealed = client.operation(f"reveal-dbaas-{kind}-user-password")(service_name=service, username=user)
        print("revealed", revealed.password, quote(revealed.password, safe=""), revealed.model_dump())
        logging.getLogger(__name__).info("revealed %s %r", revealed.password, revealed.password)
        return revealed.password

    by_hand(SERVICE, "{{ params.engine }}")
    tell(SERVICE, "{{ params.engine }}")


with DAG("canary_killed", schedule=None, params={"service": ""}):
    for mode in ("deferred", "running"):
        DbaasStartMigrationOperator(
            task_id=mode,
            service_name=f"{SERVICE}-{mode}",
            source_conn_id=f"canary_{'pg' if mode == 'deferred' else mode}_long",
            method="replication",
            until="done",
            cancel_on_kill=True,
            deferrable=mode == "deferred",
        )
