"""Every screen of the app in a real Chromium: nothing overflows, every target can be touched with a glove, nothing is left in English.

At 320 pixels with text of twice the size, and at the 360 of a common phone; in the three languages that are translated.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser

GOLDEN_PHOTOS = Path(__file__).parents[1] / "golden" / "photos"
TOUCH_PX = 48

FAULTS = """([touch, doubled]) => {
  if (doubled) document.documentElement.style.fontSize = '200%';
  const words = (element) => element.outerHTML.slice(0, 90);
  const seen = [...document.querySelectorAll('#app *')].filter((element) => element.offsetParent);
  const targets = seen.filter((element) =>
    element.matches('button, a, select, summary, label.tile, label.chip, input[type=text]'));
  return {
    wide: document.documentElement.scrollWidth > innerWidth
      ? seen.filter((element) => element.getBoundingClientRect().right > innerWidth + 1).map(words) : [],
    small: targets.filter((element) => element.getBoundingClientRect().height < touch - 0.5).map(words),
    nameless: targets.filter((element) =>
      !element.textContent.trim() && !element.ariaLabel && !element.labels?.length).map(words),
    english: [...document.querySelectorAll('.tag-en')].map((tag) => tag.previousSibling?.previousSibling?.textContent),
  };
}"""


@pytest.fixture(
    scope="module",
    params=[("hi", 320, True), ("te", 320, True), ("mr", 360, False), ("en", 360, False)],
    ids=lambda param: f"{param[0]}-{param[1]}{'-doubled' if param[2] else ''}",
)
def walker(
    request: pytest.FixtureRequest, chromium: Chromium, server: AppServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Walker"]:
    locale, width_px, doubled = request.param
    with browser(chromium, tmp_path_factory.mktemp("phone")) as context:
        yield Walker(context, server.app_url, locale, width_px, doubled)


class Walker:
    """A person who goes through the app, and looks at every screen."""

    def __init__(self, context: BrowserContext, url: str, locale: str, width_px: int, doubled: bool) -> None:
        self.page: Page = context.new_page()
        self.page.set_viewport_size({"width": width_px, "height": 740})
        self.page.goto(url)
        self.locale, self.doubled = locale, doubled
        self.faults: dict[str, list[str]] = {}

    def tap(self, testid: str) -> None:
        self.page.get_by_test_id(testid).first.click()

    def look(self, screen: str) -> None:
        expect(self.page.get_by_test_id(f"screen-{screen}")).to_be_visible(timeout=30_000)
        found = self.page.evaluate(FAULTS, [TOUCH_PX, self.doubled])
        faults = [f"{kind}: {what}" for kind, whats in found.items() for what in whats]
        self.faults.setdefault(screen, []).extend(faults)

    def photograph(self, photo: str) -> None:
        self.page.get_by_test_id("photo-gallery").first.set_input_files(GOLDEN_PHOTOS / photo)


def test_every_screen_fits_and_can_be_touched_and_read(walker: Walker) -> None:
    walker.look("language")
    walker.tap(f"language-{walker.locale}")
    walker.look("consent")
    walker.tap("consent-agree")
    walker.look("traps")
    walker.tap("add-trap")
    walker.look("new-trap")
    walker.tap("emptied-3")
    walker.tap("save-trap")
    walker.look("traps")
    walker.photograph("dark.png")
    walker.look("result")
    walker.tap("save-count")
    walker.look("advice")
    walker.tap("open-history")
    walker.look("history")
    walker.tap("back")
    walker.tap("add-trap")
    walker.tap("pest-PECTGO")
    walker.look("new-trap")
    walker.tap("emptied-1")
    walker.tap("save-trap")
    walker.tap("count-by-hand")
    walker.tap("count-plus-10")
    walker.look("result")
    walker.tap("save-count")
    walker.look("advice")
    walker.tap("advice-done")
    walker.look("traps")
    walker.tap("tab-outbox")
    walker.look("outbox")
    walker.tap("open-enrol")
    walker.look("enrol")
    for digit in "482913":
        walker.tap(f"key-{digit}")
    walker.look("enrol")
    walker.tap("back")
    walker.look("settings")
    assert {screen: faults for screen, faults in walker.faults.items() if faults} == {}
