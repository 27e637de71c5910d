"""Runs in a cell's environment: what of this package this Airflow has no room for, and what is said then, as JSON.

Argument: the file to write.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.provider_info import get_provider_info
from airflow_dbaas.retry_policy import dbaas_retry_policy
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.task_groups.migrations import migrate_service

try:
    from airflow.sdk import DAG
except ImportError:  # 2.11
    from airflow import DAG

#: Fields of the connection form besides Airflow's own.
FIELDS = len(get_provider_info()["connection-types"][0]["conn-fields"])


def form():
    """The connection form: the fields of the type's own, and the other labels."""
    try:
        from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
    except ImportError:  # 2.11
        from airflow.providers_manager import ProvidersManager

        manager = ProvidersManager()
        ours = [name for name in manager.connection_form_widgets if name.startswith("extra__exoscale__")]
        return len(ours) == FIELDS and "exoscale" in manager.field_behaviours
    (meta,) = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "exoscale"]
    return len(meta.extra_fields or {}) == FIELDS and meta.standard_fields is not None


def approval():
    """A migration with an approval before the cut-over."""
    with DAG("approval") as dag:
        migrate_service(service_name="shop", source_conn_id="old", approve_cut_over=True)
    return "migrate_service.approve_cut_over" in dag.task_dict


def retry_policy():
    """The policy as a task takes it."""
    with DAG("retries", default_args={"retry_policy": dbaas_retry_policy(busy_delay=timedelta(seconds=5))}) as dag:
        DbaasServiceSensor(task_id="wait", service_name="shop")
    return dag.get_task("wait").retry_policy is not None


def no_worker():
    """A sensor that begins in the triggerer."""
    with DAG("no_worker"):
        return bool(DbaasServiceSensor(task_id="wait", service_name="shop", deferrable=True).start_from_trigger)


def on_kill():
    """Triggers are told that their task is killed."""
    from airflow_dbaas.triggers.dbaas import DbaasWaitTrigger

    return hasattr(super(DbaasWaitTrigger, DbaasWaitTrigger), "on_kill")


def main(out):
    """Ask for each."""
    found = {}
    for feature in (form, approval, retry_policy, no_worker, on_kill):
        try:
            found[feature.__name__] = feature()
        except DbaasConfigurationError as error:
            found[feature.__name__] = str(error)
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
