"""What a phone does when its server has forgotten something, or does not believe it: in a real browser, nothing is lost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, expect
from sqlalchemy import Engine

from pestwatch.release.installation import open_installation
from server import backup
from server.config import Settings
from tests.conftest import Chromium
from tests.factories import NOW
from tests.field.conftest import AppServer, browser, tap
from tests.field.faults import arrives, begin, count, enrolment_code, on_the_server, stop, whole_server
from tests.field.link import Link
from tests.field.test_faults import ONLINE_AGAIN

LOSE_THE_KEY = """() => new Promise((done) => {
  const opening = indexedDB.open('pestwatch');
  opening.onsuccess = () => {
    const tx = opening.result.transaction('settings', 'readwrite');
    tx.objectStore('settings').delete('device_key');
    tx.oncomplete = () => { opening.result.close(); done(); };
  };
})"""


@dataclass
class Installation:
    """A server that may be backed up, and come back on another machine under the same address."""

    app_dist: Path
    folder: Path
    server: AppServer = field(init=False)
    link: Link = field(init=False)

    def __post_init__(self) -> None:
        self.server = whole_server(self.app_dist, self.folder / "first")
        open_installation(self._parts[1].keys_dir, NOW)  # as the first start does: phones trust these keys
        self.link = Link(self.server.port)

    @property
    def _parts(self) -> tuple[Engine, Settings]:
        return self.server.app.extensions["pestwatch.engine"], self.server.app.extensions["pestwatch.settings"]

    def back_up(self) -> None:
        backup.back_up(*self._parts, self.folder / "backup.zip", NOW)

    def restore(self) -> None:
        stop(self.server)
        self.server = AppServer(self.app_dist, self.folder / "second")
        backup.restore(*self._parts, self.folder / "backup.zip", NOW)
        self.link.server_port = self.server.port


@pytest.fixture
def here(app_dist: Path, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(app_dist, tmp_path)
    with made.link:
        yield made
    stop(made.server)


@pytest.fixture
def context(chromium: Chromium, tmp_path: Path) -> Iterator[BrowserContext]:
    with browser(chromium, tmp_path / "phone") as context:
        yield context


def comes(server: AppServer, counts: list[int]) -> None:
    deadline = time.monotonic() + 60
    while on_the_server(server) != counts and time.monotonic() < deadline:
        time.sleep(0.1)
    assert on_the_server(server) == counts


def test_what_a_restored_server_lacks_comes_again_with_the_next_sync(
    context: BrowserContext, here: Installation
) -> None:
    page = context.new_page()
    begin(page, here.link, here.server)
    count(page, 3)
    arrives(page, 2)
    here.back_up()
    for number, arrived in ((7, 3), (5, 4)):
        count(page, number)
        arrives(page, arrived)
    here.restore()
    assert on_the_server(here.server) == [3]
    tap(page, "tab-outbox")
    tap(page, "send-now")
    comes(here.server, [3, 5, 7])
    arrives(page, 4)
    tap(page, "tab-outbox")
    tap(page, "send-now")
    arrives(page, 4)
    comes(here.server, [3, 5, 7])


def test_a_phone_that_a_restored_server_does_not_know_brings_everything_when_it_is_enrolled_again(
    context: BrowserContext, here: Installation
) -> None:
    here.back_up()
    page = context.new_page()
    begin(page, here.link, here.server)
    count(page, 7)
    arrives(page, 2)
    here.restore()
    count(page, 5)
    tap(page, "tab-outbox")
    expect(page.get_by_test_id("not-enrolled")).to_be_visible(timeout=60_000)
    page.goto(f"{here.link.app_url}#enrol={enrolment_code(here.server)}")
    arrives(page, 3)
    comes(here.server, [5, 7])


def unsigned(route: Route) -> None:
    headers = route.request.headers
    route.continue_(headers={name: said for name, said in headers.items() if name != "phone-signature"})


def test_an_old_window_that_does_not_sign_sends_nobody_to_the_officer(
    context: BrowserContext, here: Installation
) -> None:
    page, old = context.new_page(), context.new_page()
    begin(page, here.link, here.server)
    old.route("**/api/v1/sync", unsigned)
    with old.expect_response(lambda answer: answer.status == 401):
        old.goto(here.link.app_url)
    count(old, 7)
    tap(old, "tab-outbox")
    expect(old.get_by_test_id("not-enrolled")).to_be_visible(timeout=60_000)
    page.evaluate(ONLINE_AGAIN)
    arrives(page, 2)
    tap(page, "tab-outbox")
    expect(page.get_by_test_id("not-enrolled")).to_be_hidden()
    assert on_the_server(here.server) == [7]


def test_a_phone_that_has_lost_its_key_keeps_its_counts_until_it_is_enrolled_again(
    context: BrowserContext, here: Installation
) -> None:
    page = context.new_page()
    begin(page, here.link, here.server)
    count(page, 3)
    arrives(page, 2)
    page.evaluate(LOSE_THE_KEY)
    count(page, 7)
    tap(page, "tab-outbox")
    expect(page.get_by_test_id("not-enrolled")).to_be_visible(timeout=60_000)
    page.goto(f"{here.link.app_url}#enrol={enrolment_code(here.server)}")
    arrives(page, 3)
    assert on_the_server(here.server) == [3, 7]
