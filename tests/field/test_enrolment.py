"""Farmer and officer, each at a browser of their own: six digits are read aloud, a name is confirmed, consent is taken back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from tests import factories
from tests.field.conftest import AppServer, count_by_hand, tap
from tests.server.officer import PASSWORD, hire

PHONES = f"/regions/{factories.REGION}/phones"


@pytest.fixture
def server(app_dist: Path, tmp_path: Path) -> Iterator[AppServer]:
    server = AppServer(app_dist, tmp_path / "data")
    engine = server.app.extensions["pestwatch.engine"]
    upgrade_to_head(engine)
    with server.app.app_context(), request_scope() as session:
        factories.region(session)
    hire(engine)
    yield server
    server.stop()
    engine.dispose()


@pytest.fixture
def officer(farmer: Page, server: AppServer) -> Iterator[Page]:
    """A logged-in officer on the page of phones, in a browser that knows nothing of the farmer's."""
    own: Browser = farmer.context.browser or pytest.fail("no browser")
    with own.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/login?next={PHONES}")
        page.fill("#name", "asha")
        page.fill("#password", PASSWORD)
        page.get_by_role("button", name="Log in").click()
        yield page


def code_on(officer: Page) -> str:
    officer.goto(re.sub("(?<=[0-9])/.*", PHONES, officer.url, count=1))
    officer.get_by_role("button", name="Read a code aloud").click()
    return officer.locator(".spoken-code").inner_text().replace(" ", "")


def dial(farmer: Page, code: str, name: str = "Sunita") -> None:
    farmer.goto(re.sub("#.*", "#/enrol", farmer.url))
    for digit in code:
        tap(farmer, f"key-{digit}")
    farmer.get_by_test_id("enrol-name").fill(name)
    tap(farmer, "enrol-ask")


def test_the_officer_confirms_the_name_and_the_counts_arrive(farmer: Page, officer: Page, server: AppServer) -> None:
    count_by_hand(farmer, 4)
    dial(farmer, code_on(officer))
    expect(farmer.get_by_test_id("enrol-waiting")).to_contain_text("Wait for a yes")
    expect(officer.locator(".asked-name")).to_have_text("Sunita", timeout=10_000)  # the page loads itself anew
    officer.get_by_role("button", name="Yes").click()
    expect(farmer.get_by_test_id("enrolment-state")).to_have_attribute("data-state", "active", timeout=10_000)
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "2")
    officer.get_by_role("link", name="Back to the phones").click()
    expect(officer.locator(".phones")).to_contain_text("Sunita")


def test_a_phone_that_is_closed_and_without_a_network_meanwhile_is_let_in_later(
    farmer: Page, officer: Page, server: AppServer
) -> None:
    dial(farmer, code_on(officer))
    expect(farmer.get_by_test_id("enrol-waiting")).to_contain_text("Wait for a yes")
    farmer.context.set_offline(True)
    context, url = farmer.context, re.sub("#.*", "#/", farmer.url)
    farmer.close()
    officer.locator("button", has_text="Yes").click(timeout=10_000)
    later = context.new_page()
    later.goto(url)  # from the service worker's cache
    count_by_hand(later, 1)
    context.set_offline(False)
    tap(later, "advice-done")
    tap(later, "tab-outbox")
    expect(later.get_by_test_id("total-arrived")).to_have_attribute("data-count", "2", timeout=10_000)


def test_a_wrong_code_and_a_no_are_told_with_what_to_do_next(farmer: Page, officer: Page) -> None:
    code = code_on(officer)
    dial(farmer, f"{(int(code) + 500_000) % 1_000_000:06}")
    expect(farmer.get_by_test_id("sync-problem")).to_contain_text("Ask your officer to open a new one")
    dial(farmer, code)
    officer.locator("button", has_text="No").click(timeout=10_000)
    expect(farmer.get_by_test_id("sync-problem")).to_contain_text("did not let this phone in", timeout=10_000)
    expect(farmer.get_by_test_id("enrol-digits")).to_be_visible()


def test_a_mistyped_digit_is_erased_and_another_code_can_be_taken(farmer: Page, officer: Page) -> None:
    farmer.goto(re.sub("#.*", "#/enrol", farmer.url))
    for digit in "123456":
        tap(farmer, f"key-{digit}")
    expect(farmer.get_by_test_id("key-1")).to_be_hidden()
    tap(farmer, "key-erase")
    expect(farmer.get_by_test_id("key-1")).to_be_visible()
    expect(farmer.get_by_test_id("enrol-digits")).to_have_text("12345")
    farmer.context.set_offline(True)
    tap(farmer, "key-6")
    farmer.get_by_test_id("enrol-name").fill("Sunita")
    tap(farmer, "enrol-ask")
    expect(farmer.get_by_test_id("enrol-waiting")).to_contain_text("as soon as there is a network")
    tap(farmer, "enrol-again")
    expect(farmer.get_by_test_id("enrol-digits")).to_have_text("")


def test_consent_that_is_taken_back_reaches_the_office_and_then_everything_is_erased(
    farmer: Page, officer: Page
) -> None:
    count_by_hand(farmer, 4)
    dial(farmer, code_on(officer))
    officer.locator("button", has_text="Yes").click(timeout=10_000)
    expect(farmer.get_by_test_id("enrolment-state")).to_have_attribute("data-state", "active", timeout=10_000)
    farmer.context.set_offline(True)
    tap(farmer, "stop-sending")
    farmer.context.set_offline(False)
    tap(farmer, "tab-settings")
    officer.get_by_role("link", name="Back to the phones").click()
    taken_back = officer.get_by_text("took the consent back")
    for _ in range(20):
        if taken_back.count():
            break
        officer.wait_for_timeout(250)
        officer.reload()
    expect(taken_back).to_be_visible()
    tap(farmer, "erase")
    tap(farmer, "erase-sure")
    expect(farmer.get_by_test_id("enrolment-state")).to_have_attribute("data-state", "none")
    officer.reload()
    expect(officer.locator(".phones h3")).to_contain_text("erased")
    expect(officer.locator(".phones")).not_to_contain_text("Sunita")
    tap(farmer, "tab-traps")
    expect(farmer.get_by_test_id("trap-card")).to_be_visible()
