"""What the conditions on integrations make of what they see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasIntegrationError, DbaasNotFoundError
from airflow_dbaas.api.external_endpoints import ExternalIntegration
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import (
    INTEGRATION_GRACE_PERIOD,
    Done,
    ExternalIntegrationWait,
    Failed,
    IntegrationWait,
    Pending,
)

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"


def listed(*, states: tuple[str, str] = ("running", "running"), **integration: Any) -> ServiceList:
    shown = {"id": ID, "type": "logs", "source": "db", "dest": "search", **integration}
    return ServiceList.model_validate(
        {
            "dbaas-services": [
                {"name": "db", "state": states[0], "integrations": [shown]},
                {"name": "search", "state": states[1], "integrations": [shown]},
                {"name": "idle", "state": "poweroff", "integrations": None},
            ]
        }
    )


def seen(integration_id: str = ID, state: Any = "active", **answer: Any) -> conditions.Verdict:
    return IntegrationWait(integration_id, state).verdict(listed(**answer))


def external(state: Any = "active", **answer: Any) -> conditions.Verdict:
    shown = {
        "integration-id": ID,
        "type": "rsyslog",
        "source-service-name": "db",
        "dest-endpoint-name": "siem",
        **answer,
    }
    return ExternalIntegrationWait(ID, state).verdict(ExternalIntegration.model_validate(shown))


@pytest.mark.fact("integration-active", "integration-status")
@pytest.mark.parametrize(
    "answer",
    [
        {"status": "running", "is-active": True, "is-enabled": True},
        {"status": "something new", "is-active": True},
        {"status": "running"},
        {"status": "active"},
    ],
)
def test_an_active_integration(answer: dict[str, Any]) -> None:
    """is-active decides; without it, the status."""
    verdict = seen(**answer)
    assert verdict == Done(
        {
            "integration_id": ID,
            "integration_type": "logs",
            "source_service": "db",
            "dest_service": "search",
            "status": answer["status"],
            "service": "db",
        },
        note="active",
    )


@pytest.mark.fact("integration-active", "integration-status")
@pytest.mark.parametrize(
    "answer",
    [
        {"status": "starting", "is-active": False, "is-enabled": True},
        {"status": "running", "is-active": False},
        {"status": "inactive"},
        {"status": "unknown", "is-active": False},
        {"status": "something new"},
        {"status": None, "is-active": None},
    ],
)
def test_an_integration_that_is_not_active_yet(answer: dict[str, Any]) -> None:
    """Whatever it is called, it is waited for; the note says what it is."""
    verdict = seen(**answer)
    assert isinstance(verdict, Pending)
    assert verdict.note == (f"integration {ID} (logs, db → search) is {answer['status'] or 'unknown'}, not active yet")


@pytest.mark.fact("integration-recovers")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": "failed", "is-active": False}, "failed"),
        ({"status": "inactive", "is-active": False, "is-enabled": False}, "is disabled"),
    ],
)
def test_a_failed_integration_may_recover(answer: dict[str, Any], words: str) -> None:
    """It is shown so while a service restarts: it counts only if it lasts, and Airflow may try again."""
    verdict = seen(**answer)
    assert isinstance(verdict, Failed)
    assert verdict.grace_period == INTEGRATION_GRACE_PERIOD
    assert verdict.error.retryable
    assert str(verdict.error) == f"integration {ID} (logs, db → search) {words}"


def test_a_service_that_is_powered_off() -> None:
    """The integration cannot become active, whichever end it is; other services do not matter."""
    verdict = seen(**{"status": "inactive", "is-active": False, "states": ("running", "poweroff")})
    assert isinstance(verdict, Failed)
    assert verdict.grace_period == 0
    assert not verdict.error.retryable
    assert "cannot become active: service search is powered off" in str(verdict.error)


@pytest.mark.fact("not-listed-at-once")
def test_an_integration_that_is_not_listed() -> None:
    """It may have been made a moment ago; if it is to be gone, it is."""
    other = ID.replace("a", "b")
    verdict = seen(other)
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasIntegrationError)
    assert verdict.grace_period == conditions.APPEARANCE_SECONDS
    assert seen(other, "absent") == Done(
        {
            "integration_id": other,
            "integration_type": None,
            "source_service": None,
            "dest_service": None,
            "status": "absent",
            "service": None,
            "zone": None,
        },
        note="absent",
    )
    assert isinstance(seen(ID, "absent", status="running"), Pending)


@pytest.mark.parametrize("spelling", [ID.upper(), f"{{{ID}}}", ID.replace("-", "")])
def test_an_id_in_another_spelling(spelling: str) -> None:
    """A UUID is the same in capitals: what is there is not taken for gone."""
    assert isinstance(seen(spelling, "absent", status="running"), Pending)
    assert isinstance(seen(spelling, **{"status": "running", "is-active": True}), Done)


def test_an_id_that_is_none() -> None:
    """Found before anything is sent, also where a sensor begins in the triggerer and nothing else has checked it."""
    for wait in (IntegrationWait("17", "absent"), ExternalIntegrationWait("17", "absent")):
        with pytest.raises(DbaasConfigurationError, match="integration_id must be a UUID, got '17'"):
            wait.call()


@pytest.mark.fact("attachment-fields")
@pytest.mark.parametrize("status", ["running", "active", None])
def test_an_attached_service(status: str | None) -> None:
    """The API need not show a status: then there is nothing to wait for."""
    assert external(status=status) == Done(
        {
            "integration_id": ID,
            "endpoint_type": "rsyslog",
            "endpoint_id": None,
            "endpoint_name": "siem",
            "service": "db",
            "status": status,
        },
        note="active",
    )


def test_an_attachment_that_does_not_work_yet() -> None:
    """It is waited for; a failure counts only if it lasts."""
    assert external(status="starting") == Pending(
        f"external integration {ID} (rsyslog, db → siem) is starting, not active yet"
    )
    verdict = external(status="failed")
    assert isinstance(verdict, Failed)
    assert (verdict.grace_period, verdict.error.retryable) == (INTEGRATION_GRACE_PERIOD, True)


def test_an_attachment_that_is_gone() -> None:
    """A 404 is what is waited for, or an end if it lasts."""
    unknown = DbaasNotFoundError("404")
    gone = ExternalIntegrationWait(ID, "absent").absent(unknown)
    assert isinstance(gone, Done)
    assert {key: value for key, value in gone.result.items() if value} == {"integration_id": ID, "status": "absent"}
    assert gone.result.keys() == set(ExternalIntegrationWait.keys)
    assert isinstance(external("absent", status="running"), Pending)
    verdict = ExternalIntegrationWait(ID).absent(unknown)
    assert isinstance(verdict, Failed)
    assert verdict.grace_period == conditions.APPEARANCE_SECONDS


@pytest.mark.parametrize("wait", [IntegrationWait(ID, "absent"), ExternalIntegrationWait(ID)])
def test_waits_travel_as_json(wait: conditions.Wait) -> None:
    """A wait restored in another process is the same wait."""
    assert conditions.restore(json.loads(json.dumps(wait.serialize()))) == wait
