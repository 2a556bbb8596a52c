"""A photo on a bad link: the connection is cut in the middle, the phone is switched off, and what had arrived is not sent again."""

import hashlib
import io
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import request
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from server.db import tables
from server.db.migrate import upgrade_to_head
from server.db.photo_files import open_photo_files
from server.db.session import session_scope
from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, tap
from tests.field.test_counting import GOLDEN
from tests.field.test_sms import enrolment_code

PART_BYTES = 64_000


class BadLink:
    """A link to a server; `cut_after` bytes more from the phone it breaks, until it is mended."""

    def __init__(self, server_port: int) -> None:
        self._server_port, self._ends = server_port, []
        self.up_bytes, self.left_bytes = 0, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, up_bytes: int) -> None:
        self.left_bytes = up_bytes

    @property
    def is_cut(self) -> bool:
        return self.left_bytes is not None and self.left_bytes <= 0

    def mend(self) -> None:
        self.left_bytes = None

    def close(self) -> None:
        self._listener.close()
        self._break()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                phone, _ = self._listener.accept()
                if self.is_cut:
                    phone.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._ends += [phone, server]
                threading.Thread(target=self._carry, args=(phone, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, phone, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_up: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(8_192):
                if is_up:
                    self.up_bytes += len(piece)
                    if self.left_bytes is not None:
                        self.left_bytes -= len(piece)
                        if self.is_cut:
                            self._break()
                            return
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _break(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends = []


@pytest.fixture
def offsets() -> list[int]:
    """Where the parts began that reached the server."""
    return []


@pytest.fixture
def server(app_dist: Path, tmp_path: Path, offsets: list[int]) -> Iterator[AppServer]:
    server = AppServer(app_dist, tmp_path / "data")
    upgrade_to_head(server.app.extensions["pestwatch.engine"])
    server.app.before_request(
        lambda: offsets.append(int(request.headers["Upload-Offset"])) if request.method == "PATCH" else None
    )
    yield server
    server.stop()
    server.app.extensions["pestwatch.engine"].dispose()


@pytest.fixture
def link(server: AppServer) -> Iterator[BadLink]:
    link = BadLink(int(server.url.rpartition(":")[2]))
    yield link
    link.close()


def photo() -> bytes:
    """The funnel of the golden photos, as large and as noisy as a phone's camera makes it."""
    noise = random.Random(3)
    small = Image.open(GOLDEN / "photos" / "funnel.png").convert("RGB")
    large = small.resize((1600, 1600 * small.height // small.width))
    grain = Image.frombytes("L", large.size, bytes(noise.choices(range(110, 146), k=large.width * large.height)))
    out = io.BytesIO()
    Image.blend(large, grain.convert("RGB"), 0.35).save(out, "JPEG", quality=90)
    return out.getvalue()


def test_a_photo_goes_on_where_a_cut_connection_and_a_restart_left_it(
    chromium: Chromium, server: AppServer, link: BadLink, offsets: list[int], tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{link.port}/app/"
    (tmp_path / "photo.jpg").write_bytes(photo())
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(f"{address}#enrol={enrolment_code(server)}")
        for testid in ("language-en", "consent-agree", "pest-HELIAR", "emptied-3", "save-trap"):
            tap(page, testid)
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        for testid in ("tab-settings", "photos-yes", "tab-traps"):
            tap(page, testid)
        page.get_by_test_id("photo-gallery").set_input_files(tmp_path / "photo.jpg")
        expect(page.get_by_test_id("save-count")).to_be_visible(timeout=60_000)
        link.cut_after(PART_BYTES * 2 + 30_000)
        tap(page, "save-count")
        for testid in ("advice-done", "tab-outbox", "send-photos"):
            tap(page, testid)
        for _ in range(600):
            if link.is_cut:
                break
            page.wait_for_timeout(100)
        assert link.is_cut
        expect(page.get_by_test_id("sync-problem")).to_be_visible()
        expect(page.get_by_text("Photo waits").last).to_be_visible()
        expect(page.get_by_test_id("total-waiting")).to_have_attribute("data-count", "0")  # the counts went before it

    before, sent_before = list(offsets), link.up_bytes
    assert before == [0, PART_BYTES, 2 * PART_BYTES], "the third part broke off"
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        link.mend()
        page.goto(address)
        tap(page, "tab-outbox")
        tap(page, "send-photos")
        expect(page.get_by_text("Photo arrived")).to_be_visible(timeout=30_000)

    engine, settings = server.app.extensions["pestwatch.engine"], server.app.extensions["pestwatch.settings"]
    with session_scope(engine, read_only=True) as session:
        row = session.scalars(select(tables.Photo)).one()
    kept = open_photo_files(settings).read(row.sha256)
    assert hashlib.sha256(kept).hexdigest() == row.stored_sha256
    assert len(kept) > 4 * PART_BYTES, "take a larger photo for this test"
    after = offsets[len(before) :]
    assert min(after) > 2 * PART_BYTES, "what had arrived of the broken part, too, was not sent again"
    assert after == sorted(set(after))
    assert link.up_bytes - sent_before < row.size_bytes - 2 * PART_BYTES + 30_000  # with the app's own requests
