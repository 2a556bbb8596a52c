"""Everything in one file, a phone that is wiped, and everything back again from it: in a real Chromium, with the real server."""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from pestwatch.errors import SENTENCES
from server import auth
from server.db import tables
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope, session_scope
from tests import factories
from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, count_by_hand, facts_in, save_everything, tap, wait_for_the_counter

PHOTO = Path(__file__).parents[1] / "golden" / "photos" / "funnel.png"


@pytest.fixture
def server(app_dist: Path, tmp_path: Path) -> Iterator[AppServer]:
    server = AppServer(app_dist, tmp_path / "data")
    upgrade_to_head(server.app.extensions["pestwatch.engine"])
    with server.app.app_context(), request_scope() as session:
        factories.region(session)
    yield server
    server.stop()
    server.app.extensions["pestwatch.engine"].dispose()


@contextmanager
def a_phone(chromium: Chromium, server: AppServer, profile: Path, *first: str) -> Iterator[Page]:
    """A phone that nobody has used yet, its farmer agreeing to everything."""
    with browser(chromium, profile) as context:
        page = context.new_page()
        page.goto(server.app_url)
        for testid in ("language-en", "consent-agree", *first):
            tap(page, testid)
        expect(page.get_by_test_id("trap-card" if first else "screen-new-trap")).to_be_visible()
        yield page


def enrol(page: Page, server: AppServer) -> None:
    with server.app.app_context(), request_scope() as session:
        code = auth.make_code(session, factories.REGION, server.app.extensions["pestwatch.clock"]())
    page.goto(re.sub("#.*", f"#enrol={code}", page.url))
    tap(page, "tab-settings")
    expect(page.get_by_test_id("enrolment-state")).to_have_attribute("data-state", "active", timeout=60_000)


def put_back(page: Page, file: Path) -> None:
    page.goto(re.sub("#.*", "#/put-back", page.url))
    page.get_by_test_id("put-back-file").set_input_files(file)


def counts_on_the_server(server: AppServer) -> list[int]:
    """Of every observation, from whichever phone: twice the same would be a count that was doubled."""
    with session_scope(server.app.extensions["pestwatch.engine"], read_only=True) as session:
        return sorted(row.counts["HELIAR"] for row in session.scalars(select(tables.Observation)))


def total(page: Page, group: str, count: int) -> None:
    page.goto(re.sub("#.*", "#/outbox", page.url))
    expect(page.get_by_test_id(f"total-{group}")).to_have_attribute("data-count", str(count), timeout=60_000)


