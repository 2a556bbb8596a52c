"""The first minute can be heard: languages, consent and advice, by a tap, without a network once they are there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, count_by_hand, tap

# Keeps hold of the one player, which is not part of the page.
HOLD_PLAYER = """
window.played = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.player = this;
  window.played.push(this.src);
  return play.call(this);
};
"""

KEPT = "caches.open('pestwatch-sound').then((cache) => cache.keys())"


@pytest.fixture
def page(chromium: Chromium, server: AppServer, tmp_path: Path, app_dist: Path) -> Iterator[Page]:
    """A new phone on the first screen of an app that was built with sound."""
    if not (app_dist / "sound" / "names.json").exists():
        pytest.skip("the app was built without sound: this machine has no wheel of the synthesizer")
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.set_viewport_size({"width": 320, "height": 568})
        page.add_init_script(HOLD_PLAYER)
        server.asked.clear()
        page.goto(server.app_url)
        yield page


def until(page: Page, condition: str, seconds: int = 15) -> None:
    """Waits; Playwright's own way needs an eval that the app's policy forbids."""
    for _ in range(seconds * 10):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never came true: {condition}")


def wait_for_sound(page: Page) -> None:
    """Until something has been heard for a third of a second."""
    until(page, "(window.player?.currentTime ?? 0) > 0.3")


def sound_files(server: AppServer) -> list[str]:
    return [path.rpartition("/")[2] for path in server.asked if "/sound/" in path]


def start(page: Page, locale: str = "en") -> None:
    tap(page, f"language-{locale}")
    expect(page.get_by_test_id("screen-consent")).to_be_visible()


def first_trap(page: Page) -> None:
    for testid in ("consent-agree", "pest-HELIAR", "emptied-3", "save-trap"):
        tap(page, testid)


def test_a_loudspeaker_says_its_language_and_does_not_choose_it(page: Page) -> None:
    tap(page, "hear-te")
    wait_for_sound(page)
    expect(page.get_by_test_id("hear-te")).to_have_class(re.compile("spoken"))
    expect(page.get_by_test_id("screen-language")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    expect(page.get_by_test_id("hear-te")).not_to_have_class(re.compile("spoken"), timeout=10_000)


def test_nothing_sounds_before_a_tap_and_names_come_after_the_first_screen(page: Page, server: AppServer) -> None:
    expect(page.get_by_test_id("hear-hi")).to_be_visible()
    assert page.evaluate("window.played") == []
    first_screen = next(i for i, path in enumerate(server.asked) if "/assets/index-" in path)
    sound = next(i for i, path in enumerate(server.asked) if "/sound/" in path)
    assert first_screen < sound
    assert [file.partition("-")[0] for file in sound_files(server)] == ["names.json", "names"]


def test_a_language_and_its_loudspeaker_fit_beside_each_other_on_the_smallest_phone(page: Page) -> None:
    for locale in ("hi", "mr", "te", "en"):
        name, hear = (page.get_by_test_id(f"{what}-{locale}").bounding_box() for what in ("language", "hear"))
        assert name
        assert hear
        assert name["x"] + name["width"] <= hear["x"]
        assert hear["x"] + hear["width"] <= 320
        assert min(hear["width"], hear["height"], name["height"]) >= 48


def test_consent_is_read_line_by_line_and_the_eye_can_follow(page: Page) -> None:
    start(page, "hi")
    tap(page, "listen")
    wait_for_sound(page)
    first = page.locator(".spoken")
    expect(first).to_have_count(1)
    expect(first).to_contain_text("कृषि अधिकारियों")
    expect(page.locator(".spoken")).to_contain_text("ज़िला", timeout=15_000)
    expect(page.locator(".spoken")).to_be_in_viewport()
    expect(page.get_by_test_id("computer-voice")).to_be_visible()


def test_a_second_tap_stops_and_a_third_starts_over(page: Page) -> None:
    start(page)
    tap(page, "listen")
    wait_for_sound(page)
    tap(page, "listen")
    until(page, "window.player.paused")
    expect(page.locator(".spoken")).to_have_count(0)
    expect(page.get_by_test_id("listen")).to_contain_text("Listen")
    stopped_after = page.evaluate("window.played.length")
    tap(page, "listen")
    until(page, f"window.played.length > {stopped_after}")
    expect(page.locator(".spoken")).to_contain_text("If you agree")


def test_leaving_the_screen_ends_the_voice(page: Page) -> None:
    start(page)
    tap(page, "listen")
    wait_for_sound(page)
    tap(page, "back")
    until(page, "window.player.paused")
    expect(page.locator(".spoken")).to_have_count(0)


def test_consent_comes_with_its_screen_and_is_heard_without_a_network(page: Page, server: AppServer) -> None:
    with page.expect_response(re.compile(r"/sound/en-.*\.pack")) as fetched:
        start(page)
    content = fetched.value.body()
    assert fetched.value.status == 206
    assert len(content) <= 25_000
    expect(page.get_by_test_id("listen")).to_be_visible()
    until(page, f"{KEPT}.then(({{ length }}) => length >= {len(CONSENT) + 4})")
    page.context.set_offline(True)
    server.asked.clear()
    tap(page, "listen")
    wait_for_sound(page)
    assert sound_files(server) == []


CONSENT = [
    "If you agree",
    "They see the district",
    "does not ask your phone number",
    "stop at any time",
    "May photos of the trap go too?",
    "I am 18 or older",
    "Keep everything on this phone",
    "I am younger than 18",
]


def test_everything_that_is_agreed_to_is_heard_buttons_too(page: Page) -> None:
    start(page)
    page.evaluate("""() => {
      window.heard = [];
      new MutationObserver((changes) => {
        for (const { target } of changes) {
          if (target.classList.contains("spoken") && window.heard.at(-1) !== target.innerText) {
            window.heard.push(target.innerText);
          }
        }
      }).observe(document.body, { subtree: true, attributeFilter: ["class"] });
      const hurry = HTMLMediaElement.prototype.play;
      HTMLMediaElement.prototype.play = function () { this.playbackRate = 8; return hurry.call(this); };
    }""")
    tap(page, "listen")
    expect(page.get_by_test_id("listen")).to_have_attribute("data-reading", "false", timeout=40_000)
    heard = page.evaluate("window.heard")
    assert len(heard) == len(CONSENT)
    for said, words in zip(heard, CONSENT, strict=True):
        assert words in said


def test_the_downloaded_voice_reads_advice_with_its_numbers_and_no_network(page: Page, server: AppServer) -> None:
    start(page)
    first_trap(page)
    tap(page, "tab-settings")
    expect(page.get_by_test_id("voice-state")).to_contain_text("kB to download")
    tap(page, "voice-download")
    expect(page.get_by_test_id("voice-state")).to_have_text("On this phone", timeout=30_000)
    page.context.set_offline(True)
    server.asked.clear()
    tap(page, "tab-traps")
    count_by_hand(page, 2)
    tap(page, "listen")
    wait_for_sound(page)
    expect(page.locator(".spoken")).to_contain_text("20 insects", timeout=10_000)
    expect(page.locator(".spoken")).to_contain_text("Count again in 2 days", timeout=15_000)
    assert sound_files(server) == []


def test_advice_fetches_the_clips_it_needs_and_no_others(page: Page, server: AppServer, app_dist: Path) -> None:
    start(page)
    first_trap(page)
    count_by_hand(page, 2)
    kept = f"{KEPT}.then(({{ length }}) => length)"
    before = page.evaluate(kept)
    tap(page, "listen")
    wait_for_sound(page)
    # Level, insect, 20, "insects", the sentence before its number, 2, the sentence after it.
    assert page.evaluate(kept) - before == 7
    everything = json.loads((app_dist / "sound" / "en.json").read_text())["bytes"]
    missing = page.evaluate("location.hash = '#/settings'") and page.get_by_test_id("voice-state")
    assert int(missing.get_attribute("data-missing") or 0) > 0.7 * everything


def test_the_voice_can_be_removed_again(page: Page) -> None:
    start(page)
    first_trap(page)
    tap(page, "tab-settings")
    tap(page, "voice-remove")
    expect(page.get_by_test_id("voice-remove")).to_have_count(0)
    assert not page.evaluate(f"{KEPT}.then((kept) => kept.some(({{ url }}) => !url.endsWith('.json')))")


def test_a_phone_without_clips_and_voice_shows_a_sign_instead(page: Page) -> None:
    page.context.route("**/sound/**", lambda route: route.abort())
    start(page)
    expect(page.get_by_test_id("no-voice")).to_be_visible()
    expect(page.get_by_test_id("listen")).to_have_count(0)


def test_after_an_update_what_is_new_is_fetched_and_what_stayed_is_kept(page: Page, app_dist: Path) -> None:
    start(page)
    until(page, f"{KEPT}.then(({{ length }}) => length >= {len(CONSENT) + 4})")
    index = json.loads((app_dist / "sound" / "en.json").read_text())
    pack = (app_dist / "sound" / index["pack"]).read_bytes()
    asked = []

    def newer(route: Route) -> None:
        first, last = re.findall(r"\d+", route.request.headers["range"])
        asked.append(first)
        route.fulfill(status=206, body=pack[int(first) : int(last) + 1])

    page.context.route(f"**/sound/{index['pack']}", lambda route: route.fulfill(status=404))
    page.context.route("**/sound/en.json", lambda route: route.fulfill(json={**index, "pack": "en-newer.pack"}))
    page.context.route("**/sound/en-newer.pack", newer)
    page.reload()
    expect(page.get_by_test_id("screen-consent")).to_be_visible()
    tap(page, "listen")
    wait_for_sound(page)
    tap(page, "listen")
    assert asked == []
    first_trap(page)
    count_by_hand(page, 2)
    heard_before = page.evaluate("window.played.length")
    tap(page, "listen")
    until(page, f"window.played.length > {heard_before}")
    assert asked


def test_a_voice_that_people_recorded_is_not_called_the_computers(page: Page, app_dist: Path) -> None:
    index = json.loads((app_dist / "sound" / "en.json").read_text())
    keys = [row.partition(" ")[0] for row in index["clips"]]
    page.context.route("**/sound/en.json", lambda route: route.fulfill(json={**index, "recorded": keys}))
    start(page)
    expect(page.get_by_test_id("listen")).to_be_visible()
    expect(page.get_by_test_id("computer-voice")).to_be_hidden()


# Headless Chromium has no voices; this one notes what it is given to say.
VOICE = """
window.said = [];
class Utterance { constructor(text) { this.text = text; } addEventListener(kind, done) { if (kind === "end") this.done = done; } }
const speechSynthesis = {
  getVoices: () => [{ lang: "en-IN" }],
  speak: (utterance) => { window.said.push([utterance.lang, utterance.text]); setTimeout(() => utterance.done(), 50); },
  cancel: () => {},
  addEventListener: () => {},
};
Object.defineProperty(window, "speechSynthesis", { value: speechSynthesis });
Object.defineProperty(window, "SpeechSynthesisUtterance", { value: Utterance });
"""


def test_the_phones_own_voice_reads_what_has_no_clip(page: Page) -> None:
    page.context.route("**/sound/en**", lambda route: route.abort())
    page.add_init_script(VOICE)
    page.reload()
    start(page)
    tap(page, "listen")
    expect(page.get_by_test_id("listen")).to_have_attribute("data-reading", "false", timeout=10_000)
    said = page.evaluate("window.said")
    assert len(said) == len(CONSENT)
    for (lang, text), words in zip(said, CONSENT, strict=True):
        assert lang == "en-IN", "Chrome on Android goes by the utterance's language, not by its voice"
        assert words in text
    assert page.evaluate("window.played") == []


def test_what_a_captive_portal_sends_is_not_taken_for_a_voice(page: Page) -> None:
    page.context.route("**/sound/*.pack", lambda route: route.fulfill(status=200, body="<html>Pay here</html>" * 2_000))
    start(page)
    tap(page, "listen")
    expect(page.get_by_role("status").filter(has_text="needs a network")).to_be_visible()
    assert page.evaluate("window.played") == []


def test_whoever_is_younger_than_18_is_refused_kindly_counts_and_sends_nothing(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(f"{server.app_url}#enrol=abcdefghjkmnp")
        tap(page, "language-en")
        tap(page, "consent-minor")
        expect(page.get_by_test_id("screen-younger")).to_contain_text("Nothing is sent from this phone")
        for testid in ("younger-go-on", "pest-HELIAR", "emptied-3", "save-trap"):
            tap(page, testid)
        server.asked.clear()
        count_by_hand(page, 2)
        tap(page, "advice-done")
        tap(page, "tab-outbox")
        tap(page, "send-now")
        expect(page.get_by_test_id("no-consent")).to_be_visible()
        assert [path for path in server.asked if "/api/" in path and ("/sync" in path or "/enrol" in path)] == []
        assert consent_of(page) == {"version": 3, "locale": "en", "agreed": False, "is_minor": True}


def test_consent_is_recorded_with_its_version_language_and_time(page: Page) -> None:
    start(page, "hi")
    tap(page, "consent-agree")
    expect(page.get_by_test_id("screen-new-trap")).to_be_visible()
    assert consent_of(page) == {"version": 3, "locale": "hi", "agreed": True}


def consent_of(page: Page) -> dict[str, Any]:
    """The stored answer; its time is checked and left out."""
    answer = page.evaluate("""() => new Promise((done) => {
      const opening = indexedDB.open("pestwatch");
      opening.onsuccess = () => {
        const reading = opening.result.transaction("settings").objectStore("settings").get("consent");
        reading.onsuccess = () => done(reading.result);
      };
    })""")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+Z", answer.pop("at"))
    return answer


def test_four_taps_lead_from_the_icon_to_the_camera(page: Page) -> None:
    taps = ["language-hi", "consent-agree", "save-trap"]
    for testid in taps:
        tap(page, testid)
    tap(page, "open-camera")
    expect(page.get_by_test_id("screen-camera")).to_be_visible()
    assert len(taps) + 1 == 4
