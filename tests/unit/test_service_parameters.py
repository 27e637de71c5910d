"""Properties of services that are refused when the DAG is parsed, and files that cannot be written."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.operators.services import (
    DbaasCreateServiceOperator,
    DbaasServiceMetricsOperator,
    DbaasUpdateServiceOperator,
)
from airflow_dbaas.validation import SERVICE_TYPES

SECRETS: list[tuple[dict[str, Any], str]] = [
    ({"admin_password": "s3cret"}, "admin_password must not be given here: the service makes its own password"),
    ({"admin-password": "s3cret"}, "admin-password must not be given here: the service makes its own password"),
    ({"migration": {"password": "s3cret"}}, "migration must not be given here: DbaasStartMigrationOperator"),
    (
        {"grafana_settings": {"smtp_server": {"password": "s3cret"}}},
        "grafana_settings.smtp_server.password must not be given here: a secret has no place in a DAG",
    ),
    (
        {"grafana_settings": {"auth": [{"name": "x"}, {"client_secret": "s3cret"}]}},
        "grafana_settings.auth.client_secret must not be given here: a secret has no place in a DAG",
    ),
    ({"name": "other"}, "name must not be given here: it is the parameter service_name"),
]


@pytest.mark.parametrize("service_type", SERVICE_TYPES)
@pytest.mark.parametrize(("settings", "message"), SECRETS)
def test_no_secret_among_settings(service_type: Any, settings: dict[str, Any], message: str) -> None:
    """For every type, at every depth and in both spellings; the value is not shown."""
    for kind, arguments in ((DbaasCreateServiceOperator, {"plan": "startup-4"}), (DbaasUpdateServiceOperator, {})):
        with pytest.raises(DbaasConfigurationError) as caught:
            kind(task_id="t", service_name="db", service_type=service_type, settings=settings, **arguments)
        assert message in str(caught.value)
        assert "s3cret" not in str(caught.value)


def test_a_new_plan_is_one_word() -> None:
    """A creation has a parameter for it; an update takes it among the settings, of which there must be some."""
    with pytest.raises(DbaasConfigurationError, match="settings: plan must not be given here: it is a parameter of"):
        DbaasCreateServiceOperator(task_id="t", service_name="db", plan="startup-4", settings={"plan": "startup-8"})
    with pytest.raises(DbaasConfigurationError, match="settings must name at least one property"):
        DbaasUpdateServiceOperator(task_id="t", service_name="db", settings={})


def test_a_format_is_known_from_the_suffix_or_given() -> None:
    """Neither: the DAG does not parse. A templated path is looked at when it is rendered."""
    with pytest.raises(DbaasConfigurationError, match=r"path must end in \.csv or \.parquet, or format must be given"):
        DbaasServiceMetricsOperator(task_id="t", service_name="db", path="metrics.txt")
    for path, format in (("a.CSV", None), ("a.txt", "parquet"), ("{{ ds }}.txt", None)):  # noqa: A001
        DbaasServiceMetricsOperator(task_id="t", service_name="db", path=path, format=format)
