"""Whatever text comes from outside, the dashboard shows it and runs none of it; nor does a spreadsheet."""

import csv
import io
import os
import zipfile
from typing import Any

import pytest
from sqlalchemy import Engine

from server.db import people
from server.db.session import session_scope
from tests.conftest import Chromium
from tests.factories import NOW, REGION, correction_fact, observation_fact, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import PASSWORD, Officer, hire
from tests.server.test_data_page import upload
from tests.server.test_import import as_csv, submission

MARK = "hacked"
SCRIPTS = (
    f"<script>window.{MARK}=1</script>",
    f"<img src=x onerror=window.{MARK}=1>",
    f'"><svg onload=window.{MARK}=1>',
    f"' onmouseover='window.{MARK}=1' x='",
    f"javascript:window.{MARK}=1",
    "{{7*7}}${7*7}<%=7*7%>%(name)s",
)
FORMULAS = ("=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1")


@pytest.fixture
def hostile(phone: Phone, engine: Engine, app: Any) -> Officer:
    """Every field that an outsider fills in says something hostile."""
    for n, text in enumerate(SCRIPTS):
        trap, base = f"t{n}", 10 * n
        phone.sync(
            trap_fact(base + 1, trap=trap, name=text[:60], village=text[:60]),
            observation_fact(base + 2, trap=trap, counts={"HELIAR": 40 + n}, model=f"base-{n}"),
            correction_fact(base + 3, observation=base + 2, counts={"HELIAR": 50 + n}),
            {"seq": base + 4, "kind": text, "at": text, "body": {text: text}},
            {"seq": base + 4, "kind": "observation", "at": text, "body": {"counts": {text: text}}},
            {"seq": base + 5, "kind": "observation", "at": "2026-11-25T05:00:00Z", "body": {"trap": text}},
            app=text,
            locale=text,
            model=text,
        )
    with session_scope(engine) as session:
        people.record_region(session, "IN-XX-1", f"<b>{SCRIPTS[1]}", NOW)
    hire(engine, SCRIPTS[0], regions=(REGION, "IN-XX-1"))
    officer = Officer(app).enter(hire(engine, regions=(REGION, "IN-XX-1")))
    rows = [submission(trap_id=text, SubmitterName=text, pest=text, KEY=f"uuid:{text}") for text in SCRIPTS]
    rows += [submission(trap_id=text, KEY=f"uuid:f{text}") for text in SCRIPTS]
    upload(officer, as_csv(*rows), source=SCRIPTS[1])
    return officer


def test_the_dashboard_runs_nothing_that_somebody_wrote(
    hostile: Officer, engine: Engine, address: str, chromium: Chromium
) -> None:
    from playwright.sync_api import sync_playwright

    alarms: list[str] = []
    with sync_playwright() as playwright:
        env = {**os.environ, **chromium.env}
        browser = playwright.chromium.launch(executable_path=chromium.path, env=env, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
        page.goto(f"{address}/login")
        page.fill("#name", "asha")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"{address}/")
        waiting, seen, shown = [f"{address}/"], set(), ""
        while waiting and len(seen) < 60:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            page.goto(here)
            for element in page.locator("main [title], main a").all()[:20]:
                element.hover(force=True, timeout=2000, no_wait_after=True)
            assert not page.evaluate(f"'{MARK}' in window"), f"{here} ran what somebody wrote"
            assert page.locator("main script, main [onerror], main [onload], main [onmouseover]").count() == 0, here
            links = page.locator("main a, nav a").evaluate_all("all => all.map(a => a.href)")
            assert not [link for link in links if link.startswith("javascript:")]
            shown += page.content()
            waiting += [
                link.split("#")[0]
                for link in links
                if link.startswith(address) and not any(part in link for part in ("/app", "/data/file", "lang="))
            ]
        browser.close()
    assert not alarms
    assert {f"{address}/regions/{REGION}{room}" for room in ("", "/phones", "/advice", "/data")} <= seen
    assert "&lt;script&gt;" in shown, "the texts were shown, as texts"
    assert "49${49}" not in shown


def test_no_cell_of_a_file_that_is_given_out_is_a_formula(hostile: Officer, phone: Phone) -> None:
    for n, text in enumerate(FORMULAS):
        safe = text.replace("\t", "").replace("\r", "")
        phone.sync(
            trap_fact(900 + 2 * n, trap=f"f{n}", name=safe, village=safe), observation_fact(901 + 2 * n, trap=f"f{n}")
        )
    cells = 0
    for kind in ("csv", "darwin-core", "camtrap-dp", "figures"):
        wish = f"/regions/{REGION}/data/file?as={kind}&first=2026-11-01&last=2026-11-25"
        answer = hostile.client.get(wish, buffered=True)
        for table in tables_of(answer.data):
            for cell in (cell for row in csv.reader(io.StringIO(table)) for cell in row):
                is_number = cell.lstrip("+-").replace(".", "", 1).isdigit()
                assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
                cells += 1
    assert cells > 100


def tables_of(content: bytes) -> list[str]:
    """The CSV tables of an answer, out of its archive if it is one."""
    if not content.startswith(b"PK"):
        return [content.decode("utf-8-sig")]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name).decode() for name in archive.namelist() if name.endswith((".csv", ".txt"))]
