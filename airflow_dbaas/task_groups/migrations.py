"""The task group that moves the databases of one server into one service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from airflow_dbaas._compat import AirflowSkipException, Context, has_approval
from airflow_dbaas._compat.groups import TaskGroup
from airflow_dbaas._compat.states import map_index, states_in_run
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.operators._progress import Step
from airflow_dbaas.operators.migrations import (
    ALREADY_MIGRATED,
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
    SourceReader,
)
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.waiting.conditions import FAILURE_GRACE_PERIOD

__all__ = ["has_approval", "migrate_service"]


def migrate_service(
    *,
    service_name: Any,
    source_conn_id: Any,
    plan: Any = None,
    settings: Any = None,
    method: Any = "auto",
    ignore_dbs: Any = None,
    stop: Any = True,
    approve_cut_over: Any = False,
    approval_timeout: timedelta | None = None,
    verify_content: bool = True,
    integrations: Any = None,
    endpoints: Any = None,
    if_migrated: Any = "skip",
    migration_timeout: float = 24 * 60 * 60,
    failure_grace_period: Any = FAILURE_GRACE_PERIOD,
    outage_grace_period: Any = None,
    exoscale_conn_id: Any = DbaasHook.default_conn_name,
    zone: Any = None,
    deferrable: bool = True,
    group_id: str = "migrate_service",
    prefix_group_id: bool = True,
    default_args: dict[str, Any] | None = None,
) -> TaskGroup:
    """The tasks of a migration, one after the other.

    ``create_service`` (with ``plan``) → ``check_migration`` → ``start_migration`` → ``wait_for_migration`` →
    ``approve_cut_over`` (if asked for) → ``stop_migration`` (with ``stop``) → ``verify_migration`` → ``link_service``
    (with ``integrations`` or ``endpoints``). Tasks that are needed only sometimes are skipped when the run does not
    need them.

    The type of the source connection (``postgres`` or ``mysql``) determines the type of the service. A service that
    already exists must be of that type.

    If an earlier run of the DAG has migrated and verified the same, nothing is migrated again: ``check_migration`` and
    all tasks after it except ``link_service`` are skipped.

    A refused check fails the group before anything is started. Without ``stop``, the target continues to follow the
    source, and the comparison runs during replication. If the cut-over is rejected, nothing is stopped, replication
    continues, and ``approve_cut_over`` fails. Clear that task to be asked again.

    Templates (``{{ params.service }}``), results of other tasks, parameters (``dag.param("endpoints", [])``; Airflow
    3.0 to 3.2 cannot store a DAG that refers to one without a default) and the arguments of a mapped task group are
    possible for all parameters except ``approval_timeout``, ``verify_content``, ``migration_timeout``, ``deferrable``
    and those of the group itself. To map the group, call this inside another one::

        @task_group
        def migrate(service_name, source_conn_id):
            migrate_service(service_name=service_name, source_conn_id=source_conn_id, prefix_group_id=False)


        migrate.expand_kwargs([{"service_name": "a", "source_conn_id": "x"}, …])

    Returns the group; a task after it waits for its last task. The result of the verification is
    ``group.get_child_by_label("verify_migration").output``, see ``DbaasVerifyMigrationOperator``.

    :param service_name: the service to move into, 1 to 63 characters.
    :param source_conn_id: Airflow connection (type ``postgres`` or ``mysql``) of the server to move from.
    :param plan: plan of the service, e.g. ``startup-4``, which is created if it does not exist. An existing service
        keeps its plan; a warning says so. Without a plan, the service must exist.
    :param settings: further properties of a new service, see ``DbaasCreateServiceOperator``.
    :param method: ``dump``, ``replication``, or ``auto``: the service tries replication first.
    :param ignore_dbs: comma-separated databases to leave out, at most 2048 characters.
    :param stop: stop the migration when all data is there; a boolean, or text that says true or false.
    :param approve_cut_over: require approval before the stop (Airflow 3.1 and later); same types as ``stop``. Without a
        stop, no approval is required.
    :param approval_timeout: how long to wait for the answer, for ever by default. Then the task fails as if rejected.
    :param verify_content: compare the content of all rows, otherwise their number.
    :param integrations: integrations with other services that it should have afterwards, see
        ``DbaasReconcileIntegrationsOperator``; others are kept.
    :param endpoints: external endpoints to attach it to afterwards; as above.
    :param if_migrated: ``skip``, or ``again``: migrate again what an earlier run has migrated; the databases of the
        service must be empty.
    :param migration_timeout: seconds that copying may take.
    :param failure_grace_period: for how long a replication may be shown as failed, in seconds or as a timedelta. If it
        has not recovered by then, ``wait_for_migration`` fails; ``start_migration``, cleared, stops it and starts it
        again.
    :param outage_grace_period: for how long the API may give no usable answer while a task waits, in seconds or as a
        timedelta; by default a quarter of the time that the wait may take, 5 minutes at least and 6 hours at most.
    :param exoscale_conn_id: Airflow connection to the API.
    :param zone: zone of the service instead of the connection's.
    :param deferrable: wait in the triggerer.
    :param group_id: id of the group.
    :param prefix_group_id: put the group's id before those of its tasks.
    :param default_args: arguments of all its tasks, over those of the DAG.
    :raises DbaasConfigurationError: if a value cannot be used, or this Airflow cannot ask for approval.
    """
    target = {
        "service_name": service_name,
        "exoscale_conn_id": exoscale_conn_id,
        "zone": zone,
        "deferrable": deferrable,
        "outage_grace_period": outage_grace_period,
    }
    migration = {**target, "source_conn_id": source_conn_id, "ignore_dbs": ignore_dbs}
    method_of = {"method": method, "if_migrated": if_migrated}
    arguments: Any = {"default_args": default_args or {}}
    with TaskGroup(group_id=group_id, prefix_group_id=prefix_group_id, **arguments) as group:
        rule = _rule(group, stop, approve_cut_over)
        check = DbaasMigrationCheckOperator(task_id="check_migration", **method_of, **migration)
        start = DbaasStartMigrationOperator(
            task_id="start_migration", **method_of, failure_grace_period=failure_grace_period, **migration
        )
        wait = DbaasMigrationSensor(
            task_id="wait_for_migration",
            timeout=migration_timeout,
            failure_grace_period=failure_grace_period,
            **target,
        )
        if plan is not None:
            create = DbaasCreateTargetOperator(
                task_id="create_service",
                source_conn_id=source_conn_id,
                plan=plan,
                settings=settings,
                if_exists="keep",
                **target,
            )
            create >> check
        check >> start >> wait
        steps: list[Any] = [wait]
        if stop is not False and approve_cut_over is not False:
            from airflow_dbaas.task_groups.cut_over import approval

            asking = approval(
                task_id="approve_cut_over",
                service_name=service_name,
                approve=approve_cut_over,
                stop=stop,
                timeout=approval_timeout,
            )
            steps.append(asking)
        if stop is not False:
            steps.append(_stop(stop, wait, trigger_rule=rule, **migration))
        verify = _verify(rule, wait, content=verify_content, **migration)
        steps.append(verify)
        for task, following in pairwise(steps):
            task >> following
        if rule != "all_success":
            # Also of the wait, so that the rule can distinguish one skipped task from a skipped group.
            wait >> steps[2:]
        if integrations is not None or endpoints is not None:
            verify >> DbaasLinkServiceOperator(
                task_id="link_service",
                integrations=integrations,
                endpoints=endpoints,
                check_task_id=check.task_id,
                verify_task_id=verify.task_id,
                trigger_rule="none_failed",
                **target,
            )
    return group


class DbaasCreateTargetOperator(SourceReader, DbaasCreateServiceOperator):
    """Like its parent; the type of the service is that of the source, which is known only at run time."""

    template_fields: Sequence[str] = (
        *(name for name in DbaasCreateServiceOperator.template_fields if name != "service_type"),
        "source_conn_id",
    )

    def __init__(self, *, source_conn_id: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id

    def _possible_types(self) -> Sequence[str]:
        # The types that can be migrated. The source connection determines which.
        return ("pg", "mysql")

    def perform(self, context: Context) -> Any:
        """Look for a service of the source's type, create it if it is missing, wait for it."""
        if self.progress.step is Step.START:
            self.refuse_another_type()
            self.service_type = self.source.engine.service_type
        return super().perform(context)


