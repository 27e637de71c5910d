"""The connection to Exoscale, made and tried in Airflow's pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.provider_info import get_provider_info
from tests.browser.conftest import AirflowUI

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]

CONN_ID = "exoscale_default"
WRONG = "not-the-secret-of-this-key"


@pytest.fixture
def no_connection(airflow_ui: AirflowUI) -> Iterator[None]:
    """As after an installation; what was there before is there again afterwards."""
    path = f"/connections/{CONN_ID}"
    emulator = airflow_ui.emulator
    stored = {"connection_id": CONN_ID, "conn_type": "exoscale", "host": emulator.url}
    stored |= {"login": emulator.key, "password": emulator.secret, "extra": json.dumps({"zone": "ch-gva-2"})}
    airflow_ui.airflow.call("DELETE", path)
    yield
    airflow_ui.airflow.call("DELETE", path)
    airflow_ui.airflow.call("POST", "/connections", stored)


def labelled(dialog: Locator, label: str) -> Locator:
    """What stands beside a label: field and description. Airflow does not tie these labels to their fields."""
    return dialog.get_by_role("group").filter(has=dialog.page.get_by_text(label, exact=True)).last


def without_port(route: Route) -> None:
    """Airflow 3.3.2's page sends 0 for a port that a connection lacks, and its server refuses that with 400."""
    body = json.loads(route.request.post_data or "{}")
    route.continue_(post_data=json.dumps({**body, "port": body["port"] or None}))


def tried(page: Page) -> None:
    """Press the connection's test button."""
    page.get_by_role("row").filter(has_text=CONN_ID).get_by_role("button", name="Test Connection").click()


def test_the_form(page: Page, airflow_ui: AirflowUI, no_connection: None, shot: Callable[[Page, str], None]) -> None:
    """The form names the fields as Exoscale does, offers the zones, and shows the secret to nobody. The test of a
    connection says what is wrong with it, or that the API answers.
    """
    emulator = airflow_ui.emulator
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Connection ID").fill(CONN_ID)
    dialog.get_by_role("combobox", name="Connection Type").fill("exoscale")
    dialog.get_by_role("option", name="Exoscale DBaaS").click()

    endpoint = dialog.get_by_role("textbox", name="API endpoint")
    expect(endpoint).to_have_attribute("placeholder", "leave empty for https://api-{zone}.exoscale.com/v2")
    endpoint.fill(emulator.url)
    key = dialog.get_by_role("textbox", name="API key")
    expect(key).to_have_attribute("placeholder", "EXO…")
    key.fill(emulator.key)
    secret = dialog.get_by_role("textbox", name="API secret")
    expect(secret).to_have_attribute("type", "password")
    secret.fill(WRONG)
    for hidden in ("Port", "Schema", "Login", "Password", "Host"):
        expect(dialog.get_by_text(hidden, exact=True)).to_have_count(0)
    shot(page, "connection")

    dialog.get_by_role("button", name="Extra Fields", exact=True).click()
    for field in get_provider_info()["connection-types"][0]["conn-fields"].values():
        expect(labelled(dialog, field["label"])).to_contain_text(field["description"])
    dialog.get_by_role("combobox", name="Zone").click()
    expect(dialog.get_by_role("option")).to_have_text(list(ZONES))
    shot(page, "connection-zone")
    dialog.get_by_role("option", name="ch-gva-2").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Connection has been successfully created.")).to_be_visible()

    page.route("**/api/v2/connections/test", without_port)
    tried(page)
    refusal = "403 Invalid request signature (check API key, secret, IAM role and this machine's clock)"
    expect(page.get_by_text(refusal)).to_be_visible()
    shot(page, "connection-refused")

    page.get_by_role("row").filter(has_text=CONN_ID).get_by_role("button", name="Edit Connection").click()
    expect(secret).to_have_value("***")
    secret.fill(emulator.secret)
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Connection has been successfully updated.")).to_be_visible()
    tried(page)
    expect(page.get_by_text(f"{emulator.url} answers; ")).to_be_visible()
    shot(page, "connection-works")

    stored = airflow_ui.airflow.call("GET", f"/connections/{CONN_ID}")
    assert stored["password"] == "***"
    assert json.loads(stored["extra"])["zone"] == "ch-gva-2"
    for text in (emulator.secret, WRONG):
        assert text not in page.content()
