"""The size of the family that a phone counts with, chosen in a real Chromium: what is downloaded, and when it is used."""

import json

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from server.config import REPOSITORY
from tests.field.conftest import AppServer, tap, wait_for_the_counter

BASE = REPOSITORY / "mobile_models" / "releases" / "base"
VERSION = json.loads((BASE / "current.json").read_text())["version"]


@pytest.fixture
def page(own_phone: BrowserContext, server: AppServer) -> Page:
    """The settings of an app that is installed."""
    page = own_phone.new_page()
    server.asked.clear()
    page.goto(server.app_url)
    tap(page, "language-en")
    tap(page, "consent-agree")
    tap(page, "back")
    wait_for_the_counter(page)
    tap(page, "tab-settings")
    return page


def fetched(server: AppServer) -> set[str]:
    """Files of releases that were asked for, in the app or from the API."""
    return {path.split("/")[-1] for path in server.asked if f"/{VERSION}/" in path}


def test_the_first_visit_fetches_the_usual_size_alone(page: Page, server: AppServer) -> None:
    expect(page.get_by_test_id("size-in-use")).to_have_attribute("data-size", "small", timeout=30_000)
    assert fetched(server) >= {"small.tflite", "small.json", "manifest.json", "manifest.sig"}
    assert not fetched(server) & {
        "golden.png",
        "nano.tflite",
        "nano.json",
        "base.tflite",
        "base.json",
        "small.weights.npz",
    }


def test_a_phone_is_timed_by_itself_and_says_so(page: Page) -> None:
    for _ in range(20):
        page.wait_for_timeout(1000)
        page.reload()
        if "seconds for a photo" in page.get_by_test_id("setting-size").inner_text():
            return
    pytest.fail(page.get_by_test_id("setting-size").inner_text())


def test_another_size_says_what_it_costs_and_counts_when_it_has_arrived(
    page: Page, own_phone: BrowserContext, server: AppServer
) -> None:
    size_bytes = sum((BASE / VERSION / name).stat().st_size for name in ("nano.tflite", "nano.json"))
    expect(page.get_by_test_id("setting-size")).to_contain_text(f"{-(-size_bytes // 1000)} kB to download")
    own_phone.set_offline(True)
    tap(page, "size-nano")
    expect(page.get_by_test_id("size-waiting")).to_be_visible()
    expect(page.get_by_test_id("size-in-use")).to_have_attribute("data-size", "small")
    own_phone.set_offline(False)
    tap(page, "model-update")
    expect(page.get_by_test_id("size-in-use")).to_have_attribute("data-size", "nano", timeout=60_000)
    expect(page.get_by_test_id("size-waiting")).to_have_count(0)
    assert {"nano.tflite", "nano.json"} <= fetched(server)
    assert "base.tflite" not in fetched(server)
    own_phone.set_offline(True)
    page.reload()
    expect(page.get_by_test_id("size-in-use")).to_have_attribute("data-size", "nano")
