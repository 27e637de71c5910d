"""What templates render to, with and without ``render_template_as_native_obj``: another type, the same meaning.

Airflow renders every templated parameter of every operator and sensor here, in both modes; what comes out is checked as
it is when the task runs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_type_hints

import pytest
from airflow.sdk import DAG

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.config.fleet import read_services
from airflow_dbaas.operators.external_endpoints import (
    DbaasCreateExternalEndpointOperator,
    DbaasUpdateExternalEndpointOperator,
)
from airflow_dbaas.operators.migrations import DbaasVerifyMigrationOperator
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.operators.services import DbaasCreateServiceOperator, DbaasUpdateServiceOperator
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.task_groups.cut_over import DbaasStopIfWantedOperator
from airflow_dbaas.triggers.dbaas import DbaasSensorTrigger
from tests.unit.bad_input.kinds import GOOD

#: Of digits only, which native rendering takes for numbers.
NAME, ID = "20231023", "12345678123456781234567812345678"
LINK = {"integration_type": "logs", "dest_service": NAME}

#: By parameter: what the run is given, and what the task must have then.
VALUES: dict[str, tuple[Any, Any]] = {
    **dict.fromkeys(
        (
            *("service_name", "source_conn_id", "exoscale_conn_id", "secrets_conn_id", "object_storage_conn_id"),
            *("source_service", "dest_service", "endpoint_name", "path"),
        ),
        (NAME, NAME),
    ),
    **dict.fromkeys(("integration_id", "operation_id", "dbaas_task_id", "endpoint_id"), (ID, ID)),
    "zone": ("ch-gva-2", "ch-gva-2"),
    "plan": ("business-8", "business-8"),
    "service_type": ("pg", "pg"),
    "endpoint_type": ("rsyslog", "rsyslog"),
    "integration_type": ("logs", "logs"),
    "method": ("dump", "dump"),
    "until": ("synced", "synced"),
    "if_migrated": ("again", "again"),
    "drop_at_source": (True, True),
    "period": ("day", "day"),
    "format": ("csv", "csv"),
    "ignore_dbs": ("2022,2023", "2022,2023"),
    "limit_entries": (50, 50),
    "failure_grace_period": (300, 300),
    "outage_grace_period": (300, 300),
    "dry_run": (True, True),
    "content": ("sample", "sample"),
    "parallel": (4, 4),
    **dict.fromkeys(("strict", "show_values", "recheck", "allow_empty"), (True, True)),
    "tables": ("public.orders, shop.public.b", ["public.orders", "shop.public.b"]),
    "report_path": ("/tmp/report", "/tmp/report"),
    "prune": (False, False),
}
#: What only a mapping or a list can be: as a whole it needs native rendering.
WHOLE: dict[Any, dict[str, tuple[Any, Any]]] = {
    DbaasReconcileIntegrationsOperator: {"integrations": ((LINK,), [LINK]), "endpoints": ((), [])},
}
#: Parameters that none of may be given beside another.
ALONE = {
    "endpoint_name": ("endpoint_id",),
    "endpoint_id": ("endpoint_name",),
    "integration_id": ("integration_type", "source_service", "dest_service", "endpoint_id", "endpoint_name"),
}


def templated(kind: Any) -> list[str]:
    """Parameters that are rendered."""
    names = {attribute: parameter for parameter, attribute in kind.kept_as.items()}
    return [names.get(field, field) for field in kind.template_fields]


def rendered(kind: Any, given: dict[str, Any], params: dict[str, Any], *, native: bool) -> Any:
    """A task after Airflow has rendered its templates and its parameters are checked."""
    with DAG("d", schedule=None, render_template_as_native_obj=native):
        task = kind(task_id="t", **given)
    task.render_template_fields({"params": params})
    task._check()
    return task


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(
    ("kind", "parameter"),
    [(kind, parameter) for kind in GOOD for parameter in templated(kind) if parameter in VALUES],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_templated_parameter(kind: Any, parameter: str, native: bool) -> None:
    """A number where a text is wanted, a text where a number or a boolean is: the task has what was meant."""
    value, wanted = VALUES[parameter]
    needed = {name: each for name, each in GOOD[kind].items() if name not in ALONE.get(parameter, ())}
    if parameter in ("integration_type", "source_service", "dest_service") and "integration_id" in needed:
        needed = {"integration_type": "logs", "source_service": "a", "dest_service": "b"} | {
            name: each for name, each in needed.items() if name != "integration_id"
        }
    if parameter == "endpoint_type":
        needed.pop("endpoint_id", None)
        needed.setdefault("endpoint_name", "logs")
    if parameter == "path" and "format" in templated(kind):
        needed["format"] = "csv"
    task = rendered(kind, {**needed, parameter: "{{ params.x }}"}, {"x": value}, native=native)
    found = getattr(task, kind.kept_as.get(parameter, parameter))
    assert (type(found), found) == (type(wanted), wanted)


def test_every_templated_parameter_is_in_a_table() -> None:
    """None is left out: what is neither in ``VALUES`` nor tried below would go unnoticed."""
    others = {"settings", "integrations", "endpoints"}
    assert {parameter for kind in GOOD for parameter in templated(kind)} <= VALUES.keys() | others


SETTINGS: list[tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        DbaasCreateServiceOperator,
        {"service_name": "db", "plan": "startup-4"},
        {
            "version": "{{ params.version }}",
            "termination_protection": "{{ params.protected }}",
            "ip_filter": ["{{ params.network }}"],
            "backup-schedule": {"backup_hour": "{{ params.hour }}", "backup-minute": "{{ params.none }}"},
            "work_mem": "{{ params.memory }}",
            "shared_buffers_percentage": "{{ params.none }}",
            "variant": "{{ params.empty }}",
            "fork_from_service": "{{ params.name }}",
            "maintenance": {"dow": "monday", "time": "{{ params.time }}"},
        },
        {
            "version": "17",
            "protected": False,
            "network": "192.0.2.0/24",
            "hour": 3,
            "memory": 50,
            "none": None,
            "empty": "",
            "name": NAME,
            "time": "03:30:00",
        },
        {
            "version": "17",
            "termination_protection": False,
            "ip_filter": ["192.0.2.0/24"],
            "backup-schedule": {"backup_hour": 3, "backup-minute": None},
            "work_mem": 50,
            "fork_from_service": NAME,
            "maintenance": {"dow": "monday", "time": "03:30:00"},
        },
    ),
    (
        DbaasUpdateServiceOperator,
        {"service_name": "db", "service_type": "opensearch"},
        {
            "version": "{{ params.version }}",
            "max_index_count": "{{ params.count }}",
            "index_patterns": [{"pattern": "{{ params.pattern }}", "max_index_count": "{{ params.none }}"}],
            "keep_index_refresh_interval": "{{ params.keep }}",
        },
        {"version": "2", "count": 5, "pattern": "2023", "none": None, "keep": "true"},
        {
            "version": "2",
            "max_index_count": 5,
            "index_patterns": [{"pattern": "2023", "max_index_count": None}],
            "keep_index_refresh_interval": True,
        },
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {"endpoint_name": "e", "endpoint_type": "rsyslog"},
        {"tls": "{{ params.tls }}", "port": "{{ params.port }}", "server": "{{ params.server }}"},
        {"tls": True, "port": 6514, "server": "2023"},
        {"tls": True, "port": 6514, "server": "2023"},
    ),
    (
        DbaasUpdateExternalEndpointOperator,
        {"endpoint_name": "e"},
        {"max_message_size": "{{ params.size }}"},
        {"size": 4096},
        {"max_message_size": 4096},
    ),
]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row[0].__name__)
def test_nested_settings(row: Any, native: bool) -> None:
    """Also within mappings and lists; what renders to None is left out, or null where that is a value."""
    kind, given, settings, params, wanted = row
    task = rendered(kind, {**given, "settings": settings}, params, native=native)
    assert repr(task.settings) == repr(wanted)


def test_whole_settings_and_lists() -> None:
    """A mapping or a list that native rendering gives, tuples and sets included."""
    task = rendered(
        DbaasUpdateServiceOperator,
        {"service_name": "db", "settings": "{{ params.x }}"},
        {"x": {"ip_filter": ("192.0.2.1", "2001:db8::/32")}},
        native=True,
    )
    assert task.settings == {"ip_filter": ["192.0.2.1", "2001:db8::/32"]}
    task = rendered(
        DbaasUpdateServiceOperator,
        {"service_name": "db", "settings": {"ip_filter": "{{ params.x }}"}},
        {"x": {"192.0.2.2", "192.0.2.1"}},
        native=True,
    )
    assert task.settings == {"ip_filter": ["192.0.2.1", "192.0.2.2"]}
    for kind, parameters in WHOLE.items():
        for parameter, (value, wanted) in parameters.items():
            given = {"service_name": "db", "integrations": [], parameter: "{{ params.x }}"}
            task = rendered(kind, given, {"x": value}, native=True)
            assert list(getattr(task, parameter)) == wanted


@pytest.mark.parametrize("native", [True, False])
def test_nothing(native: bool) -> None:
    """An optional parameter that renders to None, or to an empty text, is not given."""
    for value in (None, ""):
        given = {"service_name": "db", "plan": "startup-4", "settings": "{{ params.x }}", "zone": "{{ params.x }}"}
        task = rendered(DbaasCreateServiceOperator, given, {"x": value}, native=native)
        assert (task.settings, task.zone) == (None, None)


@pytest.mark.parametrize("native", [True, False])
def test_a_list_of_names(native: bool) -> None:
    """``ignore_dbs`` may be a list; native rendering makes a tuple of numbers out of ``2022,2023``."""
    given = {"service_name": "db", "source_conn_id": "c", "ignore_dbs": ["2022", "{{ params.x }}"]}
    assert rendered(DbaasVerifyMigrationOperator, given, {"x": "2023"}, native=native).ignore_dbs == "2022,2023"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"version": "{{ params.x }}"}, "settings: version must be a text, got 16.1 "),
        ({"work_mem": "{{ params.x }}"}, "settings: work_mem must be a whole number, got 16.1"),
        ({"termination_protection": "{{ params.x }}"}, "settings: termination_protection must be true or false, got"),
    ],
)
def test_what_is_lost_is_refused(settings: dict[str, Any], text: str) -> None:
    """16.10 that became the number 16.1 is not sent as the text 16.1: nobody can know what it was."""
    with pytest.raises(DbaasConfigurationError, match=text):
        rendered(DbaasUpdateServiceOperator, {"service_name": "db", "settings": settings}, {"x": "16.10"}, native=True)
    quoted = {"version": "'{{ params.x }}'"}
    task = rendered(DbaasUpdateServiceOperator, {"service_name": "db", "settings": quoted}, {"x": "16.10"}, native=True)
    assert task.settings == {"version": "16.10"}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"work_mem": True}, "work_mem must be a whole number, got True"),
        ({"work_mem": "1e2"}, "work_mem must be a whole number, got '1e2'"),
        ({"work_mem": "O'Neil"}, "work_mem must be a whole number"),
        ({"work_mem": 1.5}, "work_mem must be a whole number, got 1.5"),
        ({"version": True}, "version must be a text, got True"),
        ({"termination_protection": 1}, "termination_protection must be true or false, got 1"),
        ({"ip_filter": "('a', 'b')"}, "ip_filter must be a list, got"),
        ({"ip_filter": {"a": 1}}, "ip_filter must be a list"),
    ],
)
def test_what_is_not_clear_is_refused(settings: dict[str, Any], text: str) -> None:
    """No value is bent into another one."""
    with pytest.raises(DbaasConfigurationError, match=f"settings: {text}"):
        DbaasUpdateServiceOperator(task_id="t", service_name="db", settings=settings)


@pytest.mark.parametrize("value", ["True", "true", " TRUE\n", True])
def test_a_stop_that_is_wanted(value: Any) -> None:
    """The group's own switches take the same texts."""
    from airflow_dbaas.task_groups.cut_over import truth

    assert truth("stop", value) is True
    assert "wanted" in DbaasStopIfWantedOperator.template_fields


