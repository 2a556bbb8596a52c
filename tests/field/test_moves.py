"""Farmer and officer, each at a browser of their own: a phone that was enrolled into the wrong district is moved."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from server import auth
from server.db import catches, work
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from tests import factories
from tests.field.conftest import AppServer, count_by_hand, tap
from tests.field.test_traps import TAKE_SETTING
from tests.server.officer import PASSWORD, hire

YAVATMAL, PUNE = factories.REGION, "IN-MH-490"
PATIENCE_MS = 60_000


@pytest.fixture
def server(app_dist: Path, tmp_path: Path) -> Iterator[AppServer]:
    server = AppServer(app_dist, tmp_path / "data")
    engine = server.app.extensions["pestwatch.engine"]
    upgrade_to_head(engine)
    with server.app.app_context(), request_scope() as session:
        factories.region(session, YAVATMAL, "Yavatmal")
        factories.region(session, PUNE, "Pune")
    hire(engine, regions=(YAVATMAL, PUNE))
    yield server
    server.stop()
    engine.dispose()


def advise(server: AppServer, region: str, level: str) -> None:
    """A region's advice for its one trap, about the newest count."""
    said: dict[str, Any] = {"pest": "HELIAR", "crop": "cotton", "level": level, "catch_rate": 10.0, "threshold": None}
    advice = said | {"messages": [{"id": "inspect_today", "params": {}}]}
    with server.app.app_context(), request_scope() as session:
        (trap,) = catches.traps_of(session, region)
        id_ = trap.device_id, trap.trap
        work.record_advisory(session, region, pest="HELIAR", advice=advice, now=datetime.now(UTC), trap=id_)


def start_again(farmer: Page) -> None:
    """Opens the app anew and waits until it has heard what is new."""
    before = farmer.evaluate(TAKE_SETTING, "cursor")
    farmer.reload()
    for _ in range(PATIENCE_MS // 100):
        if farmer.evaluate(TAKE_SETTING, "cursor") != before:
            return
        farmer.wait_for_timeout(100)
    pytest.fail("it heard nothing")


def advice_on(farmer: Page) -> Any:
    """The advice for the trap, on its page."""
    farmer.goto(re.sub("#.*", "#/", farmer.url))
    tap(farmer, "open-trap")
    return farmer.get_by_test_id("advice")


def test_a_moved_phone_forgets_one_districts_advice_and_shows_the_others(farmer: Page, server: AppServer) -> None:
    count_by_hand(farmer, 4)
    tap(farmer, "advice-done")
    with server.app.app_context(), request_scope() as session:
        code = auth.make_code(session, YAVATMAL, datetime.now(UTC))
    farmer.goto(re.sub("#.*", f"#enrol={code}", farmer.url))
    tap(farmer, "tab-settings")
    belongs_to = farmer.get_by_test_id("enrolment-region")
    expect(belongs_to).to_have_text("Yavatmal", timeout=PATIENCE_MS)
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "2", timeout=PATIENCE_MS)
    advise(server, YAVATMAL, "red")
    start_again(farmer)
    expect(advice_on(farmer)).to_have_attribute("data-server-level", "red")

    assert farmer.context.browser
    with farmer.context.browser.new_context() as own:
        officer = own.new_page()
        officer.goto(f"{server.url}/login?next=/regions/{YAVATMAL}/phones")
        officer.fill("#name", "asha")
        officer.fill("#password", PASSWORD)
        officer.get_by_role("button", name="Log in").click()
        officer.get_by_text("In the wrong region?").click()
        officer.get_by_role("combobox").select_option(label="Pune")
        officer.get_by_role("button", name="Move this phone").click()
        expect(officer.get_by_role("heading", name="Phones of Pune")).to_be_visible()
        expect(officer.locator(".phones")).to_contain_text("Trap 1")
    farmer.goto(re.sub("#.*", "#/settings", farmer.url))
    start_again(farmer)
    expect(belongs_to).to_have_text("Pune", timeout=PATIENCE_MS)
    expect(advice_on(farmer)).not_to_have_attribute("data-server-level", re.compile("."))
    advise(server, PUNE, "yellow")
    start_again(farmer)
    expect(advice_on(farmer)).to_have_attribute("data-server-level", "yellow")
