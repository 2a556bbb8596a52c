"""What Chromium really puts on the wire when the app syncs: a key of its own, and the bytes that bench/sync.py counts with."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import cbor2
import pytest
from playwright.sync_api import Page
from sqlalchemy import func, select

from bench.wire.phones import CHROMIUM, HOST, counts
from server import auth
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from server.db.tables import Device, Observation
from tests import factories
from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, tap

PUT_INTO_THE_OUTBOX = """(facts) => new Promise((done, failed) => {
  const opening = indexedDB.open("pestwatch");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const tx = opening.result.transaction(["facts", "deliveries", "settings"], "readwrite");
    for (const fact of facts) {
      tx.objectStore("facts").put(fact);
      tx.objectStore("deliveries").put({ seq: fact.seq, status: "waiting", problem: null, answered_at: null });
    }
    tx.objectStore("settings").put(facts.at(-1).seq, "last_seq");
    tx.oncomplete = () => { opening.result.close(); done(null); };
  };
})"""
KEPT = """(key) => new Promise((done) => {
  const opening = indexedDB.open("pestwatch");
  opening.onsuccess = () => {
    const asking = opening.result.transaction("settings").objectStore("settings").get(key);
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""

STORED = """() => new Promise((done) => {
  const opening = indexedDB.open("pestwatch");
  opening.onsuccess = () => {
    const asking = opening.result.transaction("deliveries").objectStore("deliveries").index("by_status").count("stored");
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""


def until(check: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Tap:
    """Passes everything on to a server, and keeps what was said to it."""

    def __init__(self, port: int) -> None:
        self.said: list[bytearray] = []
        self._target = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self.said.append(kept := bytearray())
            self._open += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far, kept), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, bytearray()), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        try:
            while piece := source.recv(65536):
                kept += piece
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def syncs(self) -> list[tuple[str, bytes]]:
        """Head and body of every request to /sync."""
        found = []
        for said in self.said:
            for start in re.finditer(rb"POST /api/v1/sync HTTP", bytes(said)):
                head, _, rest = bytes(said[start.start() :]).partition(b"\r\n\r\n")
                length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
                found.append((head.decode() + "\r\n\r\n", rest[:length]))
        return found

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in [self._listener, *self._open]:
            one.close()


@pytest.fixture
def server(app_dist: Path, tmp_path: Path) -> Iterator[AppServer]:
    server = AppServer(app_dist, tmp_path / "data")
    upgrade_to_head(server.app.extensions["pestwatch.engine"])
    yield server
    server.stop()
    server.app.extensions["pestwatch.engine"].dispose()


@pytest.fixture
def wire(server: AppServer) -> Iterator[Tap]:
    wire = Tap(int(server.url.rpartition(":")[2]))
    yield wire
    wire.close()


@pytest.fixture
def phone(chromium: Chromium, server: AppServer, wire: Tap, tmp_path: Path) -> Iterator[Page]:
    """An enrolled phone without traps."""
    with server.app.app_context(), request_scope() as session:
        factories.region(session)
        code = auth.make_code(session, factories.REGION, datetime.now(UTC))
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{wire.port}/app/#enrol={code}")
        for testid in ("language-en", "consent-agree"):
            tap(page, testid)
        until(lambda: page.evaluate(KEPT, "last_synced_at"))
        yield page


def test_fifty_counts_go_as_one_short_signed_request(phone: Page, server: AppServer, wire: Tap) -> None:
    before = len(wire.syncs())
    facts = counts(Random(7), 1, 50, datetime.now(UTC))
    phone.evaluate(PUT_INTO_THE_OUTBOX, facts)
    phone.reload()
    until(lambda: phone.evaluate(STORED) == 50)
    (head, body) = wire.syncs()[before]
    with server.app.app_context(), request_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Observation)) == 50
        key = session.scalars(select(Device.public_key)).one()
    assert key == phone.evaluate(f"async (key) => (await ({KEPT})(key)).public_key", "device_key")
    assert phone.evaluate(f"async (key) => (await ({KEPT})(key)).secret.extractable", "device_key") is False

    names = [line.partition(":")[0] for line in head.strip().split("\r\n")]
    assert sorted(names) == sorted(line.partition(":")[0] for line in CHROMIUM), head
    same = ("Connection", "Accept", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Accept-Encoding")
    for line in CHROMIUM:
        if line.startswith(tuple(f"{name}:" for name in same)):
            assert line in head
    ours = re.sub(
        r"(?m)^(Host: ).*\r$", rf"\g<1>{HOST}\r", re.sub(r"(?m)^(Origin: ).*\r$", rf"\g<1>https://{HOST}\r", head)
    )
    ours = re.sub(r"(?m)^User-Agent: .*\r$", next(x for x in CHROMIUM if x.startswith("User-Agent")) + "\r", ours)
    assert len(ours) <= 660
    assert len(body) <= 610
    assert len(cbor2.dumps(facts)) > 14_000, "what it stands for"
