"""Ten waits on services of one connection, in the triggerer from beginning to end; a hundred runs are a thousand."""

from airflow.sdk import DAG

from airflow_dbaas.sensors.services import DbaasServiceSensor

with DAG("many", schedule=None, max_active_runs=100):
    for number in range(10):
        DbaasServiceSensor(task_id=f"wait{number}", service_name=f"service-{{{{ run_id }}}}{number}", deferrable=True)
