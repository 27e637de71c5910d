"""Runs in a cell's environment: DAG.test() of a DAG that migrates, and what it came to, as JSON.

Arguments: the folder of the DAGs, the file to write, the DAG's id, the parameters of the run as JSON.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import airflow
from imports import Watch, dag_bag

import airflow_dbaas
from airflow_dbaas.triggers import dbaas
from airflow_dbaas.waiting import poller


def main(dags, out, dag_id, conf):
    """Run it."""
    deferred = Counter()
    trigger = dbaas.DbaasWaitTrigger
    run = trigger.run

    async def counting(self):
        deferred["waits"] += 1
        async for event in run(self):
            yield event

    trigger.run = counting
    # DAG.test() has no worker that could notice late, and nobody wants to wait for one.
    poller.BRIEF_SECONDS = poller.RESUME_SECONDS = 0
    bag = dag_bag(dags)
    if airflow.__version__.startswith("2."):
        # Before the scheduler has seen the DAG, 2.11 fails tasks that have an alias of datasets among their outlets.
        bag.sync_to_db()
    dag = bag.dags[dag_id]
    given = {name: param.value for name, param in dag.params.items() if param.has_value}
    with Watch([Path(airflow_dbaas.__file__).parent, dags]) as watch:
        ended = dag.test(run_conf={**given, **conf})
    out.write_text(
        json.dumps(
            {
                "from": str(Path(airflow_dbaas.__file__).parent),
                "errors": {Path(file).name: text for file, text in bag.import_errors.items()},
                "state": str(ended.state),
                "tasks": {ti.task_id: str(ti.state) for ti in ended.get_task_instances()},
                "deferred": deferred["waits"],
                "warnings": sorted(set(watch.found)),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