class DbaasLinkServiceOperator(DbaasReconcileIntegrationsOperator):
    """Like its parent, but skipped if there is nothing to link: both lists may be empty, which is known only at run
    time.

    It is also skipped if the verification was skipped, unless an earlier run has made the migration.

    :param check_task_id: the first task that is skipped if an earlier run has done the migration.
    :param verify_task_id: the verification.
    """

    def __init__(self, *, check_task_id: str, verify_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_task_id = check_task_id
        self.verify_task_id = verify_task_id

    def perform(self, context: Context) -> Any:
        """Link the service, unless nothing is wanted."""
        if self.progress.step is Step.START:
            self._skip_if_unwanted(context)
        return super().perform(context)

    def _skip_if_unwanted(self, context: Context) -> None:
        ti: Any = context["ti"]
        index = map_index(context)
        before = states_in_run(ti.dag_id, ti.run_id, [self.verify_task_id]).get(index, {})
        if before.get(self.verify_task_id) == "skipped" and not already_migrated(context, self.check_task_id):
            raise AirflowSkipException(f"{self.verify_task_id} was skipped")
        if not self.integrations and not self.endpoints:
            raise AirflowSkipException("No integrations or endpoints were requested")


def _rule(group: TaskGroup, stop: Any, approve: Any) -> str:
    """The trigger rule of tasks behind one that may be skipped alone."""
    if isinstance(stop, bool) and isinstance(approve, bool):
        return "all_success"
    # The second is correct: a group that is skipped as a whole stays skipped. But in a mapped group, Airflow would
    # treat the failure of one instance as the failure of all.
    return "none_failed" if any(group.iter_mapped_task_groups()) else "none_failed_min_one_success"


def already_migrated(context: Context, check_task_id: str) -> dict[str, Any] | None:
    """The XCom of the check, if it was skipped because an earlier run has made the migration.

    :param context: Airflow's context.
    :param check_task_id: the check.
    """
    ti: Any = context["ti"]
    found: dict[str, Any] | None = ti.xcom_pull(
        task_ids=check_task_id, key=ALREADY_MIGRATED, map_indexes=map_index(context)
    )
    return found


def _verify(rule: str, wait: Any, **arguments: Any) -> Any:
    arguments.update(task_id="verify_migration", trigger_rule=rule)
    if rule != "none_failed":
        return DbaasVerifyMigrationOperator(**arguments)
    from airflow_dbaas.task_groups.cut_over import DbaasVerifyIfMigratedOperator

    return DbaasVerifyIfMigratedOperator(after_task_id=wait.task_id, **arguments)


def _stop(stop: Any, wait: Any, **arguments: Any) -> Any:
    if stop is True:
        return DbaasStopMigrationOperator(task_id="stop_migration", **arguments)
    from airflow_dbaas.task_groups.cut_over import DbaasStopIfWantedOperator

    return DbaasStopIfWantedOperator(task_id="stop_migration", wanted=stop, after_task_id=wait.task_id, **arguments)
