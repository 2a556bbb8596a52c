"""Whatever goes wrong on the phone is said in the farmer's language, where the farmer looks, and nothing else is lost."""

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from pestwatch import i18n
from pestwatch.errors import SENTENCES
from tests.conftest import ROOT, Chromium
from tests.field.conftest import AppServer, browser, count_by_hand, enrol_with, sync_answer, tap

GOLDEN = Path(__file__).parents[1] / "golden"
COUNTED = {vector["photo"]: vector for vector in json.loads((GOLDEN / "count.json").read_text())["photos"]}
HUNDRED_MEGAPIXELS = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 10_000, 10_000) + b"\x08\x02" + bytes(99)

STORE = """async ([key, value]) => {
  const db = await new Promise((done) => { const r = indexedDB.open('pestwatch'); r.onsuccess = () => done(r.result); });
  const tx = db.transaction('settings', 'readwrite');
  tx.objectStore('settings').put(value, key);
  await new Promise((done) => { tx.oncomplete = done; });
  db.close();
}"""


@pytest.fixture
def farmer(chromium: Chromium, server: AppServer, tmp_path: Path) -> Iterator[Page]:
    """A phone that speaks Hindi, with a trap for tomato pinworm and one count that waits."""
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(server.app_url)
        for testid in ("language-hi", "consent-agree", "crop-tomato", "pest-GNORAB", "emptied-3"):
            tap(page, testid)
        tap(page, "save-trap")
        count_by_hand(page, 1)
        tap(page, "advice-done")
        yield page


def hindi(number: str, **params: Any) -> str:
    text = i18n.translate("hi", "field", SENTENCES[number], **params)
    assert text.locale == "hi"
    return str(text)


def facts_waiting(page: Page) -> int:
    tap(page, "tab-outbox")
    total = page.get_by_test_id("total-waiting")
    total.wait_for()
    return int(total.get_attribute("data-count") or -1)


@pytest.mark.parametrize(
    ("name", "content", "number", "params"),
    [
        ("letter.jpg", b"a letter, and not a photo at all", "422.1", {}),
        ("empty.jpg", b"", "422.2", {}),
        ("huge.png", HUNDRED_MEGAPIXELS, "422.4", {"megapixels": 100, "limit": 50}),
    ],
    ids=["no photo", "0 bytes", "100 megapixels"],
)
def test_a_bad_photo_is_explained_in_the_farmers_language_and_the_trap_can_still_be_counted(
    farmer: Page, name: str, content: bytes, number: str, params: dict[str, Any]
) -> None:
    bad = FilePayload(name=name, mimeType="image/jpeg", buffer=content)
    farmer.get_by_test_id("photo-gallery").set_input_files(bad)
    expect(farmer.get_by_test_id("count-problem")).to_contain_text(hindi(number, name=name, **params), timeout=30_000)
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN / "photos" / "liner-few.png")
    counted = str(COUNTED["liner-few.png"]["counts"]["GNORAB"])
    expect(farmer.get_by_test_id("count-number")).to_have_text(counted, timeout=30_000)
    tap(farmer, "save-count")
    tap(farmer, "advice-done")
    assert facts_waiting(farmer) == 3, "a trap and two counts; the bad photo made none"


def test_a_photo_rotated_by_exif_is_counted_upright(farmer: Page) -> None:
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN / "photos" / "turned.jpg")
    counted = str(COUNTED["turned.jpg"]["counts"]["GNORAB"])
    expect(farmer.get_by_test_id("count-number")).to_have_text(counted, timeout=30_000)


def test_an_unknown_locale_on_the_phone_asks_for_the_language_and_keeps_every_count(farmer: Page) -> None:
    farmer.evaluate(STORE, ["locale", "tlh"])
    farmer.reload()
    expect(farmer.get_by_test_id("unknown-language")).to_contain_text(SENTENCES["422.7"] % {"locale": "tlh"})
    tap(farmer, "language-hi")
    assert facts_waiting(farmer) == 2
    expect(farmer.get_by_test_id("unknown-language")).to_have_count(0)


def test_what_the_server_says_of_a_message_is_shown_where_sending_is_shown(farmer: Page) -> None:
    notice = {"number": "422.7", "message": SENTENCES["422.7"], "params": {"locale": "tlh"}, "text": ""}
    enrol_with(farmer.context, lambda facts: sync_answer(facts, notices=[notice]))
    farmer.goto(farmer.url.split("#")[0] + "#enrol=abcdefghjkmnp")
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("server-notice")).to_contain_text(hindi("422.7", locale="tlh"))
    assert facts_waiting(farmer) == 0


def test_a_release_with_one_flipped_bit_is_refused_with_its_reason_and_the_model_goes_on_counting(farmer: Page) -> None:
    base = ROOT / "mobile_models" / "releases" / "base"
    folder = base / json.loads((base / "current.json").read_text())["version"]
    manifest = bytearray((folder / "manifest.json").read_bytes())
    manifest[manifest.index(b'"GNORAB":') + len('"GNORAB":')] ^= 1
    offer = {
        "manifest": base64.b64encode(manifest).decode(),
        "signature": json.loads((folder / "manifest.sig").read_text()),
    }
    farmer.context.route("**/api/v1/releases/*/current", lambda route: route.fulfill(json=offer))
    enrol_with(farmer.context, sync_answer)
    farmer.goto(farmer.url.split("#")[0] + "#enrol=abcdefghjkmnp")
    tap(farmer, "tab-settings")
    before = farmer.get_by_test_id("model-version").inner_text()
    tap(farmer, "model-update")
    reason, _, rest = hindi("422.22", detail="…").partition("…")
    expect(farmer.get_by_test_id("model-refused")).to_contain_text(reason)
    expect(farmer.get_by_test_id("model-refused")).to_contain_text(rest)
    expect(farmer.get_by_test_id("model-version")).to_have_text(before)
    tap(farmer, "tab-traps")
    farmer.get_by_test_id("photo-gallery").set_input_files(GOLDEN / "photos" / "liner-few.png")
    counted = str(COUNTED["liner-few.png"]["counts"]["GNORAB"])
    expect(farmer.get_by_test_id("count-number")).to_have_text(counted, timeout=30_000)
