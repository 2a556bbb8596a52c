"""A new version of the app reaches the phone in a real Chromium: it waits to be asked, and costs only what has changed."""

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.field.conftest import Serve, tap, wait_for_the_counter
from tests.field.link import Link

SHELLS = "caches.keys().then((names) => names.filter((name) => name.startsWith('pestwatch-shell-')))"
UPDATE = """async () => {
  const registration = await navigator.serviceWorker.ready;
  await registration.update();
  while (!registration.waiting) await new Promise((next) => setTimeout(next, 50));
}"""
ACTIVATE = "navigator.serviceWorker.ready.then(({ waiting }) => waiting.postMessage({ type: 'activate' }))"
IS_NEXT = "document.documentElement.dataset.version === '2'"


@pytest.fixture
def dist(app_dist: Path, tmp_path: Path) -> Path:
    """The app as it was built, to be changed by a test."""
    return Path(shutil.copytree(app_dist, tmp_path / "dist"))


def publish_next_version(dist: Path) -> None:
    """Changes one word of the page, and the file list in the service worker as the build would."""
    page = dist / "index.html"
    before = hashlib.sha256(page.read_bytes()).hexdigest()[:16]
    page.write_text(page.read_text(encoding="utf-8").replace("<html ", '<html data-version="2" '), encoding="utf-8")
    after = hashlib.sha256(page.read_bytes()).hexdigest()[:16]
    worker = dist / "service-worker.js"
    assert before in worker.read_text(encoding="utf-8")
    worker.write_text(worker.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    for packed in [*dist.glob("index.html.*"), *dist.glob("service-worker.js.*")]:
        packed.unlink()


def test_a_new_version_waits_to_be_asked_then_replaces_the_shell_and_keeps_engine_and_model(
    own_phone: BrowserContext, serve: Serve, dist: Path
) -> None:
    server = serve(dist)
    page = own_phone.new_page()
    page.goto(server.app_url)
    wait_for_the_counter(page)
    page.reload()
    # The language that somebody chose is wanted offline in every later version too.
    page.evaluate("fetch('i18n/hi.json').then((answer) => answer.text())")
    first = page.evaluate(SHELLS)
    assert len(first) == 1

    publish_next_version(dist)
    server.asked.clear()
    page.evaluate(UPDATE)
    assert [path for path in server.asked if path.endswith((".wasm", ".tflite"))] == []
    page.reload()
    assert not page.evaluate(IS_NEXT)

    page.evaluate(ACTIVATE)
    expect(page.locator("html[data-version='2']")).to_be_visible()  # the app loads itself again
    second = page.evaluate(SHELLS)
    assert len(second) == 1
    assert second != first

    server.stop()
    own_phone.set_offline(True)
    page.reload()
    assert page.evaluate(IS_NEXT)
    assert page.evaluate("fetch('i18n/hi.json').then((answer) => answer.ok)")


def with_a_trap(phone: BrowserContext, address: str) -> Page:
    page = phone.new_page()
    page.goto(address)
    for testid in ("language-en", "consent-agree", "pest-HELIAR", "emptied-3", "save-trap"):
        tap(page, testid)
    wait_for_the_counter(page)
    page.reload()
    return page


def publish_a_large_version(dist: Path, size_bytes: int = 400_000) -> None:
    """The next version, with 400 kB that the phone lacks."""
    publish_next_version(dist)
    content = random.Random(1).randbytes(size_bytes)
    (dist / "assets" / "large-1.bin").write_bytes(content)
    worker = dist / "service-worker.js"
    digest = hashlib.sha256(content).hexdigest()[:16]
    entry = f"{{path:`assets/large-1.bin`,hash:`{digest}`,bytes:{size_bytes},sent:{size_bytes}}},"
    text = worker.read_text(encoding="utf-8")
    assert "{path:`assets/count.worker" in text
    worker.write_text(
        text.replace("{path:`assets/count.worker", f"{entry}{{path:`assets/count.worker", 1), encoding="utf-8"
    )


def test_a_new_version_waits_for_the_end_of_a_count_in_whichever_window(
    own_phone: BrowserContext, serve: Serve, dist: Path
) -> None:
    server = serve(dist)
    page = with_a_trap(own_phone, server.app_url)
    tap(page, "count-by-hand")
    tap(page, "count-plus-10")
    publish_next_version(dist)
    page.evaluate(UPDATE)
    page.wait_for_timeout(500)
    expect(page.get_by_test_id("count-number")).to_have_text("10")
    other = own_phone.new_page()
    other.goto(server.app_url)
    expect(other.get_by_test_id("new-version")).to_contain_text("kB")
    tap(other, "use-new-version")
    expect(other.locator("#live")).to_contain_text("Finish the count")
    assert not page.evaluate(IS_NEXT)
    tap(page, "save-count")
    tap(page, "advice-done")
    tap(page, "use-new-version")
    for window in (page, other):
        expect(window.locator("html[data-version='2']")).to_be_visible()
    tap(page, "tab-outbox")
    expect(page.get_by_test_id("total-waiting")).to_have_attribute("data-count", "2")


def test_a_large_new_version_says_its_size_and_is_downloaded_when_a_person_says_so(
    own_phone: BrowserContext, serve: Serve, dist: Path
) -> None:
    server = serve(dist)
    page = with_a_trap(own_phone, server.app_url)
    publish_a_large_version(dist)
    page.evaluate("navigator.serviceWorker.ready.then((registration) => registration.update())")
    expect(page.get_by_test_id("new-version")).to_contain_text("401 kB")
    assert not [path for path in server.asked if path.endswith("large-1.bin")]
    tap(page, "download-new-version")
    tap(page, "use-new-version")
    expect(page.locator("html[data-version='2']")).to_be_visible()
    assert len([path for path in server.asked if path.endswith("large-1.bin")]) == 1
    expect(page.get_by_test_id("new-version")).to_have_count(0)


def test_a_small_new_version_says_its_size_while_it_comes_by_itself_and_what_it_cost_when_it_is_in(
    own_phone: BrowserContext, serve: Serve, dist: Path
) -> None:
    with Link(serve(dist).port) as link:
        page = with_a_trap(own_phone, link.app_url)
        publish_a_large_version(dist, 150_000)
        link.bytes_per_s = 6_000  # half a minute for what is new
        page.evaluate("void navigator.serviceWorker.ready.then((registration) => registration.update())")
        expect(page.get_by_test_id("new-version")).to_contain_text("151 kB", timeout=60_000)
        expect(page.get_by_test_id("use-new-version")).to_have_count(0)
        link.bytes_per_s = None
        tap(page, "use-new-version")
        expect(page.locator("html[data-version='2']")).to_be_visible()
        tap(page, "tab-settings")
        expect(page.get_by_test_id("loaded_app")).to_contain_text("151 kB")


def test_a_version_that_came_by_halves_never_serves_and_what_came_of_it_is_not_paid_for_again(
    own_phone: BrowserContext, serve: Serve, dist: Path
) -> None:
    with Link(serve(dist).port) as link:
        page = with_a_trap(own_phone, link.app_url)
        first = page.evaluate(SHELLS)
        publish_a_large_version(dist)
        link.breaks_in = ("/large-1.bin", 200_000)
        link.bytes_per_s = 200_000
        page.evaluate("navigator.serviceWorker.ready.then((registration) => registration.update())")
        tap(page, "download-new-version")
        page.wait_for_timeout(100)
        while not link.is_cut:
            page.wait_for_timeout(50)
        page.reload()
        expect(page.get_by_test_id("trap-card")).to_be_visible()
        assert not page.evaluate(IS_NEXT)
        assert set(first) <= set(page.evaluate(SHELLS))
        link.mend()
        page.evaluate(UPDATE)
        assert "range: bytes=" in link.asked_for("/large-1.bin")[-1].head
        page.evaluate(ACTIVATE)
        expect(page.locator("html[data-version='2']")).to_be_visible()
        assert len(page.evaluate(SHELLS)) == 1
