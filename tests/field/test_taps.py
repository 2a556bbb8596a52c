"""What a count costs a thumb in a glove: five taps from the icon to the first, then two for each; the camera fires by itself.

What the made-up camera sees is the same photo without end, so that the gate is of one mind.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, camera_that_sees, tap, wait_for_the_counter
from tests.field.test_capture import GOLDEN_PHOTOS, facts

PATIENCE_MS = 60_000
LONGER_THAN_IT_HOLDS_MS = 2000
"""The trap is to be held well for 1.2 s."""
NO_DRAFT = """new Promise((resolve) => {
  indexedDB.open('pestwatch').onsuccess = ({ target }) => {
    const count = target.result.transaction('drafts').objectStore('drafts').count();
    count.onsuccess = () => resolve(count.result === 0);
  };
})"""
A_CAMERA_THAT_WAITS = """() => {
  const [take, later] = [ImageCapture.prototype.takePhoto, window.setTimeout];
  ImageCapture.prototype.takePhoto = async function () {
    const photo = await take.call(this);
    document.documentElement.dataset.photo = 'taken';
    await new Promise((done) => { window.giveThePhoto = done; });
    return photo;
  };
  // Nor does the app lose its patience.
  window.setTimeout = (work, ms) => (ms > 5000 ? 0 : later(work, ms));
}"""


class Thumb:
    """Touches the screen, and counts how often."""

    def __init__(self) -> None:
        self.taps = 0

    def tap(self, target: Locator) -> None:
        target.click(timeout=PATIENCE_MS)
        self.taps += 1


Phone = Callable[[str], AbstractContextManager[BrowserContext]]


@pytest.fixture
def phone_that_sees(chromium: Chromium, tmp_path: Path) -> Phone:
    """The same phone each time, with a camera that looks at a golden photo."""

    @contextmanager
    def opened(photo: str) -> Iterator[BrowserContext]:
        flags = camera_that_sees(GOLDEN_PHOTOS / photo, tmp_path)
        with browser(chromium, tmp_path / "phone", *flags) as context:
            yield context

    return opened


def begin(context: BrowserContext, server: AppServer) -> Page:
    """A farmer with one trap, and the counter on the phone."""
    page = context.new_page()
    page.goto(server.app_url)
    for testid in ("language-en", "consent-agree", "emptied-3", "save-trap"):
        tap(page, testid)
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    wait_for_the_counter(page)
    return page


def is_counted(page: Page) -> Locator:
    """Waits for a number from a photo that nobody had to take."""
    number = page.get_by_test_id("count-number")
    expect(number).to_be_visible(timeout=PATIENCE_MS)
    return number


def test_five_taps_from_the_icon_to_a_count_and_two_for_each_that_follows(
    phone_that_sees: Phone, server: AppServer
) -> None:
    with phone_that_sees("large.jpg") as context:
        page, thumb = context.new_page(), Thumb()
        page.goto(server.app_url)
        for testid in ("language-en", "consent-agree", "save-trap"):
            thumb.tap(page.get_by_test_id(testid))
        wait_for_the_counter(page)
        thumb.tap(page.get_by_test_id("open-camera"))
        number = is_counted(page).inner_text()
        # What came by itself is a draft, which outlives the page, until a person says that it shall stand.
        page.reload()
        assert is_counted(page).inner_text() == number
        assert facts(page, "observation") == []
        thumb.tap(page.get_by_test_id("save-count"))
        expect(page.get_by_test_id("advice")).to_be_visible()
        assert thumb.taps <= 5  # and it is kept
        tap(page, "advice-done")
        for _ in range(3):
            for testid in ("add-trap", "emptied-3", "save-trap"):
                tap(page, testid)
        expect(page.get_by_test_id("trap-card")).to_have_count(4)
        uncounted = page.get_by_test_id("trap-card").filter(has_text="Not counted yet")
        expect(uncounted).to_have_count(3)
        thumb.taps = 0
        ways = uncounted
        for left in (2, 1, 0):
            thumb.tap(ways.first.get_by_test_id("open-camera"))
            is_counted(page)
            thumb.tap(page.get_by_test_id("save-count"))
            expect(page.get_by_test_id("advice")).to_be_visible()
            ways = page.get_by_test_id("next-traps").get_by_test_id("trap-card")
            expect(ways).to_have_count(left)  # what is still to be counted is counted from here
        assert thumb.taps == 3 * 2
        kept = facts(page, "observation")
        assert len({count["trap"] for count in kept}) == len(kept) == 4
        assert {count["gate"]["verdict"] for count in kept} == {"good"}


def test_the_camera_takes_by_itself_what_the_gate_likes_and_only_while_a_person_wants_that(
    phone_that_sees: Phone, server: AppServer
) -> None:
    with phone_that_sees("dark.png") as context:
        page = begin(context, server)
        tap(page, "open-camera")
        expect(page.locator(".camera")).to_have_attribute("data-hint", "dark", timeout=PATIENCE_MS)
        page.wait_for_timeout(LONGER_THAN_IT_HOLDS_MS)
        expect(page.get_by_test_id("automatic")).to_have_attribute("aria-pressed", "true")
        tap(page, "automatic")
        expect(page.locator("#live")).to_have_text("You take the photo yourself.")
    with phone_that_sees("large.jpg") as context:
        page = context.new_page()
        page.goto(server.app_url)
        tap(page, "open-camera")
        expect(page.locator(".camera")).to_have_attribute("data-hint", "check", timeout=PATIENCE_MS)
        page.wait_for_timeout(LONGER_THAN_IT_HOLDS_MS)
        expect(page.get_by_test_id("hint")).to_have_text("Take the photo")
        tap(page, "automatic")
        is_counted(page)
        # Taken again in one tap, and then by hand: the person has seen what the gate had not.
        tap(page, "open-camera")
        expect(page.locator(".camera")).to_have_attribute("data-hint", "check", timeout=PATIENCE_MS)
        expect(page.get_by_test_id("automatic")).to_have_attribute("aria-pressed", "false")
        tap(page, "shutter")
        is_counted(page)
        assert facts(page, "observation") == []


def test_who_leaves_while_a_photo_is_taken_leaves_it_behind(phone_that_sees: Phone, server: AppServer) -> None:
    with phone_that_sees("large.jpg") as context:
        page = begin(context, server)
        page.evaluate(A_CAMERA_THAT_WAITS)
        tap(page, "open-camera")
        expect(page.locator("html[data-photo=taken]")).to_be_attached(timeout=PATIENCE_MS)
        tap(page, "back")
        expect(page.get_by_test_id("trap-card")).to_be_visible()
        page.evaluate("window.giveThePhoto()")
        page.wait_for_timeout(500)
        expect(page.get_by_test_id("trap-card")).to_be_visible()
        assert page.evaluate(NO_DRAFT)
        # Nor has its camera failed: the next photo is taken with it.
        tap(page, "open-camera")
        expect(page.get_by_test_id("viewfinder")).to_be_visible(timeout=PATIENCE_MS)
