"""The kinds of places that are searched, and what must be found in each: a search that finds nothing could have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.integration.hunt import search


@dataclass(frozen=True)
class Kind:
    """Places of one kind.

    :param what: how it is called.
    :param places: how the names of its places begin, as a regular expression.
    :param sign: a text that has to be in one of them; by default what is planted there, or the service's name.
    """

    what: str
    places: str
    sign: str = ""


#: A place belongs to the first that fits.
KINDS = (
    Kind("logs: texts of exceptions", r"file logs/dag_id=canary_planted/.*task_id=fail/"),
    Kind("logs: triggers", r"file logs/dag_id=.*\.trigger\."),
    Kind("logs: tasks", r"file logs/dag_id="),
    Kind("logs: DAG processing", r"file logs/", "canaries.py"),
    Kind("other files of Airflow", r"file ", "[core]"),
    Kind("output: scheduler and workers", r"output airflow scheduler", "canary_planted"),
    Kind("output: triggerer", r"output airflow triggerer", "Starting the triggerer"),
    Kind("output: DAG processor", r"output airflow dag-processor", "Starting the Dag Processor"),
    Kind("output: API server", r"output airflow (api-server|webserver)"),
    Kind("output: emulator", r"output emulator"),
    Kind("database: rendered fields", r"table rendered_task_instance_fields\.rendered_fields"),
    Kind("database: XComs", r"table xcom\.value"),
    Kind("database: serialized DAGs", r"table serialized_dag\.data", "canary_elasticsearch"),
    Kind("database: other columns", r"table "),
    Kind("database: triggers, while they wait", r"passing table trigger\.", "airflow_dbaas.triggers"),
    Kind("database: tasks, meanwhile", r"passing table task_instance\.", "canary_failures"),
    Kind("command lines", r"passing command lines"),
    Kind("REST: logs", r"REST .*/logs/"),
    Kind("REST: links", r"REST .*/links"),
    Kind("REST: XComs", r"REST .*/xcomEntries"),
    Kind("REST: tasks, rendered fields", r"REST .*/taskInstances"),
    Kind("REST: all else", r"REST "),
)

#: Only where such a thing was run, or is installed.
COMMAND = Kind("output: airflow dags test", r"output airflow dags test")
LINEAGE = Kind("OpenLineage's events", r"output lineage")


def report(places: Mapping[str, str | bytes], kinds: Iterable[Kind], planted: Mapping[str, str]) -> list[str]:
    """Print how much there is of each kind.

    :param planted: texts of which one has to be in every kind that has no sign of its own.
    :returns: the kinds in which nothing known is found.
    """
    left, empty = dict(places), []
    for kind in kinds:
        there = {place: content for place, content in left.items() if re.match(kind.places, place)}
        left = {place: content for place, content in left.items() if place not in there}
        known = {
            each.rpartition(" is in: ")[2] for each in search(there, {"sign": kind.sign} if kind.sign else planted)
        }
        size = sum(len(content) for content in there.values()) / 1e6
        print(f"{kind.what:36} {len(there):5} places, {size:6.2f} MB; what is known to be there is in {len(known)}")
        empty += [] if known else [kind.what]
    size = sum(len(content) for content in left.values()) / 1e6
    print(f"{'all else':36} {len(left):5} places, {size:6.2f} MB")
    return empty
