"""What happens to a farmer's counts in a real browser when things go wrong: the camera, the network, the code, the server."""

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, count_by_hand, enrol_with, sync_answer, tap

GOLDEN_PHOTOS = Path(__file__).parents[1] / "golden" / "photos"
FUNNEL = next(
    vector
    for vector in json.loads((GOLDEN_PHOTOS.parent / "count.json").read_text(encoding="utf-8"))["photos"]
    if vector["photo"] == "funnel.png"
)
REFUSAL = {
    "number": "422.5",
    "message": "The field %(field)s is wrong: %(detail)s. Correct it and send again.",
    "params": {"field": "counts", "detail": "too many"},
    "text": "",
}


def test_a_camera_that_costs_the_page_its_life_is_remembered(farmer: Page) -> None:
    tap(farmer, "open-camera")
    with farmer.expect_file_chooser():
        tap(farmer, "open-app")
    farmer.reload()
    tap(farmer, "back")
    expect(farmer.get_by_test_id("draft-lost-photo")).to_contain_text("Trap 1")


def test_a_count_that_was_not_saved_is_there_after_a_restart(farmer: Page) -> None:
    tap(farmer, "count-by-hand")
    tap(farmer, "count-plus")
    tap(farmer, "count-plus")
    farmer.reload()
    expect(farmer.get_by_test_id("count-number")).to_have_text("2")


def test_counting_another_trap_leaves_an_unsaved_count_alone(farmer: Page) -> None:
    tap(farmer, "add-trap")
    tap(farmer, "save-trap")
    tap(farmer, "count-by-hand")
    tap(farmer, "count-plus-10")
    tap(farmer, "back")
    farmer.get_by_test_id("count-by-hand").nth(1).click()
    tap(farmer, "save-count")
    tap(farmer, "advice-done")
    tap(farmer, "draft-continue")
    expect(farmer.get_by_test_id("count-number")).to_have_text("10")
    tap(farmer, "save-count")
    tap(farmer, "advice-done")
    expect(farmer.get_by_test_id("draft-waiting")).to_have_count(0)


def test_counting_needs_no_enrolment_and_says_what_sending_needs(farmer: Page) -> None:
    count_by_hand(farmer, 4)
    expect(farmer.get_by_test_id("advice")).to_have_attribute("data-level", "orange")
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")
    tap(farmer, "send-now")
    expect(farmer.get_by_test_id("not-enrolled")).to_be_visible()
    expect(farmer.get_by_test_id("total-waiting")).to_have_attribute("data-count", "2")


def test_a_pest_without_measured_photos_says_so_and_is_counted_by_hand(farmer: Page) -> None:
    for testid in ("add-trap", "crop-cotton", "pest-PECTGO"):
        tap(farmer, testid)
    expect(farmer.get_by_test_id("not-from-photos")).to_contain_text("Not counted from photos yet")
    tap(farmer, "emptied-1")
    tap(farmer, "save-trap")
    pink = farmer.get_by_test_id("trap-card").filter(has_text="Pink bollworm")
    expect(pink).to_contain_text("Not counted from photos yet")
    expect(pink.get_by_test_id("photo-gallery")).to_have_count(0)
    pink.get_by_test_id("count-by-hand").click()
    tap(farmer, "count-plus-10")
    expect(farmer.get_by_test_id("not-from-photos")).to_be_visible()
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_have_attribute("data-level", re.compile("yellow|orange"))


def test_how_sure_the_phone_is_stands_under_its_number_until_a_person_counts(farmer: Page) -> None:
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN_PHOTOS / "funnel.png")
    expect(farmer.get_by_test_id("count-by")).to_be_visible(timeout=30_000)
    least, greatest = FUNNEL["intervals"]["HELIAR"]
    expect(farmer.get_by_test_id("count-by")).to_contain_text(f"Probably between {least} and {greatest}")
    tap(farmer, "count-plus")
    expect(farmer.get_by_test_id("count-by")).to_have_text("Counted by you")
    expect(farmer.get_by_test_id("count-range")).to_have_count(0)


def test_a_count_that_may_reach_the_number_is_never_calm(farmer: Page) -> None:
    assert FUNNEL["counts"]["HELIAR"] < 10 <= FUNNEL["intervals"]["HELIAR"][1], "take another photo for this test"
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN_PHOTOS / "funnel.png")
    expect(farmer.get_by_test_id("count-by")).to_be_visible(timeout=30_000)
    tap(farmer, "nights-minus")
    tap(farmer, "nights-minus")  # one night: fewer than ten were counted, and more than ten may be there
    tap(farmer, "save-count")
    expect(farmer.get_by_test_id("advice")).to_have_attribute("data-level", "yellow")
    expect(farmer.get_by_test_id("advice-messages")).to_contain_text("may have reached the number")
    expect(farmer.get_by_test_id("advice-range")).to_contain_text("Probably between")


