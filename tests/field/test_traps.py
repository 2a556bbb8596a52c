"""Traps in a real Chromium: where they hang, what is due, forgotten days, looks at the plants, and what neighbours are shown."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.field.conftest import PUT_SETTING, count_by_hand, enrol_with, sync_answer, tap

NAGPUR = {"latitude": 21.1458, "longitude": 79.0882}
TAKE_SETTING = """(key) => new Promise((done) => {
  const asked = indexedDB.open('pestwatch');
  asked.onsuccess = () => {
    const got = asked.result.transaction('settings').objectStore('settings').get(key);
    got.onsuccess = () => { asked.result.close(); done(got.result); };
  };
})"""


def until(page: Page, found: Callable[[], Any]) -> Any:
    """Waits for something outside the page's elements; our CSP keeps a browser from waiting by itself."""
    for _ in range(100):
        if here := found():
            return here
        page.wait_for_timeout(100)
    pytest.fail("it never came")


def outbox(page: Page) -> list[dict[str, Any]]:
    """Every fact of the phone, as its export writes it."""
    page.goto(re.sub("#.*", "#/outbox", page.url))
    with page.expect_download() as saved:
        tap(page, "export")
    facts: list[dict[str, Any]] = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))["facts"]
    return facts


def inspect_bolls(page: Page, verdicts: str) -> None:
    """Opens the look and gives one verdict after another: d damaged, f fine."""
    tap(page, "inspect")
    tap(page, "part-boll")
    for number, verdict in enumerate(verdicts):
        expect(page.get_by_test_id("tally")).to_have_attribute("data-looked", str(number))
        tap(page, "tally-damaged" if verdict == "d" else "tally-fine")


# --- where a trap hangs


def test_a_taluka_is_chosen_from_the_list_of_its_district_also_without_a_network_from_then_on(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()
    tap(page, "add-trap")
    page.get_by_test_id("trap-district").select_option("IN-MH-500")
    expect(page.get_by_test_id("trap-taluka")).to_contain_text("Arni")
    page.context.set_offline(True)
    page.reload()
    page.get_by_test_id("trap-district").select_option("IN-MH-500")
    page.get_by_test_id("trap-taluka").select_option(label="Arni")
    tap(page, "save-trap")
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    (fact,) = outbox(page)
    assert (fact["body"]["district"], fact["body"]["subdistrict"]) == ("IN-MH-500", 4088)


def test_another_district_forgets_the_taluka_and_none_of_it_is_needed(page: Page) -> None:
    tap(page, "add-trap")
    page.get_by_test_id("trap-district").select_option("IN-MH-500")
    page.get_by_test_id("trap-taluka").select_option(label="Arni")
    page.get_by_test_id("trap-district").select_option("")
    expect(page.get_by_test_id("trap-taluka")).to_have_count(0)
    tap(page, "save-trap")
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    (fact,) = outbox(page)
    assert (fact["body"]["district"], fact["body"]["subdistrict"]) == (None, None)


def test_the_position_suggests_districts_and_is_kept_nowhere(page: Page) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation(NAGPUR)
    tap(page, "add-trap")
    tap(page, "find-district")
    expect(page.get_by_test_id("nearest").locator("label")).to_have_count(4)
    expect(page.get_by_test_id("trap-district")).to_have_value("")
    tap(page, "near-IN-MH-484")
    expect(page.get_by_test_id("trap-district")).to_have_value("IN-MH-484")
    expect(page.get_by_test_id("trap-taluka")).to_be_visible()
    tap(page, "save-trap")
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    (fact,) = outbox(page)
    described = factories.trap_fact()["body"].keys()
    assert fact["body"].keys() - described == {
        "district", "subdistrict", "village", "lure_changed_on", "emptied_at", "sown_on"
    }  # fmt: skip
    kept = page.evaluate("(async () => JSON.stringify([localStorage, await caches.keys()]))()")
    assert "79." not in kept + json.dumps(fact)


def test_a_phone_without_a_position_says_so_and_the_list_is_there(page: Page) -> None:
    tap(page, "add-trap")
    tap(page, "find-district")
    expect(page.locator("#live")).to_contain_text("Choose the district from the list")


# --- what is due


def test_a_packet_is_asked_only_where_the_lures_life_is_a_guess(page: Page) -> None:
    tap(page, "add-trap")
    tap(page, "pest-PECTGO")
    expect(page.get_by_test_id("lasts-60")).to_have_count(0)
    tap(page, "crop-tomato")
    tap(page, "pest-GNORAB")
    tap(page, "lasts-60")
    tap(page, "save-trap")
    tap(page, "open-trap")
    until = page.evaluate("new Date(Date.now() + 60 * 86400000).toLocaleDateString('sv')")
    expect(page.get_by_test_id("next-lure")).to_have_attribute("data-on", until)


def test_what_is_due_stands_at_the_trap_and_goes_when_it_is_done(page: Page) -> None:
    for testid in ("add-trap", "pest-HELIAR", "emptied-3", "lure-unknown", "save-trap"):
        tap(page, testid)
    expect(page.get_by_test_id("due-count")).to_have_attribute("data-days", "0")
    expect(page.get_by_test_id("due-lure")).to_contain_text("New lure")
    count_by_hand(page, 1)
    expect(page.get_by_test_id("next-count")).to_be_visible()
    tap(page, "open-history")
    tap(page, "lure-changed")
    tap(page, "back")
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    expect(page.get_by_test_id("due-count")).to_have_count(0)
    expect(page.get_by_test_id("due-lure")).to_have_count(0)


def test_the_days_go_into_the_phones_own_calendar_without_a_network(pink: Page) -> None:
    count_by_hand(pink, 0)
    tap(pink, "open-history")
    pink.context.set_offline(True)
    with pink.expect_download() as saved:
        tap(pink, "calendar-file")
    assert saved.value.suggested_filename.endswith(".ics")
    calendar = Path(saved.value.path()).read_bytes().decode()
    assert calendar.startswith("BEGIN:VCALENDAR\r\n")
    assert calendar.count("BEGIN:VEVENT") == 2
    assert "SUMMARY:Trap 1: Count" in calendar


def test_a_browser_that_wakes_the_app_makes_it_remind_of_what_is_due(pink: Page) -> None:
    """A headless Chromium allows no notification, so the worker's try is seen; field/test/sw/remind.test.ts sees the words."""
    scope = pink.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)")
    pink.reload()
    expect(pink.get_by_test_id("trap-card")).to_be_visible()
    reminder = pink.evaluate(TAKE_SETTING, "reminder")
    assert reminder["body"] == "Trap 1: Count"
    devtools = pink.context.new_cdp_session(pink)
    ids: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: ids.extend(r["registrationId"] for r in event["registrations"] if r["scopeURL"] == scope),
    )
    devtools.send("ServiceWorker.enable")
    until(pink, lambda: ids)

    def wake(from_ms: int) -> None:
        pink.evaluate(PUT_SETTING, ["reminder", reminder | {"from_ms": from_ms}])
        origin = "/".join(scope.split("/")[:3])
        woken = {"origin": origin, "registrationId": ids[0], "tag": "remind"}
        devtools.send("ServiceWorker.dispatchPeriodicSyncEvent", woken)

    wake(from_ms=2**52)
    pink.wait_for_timeout(500)
    assert pink.evaluate(TAKE_SETTING, "reminded_ms") is None
    wake(from_ms=0)
    assert until(pink, lambda: pink.evaluate(TAKE_SETTING, "reminded_ms"))


