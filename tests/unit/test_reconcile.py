"""The plan that brings a service's integrations and attachments in line with a list."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.config import desired_state
from airflow_dbaas.config.desired_state import Item, Plan
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator

LOGS = {"integration_type": "logs", "dest_service": "search"}
METRICS = {"integration_type": "metrics", "dest_service": "thanos"}
GRAFANA = {"integration_type": "datasource", "source_service": "grafana"}


def there(entry: dict[str, Any], *, number: int = 1, **settings: Any) -> Item:
    """The integration that an entry asks for, as the API shows it."""
    (item,) = desired_state.wanted_integrations("db", [entry])
    return {**item, "settings": settings, "integration_id": f"id-{number}"}


def attachment(endpoint_id: str | None, name: str = "siem", kind: str = "rsyslog", **more: Any) -> Item:
    return {"service": "db", "endpoint_id": endpoint_id, "endpoint_type": kind, "endpoint_name": name, **more}


def plan(
    wanted: list[dict[str, Any]] | None,
    actual: list[Item],
    *,
    endpoints: list[Item] | None = None,
    attached: list[Item] | None = None,
    prune: bool = False,
) -> Plan:
    return desired_state.make_plan(
        "db",
        integrations=None if wanted is None else desired_state.wanted_integrations("db", wanted),
        endpoints=endpoints,
        actual_integrations=actual,
        actual_endpoints=attached or [],
        prune=prune,
    )


def names(items: list[Item]) -> list[str]:
    return [item.get("integration_type") or item["endpoint_name"] for item in items]


def test_the_other_end_is_the_service_itself() -> None:
    """An entry names one end; which one decides the direction."""
    assert desired_state.wanted_integrations("db", [LOGS, GRAFANA]) == [
        {"integration_type": "logs", "source_service": "db", "dest_service": "search", "settings": {}},
        {"integration_type": "datasource", "source_service": "grafana", "dest_service": "db", "settings": {}},
    ]


def test_nothing_there() -> None:
    """All that is wanted is created, in the order of the list."""
    found = plan([METRICS, LOGS, GRAFANA], [])
    assert names(found.create) == ["metrics", "logs", "datasource"]
    assert (found.update, found.delete, found.keep) == ([], [], [])
    assert all(item["integration_id"] is None for item in found.create)


def test_everything_there() -> None:
    """What is as it shall be is kept, in the order of the list; there is nothing to do."""
    found = plan([GRAFANA, LOGS], [there(LOGS, number=1), there(GRAFANA, number=2)])
    assert [item["integration_id"] for item in found.keep] == ["id-2", "id-1"]
    assert list(found.steps()) == []


def test_direction_counts() -> None:
    """The same type and services the other way round is another integration."""
    reverse = {"integration_type": "logs", "source_service": "search"}
    found = plan([LOGS], [there(reverse)], prune=True)
    assert names(found.create) == ["logs"]
    assert [item["source_service"] for item in found.delete] == ["search"]


@pytest.mark.parametrize(
    ("wanted", "shown", "sent"),
    [
        ({"days": 7}, {"days": 3}, {"days": 7}),
        ({"days": 7}, {}, {"days": 7}),
        ({"days": 7}, {"days": 3, "prefix": "logs", "unset": None}, {"days": 7, "prefix": "logs"}),
        ({"days": None}, {"days": 3}, {"days": None}),
        ({"fields": ["a"]}, {"fields": ["a", "b"]}, {"fields": ["a"]}),
    ],
)
def test_other_settings(wanted: dict[str, Any], shown: dict[str, Any], sent: dict[str, Any]) -> None:
    """A setting that differs is an update; those that are not named are sent as they are, so that they stay."""
    found = plan([{**LOGS, "settings": wanted}], [there(LOGS, **shown)])
    (item,) = found.update
    assert (item["integration_id"], item["settings"]) == ("id-1", sent)
    assert (found.create, found.delete, found.keep) == ([], [], [])


@pytest.mark.parametrize("wanted", [{}, None, {"days": 3}, {"days": 3, "prefix": "logs"}])
def test_settings_that_are_as_they_shall_be(wanted: dict[str, Any] | None) -> None:
    """What the API shows beyond what is named, such as defaults, is no difference."""
    found = plan([{**LOGS, "settings": wanted}], [there(LOGS, days=3, prefix="logs", more=None)])
    assert names(found.keep) == ["logs"]
    assert list(found.steps()) == []


def test_nothing_is_deleted_without_prune() -> None:
    """What is there and not wanted is kept, and marked and shown as left."""
    actual = [there(LOGS), there(GRAFANA, number=2)]
    found = plan([LOGS], actual)
    assert found.keep == [actual[0], {**actual[1], "left": True}]
    assert found.delete == []
    assert list(found.lines()) == [
        "Plan for service db: 0 to create, 0 to update, 0 to delete, 2 to keep",
        "  = keep logs integration db → search",
        "  = keep datasource integration grafana → db; not in the list, kept because prune is off",
    ]


def test_prune() -> None:
    """With it, what is not wanted goes; an empty list means none."""
    actual = [there(LOGS), there(GRAFANA, number=2)]
    assert plan([LOGS], actual, prune=True).delete == [actual[1]]
    assert plan([], actual, prune=True).delete == actual


def test_none_leaves_a_kind_alone() -> None:
    """Who lists endpoints only says nothing of integrations, and the other way round, even with prune."""
    attached = [attachment("e1", integration_id="x1")]
    assert plan(None, [there(LOGS)], endpoints=[], attached=attached, prune=True).delete == attached
    assert plan([], [there(LOGS)], attached=attached, prune=True).delete == [there(LOGS)]


@pytest.mark.parametrize("kind", ["read_replica", "schema_registry_proxy", None])
def test_integrations_that_cannot_be_made_are_not_touched(kind: str | None) -> None:
    """Read replicas, and types that the API may add, are no part of the plan."""
    replica = {**there(LOGS), "integration_type": kind, "dest_service": "replica"}
    assert plan([], [replica], prune=True) == Plan("db")


def test_attachments() -> None:
    """Endpoints are told apart by their id, also two of one name and type of different ids."""
    wanted = [attachment("e1"), attachment("e2")]
    attached = [attachment("e2", integration_id="x2"), attachment("e3", "old", integration_id="x3")]
    found = plan(None, [], endpoints=wanted, attached=attached, prune=True)
    assert found.create == [attachment("e1", integration_id=None)]
    assert found.keep == [attached[0]]
    assert found.delete == [attached[1]]


def test_order_of_the_steps() -> None:
    """Deletions first, for a service may be allowed only one integration of a type; then updates; then what is new."""
    found = plan(
        [METRICS, {**LOGS, "settings": {"days": 7}}],
        [there(LOGS, days=3), there(GRAFANA, number=2)],
        endpoints=[attachment("e1")],
        attached=[attachment("e2", "old", integration_id="x2")],
        prune=True,
    )
    assert [(action, names([item])) for action, item in found.steps()] == [
        ("delete", ["datasource"]),
        ("delete", ["old"]),
        ("update", ["logs"]),
        ("create", ["metrics"]),
        ("create", ["siem"]),
    ]
    assert list(found.lines()) == [
        "Plan for service db: 2 to create, 1 to update, 2 to delete, 0 to keep",
        "  + create metrics integration db → thanos",
        "  + create attachment db → rsyslog endpoint siem",
        "  ~ update logs integration db → search {'days': 7}",
        "  - delete datasource integration grafana → db",
        "  - delete attachment db → rsyslog endpoint old",
    ]


def test_a_plan_is_plain_json_and_leaves_its_input_alone() -> None:
    """It travels in XComs and triggers; what was given stays as it was."""
    wanted, actual = [{**LOGS, "settings": {"days": 7}}, METRICS], [there(LOGS, days=3), there(GRAFANA, number=2)]
    before = copy.deepcopy((wanted, actual))
    found = plan(wanted, actual)
    assert json.loads(json.dumps(found.plain())) == found.plain()
    assert (wanted, actual) == before


def test_a_secret_that_the_api_shows_is_not_passed_on() -> None:
    """It stays in the request that needs it, and appears neither in the log nor in the result."""
    found = plan([{**LOGS, "settings": {"days": 7}}], [there(LOGS, days=3, password="s3cret")])
    assert [item["settings"] for _, item in found.steps()] == [{"days": 7, "password": "s3cret"}]
    assert "s3cret" not in f"{found.plain()} {list(found.lines())}"


def test_a_plan_that_was_carried_out_is_empty() -> None:
    """Whatever the state at first: once the steps are done, there is nothing left to do."""
    wanted = [METRICS, {**LOGS, "settings": {"days": 7}}]
    actual = [there(LOGS, days=3), there(GRAFANA, number=2)]
    while steps := list(plan(wanted, actual, prune=True).steps()):
        action, item = steps[0]
        same = [each for each in actual if desired_state.identity(each) == desired_state.identity(item)]
        actual = [each for each in actual if each not in same]
        if action != "delete":
            actual.append({**item, "integration_id": "new"})
    assert sorted(names(actual)) == ["logs", "metrics"]


def test_one_endpoint_named_in_two_ways() -> None:
    """By id and by name: a duplicate all the same, found when the names are known."""
    with pytest.raises(DbaasConfigurationError, match=r"endpoints\[1\] is the same as endpoints\[0\]"):
        plan(None, [], endpoints=[attachment("e1"), attachment("e1")])


def test_there_must_be_something_to_bring_in_line() -> None:
    """Neither list given is a mistake, not an empty plan."""
    with pytest.raises(DbaasConfigurationError, match="give integrations, endpoints, or both"):
        DbaasReconcileIntegrationsOperator(task_id="t", service_name="db")


def test_a_dry_run_is_true_or_false() -> None:
    """The text that a template renders to counts as what it says: "False" is not true."""
    task = DbaasReconcileIntegrationsOperator(task_id="t", service_name="db", integrations=[], dry_run="False")
    assert task.plan_only is False
    with pytest.raises(DbaasConfigurationError, match="dry_run must be true or false, got 'no'"):
        DbaasReconcileIntegrationsOperator(task_id="t", service_name="db", integrations=[], dry_run="no")


def test_lists_with_templates_parse() -> None:
    """What an entry says at run time, or takes from another task, is checked then."""
    with DAG("d", schedule=None):
        before = DbaasMigrationCheckOperator(task_id="before", service_name="db", source_conn_id="c")
        for entries in (
            [{**LOGS, "dest_service": "{{ params.x }}"}],
            [{**LOGS, "settings": before.output}],
            before.output,
        ):
            task = DbaasReconcileIntegrationsOperator(
                task_id=f"t{id(entries)}",
                service_name="{{ params.s }}",
                integrations=entries,
                dry_run="{{ params.dry }}",
            )
            assert task.integrations == entries
