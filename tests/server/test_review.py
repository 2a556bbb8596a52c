"""A person recounts a photo: by numbers, by points, and in a real browser."""

import hashlib
import json
import os
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from server.db import catches
from server.db.session import session_scope
from server.db.tables import Correction
from tests import factories
from tests.conftest import Chromium
from tests.factories import NOW, REGION, observation_fact, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import PASSWORD, Officer, hire

PHOTO = factories.png(640, 480)
SHA256 = hashlib.sha256(PHOTO).hexdigest()


@pytest.fixture
def officer(app: Flask, engine: Engine) -> Officer:
    return Officer(app).enter(hire(engine))


@pytest.fixture
def review(phone: Phone) -> str:
    """The address of a photo that waits for a recount."""
    marks = [{"x": 0.25, "y": 0.5, "species": "HELIAR"}]
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True, marks=marks))
    assert phone.send_photo(SHA256, PHOTO).status_code == 201
    return f"/review/{phone.row.id}-2"


def recounts(engine: Engine) -> list[Correction]:
    with session_scope(engine, read_only=True) as session:
        return list(session.query(Correction).order_by(Correction.id))


def standing(engine: Engine) -> tuple[int | None, str]:
    with session_scope(engine, read_only=True) as session:
        (catch,) = catches.catch_rows(session, REGION, NOW)
    return catch.count, catch.counted_by


def test_the_queue_leads_to_the_photo(officer: Officer, review: str) -> None:
    assert "1 photo waits for your recount" in officer.read("/")
    assert f'href="{review}"' in officer.read(f"/regions/{REGION}/review")
    assert f'src="{review}/photo"' in officer.read(review)
    photo = officer.client.get(f"{review}/photo")
    assert (photo.data, photo.mimetype) == (PHOTO, "image/png")
    assert photo.headers["X-Content-Type-Options"] == "nosniff"
    assert photo.headers["Cache-Control"].startswith("private")


def test_a_recount_stands_beside_the_phones_number(officer: Officer, review: str, engine: Engine, phone: Phone) -> None:
    answer = officer.post(review, **{"count-HELIAR": "9"})
    assert answer.status_code == 302
    assert standing(engine) == (9, "officer")
    (recount,) = recounts(engine)
    assert (recount.counts, recount.marks, recount.by) == ({"HELIAR": 9}, None, "officer")
    assert "No photo waits" in officer.read(f"/regions/{REGION}/review")
    (change,) = phone.sync()["changes"]
    assert (change["kind"], change["counts"], change["by"]) == ("recount", {"HELIAR": 9}, "officer")


def test_a_second_recount_overwrites_nothing(officer: Officer, review: str, engine: Engine) -> None:
    for number in ("9", "10"):
        officer.post(review, **{"count-HELIAR": number})
    assert sorted(row.counts["HELIAR"] for row in recounts(engine)) == [9, 10]
    assert "An officer counted this photo before." in officer.read(review)


def test_points_are_kept_when_they_say_the_same_as_the_numbers(officer: Officer, review: str, engine: Engine) -> None:
    points = [{"x": 0.1, "y": 0.2, "species": "HELIAR"}, {"x": 1, "y": 0, "species": "HELIAR"}]
    officer.post(review, marks=json.dumps(points), **{"count-HELIAR": "2", "count-GNORAB": "0"})
    officer.post(review, marks=json.dumps(points), **{"count-HELIAR": "3"})
    agreed, typed_over = recounts(engine)
    assert agreed.marks == points
    assert (typed_over.counts, typed_over.marks) == ({"HELIAR": 3}, None)


def test_devanagari_digits_are_numbers_too(officer: Officer, review: str, engine: Engine) -> None:
    officer.post(review, **{"count-HELIAR": "१२"})
    assert standing(engine) == (12, "officer")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"count-HELIAR": ""},
        {"count-HELIAR": "-1"},
        {"count-HELIAR": "many"},
        {"count-HELIAR": "5001"},
        {"count-HELIAR": "²"},
        {"count-HELIAR": "1", "marks": "[{]"},
        {"count-HELIAR": "1", "marks": '[{"x": 2, "y": 0, "species": "HELIAR"}]'},
    ],
)
def test_what_is_no_count_is_refused_in_words(
    officer: Officer, review: str, engine: Engine, form: dict[str, str]
) -> None:
    answer = officer.post(review, **form)
    assert answer.status_code == 422
    assert "is wrong" in answer.text
    assert recounts(engine) == []


def test_the_officer_counts_before_seeing_what_the_phone_counted(officer: Officer, review: str) -> None:
    page = officer.read(review)
    before, _, hidden = page.partition("<details>")
    assert "<strong>12</strong>" not in before
    assert "<strong>12</strong>" in hidden


def test_how_sure_the_phone_was_stands_beside_its_number(officer: Officer, phone: Phone) -> None:
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True, intervals={"HELIAR": [6, 18]}))
    phone.send_photo(SHA256, PHOTO)
    before, _, hidden = officer.read(f"/review/{phone.row.id}-2").partition("<details>")
    assert "probably between" not in before
    assert "<strong>12</strong>, probably between 6 and 18</li>" in hidden
    assert hidden.count("probably between") == 1


def test_only_officers_of_the_region_see_a_photo(app: Flask, engine: Engine, review: str) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
    kiran = hire(engine, "kiran", regions=("IN-TG-501",))
    other = Officer(app)
    assert other.client.get(f"{review}/photo").status_code == 302
    other.enter(kiran)
    for address in (review, f"{review}/photo"):
        other.read(address, status=404)
    assert other.post(review, **{"count-HELIAR": "1"}).status_code == 404
    assert recounts(engine) == []


def test_a_photo_that_was_not_agreed_to_is_not_shown(
    officer: Officer, review: str, phone: Phone, engine: Engine
) -> None:
    """The same photo in a second observation, without consent."""
    phone.sync(observation_fact(3, photo=SHA256, photo_consent=False))
    assert officer.client.get(f"/review/{phone.row.id}-3/photo").status_code == 404
    assert officer.client.get(f"/review/{phone.row.id}-3").status_code == 404


def test_an_officer_marks_insects_in_a_browser(engine: Engine, review: str, address: str, chromium: Chromium) -> None:
    from playwright.sync_api import sync_playwright

    hire(engine)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.path, env=_with(chromium), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 740})
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/login?next={review}")
        page.fill("#name", "asha")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"**{review}")
        photo = page.locator("#photo")
        photo.click(position={"x": 80, "y": 60})
        photo.click(position={"x": 200, "y": 100})
        page.locator(".pick").nth(1).click()
        photo.click(position={"x": 150, "y": 150})
        page.locator(".mark").nth(1).click()  # a point that is tapped again goes
        assert page.locator(".mark").count() == 2
        page.locator("main details summary").click()
        page.check("#show-phone")
        assert page.locator(".phone-mark").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.locator("form.review button:not([type])").click()
        page.wait_for_url("**/review?saved=1")
        browser.close()
    assert complaints == []
    (recount,) = recounts(engine)
    assert recount.counts["HELIAR"] == 1
    assert sorted(mark["species"] for mark in recount.marks or []) == ["GNORAB", "HELIAR"]
    assert all(0 < mark["x"] < 1 and 0 < mark["y"] < 1 for mark in recount.marks or [])


def _with(chromium: Chromium) -> dict[str, Any]:
    return {**os.environ, **chromium.env}