def test_the_save_button_shows_the_nights_and_whether_the_trap_was_emptied(farmer: Page) -> None:
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN_PHOTOS / "funnel.png")
    save = farmer.get_by_test_id("save-count")
    expect(save).to_be_in_viewport(timeout=30_000)
    expect(save).to_contain_text("3")

    def sign() -> str:
        return save.locator("svg").last.inner_html()

    assert sign() == farmer.get_by_test_id("emptied-yes").locator("svg").inner_html()
    tap(farmer, "emptied-no")
    tap(farmer, "nights-minus")
    expect(save).to_contain_text("2")
    assert sign() == farmer.get_by_test_id("emptied-no").locator("svg").inner_html()


def test_a_corrected_number_goes_before_the_phones_own(farmer: Page) -> None:
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN_PHOTOS / "funnel.png")
    number = farmer.get_by_test_id("count-number")
    expect(number).to_be_visible(timeout=30_000)
    counted = int(number.inner_text())
    tap(farmer, "count-plus")
    tap(farmer, "save-count")
    tap(farmer, "open-history")
    expect(farmer.get_by_test_id("count-row")).to_contain_text(f"{counted + 1} insects")
    farmer.goto(re.sub("#.*", "#/outbox", farmer.url))
    kinds = farmer.get_by_test_id("outbox-item")
    expect(kinds).to_have_count(3)
    expect(kinds.first).to_have_attribute("data-kind", "correction")


def test_a_refused_count_stays_with_its_reason_and_can_be_sent_again(farmer: Page) -> None:
    refuses = True

    def answer(facts: list[dict[str, Any]]) -> dict[str, Any]:
        items = [
            {"seq": fact["seq"], "status": "rejected", "problem": REFUSAL}
            if refuses and fact["kind"] == "observation"
            else {"seq": fact["seq"], "status": "stored", "problem": None}
            for fact in facts
        ]
        return sync_answer(facts, items=items)

    enrol_with(farmer.context, answer)
    count_by_hand(farmer, 1)
    farmer.goto(re.sub("#.*", "#enrol=abcde-fghjk-mnp", farmer.url))
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("reason")).to_contain_text("The field counts is wrong: too many.")
    expect(farmer.get_by_test_id("total-refused")).to_have_attribute("data-count", "1")
    refuses = False
    tap(farmer, "send-again")
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "2")


def test_an_officers_recount_and_a_wrong_clock_are_shown(farmer: Page) -> None:
    recount = {
        "kind": "recount",
        "observation": 2,
        "counts": {"HELIAR": 90},
        "by": "officer",
        "at": "2026-11-25T03:04:05Z",
    }
    enrol_with(
        farmer.context,
        lambda facts: sync_answer(facts, changes=[recount], clock_offset_ms=86_400_000, device="revoked"),
    )
    count_by_hand(farmer, 1)
    farmer.goto(re.sub("#.*", "#enrol=abcdefghjkmnp", farmer.url))
    expect(farmer.get_by_test_id("trap-card")).to_contain_text("90 insects")
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("clock-warning")).to_be_visible()
    expect(farmer.get_by_test_id("revoked")).to_be_visible()


def test_everything_can_be_saved_to_a_file_without_a_network(farmer: Page) -> None:
    count_by_hand(farmer, 1)
    farmer.context.set_offline(True)
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")
    with farmer.expect_download() as saved:
        tap(farmer, "export")
    content = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert [fact["kind"] for fact in content["facts"]] == ["trap", "observation"]
    assert "token" not in json.dumps(content)


def test_whoever_does_not_agree_counts_all_the_same_and_nothing_is_sent(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(f"{server.app_url}#enrol=abcdefghjkmnp")
        for testid in ("language-en", "consent-decline", "emptied-3", "save-trap"):
            tap(page, testid)
        server.asked.clear()
        count_by_hand(page, 2)
        tap(page, "advice-done")
        tap(page, "tab-outbox")
        expect(page.get_by_test_id("no-consent")).to_be_visible()
        tap(page, "send-now")
        assert [path for path in server.asked if "/sync" in path or "/enrol" in path] == []