# --- a forgotten day


def test_a_forgotten_day_gets_its_own_nights_and_its_place_in_the_season(pink: Page) -> None:
    count_by_hand(pink, 1)
    tap(pink, "open-history")
    tap(pink, "forgotten-day")
    expect(pink.get_by_test_id("taken-day")).to_contain_text("Yesterday")
    expect(pink.get_by_test_id("nights-number")).to_have_text("2")
    tap(pink, "taken-2")
    expect(pink.get_by_test_id("nights-number")).to_have_text("1")
    tap(pink, "count-plus-10")
    tap(pink, "count-plus-10")
    tap(pink, "save-count")
    expect(pink.get_by_test_id("advice")).to_be_visible()
    tap(pink, "open-history")
    rows = pink.get_by_test_id("count-row")
    expect(rows.nth(0)).to_contain_text("10 insects")
    expect(rows.nth(1)).to_contain_text("20 insects")
    expect(rows.nth(1).get_by_test_id("late")).to_be_visible()
    # The trap was emptied two days ago, as is known only now.
    expect(rows.nth(0)).to_contain_text("2 nights")
    _, counted, late = outbox(pink)
    assert (counted["body"]["nights"], late["body"]["nights"]) == (3, 1)
    gap = datetime.fromisoformat(late["at"]) - datetime.fromisoformat(late["body"]["taken_at"])
    assert timedelta(days=1) < gap < timedelta(days=3)


def test_a_day_chosen_by_mistake_is_taken_back(pink: Page) -> None:
    tap(pink, "count-by-hand")
    tap(pink, "count-plus")
    pink.get_by_test_id("taken-day").locator("summary").click()
    tap(pink, "taken-1")
    expect(pink.get_by_test_id("nights-number")).to_have_text("2")
    expect(pink.get_by_test_id("count-number")).to_have_text("1")
    tap(pink, "taken-0")
    expect(pink.get_by_test_id("nights-number")).to_have_text("3")
    tap(pink, "save-count")
    expect(pink.get_by_test_id("advice")).to_be_visible()
    _, counted = outbox(pink)
    assert counted["body"]["taken_at"] == counted["at"]


# --- a look at the plants


