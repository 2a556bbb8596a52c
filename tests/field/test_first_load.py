"""The first visit over a slow or breaking link, in a real Chromium: the first screens come first, nothing is paid for twice."""

import hashlib
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from pestwatch.catalogs import phone_catalogue
from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, count_by_hand, main_process, tap, wait_for_the_counter
from tests.field.link import PORTAL, TROUBLE, Link

GOLDEN = Path(__file__).parents[1] / "golden"
LINER = next(
    one for one in json.loads((GOLDEN / "count.json").read_text())["photos"] if one["photo"] == "liner-few.png"
)
SLOW_BYTES_PER_S = 16_000
"""A little more than the 100 kbit/s of a 2G link, so that the test is over soon."""
ONLINE_AGAIN = "window.dispatchEvent(new Event('online'))"
KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const content = await (await cache.match(request)).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
      found.push([request.url.split('/app/')[1], [...digest].map((b) => b.toString(16).padStart(2, '0')).join('')]);
    }
  }
  return found;
}"""


@pytest.fixture
def link(server: AppServer) -> Iterator[Link]:
    with Link(server.port) as link:
        yield link


def begin(page: Page, link: Link) -> None:
    page.goto(link.app_url)
    for testid in ("language-hi", "consent-agree", "crop-tomato", "pest-GNORAB", "emptied-3", "save-trap"):
        tap(page, testid)


def test_trap_and_hand_count_are_kept_before_the_counter_has_come_and_a_photo_waits_for_it(
    own_phone: BrowserContext, link: Link
) -> None:
    link.bytes_per_s = SLOW_BYTES_PER_S
    page = own_phone.new_page()
    begin(page, link)
    count_by_hand(page, 1)
    tap(page, "advice-done")
    coming = page.get_by_test_id("counter-coming")
    expect(coming).to_be_visible()
    assert int(coming.get_attribute("data-percent") or 100) < 100
    page.get_by_test_id("photo-gallery").set_input_files(GOLDEN / "photos" / LINER["photo"])
    expect(page.get_by_test_id("photo-kept")).to_be_visible()
    expect(page.get_by_test_id("counter-coming")).to_be_visible()
    # Nobody touches the phone any more: the photo is counted when the counter is there.
    expect(page.get_by_test_id("count-number")).to_have_text(str(LINER["counts"]["GNORAB"]), timeout=60_000)
    assert len(link.asked_for("/small.tflite")) == 1


def test_a_model_whose_download_broke_off_comes_from_where_it_stopped(
    own_phone: BrowserContext, link: Link, app_dist: Path
) -> None:
    # Not faster than the browser reads: what lies unread when a connection breaks is lost.
    link.bytes_per_s = 4 * SLOW_BYTES_PER_S
    link.breaks_in = ("/small.tflite", 70_000)
    page = own_phone.new_page()
    begin(page, link)
    coming = page.get_by_test_id("counter-coming")
    expect(coming).to_contain_text(re.compile(r"[1-9]\d? %"))
    waits = phone_catalogue("hi")["messages"]["The counter comes when there is a network. So far: %(percent)s"]
    expect(coming).to_contain_text(waits.split("%(")[0].strip())
    assert link.is_cut
    link.mend()
    page.evaluate(ONLINE_AGAIN)
    wait_for_the_counter(page)
    first, *others = link.asked_for("/small.tflite")
    assert "range: bytes=" in others[-1].head
    assert "range:" not in first.head
    whole = next(app_dist.glob("models/*/small.tflite")).stat().st_size
    assert others[-1].answered_bytes < whole - 30_000, "what had come was not asked for again"
    expect(coming).to_have_count(0)


def test_a_phone_that_dies_during_the_first_load_goes_on_with_it(
    chromium: Chromium, link: Link, tmp_path: Path
) -> None:
    link.bytes_per_s = 4 * SLOW_BYTES_PER_S
    with browser(chromium, tmp_path / "phone") as context:
        begin(context.new_page(), link)
        while not (asked := link.asked_for("/small.tflite")) or asked[0].answered_bytes < 80_000:
            context.pages[0].wait_for_timeout(50)
        os.kill(main_process(tmp_path / "phone"), signal.SIGKILL)
    link.mend()
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(link.app_url)
        wait_for_the_counter(page)
        expect(page.get_by_test_id("trap-card")).to_be_visible()
    assert "range: bytes=" in link.asked_for("/small.tflite")[-1].head


@pytest.mark.parametrize("answer", [PORTAL, TROUBLE], ids=["captive portal", "500"])
def test_what_is_not_the_app_never_lies_in_its_place(
    own_phone: BrowserContext, link: Link, app_dist: Path, answer: bytes
) -> None:
    link.bytes_per_s = 4 * SLOW_BYTES_PER_S
    link.breaks_in = ("/small.tflite", 40_000)
    page = own_phone.new_page()
    begin(page, link)
    expect(page.get_by_test_id("counter-words")).to_contain_text(re.compile(r"[1-9]\d? %"))
    link.mend()
    link.says = answer
    page.evaluate(ONLINE_AGAIN)
    page.evaluate("fetch('i18n/te.json').then((answer) => answer.text(), () => {})")
    page.wait_for_timeout(500)
    page.reload()
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    kept = dict(page.evaluate(KEPT))
    assert "i18n/te.json" not in kept
    link.mend()
    page.evaluate(ONLINE_AGAIN)
    wait_for_the_counter(page)
    for address, digest in page.evaluate(KEPT):
        if address.startswith("sound/"):
            continue  # clips are parts of a file; the player compares each with its own hash
        assert hashlib.sha256((app_dist / address.split("?")[0]).read_bytes()).hexdigest() == digest, address
