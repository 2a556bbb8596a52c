"""People who go through the app in a real Chromium and look at every screen; what to look for is the test's."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.field.conftest import PUT_SETTING, wait_for_the_counter

GOLDEN_PHOTOS = Path(__file__).parents[1] / "golden" / "photos"


class Walker:
    """Goes through the app and looks at every screen.

    Args:
      context: the phone's browser, on which nobody has used the app yet.
      url: address of the app.
      locale: the language that is chosen on the first screen.
      width_px: of the phone's screen.
      faults_of: what is wrong with the page as it is shown now.
    """

    def __init__(
        self, context: BrowserContext, url: str, locale: str, width_px: int, faults_of: Callable[[Page], list[str]]
    ) -> None:
        self.page: Page = context.new_page()
        self.page.set_viewport_size({"width": width_px, "height": 640})
        self.page.goto(url)
        self.locale = locale
        self.faults_of = faults_of
        self.faults: dict[str, list[str]] = {}

    def tap(self, testid: str) -> None:
        self.page.get_by_test_id(testid).first.click()

    def look(self, screen: str) -> None:
        expect(self.page.get_by_test_id(f"screen-{screen}")).to_be_visible(timeout=30_000)
        if faults := self.faults_of(self.page):
            self.faults.setdefault(screen, []).extend(faults)

    def photograph(self, photo: str) -> None:
        self.page.get_by_test_id("photo-gallery").first.set_input_files(GOLDEN_PHOTOS / photo)


def walk(walker: Walker) -> dict[str, list[str]]:
    """Every screen once, in the order in which a person meets them; what is wrong, by screen."""
    walker.look("language")
    walker.tap(f"language-{walker.locale}")
    walker.look("consent")
    walker.tap("consent-minor")
    walker.look("younger")
    walker.tap("back")
    walker.tap("consent-agree")
    walker.look("settings")
    walker.tap("tab-traps")
    walker.look("traps")
    walker.tap("add-trap")
    walker.look("new-trap")
    walker.tap("emptied-3")
    walker.tap("save-trap")
    walker.look("traps")
    walker.tap("open-camera")
    walker.look("camera")
    walker.tap("back")
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
    walker.tap("inspect")
    walker.look("inspection")
    walker.tap("part-boll")
    walker.tap("tally-damaged")
    walker.look("inspection")
    walker.tap("tally-stop")
    walker.look("advice")
    walker.tap("open-history")
    walker.look("history")
    walker.tap("forgotten-day")
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
    return walker.faults


def walk_on(walker: Walker) -> dict[str, list[str]]:
    """From one trap to the next with a camera that likes what it sees; what is wrong, by screen."""
    for testid in (f"language-{walker.locale}", "consent-agree", "emptied-3", "save-trap"):
        walker.tap(testid)
    for testid in ("add-trap", "emptied-3", "save-trap"):
        walker.tap(testid)
    wait_for_the_counter(walker.page)
    walker.page.evaluate(PUT_SETTING, ["shutter_by_hand", True])  # or the photo is taken before anybody has looked
    walker.tap("open-camera")
    expect(walker.page.locator(".camera.good")).to_be_visible(timeout=60_000)
    walker.look("camera")
    walker.tap("shutter")
    walker.look("result")
    walker.tap("save-count")
    walker.look("advice")
    expect(walker.page.get_by_test_id("next-traps")).to_be_visible()
    return walker.faults