def test_literal_parts_are_checked_at_parse() -> None:
    """What is no template is checked when the DAG is parsed, also beside one and within a list."""
    given = {"service_name": "db", "plan": "startup-4"}
    open_ = "{{ params.x }}"
    for settings, text in (
        ({"version": open_, "work_mme": 1}, "unknown setting 'work_mme', did you mean 'work_mem'"),
        ({"maintenance": {"dow": open_, "time": "3:30"}}, "maintenance.time must be a time of day"),
        ({"ip_filter": [open_, "hello"]}, "ip_filter.1 must be an IP address"),
        ({"index_patterns": [{"pattern": open_, "max_index_count": -1}]}, "unknown setting 'index_patterns'"),
    ):
        with pytest.raises(DbaasConfigurationError, match=text):
            DbaasCreateServiceOperator(task_id="t", settings=settings, **given)
    for settings in (
        open_,
        {"version": open_, "maintenance": open_, "ip_filter": open_},
        {"maintenance": {"dow": open_, "time": open_}, "ip_filter": [open_], "backup_schedule": {"backup_hour": open_}},
    ):
        DbaasCreateServiceOperator(task_id="t", settings=settings, **given)
    # Of which type it is, is not known yet: what one of the types takes may be right.
    DbaasCreateServiceOperator(task_id="t", service_type=open_, settings={"thanos_settings": {}}, **given)
    with pytest.raises(DbaasConfigurationError, match="unknown setting 'thanos'"):
        DbaasCreateServiceOperator(task_id="t", service_type=open_, settings={"thanos": {}}, **given)


