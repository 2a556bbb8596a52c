"""Whoever sees little, hears the screen or uses keys gets the same app; and a browser takes it for one that can be installed.

axe-core judges every screen, with the stricter contrast of 7:1 that full sun asks for.
"""

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import BROWSER, Chromium
from tests.field.conftest import (
    AppServer,
    browser,
    camera_that_sees,
    count_by_hand,
    enrol_with,
    sync_answer,
    tap,
)
from tests.field.walk import GOLDEN_PHOTOS, Walker, walk, walk_on

AXE = BROWSER / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}
RUN_AXE = """async (rules) => {
  const { violations, incomplete } = await axe.run(document, { rules, resultTypes: ['violations', 'incomplete'] });
  // A badge of one digit: axe cannot tell it from an ornament; nor what lies behind the numbers drawn into a chart.
  const unsure = ['shortTextContent', 'imgNode'];
  const untold = (node) => node.any.some(({ data }) => unsure.includes(data?.messageKey));
  return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.filter((node) => !untold(node)).map((node) => `${id}: ${node.html.slice(0, 120)} ${node.failureSummary}`));
}"""


def axe_faults(page: Page) -> list[str]:
    # So tall that no bar lies over anything: axe cannot tell the colour behind.
    page.set_viewport_size({"width": 360, "height": 6000})
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(RUN_AXE, RULES)
    page.set_viewport_size({"width": 360, "height": 640})
    return found


@pytest.mark.parametrize("locale", ["en", "hi"])
def test_axe_finds_nothing_on_any_screen(
    chromium: Chromium, server: AppServer, tmp_path_factory: pytest.TempPathFactory, locale: str
) -> None:
    with browser(chromium, tmp_path_factory.mktemp("phone")) as context:
        walker = Walker(context, server.app_url, locale, 360, axe_faults)
        assert walk(walker) == {}
        assert walker.page.locator("html").get_attribute("lang") == locale


def test_axe_finds_nothing_from_one_trap_to_the_next(chromium: Chromium, server: AppServer, tmp_path: Path) -> None:
    flags = camera_that_sees(GOLDEN_PHOTOS / "large.jpg", tmp_path)
    with browser(chromium, tmp_path / "phone", *flags) as context:
        assert walk_on(Walker(context, server.app_url, "en", 360, axe_faults)) == {}


def test_axe_finds_nothing_where_a_count_was_refused(farmer: Page) -> None:
    reason = {"number": "500.1", "message": "Something broke here, and it is written down.", "params": {}, "text": ""}

    def refuse(facts: list[dict[str, Any]]) -> dict[str, Any]:
        return sync_answer(
            facts, items=[{"seq": fact["seq"], "status": "rejected", "problem": reason} for fact in facts]
        )

    enrol_with(farmer.context, refuse)
    count_by_hand(farmer, 1)
    farmer.goto(re.sub("#.*", "#enrol=abcde-fghjk-mnp", farmer.url))
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("reason").first).to_be_visible()
    assert axe_faults(farmer) == []


SEEN_TARGETS = """() => [...document.querySelectorAll('header a, main a, main button, main summary, nav a')]
  .filter((element) => element.offsetParent).map((element) => element.dataset.testid)"""


def test_the_title_is_read_first_and_keys_reach_everything_in_the_order_in_which_it_stands(farmer: Page) -> None:
    count_by_hand(farmer, 4)
    tap(farmer, "advice-done")
    for screen in ("outbox", "settings", "traps"):
        tap(farmer, f"tab-{screen}")
        expect(farmer.get_by_test_id(f"screen-{screen}")).to_be_visible()
        expect(farmer.locator("h1")).to_be_focused()
        wanted, reached = farmer.evaluate(SEEN_TARGETS), []
        for _ in wanted:
            farmer.keyboard.press("Tab")
            reached.append(farmer.evaluate("document.activeElement.dataset.testid ?? document.activeElement.tagName"))
        assert reached == wanted


def test_nothing_moves_for_who_asked_for_stillness(farmer: Page) -> None:
    farmer.emulate_media(reduced_motion="reduce")
    moving = farmer.evaluate(
        """() => [...document.querySelectorAll('*')].filter((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return transitionDuration !== '0s' || animationName !== 'none';
        }).map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert moving == []


def pixels(png: Path) -> str:
    """Width and height as a manifest writes them."""
    return "{}x{}".format(*struct.unpack(">II", png.read_bytes()[16:24]))


def test_a_browser_offers_to_install_the_app(phone: BrowserContext, server: AppServer, app_dist: Path) -> None:
    page = phone.new_page()
    page.goto(server.app_url)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    devtools = phone.new_cdp_session(page)
    assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    assert devtools.send("Page.getAppManifest")["errors"] == []

    manifest: dict[str, Any] = json.loads((app_dist / "manifest.webmanifest").read_text(encoding="utf-8"))
    assert manifest["start_url"].startswith(manifest["scope"])
    assert server.app_url.endswith(manifest["scope"])
    assert manifest["display"] == "standalone"
    assert page.locator("meta[name=theme-color]").get_attribute("content") == manifest["theme_color"]
    sizes = {(icon["purpose"], icon["sizes"]) for icon in manifest["icons"]}
    assert sizes >= {("any", "192x192"), ("any", "512x512"), ("maskable", "512x512")}
    for icon in manifest["icons"]:
        assert pixels(app_dist / icon["src"]) == icon["sizes"]