def test_a_wiped_phone_gets_everything_back_from_its_file_and_nothing_is_doubled_on_the_server(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("early.zip", "late.zip")]
    with a_phone(chromium, server, tmp_path / "old", "pest-HELIAR", "emptied-3", "save-trap") as page:
        enrol(page, server)
        tap(page, "photos-yes")
        tap(page, "tab-traps")
        wait_for_the_counter(page)
        count_by_hand(page, 1)
        total(page, "arrived", 2)
        page.context.set_offline(True)
        page.goto(re.sub("#.*", "#/", page.url))
        count_by_hand(page, 2)
        shutil.copy(save_everything(page), files[0])
        page.context.set_offline(False)
        total(page, "arrived", 3)  # sent after the file was saved
        page.context.set_offline(True)
        page.goto(re.sub("#.*", "#/", page.url))
        page.get_by_test_id("photo-gallery").set_input_files(PHOTO)
        expect(page.get_by_test_id("save-count")).to_be_visible(timeout=60_000)
        tap(page, "count-plus")
        tap(page, "save-count")
        tap(page, "advice-done")
        tap(page, "count-by-hand")
        tap(page, "count-plus-10")  # and not saved
        shutil.copy(save_everything(page), files[1])
    shutil.rmtree(tmp_path / "old")
    made = facts_in(files[1])
    with zipfile.ZipFile(files[1]) as archive:
        assert archive.testzip() is None
        assert [name for name in archive.namelist() if name.startswith("photos/")]
        assert b"token" not in b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".json"))

    with a_phone(chromium, server, tmp_path / "new") as page:
        put_back(page, files[0])
        expect(page.get_by_test_id("put-back-offer")).to_have_attribute("data-unsent", "1")
        tap(page, "put-back-now")
        expect(page.get_by_test_id("trap-card")).to_contain_text("20 insects")
        put_back(page, files[1])
        expect(page.get_by_test_id("put-back-offer")).to_have_attribute("data-unsent", "2")
        tap(page, "put-back-now")
        expect(page.get_by_test_id("draft-waiting")).to_be_visible()
        tap(page, "open-trap")
        expect(page.get_by_test_id("count-row")).to_have_count(3)
        expect(page.get_by_test_id("season-line")).to_be_visible()
        tap(page, "back")
        enrol(page, server)
        tap(page, "photos-yes")  # asked anew of whoever holds this phone
        total(page, "waiting", 0)
        assert len(counts_on_the_server(server)) == 3
        assert counts_on_the_server(server)[-2:] == [10, 20]
        tap(page, "send-photos")
        expect(page.get_by_text("Photo arrived")).to_be_visible(timeout=60_000)
        for file in files:
            put_back(page, file)
            expect(page.get_by_test_id("put-back-nothing")).to_be_visible()
        again = facts_in(save_everything(page))
        assert [fact["body"].get("counts") for fact in again] == [fact["body"].get("counts") for fact in made]


def test_the_same_file_on_two_phones_is_sent_by_one_and_the_old_phones_own_counts_by_itself(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    file = tmp_path / "saved.zip"
    with a_phone(chromium, server, tmp_path / "old", "pest-HELIAR", "emptied-3", "save-trap") as page:
        count_by_hand(page, 1)
        shutil.copy(save_everything(page), file)
    for profile in ("second", "third"):
        with a_phone(chromium, server, tmp_path / profile) as page:
            enrol(page, server)
            put_back(page, file)
            tap(page, "put-back-now")
            expect(page.get_by_test_id("trap-card")).to_contain_text("10 insects")
            total(page, "arrived", 2)
            assert counts_on_the_server(server) == [10]
    with a_phone(chromium, server, tmp_path / "beside") as page:
        enrol(page, server)
        put_back(page, file)
        tap(page, "put-back-beside")
        expect(page.get_by_test_id("trap-card")).to_contain_text("10 insects")
        total(page, "held", 1)
        expect(page.get_by_test_id("reason")).to_have_text("The other phone sends it.")
        assert counts_on_the_server(server) == [10]


def test_a_damaged_file_and_one_of_somebody_else_change_nothing_and_say_so(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    with a_phone(chromium, server, tmp_path / "old", "pest-HELIAR", "emptied-3", "save-trap") as page:
        count_by_hand(page, 1)
        whole = save_everything(page).read_bytes()
    archive = zipfile.ZipFile(io.BytesIO(whole))
    tampered = whole.replace(b'"HELIAR": 10', b'"HELIAR": 90')
    assert tampered != whole
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as wrong:
        wrong.writestr("pestwatch.json", json.dumps({"v": 1}))
    cases = {"422.71": [whole[:-1], whole[: len(whole) // 2], tampered], "422.70": [b"{}", other.getvalue()[:20]]}
    assert archive.testzip() is None
    with a_phone(chromium, server, tmp_path / "next") as page:
        expect(page.get_by_test_id("screen-new-trap")).to_be_visible()
        for number, contents in cases.items():
            for content in contents:
                (tmp_path / "bad.zip").write_bytes(content)
                put_back(page, tmp_path / "bad.zip")
                expect(page.get_by_test_id("put-back-problem")).to_have_text(SENTENCES[number])
                page.reload()
        tap(page, "back")
        tap(page, "tab-traps")
        expect(page.get_by_test_id("trap-card")).to_have_count(0)
