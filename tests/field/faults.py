"""A phone that is enrolled at a whole server and may die at any moment, and what each of them has of its counts."""

import os
import re
import signal
import threading
from collections import Counter
from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import select

from server import auth
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from server.db.tables import Observation
from tests import factories
from tests.field.conftest import AppServer, main_process, tap
from tests.field.link import Link

PEST = "HELIAR"
FACTS = """async () => {
  const db = await new Promise((done, fail) => {
    const opening = indexedDB.open('pestwatch');
    opening.onsuccess = () => done(opening.result);
    opening.onerror = () => fail(opening.error);
  });
  const tx = db.transaction(['facts', 'drafts']);
  const all = (name) => new Promise((done) => { const r = tx.objectStore(name).getAll(); r.onsuccess = () => done(r.result); });
  const [facts, drafts] = await Promise.all([all('facts'), all('drafts')]);
  db.close();
  const counts = facts.filter(({ kind }) => kind === 'observation').map(({ body }) => body.counts.HELIAR);
  return [counts, drafts.map(({ corrected }) => corrected)];
}"""


def whole_server(app_dist: Path, data: Path) -> AppServer:
    server = AppServer(app_dist, data)
    upgrade_to_head(server.app.extensions["pestwatch.engine"])
    return server


def stop(server: AppServer) -> None:
    server.stop()
    server.app.extensions["pestwatch.engine"].dispose()


def enrolment_code(server: AppServer) -> str:
    with server.app.app_context(), request_scope() as session:
        factories.region(session)
        return auth.make_code(session, factories.REGION, server.app.extensions["pestwatch.clock"]())


def begin(page: Page, link: Link, server: AppServer) -> None:
    """A farmer with one trap, enrolled; the trap has arrived."""
    page.goto(f"{link.app_url}#enrol={enrolment_code(server)}")
    for testid in ("language-en", "consent-agree", "crop-cotton", "pest-HELIAR", "emptied-3", "save-trap"):
        tap(page, testid)
    arrives(page, 1)


def arrives(page: Page, facts: int) -> None:
    tap(page, "tab-outbox")
    expect(page.get_by_test_id("total-arrived")).to_have_attribute("data-count", str(facts), timeout=30_000)
    tap(page, "tab-traps")


def count(page: Page, number: int) -> None:
    """Counts by hand and saves; back on the home screen."""
    tap(page, "count-by-hand")
    for testid, times in (("count-plus-10", number // 10), ("count-plus", number % 10)):
        for _ in range(times):
            tap(page, testid)
    tap(page, "save-count")
    tap(page, "advice-done")


def on_the_phone(page: Page) -> tuple[list[int], list[int | None]]:
    """The numbers that were saved, and those of drafts, read where the phone keeps them."""
    counts, drafts = page.evaluate(FACTS)
    return counts, drafts


def on_the_server(server: AppServer) -> list[int]:
    with server.app.app_context(), request_scope() as session:
        return sorted(row.counts[PEST] for row in session.scalars(select(Observation)))


def is_once_each(numbers: list[int]) -> bool:
    return max(Counter(numbers).values(), default=1) == 1


def renderers(profile: Path) -> list[int]:
    """The processes that run the pages of a browser."""
    parents: dict[int, int] = {}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parents[int(folder.name)] = int(re.sub(r".*\) ", "", (folder / "stat").read_text()).split()[1])
        except OSError:
            continue
        if b"--type=renderer" in words:
            found.append(int(folder.name))
    main = main_process(profile)

    def descends(pid: int) -> bool:
        while pid in parents and pid != main:
            pid = parents[pid]
        return pid == main

    return [pid for pid in found if descends(pid)]


def kill_in(seconds: float, profile: Path, whole_browser: bool) -> threading.Timer:
    """SIGKILL, as when the phone runs out of memory or of battery: to the whole browser, or to its pages."""

    def kill() -> None:
        for pid in [main_process(profile)] if whole_browser else renderers(profile):
            os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.start()
    return timer
