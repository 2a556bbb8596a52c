"""From the camera to a number that a person has looked over, in a real browser: guided, refused, rejected, tapped, very large."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.conftest import Chromium
from tests.field.conftest import (
    ALLOWED,
    FAKE_CAMERA,
    FLAGS,
    PUT_SETTING,
    AppServer,
    camera_that_sees,
    tap,
    wait_for_the_counter,
)

GOLDEN_PHOTOS = Path(__file__).parents[1] / "golden" / "photos"
COUNTING_MS = 30_000

FACTS = """kind => new Promise((resolve) => {
  indexedDB.open('pestwatch').onsuccess = ({ target }) => {
    const all = target.result.transaction('facts').objectStore('facts').getAll();
    all.onsuccess = () => resolve(all.result.filter((fact) => fact.kind === kind).map(({ body }) => body));
  };
})"""


@contextmanager
def phone_with(
    chromium: Chromium, server: AppServer, folder: Path, *flags: str, quota_bytes: int | None = None
) -> Iterator[Page]:
    """A phone with one trap for Helicoverpa, started with more flags, or with little room."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=chromium.path, env={**os.environ, **chromium.env}, args=[*FLAGS, *flags]
        )
        page = context.new_page()
        if quota_bytes:
            room = {"origin": server.url, "quotaSize": quota_bytes}
            context.new_cdp_session(page).send("Storage.overrideQuotaForOrigin", room)
        page.goto(server.app_url)
        for testid in ("language-en", "consent-agree", "pest-HELIAR", "emptied-3", "save-trap"):
            tap(page, testid)
        expect(page.get_by_test_id("trap-card")).to_be_visible()
        yield page
        context.close()


def count(page: Page, photo: Path) -> Locator:
    """Counts a photo from the gallery; gives the number."""
    page.get_by_test_id("photo-gallery").set_input_files(photo)
    number = page.get_by_test_id("count-number")
    expect(number).to_be_visible(timeout=COUNTING_MS)
    expect(page.get_by_test_id("marked-photo")).to_have_attribute("data-zoom", "1.00")
    return number


def tap_photo(page: Page, x: float, y: float) -> None:
    """One finger at a place of the photo, in shares of its sides; then what tells one tap from two has passed."""
    box = page.get_by_test_id("marked-photo").bounding_box()
    assert box
    page.get_by_test_id("marked-photo").click(position={"x": x * box["width"], "y": y * box["height"]})
    page.wait_for_timeout(350)


@pytest.fixture
def black(tmp_path: Path) -> Path:
    """A photo on which there is nothing to see."""
    photo = tmp_path / "black.jpg"
    Image.new("RGB", (1200, 900), (6, 6, 6)).save(photo, "JPEG")
    return photo