def test_damaged_bolls_end_the_look_early_and_call_the_officer(pink: Page) -> None:
    pink.context.set_offline(True)
    count_by_hand(pink, 1)
    inspect_bolls(pink, "ffd")
    tap(pink, "tally-undo")
    expect(pink.get_by_test_id("tally")).to_have_attribute("data-found", "0")
    tap(pink, "tally-damaged")
    tap(pink, "tally-damaged")
    expect(pink.get_by_test_id("advice-level")).to_contain_text("Call your officer today")
    expect(pink.get_by_test_id("advice-messages")).to_contain_text("You looked at 4. Damaged: 2.")
    assert "spray" not in pink.get_by_test_id("advice-messages").inner_text().lower().replace("do not spray", "")
    fact = outbox(pink)[-1]
    assert fact["kind"] == "inspection"
    assert {name: fact["body"][name] for name in ("rule", "part", "looked", "found")} == {
        "rule": "PECTGO-8",
        "part": "boll",
        "looked": 4,
        "found": 2,
    }


def test_sound_bolls_calm_this_count_and_not_the_next(pink: Page) -> None:
    count_by_hand(pink, 3)
    expect(pink.get_by_test_id("advice-level")).to_contain_text("Inspect today")
    inspect_bolls(pink, "f" * 19 + "d")
    expect(pink.get_by_test_id("advice-messages")).to_contain_text("your plants show little damage so far")
    expect(pink.get_by_test_id("advice-messages")).to_contain_text("Count again tomorrow")


def test_a_look_outlives_the_page_and_a_short_one_says_that_it_is_short(pink: Page) -> None:
    count_by_hand(pink, 3)
    inspect_bolls(pink, "fff")
    expect(pink.get_by_test_id("tally")).to_have_attribute("data-looked", "3")
    pink.reload()
    expect(pink.get_by_test_id("tally")).to_have_attribute("data-looked", "3")
    tap(pink, "tally-stop")
    expect(pink.get_by_test_id("advice-messages")).to_contain_text("You have looked at 3 of 20. Go on looking.")
    tap(pink, "inspect")
    expect(pink.get_by_test_id("tally")).to_have_attribute("data-looked", "3")


def test_insects_on_each_plant_are_summed(farmer: Page) -> None:
    count_by_hand(farmer, 4)
    tap(farmer, "inspect")
    for plant in range(4):
        expect(farmer.get_by_test_id("tally")).to_have_attribute("data-looked", str(plant))
        for _ in range(5):
            tap(farmer, "tally-plus")
        tap(farmer, "tally-next")
    expect(farmer.get_by_test_id("advice-messages")).to_contain_text("You looked at 4. Insects and eggs found: 20.")


def test_an_officers_older_advice_does_not_contradict_what_was_found_since(pink: Page) -> None:
    count_by_hand(pink, 3)
    trap = outbox(pink)[0]["body"]["trap"]
    said = {"pest": "PECTGO", "crop": "cotton", "level": "orange", "catch_rate": 10.0, "threshold": None}
    advisory = {
        "kind": "advisory",
        "id": 1,
        "region": "IN-MH-500",
        "trap": trap,
        "issued_at": factories.instant(datetime.now(UTC)),
        "advice": said | {"messages": [{"id": "inspect_today", "params": {}}]},
    }
    enrol_with(pink.context, lambda facts: sync_answer(facts, changes=[advisory]))
    pink.goto(re.sub("#.*", "#enrol=abcdefghjkmnp", pink.url))
    expect(pink.locator("#live")).to_contain_text("This phone is enrolled.")
    tap(pink, "open-trap")
    expect(pink.get_by_test_id("officer-advice")).to_be_visible()
    pink.wait_for_timeout(1100)  # facts and advice tell time in whole seconds
    inspect_bolls(pink, "dd")
    expect(pink.get_by_test_id("advice-level")).to_contain_text("Act with your officer")
    expect(pink.get_by_test_id("officer-advice")).to_have_count(0)


# --- for the neighbours


def test_advice_is_shared_as_a_picture_and_a_text_that_say_nothing_of_the_place(pink: Page) -> None:
    count_by_hand(pink, 3)
    pink.evaluate("""() => {
      navigator.canShare = () => true;
      navigator.share = async ({ files, text }) => {
        const bitmap = await createImageBitmap(files[0]);
        window.shared = { text, type: files[0].type, width: bitmap.width, height: bitmap.height };
      };
    }""")
    tap(pink, "share")
    shared = until(pink, lambda: pink.evaluate("window.shared"))
    assert (shared["type"], shared["width"]) == ("image/png", 720)
    assert shared["text"].startswith("Inspect today\nPink bollworm · Cotton\n30 insects · ")
    assert "Insects each night: 10" in shared["text"]
    assert "Trap 1" not in shared["text"]


def test_without_a_share_sheet_the_picture_is_downloaded(pink: Page) -> None:
    count_by_hand(pink, 3)
    pink.evaluate("navigator.canShare = navigator.share = undefined")
    with pink.expect_download() as saved:
        tap(pink, "share")
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_count_by_hand_needs_no_photo_and_becomes_catch_per_night(farmer: Page) -> None:
    count_by_hand(farmer, 3)
    expect(farmer.get_by_test_id("catch-rate")).to_contain_text("10")
