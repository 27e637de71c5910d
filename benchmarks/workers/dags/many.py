"""A thousand waits on services of one connection, in the triggerer from beginning to end."""

from datetime import timedelta

from airflow.sdk import DAG

from airflow_dbaas.sensors.services import DbaasServiceSensor

with DAG("many", schedule=None, dagrun_timeout=timedelta(hours=1)):
    for number in range(1000):
        DbaasServiceSensor(task_id=f"wait{number}", service_name=f"service-{number:04}", deferrable=True)
