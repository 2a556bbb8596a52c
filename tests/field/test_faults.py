"""What a phone meets in a year, in a real browser: no network at any step, a full disk, a wrong clock, two windows, no page open."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from pestwatch.errors import SENTENCES
from server.db.session import request_scope
from server.db.tables import Observation
from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, count_by_hand, facts_in, save_everything, tap
from tests.field.faults import arrives, begin, count, enrolment_code, on_the_phone, on_the_server, stop, whole_server
from tests.field.link import Link

STEPS = [
    ("language-hi",),
    ("consent-agree",),
    ("crop-cotton", "pest-HELIAR", "emptied-3", "save-trap"),
    ("count-by-hand", "count-plus-10"),
    ("save-count",),
    ("advice-done",),
]
ONLINE_AGAIN = "window.dispatchEvent(new Event('online'))"
MEGABYTE = 1_000_000
WRITE_UNTIL_IT_FAILS = """async () => {
  const db = await new Promise((done) => {
    const opening = indexedDB.open('another');
    opening.onupgradeneeded = () => opening.result.createObjectStore('values');
    opening.onsuccess = () => done(opening.result);
  });
  for (let tries = 0; tries < 400; tries++) {
    const failed = await new Promise((done) => {
      const tx = db.transaction('values', 'readwrite');
      tx.objectStore('values').put('x'.repeat(50_000), 1);
      tx.oncomplete = () => done(null);
      tx.onabort = () => done(tx.error.name);
    });
    if (failed) return failed;
    await new Promise((next) => setTimeout(next, 200));
  }
  throw new Error('there is room without end');
}"""


@pytest.fixture
def whole(app_dist: Path, tmp_path: Path) -> Iterator[AppServer]:
    server = whole_server(app_dist, tmp_path / "data")
    yield server
    stop(server)


@pytest.fixture
def link(whole: AppServer) -> Iterator[Link]:
    with Link(whole.port) as link:
        yield link


@pytest.fixture
def context(chromium: Chromium, tmp_path: Path) -> Iterator[BrowserContext]:
    with browser(chromium, tmp_path / "phone") as context:
        yield context


@pytest.fixture
def farmer(context: BrowserContext, link: Link, whole: AppServer) -> Page:
    page = context.new_page()
    begin(page, link, whole)
    return page


def walk(page: Page, steps: list[tuple[str, ...]]) -> None:
    for testid in (testid for step in steps for testid in step):
        tap(page, testid)


@pytest.mark.parametrize("off_at", range(len(STEPS)), ids=[step[0] for step in STEPS])
def test_a_network_that_goes_before_a_step_costs_nothing(
    context: BrowserContext, link: Link, whole: AppServer, off_at: int
) -> None:
    page = context.new_page()
    page.goto(f"{link.app_url}#enrol={enrolment_code(whole)}")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    walk(page, STEPS[:off_at])
    link.is_cut = True
    walk(page, STEPS[off_at:])
    page.reload()
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    link.mend()
    page.evaluate(ONLINE_AGAIN)
    arrives(page, 2)
    assert on_the_server(whole) == [10]


@pytest.mark.parametrize("path", ["/hi.json", "/enrol", "/sync"])
@pytest.mark.parametrize("fault", ["breaks", "swallows"])
def test_a_network_that_goes_during_an_exchange_loses_and_doubles_nothing(
    context: BrowserContext, link: Link, whole: AppServer, path: str, fault: str
) -> None:
    """Broken: the request may have been heard. Swallowed: it was, and the phone cannot know."""
    page = context.new_page()
    page.goto(f"{link.app_url}#enrol={enrolment_code(whole)}")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    if fault == "breaks":
        link.breaks_in = (path, 100)
    else:
        link.swallows = path
    walk(page, STEPS)
    assert link.asked_for(path)
    link.mend()
    if path == "/enrol":
        # Its answer held the token, and it was good for one phone: the officer gives another code.
        page.goto(f"{link.app_url}#enrol={enrolment_code(whole)}")
    page.evaluate(ONLINE_AGAIN)
    arrives(page, 2)
    assert on_the_server(whole) == [10]


def test_a_count_that_was_saved_without_a_network_is_sent_when_no_page_is_open(
    farmer: Page, context: BrowserContext, link: Link, whole: AppServer
) -> None:
    empty = context.new_page()  # or the browser would end with its last page
    link.is_cut = True
    count(farmer, 7)
    # This browser is built without the part that notices the network; DevTools stand in for it below, the rest is real.
    farmer.close()
    link.mend()
    assert on_the_server(whole) == []
    wake_service_worker(empty, link.url, "flush")
    deadline = time.monotonic() + 30
    while on_the_server(whole) != [7] and time.monotonic() < deadline:
        empty.wait_for_timeout(200)
    assert on_the_server(whole) == [7]
    page = context.new_page()
    page.goto(link.app_url)
    arrives(page, 2)


def wake_service_worker(page: Page, origin: str, tag: str) -> None:
    """What Background Sync does when the phone finds a network."""
    devtools = page.context.new_cdp_session(page)
    found: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    while not found:
        page.wait_for_timeout(50)
    wanted = {"origin": origin, "registrationId": found[-1], "tag": tag, "lastChance": False}
    devtools.send("ServiceWorker.dispatchSyncEvent", wanted)


class Disk:
    """How much room the browser gives the app; None: as much as there is."""

    def __init__(self, page: Page, link: Link) -> None:
        self._page = page
        self._devtools = page.context.new_cdp_session(page)
        self._origin = link.url

    def leaves(self, room_bytes: int | None) -> None:
        used = int(self._devtools.send("Storage.getUsageAndQuota", {"origin": self._origin})["usage"])
        quota = {} if room_bytes is None else {"quotaSize": max(1, used + room_bytes)}
        self._devtools.send("Storage.overrideQuotaForOrigin", {"origin": self._origin, **quota})

    def is_full(self) -> None:
        """Leaves nothing, and waits until IndexedDB feels it: Chromium looks at the disk only now and then."""
        self.leaves(-MEGABYTE)
        self._page.evaluate(WRITE_UNTIL_IT_FAILS)


def exported_counts(page: Page) -> list[int]:
    return [
        fact["body"]["counts"]["HELIAR"] for fact in facts_in(save_everything(page)) if fact["kind"] == "observation"
    ]


def test_a_full_phone_says_so_keeps_the_number_on_the_screen_and_can_still_save_a_file(
    farmer: Page, link: Link, whole: AppServer
) -> None:
    count(farmer, 3)
    tap(farmer, "count-by-hand")
    tap(farmer, "count-plus-10")
    disk = Disk(farmer, link)
    disk.is_full()
    tap(farmer, "save-count")
    expect(farmer.locator("#app, #live").get_by_text(SENTENCES["507.1"]).first).to_be_visible()
    expect(farmer.get_by_test_id("count-number")).to_have_text("10")
    assert on_the_phone(farmer)[0] == [3]
    tap(farmer, "back")
    assert exported_counts(farmer) == [3]
    disk.leaves(None)
    tap(farmer, "tab-traps")
    tap(farmer, "draft-continue")
    tap(farmer, "save-count")
    tap(farmer, "advice-done")
    arrives(farmer, 3)
    assert on_the_server(whole) == [3, 10]


def test_little_room_is_told_before_it_hurts(farmer: Page, link: Link) -> None:
    disk = Disk(farmer, link)
    disk.leaves(120 * MEGABYTE)  # the page that goes may still hold what it looked with, 50 of them
    farmer.reload()
    expect(farmer.get_by_test_id("trap-card")).to_be_visible()
    farmer.wait_for_timeout(500)
    expect(farmer.get_by_test_id("little-room")).to_be_hidden()
    disk.leaves(40 * MEGABYTE)
    farmer.reload()
    expect(farmer.get_by_test_id("little-room")).to_be_visible()


@pytest.mark.parametrize("year", [2019, 2033])
def test_a_clock_that_is_wrong_by_years_is_told_and_put_right_on_the_server(
    farmer: Page, link: Link, whole: AppServer, year: int
) -> None:
    farmer.clock.set_system_time(datetime(year, 5, 1, 6, tzinfo=UTC))
    farmer.reload()
    count(farmer, 5)
    arrives(farmer, 2)
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("clock-warning")).to_be_visible()
    with whole.app.app_context(), request_scope() as session:
        (row,) = session.scalars(select(Observation))
        assert abs(row.taken_at - datetime.now(UTC)) < timedelta(hours=1)
        assert row.taken_at_doubtful
    # The network is away while the clock is wrong, and the clock is put right afterwards.
    link.is_cut = True
    tap(farmer, "tab-traps")
    count(farmer, 6)
    farmer.clock.set_system_time(datetime.now(UTC))
    link.mend()
    farmer.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    arrives(farmer, 3)
    assert on_the_server(whole) == [5, 6]


def test_two_windows_that_count_at_once_lose_and_double_nothing(
    farmer: Page, context: BrowserContext, link: Link, whole: AppServer
) -> None:
    tap(farmer, "add-trap")
    tap(farmer, "save-trap")
    other = context.new_page()
    other.goto(link.app_url)
    for page, trap in ((farmer, 0), (other, 1)):
        page.get_by_test_id("count-by-hand").nth(trap).click()
        tap(page, "count-plus-10")
    tap(farmer, "count-plus")
    saving = "document.querySelector('[data-testid=save-count]').click()"
    farmer.evaluate(saving)
    other.evaluate(saving)
    for page in (farmer, other):
        tap(page, "advice-done")
    arrives(other, 4)
    assert on_the_server(whole) == [10, 11]


def test_a_window_that_keeps_nothing_says_so_instead_of_counting(context: BrowserContext, link: Link) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    page = context.new_page()
    page.goto(link.app_url)
    expect(page.get_by_test_id("problem")).to_contain_text(SENTENCES["507.2"])
    expect(page.get_by_test_id("language-en")).to_have_count(0)


def test_counting_by_hand_goes_on_while_the_server_is_in_trouble(farmer: Page, link: Link, whole: AppServer) -> None:
    link.says = b"HTTP/1.0 503 Service Unavailable\r\ncontent-type: text/html\r\n\r\n<h1>Later</h1>"
    count_by_hand(farmer, 1)
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("sync-problem")).to_contain_text(SENTENCES["502.2"])
    link.mend()
    tap(farmer, "send-now")
    arrives(farmer, 2)
    assert on_the_server(whole) == [10]
