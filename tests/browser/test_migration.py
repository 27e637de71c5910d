"""The DAG that migrates a service, in Airflow's pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import AirflowUI

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]

DAG_ID = "dbaas_migrate_service"
Shot = Callable[[Page, str], None]


def test_the_dag_explains_itself(page: Page, airflow_ui: AirflowUI, shot: Shot) -> None:
    """The DAG's documentation is a button away, as text with headings and code, not as markup."""
    airflow_ui.airflow.wait_for_dag(DAG_ID)
    page.goto(f"/dags/{DAG_ID}")
    page.get_by_role("button", name="Dag Docs").click()
    docs = page.get_by_role("dialog")
    expect(docs).to_contain_text("Move the databases of a PostgreSQL or MySQL server into an Exoscale DBaaS service.")
    expect(docs.locator("code").filter(has_text="exoscale_default")).to_be_visible()
    expect(docs).not_to_contain_text("`")
    shot(page, "docs")