def facts(page: Page, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(FACTS, kind)
    return found


def send_photos(page: Page) -> None:
    tap(page, "tab-settings")
    tap(page, "photos-yes")
    tap(page, "tab-traps")


# --- the guided camera


def test_a_shutter_takes_a_whole_photo_which_is_counted(chromium: Chromium, server: AppServer, tmp_path: Path) -> None:
    with phone_with(chromium, server, tmp_path, FAKE_CAMERA, ALLOWED) as page:
        tap(page, "open-camera")
        expect(page.get_by_test_id("viewfinder")).to_be_visible()
        tap(page, "shutter")
        # Whatever the made-up camera shows, it is no trap.
        expect(page.get_by_test_id("gate-rejected")).to_be_visible(timeout=COUNTING_MS)
        tap(page, "back")
        expect(page.get_by_test_id("draft-waiting")).to_be_visible()


@pytest.mark.parametrize(("photo", "hint"), [("large.jpg", "check"), ("dark.png", "dark"), ("bright.png", "sun")])
def test_the_gate_says_before_the_photo_what_to_change(
    chromium: Chromium, server: AppServer, tmp_path: Path, photo: str, hint: str
) -> None:
    flags = camera_that_sees(GOLDEN_PHOTOS / photo, tmp_path)
    with phone_with(chromium, server, tmp_path / "phone", *flags) as page:
        page.evaluate(PUT_SETTING, ["shutter_by_hand", True])  # or a good photo is taken before anybody has read
        tap(page, "open-camera")
        expect(page.locator(".camera")).to_have_attribute("data-hint", hint, timeout=COUNTING_MS)
        expect(page.get_by_test_id("hint")).not_to_be_empty()


def test_a_camera_that_is_refused_leads_kindly_to_the_phones_own(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    with phone_with(chromium, server, tmp_path, FAKE_CAMERA, f"{ALLOWED}=deny") as page:
        tap(page, "open-camera")
        expect(page.get_by_test_id("camera-refused")).to_contain_text("Take the photo with the camera app")
        page.get_by_test_id("photo-app").set_input_files(GOLDEN_PHOTOS / "funnel.png")
        expect(page.get_by_test_id("count-number")).to_have_text("7", timeout=COUNTING_MS)
        tap(page, "back")
        with page.expect_file_chooser():  # and from now on without the detour
            tap(page, "open-camera")


def test_without_a_camera_for_the_page_the_phones_own_takes_the_photo(farmer: Page) -> None:
    tap(farmer, "open-camera")
    expect(farmer.get_by_test_id("camera-failed")).to_be_visible()
    with farmer.expect_file_chooser():
        tap(farmer, "open-app")


# --- what was not counted


def test_of_a_rejected_photo_no_number_is_shown_nor_kept(farmer: Page, black: Path) -> None:
    number = count(farmer, black)
    expect(farmer.get_by_test_id("gate-rejected")).to_have_attribute("data-reason", "too_dark")
    expect(number).to_have_text("?")
    expect(farmer.get_by_test_id("count-by")).to_have_text("Nothing was counted")
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_have_attribute("data-level", "no-data")
    expect(farmer.get_by_test_id("advice")).to_contain_text("Nothing was counted")
    tap(farmer, "advice-done")
    expect(farmer.get_by_test_id("trap-card")).to_contain_text("Nothing was counted")
    (kept,) = facts(farmer, "observation")
    assert (kept["counts"], kept["gate"]) == ({}, {"verdict": "rejected", "reason": "too_dark"})
    assert facts(farmer, "correction") == []


def test_a_number_for_a_rejected_photo_is_the_persons_alone(farmer: Page, black: Path) -> None:
    number = count(farmer, black)
    tap(farmer, "count-minus")
    expect(number).to_have_text("0")
    tap(farmer, "count-plus")
    expect(number).to_have_text("1")
    expect(farmer.get_by_test_id("count-by")).to_have_text("Counted by you")
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_contain_text("1 insect")
    (kept,), (correction,) = facts(farmer, "observation"), facts(farmer, "correction")
    assert (kept["counts"], correction["counts"]) == ({}, {"HELIAR": 1})


# --- marks


def test_marks_are_tapped_in_and_out_and_become_a_correction_of_their_own(farmer: Page) -> None:
    send_photos(farmer)
    number = count(farmer, GOLDEN_PHOTOS / "funnel.png")
    photo = farmer.get_by_test_id("marked-photo")
    expect(number).to_have_text("7")
    tap_photo(farmer, 0.1, 0.9)
    tap_photo(farmer, 0.9, 0.1)
    expect(number).to_have_text("9")
    tap_photo(farmer, 0.9, 0.1)
    expect(number).to_have_text("8")
    tap(farmer, "undo")
    expect(number).to_have_text("9")
    expect(photo).to_have_attribute("data-marks", "9")
    expect(farmer.get_by_test_id("count-by")).to_have_text("Counted by you")
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_contain_text("9 insects")
    (observation,), (correction,) = facts(farmer, "observation"), facts(farmer, "correction")
    assert observation["counts"]["HELIAR"] == 7
    assert (correction["observation"], correction["counts"]["HELIAR"]) == (2, 9)
    assert len(correction["marks"]) == 9
    added = correction["marks"][-2]
    assert (added["x"], added["y"], added["species"]) == (
        pytest.approx(0.1, abs=0.01),
        pytest.approx(0.9, abs=0.01),
        "HELIAR",
    )
    assert correction["marks"][:7] == observation["marks"]


def test_taking_every_tap_back_leaves_the_phones_own_number(farmer: Page) -> None:
    number = count(farmer, GOLDEN_PHOTOS / "funnel.png")
    expect(farmer.get_by_test_id("undo")).to_be_disabled()
    tap_photo(farmer, 0.1, 0.9)
    expect(number).to_have_text("8")
    tap(farmer, "undo")
    expect(number).to_have_text("7")
    expect(farmer.get_by_test_id("count-by")).to_contain_text("Counted by the phone")
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_be_visible()
    assert facts(farmer, "correction") == []


def test_a_number_beyond_the_marks_goes_without_them(farmer: Page) -> None:
    send_photos(farmer)
    number = count(farmer, GOLDEN_PHOTOS / "funnel.png")
    tap_photo(farmer, 0.1, 0.9)
    tap(farmer, "count-plus")
    expect(number).to_have_text("9")
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_be_visible()
    (correction,) = facts(farmer, "correction")
    assert (correction["counts"]["HELIAR"], correction["marks"]) == (9, None)


def test_marks_outlive_the_page(farmer: Page) -> None:
    count(farmer, GOLDEN_PHOTOS / "funnel.png")
    tap_photo(farmer, 0.1, 0.9)
    farmer.reload()
    expect(farmer.get_by_test_id("count-number")).to_have_text("8")
    expect(farmer.get_by_test_id("marked-photo")).to_have_attribute("data-marks", "8")
    tap(farmer, "undo")
    expect(farmer.get_by_test_id("count-number")).to_have_text("7")


def test_two_taps_buttons_and_two_fingers_bring_the_photo_nearer(farmer: Page) -> None:
    number = count(farmer, GOLDEN_PHOTOS / "funnel.png")
    photo = farmer.get_by_test_id("marked-photo")
    photo.dblclick(position={"x": 100, "y": 100})
    expect(photo).to_have_attribute("data-zoom", "2.50")
    tap(farmer, "zoom-out")
    tap(farmer, "zoom-out")
    expect(photo).to_have_attribute("data-zoom", "1.00")
    tap(farmer, "zoom-in")
    expect(photo).to_have_attribute("data-zoom", "1.70")
    tap(farmer, "zoom-out")
    box = photo.bounding_box()
    assert box
    left, right, y = box["x"] + box["width"] * 0.45, box["x"] + box["width"] * 0.55, box["y"] + box["height"] / 2
    touches = farmer.context.new_cdp_session(farmer)

    def touch(kind: str, *xs: float) -> None:
        points = [{"x": x, "y": y, "id": finger} for finger, x in enumerate(xs)]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", left, right)
    for step in range(1, 6):
        touch("touchMove", left - step * 10, right + step * 10)
    touch("touchEnd")
    farmer.wait_for_timeout(400)
    zoom = float(photo.get_attribute("data-zoom") or 0)
    assert zoom > 2
    expect(number).to_have_text("7")  # none of this was a tap


# --- heavy photos


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_of_48_megapixels_is_decoded_smaller_and_says_so(
    farmer: Page, tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole = Image.open(GOLDEN_PHOTOS / "funnel.png").convert("RGB").resize((6000, 6000), Image.Resampling.BICUBIC)
    photo = tmp_path / "48.jpg"
    wide = Image.new("RGB", (8000, 6000), whole.getpixel((5, 5)))
    wide.paste(whole, (1000, 0))
    wide.save(photo, "JPEG", quality=85, exif=exif)
    number = count(farmer, photo)
    expect(number).to_have_text("7")
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_be_visible()
    (kept,) = facts(farmer, "observation")
    assert kept["decoded_scale"] == 0.625


def test_the_network_leaves_memory_when_nobody_counts(farmer: Page) -> None:
    # A phone that has a size need not be timed, which would wake the network once more.
    wait_for_the_counter(farmer)
    tap(farmer, "tab-settings")
    tap(farmer, "size-small")
    tap(farmer, "tab-traps")
    farmer.clock.install()
    farmer.reload()
    count(farmer, GOLDEN_PHOTOS / "funnel.png")
    assert len(farmer.workers) == 1
    farmer.clock.fast_forward(59_000)
    assert len(farmer.workers) == 1
    farmer.clock.fast_forward(2_000)
    farmer.wait_for_timeout(500)
    assert farmer.workers == []


def test_a_photo_that_does_not_fit_on_the_phone_is_said_and_what_was_there_stays(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    heavy = tmp_path / "heavy.jpg"
    Image.effect_noise((3200, 2400), 90).convert("RGB").save(heavy, quality=95)
    with phone_with(chromium, server, tmp_path / "phone", quota_bytes=heavy.stat().st_size) as page:
        count(page, GOLDEN_PHOTOS / "funnel.png")
        tap_photo(page, 0.1, 0.9)
        tap(page, "back")
        expect(page.get_by_test_id("draft-continue")).to_be_visible()
        page.get_by_test_id("photo-gallery").set_input_files(heavy)
        expect(page.locator("#live")).to_contain_text("no room left")
        tap(page, "draft-continue")
        expect(page.get_by_test_id("count-number")).to_have_text("8")


def test_a_zero_on_a_doubtful_photo_is_nowhere_told_as_if_counted_until_a_person_says_it(farmer: Page) -> None:
    number = count(farmer, GOLDEN_PHOTOS / "dark.png")
    expect(farmer.get_by_test_id("gate-doubtful")).to_have_attribute("data-reason", "too_dark")
    expect(farmer.get_by_test_id("other-counts")).to_have_count(0)
    expect(number).to_have_text("?")
    tap(farmer, "save-count")
    advice = farmer.get_by_test_id("advice")
    expect(advice).to_have_attribute("data-level", "no-data")
    expect(advice).to_contain_text("Doubtful photo")
    expect(advice.get_by_test_id("gate-picture")).to_contain_text("Turn the trap towards the light")
    expect(farmer.get_by_test_id("open-camera")).to_be_visible()
    expect(farmer.get_by_test_id("count-by-hand")).to_be_visible()
    for screen, testid in (("advice-done", "trap-card"), ("open-trap", "count-row"), ("open-outbox", "outbox-item")):
        if screen == "open-outbox":
            farmer.goto(re.sub("#.*", "#/outbox", farmer.url))
        else:
            tap(farmer, screen)
        expect(farmer.get_by_test_id(testid).first).to_contain_text("Doubtful photo")
        expect(farmer.get_by_text(re.compile(r"\b0 insects"))).to_have_count(0)
        expect(farmer.get_by_text("Probably between")).to_have_count(0)

    farmer.goto(re.sub("#.*", "#/", farmer.url))
    number = count(farmer, GOLDEN_PHOTOS / "dark.png")
    tap(farmer, "count-minus")
    expect(number).to_have_text("0")
    expect(farmer.get_by_test_id("count-by")).to_have_text("Counted by you")
    tap(farmer, "save-count")
    expect(advice).to_contain_text("0 insects")
    assert facts(farmer, "correction")[-1]["counts"] == {"HELIAR": 0}
