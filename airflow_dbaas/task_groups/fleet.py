"""The parts of a DAG that migrates many services: a queue, the outcome of each migration, and a report.

All of it is for tasks of a mapped task group, one map index a service.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_dbaas._compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    poke_until_done,
    seconds,
)
from airflow_dbaas._compat.states import map_index, states_in_run, under_way
from airflow_dbaas.api.errors import DbaasMigrationCheckError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.config.fleet import as_entry, sentence, table
from airflow_dbaas.task_groups.migrations import already_migrated

log = logging.getLogger(__name__)

#: States of a service in the report that are not failures.
GOOD = frozenset({"migrated", "replicating", "already migrated"})

_ERROR = "error"

#: Between two polls of a rescheduled sensor.
_LONGEST_LOOK_SECONDS = 600.0


class DbaasMigrationTurnSensor(BaseSensorOperator):
    """Starts a mapped chain of tasks when its turn has come, to limit how many run at the same time.

    Limits such as pools and ``max_active_tis_per_dagrun`` count single tasks; between the tasks of a chain, and in
    older Airflows while a task is deferred, they count nothing. This one counts chains: the one with map index *i*
    begins when fewer than ``at_once`` of those before it are still to end.

    It waits in the triggerer and holds no worker; all sensors of a run share each poll. If it is not deferrable, and in
    ``DAG.test()``, which cannot run anything else meanwhile, it is rescheduled, and polls less often the further back
    in the queue it is.

    Pushes the time at which the turn came. ``timeout`` and ``soft_fail`` are those of any sensor.

    :param at_once: how many chains may be under way at once, 1 or more; templated.
    :param until_task_id: the last task of a chain: where it has ended, the chain has.
    :param look_seconds: seconds between polls. If rescheduled, the second in the queue waits twice as long, and so on,
        up to ten minutes.
    :param deferrable: wait in the triggerer.
    """

    template_fields: Sequence[str] = ("at_once",)

    def __init__(
        self, *, at_once: Any, until_task_id: str, look_seconds: float = 10, deferrable: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(mode="reschedule", poke_interval=look_seconds, **kwargs)
        self.at_once = at_once
        self.until_task_id = until_task_id
        self.look_seconds = look_seconds
        self.deferrable = deferrable
        self._late = False

    def execute(self, context: Context) -> Any:
        """Poll; wait in the triggerer if its turn has not come."""
        if not self.deferrable:
            return poke_until_done(self, context)
        if self._places(context) <= 0:
            return datetime.now(UTC).isoformat()
        from airflow_dbaas._compat.triggers import why_end_on_a_worker
        from airflow_dbaas.triggers.migration_turn import MigrationTurnTrigger
        from airflow_dbaas.waiting.poller import RESUME_SECONDS

        ti, now = context["ti"], time.time()
        facts: Any = context
        return self.defer(
            trigger=MigrationTurnTrigger(
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                map_index=map_index(context),
                until_task_id=self.until_task_id,
                at_once=int(self.at_once),
                look_seconds=self.look_seconds,
                deadline=now + seconds(self.timeout),
                resume_after=now + RESUME_SECONDS,
                ends_here=why_end_on_a_worker(self, facts) is None and self.do_xcom_push,
            ),
            method_name=self.execute_complete.__name__,
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Poll again: its turn has come, the time is over, or there is no triggerer."""
        self._late = event["late"]
        return poke_until_done(self, context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the chains before this one."""
        places = self._places(context)
        if places <= 0:
            return PokeReturnValue(is_done=True, xcom_value=datetime.now(UTC).isoformat())
        if self._late:
            raise AirflowSensorTimeout(f"its turn did not come within the timeout of {seconds(self.timeout):.0f} s")
        self.poke_interval = min(self.look_seconds * places, _LONGEST_LOOK_SECONDS)
        return PokeReturnValue(is_done=False)

    def _places(self, context: Context) -> int:
        """How many chains must end before this one may begin; 0 or less if it may."""
        at_once = int(self.at_once)
        if at_once < 1:
            raise AirflowFailException(f"at_once must be 1 or more, got {at_once}")
        ti, index = context["ti"], map_index(context)
        found = under_way(states_in_run(ti.dag_id, ti.run_id, [self.until_task_id]), index, self.until_task_id)
        places = found - at_once + 1
        if places > 0:
            self.log.info("%d chains are ahead of this one; it starts when %d of them have ended", found, places)
        return places


def keep_error(context: Context) -> None:
    """A failure callback: keeps the error for the report (XCom ``error``)."""
    error: Any = context.get("exception")
    cause = getattr(error, "__cause__", None) or error
    value = {"type": type(cause).__name__, "text": sentence(error)}
    context["ti"].xcom_push(key=_ERROR, value=value)


def migration_outcome(context: Context, *, service_name: str, turn_task_id: str = "wait_for_turn") -> dict[str, Any]:
    """The outcome of the migration of a mapped group. Call it in the last task of the group (trigger rule
    ``all_done``).

    Returns ``service``, ``zone``, ``state`` (``migrated``; ``replicating``: equal, but not stopped; ``refused by the
    check``; ``failed at …``; ``already migrated``: by an earlier run; ``not done``), ``databases`` and ``rows`` (how
    many were compared), ``seconds`` (since its turn) and ``error`` (the failed task's, in a sentence).

    :param context: Airflow's context.
    :param service_name: the service.
    :param turn_task_id: the ``DbaasMigrationTurnSensor`` of the group.
    """
    ti: Any = context["ti"]
    group = next(iter(context["task"].iter_mapped_task_groups()))
    task_ids = [task.task_id for task in group.iter_tasks() if task.task_id != ti.task_id]
    index = map_index(context)
    states = states_in_run(ti.dag_id, ti.run_id, task_ids).get(index, {})

    def pull(task_id: str, key: str = "return_value") -> Any:
        return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=index)

    ids = {task_id.rpartition(".")[2]: task_id for task_id in task_ids}
    failed = [task_id for task_id, state in states.items() if state == "failed"]
    began = pull(turn_task_id)
    databases = (pull(ids["verify_migration"]) or {}).get("databases")
    outcome = {
        "service": service_name,
        "zone": pull(ids["check_migration"], "zone") or None,
        "state": "migrated",
        "databases": None if databases is None else len(databases),
        "rows": None if databases is None else sum(database["rows"] for database in databases),
        "seconds": began and round((datetime.now(UTC) - datetime.fromisoformat(began)).total_seconds()),
        "error": None,
    }
    if failed:
        step = failed[0].rpartition(".")[2]
        error = pull(failed[0], _ERROR) or {"type": "", "text": "no reason was given; see its log"}
        refused = error["type"] == DbaasMigrationCheckError.__name__
        state = "refused by the check" if refused else f"failed at {step}"
        outcome.update(state=state, error=error["text"])
    elif done := already_migrated(context, ids["check_migration"]):
        outcome.update(state="already migrated", error=f"found equal at {done['verified_at']}; nothing was done")
    elif states.get(ids["verify_migration"]) != "success":
        outcome.update(state="not done", error="some of its tasks were skipped or marked manually")
    elif states.get(ids["stop_migration"]) != "success":
        outcome["state"] = "replicating"
    return outcome


def report_migrations(
    context: Context, *, services: list[dict[str, Any]] | None, outcome_task_id: str
) -> list[dict[str, Any]]:
    """Log a table of the outcomes of all migrations, push it, and fail if one failed.

    :param context: Airflow's context.
    :param services: the services as they were mapped.
    :param outcome_task_id: the task of the mapped group that returned ``migration_outcome``.
    :raises AirflowFailException: naming the services that are not migrated; the table is pushed by then.
    """
    if not services:
        raise AirflowFailException("There are no services to report on: the list could not be read, see its task")
    ti: Any = context["ti"]
    rows = []
    for index, service in enumerate(services):
        lost = {"service": service["service_name"], "state": "unknown", "error": f"{outcome_task_id} has no outcome"}
        row = ti.xcom_pull(task_ids=outcome_task_id, map_indexes=index) or lost
        # A task that failed early has named no zone.
        rows.append({**row, "zone": row.get("zone") or service.get("zone") or None})
    log.info("Migrations:\n%s", "\n".join(map(one_line, table(rows))))
    ti.xcom_push(key="return_value", value=rows)
    bad = [row for row in rows if row["state"] not in GOOD]
    if bad:
        named = "; ".join(f"{row['service']} {row['state']}" for row in bad)
        raise AirflowFailException(f"{len(bad)} of {len(rows)} services were not migrated: {named}")
    return rows


def form_of_the_rest(context: Context, *, services_task_id: str) -> dict[str, Any]:
    """The parameters of the next run: those of this run, with the remaining services.

    :param context: Airflow's context.
    :param services_task_id: the task that keeps these as its XCom ``rest``, as ``read_services`` returns them.
    :raises AirflowSkipException: if none is left.
    """
    ti: Any = context["ti"]
    rest = ti.xcom_pull(task_ids=services_task_id, key="rest")
    if not rest:
        raise AirflowSkipException("No services remain for another run")
    log.info("%d services are left for the next run", len(rest))
    return {**context["params"], "services": list(map(as_entry, rest)), "file": None}