@pytest.mark.parametrize("kind", [kind for kind in GOOD if issubclass(kind, DbaasSensor)])
async def test_in_the_triggerer(kind: Any) -> None:
    """What the triggerer renders for a sensor is taken in the same way."""
    task = kind(task_id="t", deferrable=True, **dict.fromkeys(GOOD[kind], "{{ params.x }}"))
    numbers = {name: int(VALUES[name][0]) for name in GOOD[kind]}
    trigger = DbaasSensorTrigger(**{**task.start_trigger_args.trigger_kwargs, **numbers, "zone": "mars"})
    (event,) = [event async for event in trigger.run()]
    assert "zone must be one of" in event.payload["message"]
    trigger = DbaasSensorTrigger(**{**task.start_trigger_args.trigger_kwargs, **numbers})
    trigger.check()
    assert {name: getattr(trigger, name) for name in numbers} == {name: VALUES[name][1] for name in numbers}


def test_times_as_timedelta() -> None:
    """Seconds or a timedelta, wherever a time is a parameter."""
    task = DbaasCreateServiceOperator(
        task_id="t", service_name="db", plan="startup-4", wait_timeout=timedelta(minutes=5)
    )
    assert task.wait_timeout == 300
    verify = DbaasVerifyMigrationOperator(
        task_id="t", service_name="db", source_conn_id="c", settle_seconds=timedelta(minutes=1)
    )
    assert verify.settle_seconds == 60
    with pytest.raises(
        DbaasConfigurationError, match=r"wait_timeout must be a number of seconds above 0, got datetime"
    ):
        DbaasCreateServiceOperator(task_id="t", service_name="db", plan="startup-4", wait_timeout=timedelta(0))


@pytest.mark.parametrize("kind", GOOD)
def test_types_allow_templates(kind: Any) -> None:
    """A type checker takes a template for every parameter that may be one."""
    hints: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("airflow_dbaas.") and "__init__" in vars(each):
            hints |= get_type_hints(each.__init__)
    for parameter in templated(kind):
        assert str in getattr(hints[parameter], "__args__", (hints[parameter],)), parameter


def test_names_in_lists_and_files() -> None:
    """A name of digits alone is a number in JSON and in YAML."""
    (entry,) = read_services(({"service": 20231023, "source_conn_id": 7},), None, {"plan": "startup-4"})
    assert (entry["service_name"], entry["source_conn_id"]) == (NAME, "7")
