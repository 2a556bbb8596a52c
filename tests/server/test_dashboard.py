"""What officers see, and what strangers do not."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from pestwatch import i18n
from server.config import REPOSITORY, Settings
from server.db import devices, work
from server.db.session import session_scope
from server.supervisor import INSTALLING
from tests import factories
from tests.factories import NOW, REGION, observation_fact, trap_fact
from tests.server.conftest import Clock, Phone
from tests.server.officer import Officer, classes_of, hire

PAGES = [
    "/",
    *(f"/regions/{REGION}{room}" for room in ("", "?by=day", "/review", "/advice", "/model", "/phones", "/data")),
]
LIMIT_BYTES = 60_000
FORBIDDEN = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|(src|href)=\"(https?:)?//")


@pytest.fixture
def officer(app: Flask, engine: Engine) -> Officer:
    return Officer(app).enter(hire(engine))


# --- who may see what


def test_a_stranger_is_sent_to_the_login(app: Flask) -> None:
    stranger = Officer(app).client
    for page in PAGES:
        answer = stranger.get(page)
        assert (answer.status_code, answer.location.split("?")[0]) == (302, "/login")


def test_after_the_login_the_page_that_was_asked_for_comes(app: Flask, engine: Engine) -> None:
    hire(engine)
    stranger = Officer(app)
    login = stranger.client.get(f"/regions/{REGION}/model").location
    stranger.client.get(login)
    with stranger.client.session_transaction() as cookie:
        token = cookie["csrf"]
    form = {"csrf": token, "name": "asha", "password": "a-password-of-the-tests"}
    assert stranger.client.post(login, data=form).location.startswith(f"/regions/{REGION}/model")


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org/", "/\\example.org", "/\texample.org"])
def test_a_login_never_leads_to_another_host(app: Flask, engine: Engine, elsewhere: str) -> None:
    hire(engine)
    stranger = Officer(app)
    stranger.client.get("/login")
    with stranger.client.session_transaction() as cookie:
        token = cookie["csrf"]
    form = {"csrf": token, "name": "asha", "password": "a-password-of-the-tests"}
    answer = stranger.client.post("/login", query_string={"next": elsewhere}, data=form)
    assert answer.status_code == 302
    assert not re.match(r"https?://(?!localhost)|[/\\\s]{2}", answer.location)


def test_a_wrong_password_says_no_more_than_that(app: Flask, engine: Engine) -> None:
    hire(engine)
    wrong, unknown = (Officer(app).log_in(name, "not-the-password") for name in ("asha", "nobody"))
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert "The user name or the password is wrong" in wrong.text
    assert "The user name or the password is wrong" in unknown.text


def test_the_sixth_try_has_to_wait(app: Flask, engine: Engine) -> None:
    hire(engine)
    guesser = Officer(app)
    assert [guesser.log_in(password="not-the-password").status_code for _ in range(6)] == [401] * 5 + [429]
    assert guesser.log_in().status_code == 429


def test_a_form_from_elsewhere_is_refused(officer: Officer) -> None:
    answer = officer.client.post(f"/regions/{REGION}/model/retrain", data={"csrf": "guessed"})
    assert answer.status_code == 403
    assert "Load it again" in answer.text


def test_logging_out_ends_the_session(officer: Officer) -> None:
    assert officer.post("/logout").status_code == 302
    assert officer.client.get("/").status_code == 302


def test_an_officer_sees_no_other_region(officer: Officer, engine: Engine) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
    assert "Warangal" not in officer.read("/")
    for room in ("", "/review", "/advice", "/model", "/phones", "/data", "/data/file"):
        refused = officer.read(f"/regions/IN-TG-501{room}", status=403)
        assert refused == officer.read(f"/regions/IN-XX-999{room}", status=403)


def test_an_admin_sees_every_region(app: Flask, engine: Engine) -> None:
    ravi = hire(engine, "ravi", role="admin", regions=())
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
    page = Officer(app).enter(ravi).read("/")
    assert "Pune" in page
    assert "Warangal" in page


# --- every page


def test_every_page_is_small_safe_and_in_every_language(officer: Officer, phone: Phone) -> None:
    phone.sync(trap_fact(1, name='<b>Bold</b> & "Co"'), observation_fact(2))
    for locale in i18n.LOCALES:
        officer.client.get(f"/?lang={locale}")
        for page in PAGES:
            answer = officer.client.get(page)
            assert answer.status_code == 200, page
            assert len(answer.data) < LIMIT_BYTES, page
            assert f'<html lang="{locale}">' in answer.text
            assert "<b>Bold" not in answer.text
            # What the policy forbids must not be needed: no inline script or style, nothing from another host.
            assert not FORBIDDEN.search(answer.text), page
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_cookie_is_for_this_server_alone(app: Flask, engine: Engine) -> None:
    hire(engine)
    cookie = Officer(app).log_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_an_empty_region_says_what_to_do(officer: Officer) -> None:
    assert "Enrol a phone" in officer.read("/")
    assert "Enrol a phone" in officer.read(f"/regions/{REGION}")
    assert "No photo waits" in officer.read(f"/regions/{REGION}/review")
    assert "No advice was sent yet" in officer.read(f"/regions/{REGION}/advice")
    assert "Nothing was tried yet" in officer.read(f"/regions/{REGION}/model")


def test_a_problem_is_a_page_in_words(officer: Officer) -> None:
    page = officer.read("/review/1-99", status=404)
    assert "Nothing is here under this name: 1-99." in page


# --- catches


def test_the_most_urgent_trap_stands_first_and_a_silent_one_is_never_green(
    officer: Officer, phone: Phone, clock: Clock
) -> None:
    long_ago = NOW - timedelta(days=20)
    phone.sync(
        *(
            trap_fact(n, at=long_ago, trap=trap, name=name)
            for n, trap, name in [(1, "a", "Calm"), (2, "b", "Loud"), (3, "c", "Mute")]
        ),
        observation_fact(4, trap="a", counts={"HELIAR": 0}),
        observation_fact(5, trap="b", counts={"HELIAR": 60}),
        observation_fact(6, at=long_ago, trap="c", counts={"HELIAR": 0}),
    )
    page = officer.read("/")
    assert page.index("Loud") < page.index("Mute")
    assert "Calm" not in page
    assert classes_of(page, "Loud") == "trap inspect"
    assert classes_of(page, "Mute") == "trap silent"
    region = officer.read(f"/regions/{REGION}")
    assert classes_of(region, "Calm") == "trap low"
    assert "20 days ago" in region


@pytest.mark.parametrize("counts", [{}, {"HELIAR": 0}], ids=["of now", "of older apps"])
def test_a_photo_of_which_nothing_was_counted_is_neither_a_zero_nor_calm(
    officer: Officer, phone: Phone, counts: dict[str, int]
) -> None:
    rejected = {"counts": counts, "gate": {"verdict": "rejected", "reason": "too_dark"}}
    phone.sync(
        trap_fact(1),
        observation_fact(2, NOW - timedelta(days=3)),
        observation_fact(3, NOW - timedelta(hours=1), **rejected),
    )
    page = officer.read(f"/regions/{REGION}")
    assert classes_of(page, "By the well") == "trap silent"
    assert "<dd>? <span" in page


@pytest.mark.parametrize(("source", "who"), [("photo", "(phone)"), ("hand", "(farmer)")])
def test_each_count_says_whose_it_is(officer: Officer, phone: Phone, source: str, who: str) -> None:
    phone.sync(trap_fact(1), observation_fact(2, source=source))
    assert who in officer.read(f"/regions/{REGION}")


def test_a_chart_shows_the_threshold_with_its_source_and_days_without_data(officer: Officer, phone: Phone) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 12}, nights=2.0))
    page = officer.read(f"/regions/{REGION}?by=day")
    assert 'class="no-data"' in page
    assert "24 Nov: 6 per trap-night" in page  # the catch is spread over the nights that the count covers
    assert "inspect from" in page
    assert re.search(r"Source: \S+", page)
    assert page.count("no data") >= 15


def test_a_pest_without_a_trap_number_says_so(officer: Officer, phone: Phone) -> None:
    phone.sync(trap_fact(1, pest="GNORAB", crop="tomato"), observation_fact(2, counts={"GNORAB": 50}))
    page = officer.read(f"/regions/{REGION}")
    assert "No institution gives a trap number for this pest" in page
    assert "inspect from" not in page


def test_what_could_not_be_used_is_shown_with_its_reason(officer: Officer, phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1), {"seq": 2, "kind": "observation", "at": "yesterday", "body": {}})
    assert "1 item from phones could not be used" in officer.read("/")
    assert "is wrong" in officer.read(f"/regions/{REGION}/phones")
    with session_scope(engine) as session:
        devices.revoke_device(session, phone.row.id, NOW)
    phone.sync(observation_fact(3))
    page = officer.read(f"/regions/{REGION}/phones")
    assert "The phone was stopped before it sent this." in page


# --- phones


def test_an_officer_makes_a_code_that_enrols_one_phone(officer: Officer) -> None:
    page = officer.post(f"/regions/{REGION}/phones").text
    (code,) = re.findall(r'class="code">([A-Z2-7]{13})<', page)
    assert f"/app/#enrol={code}" in page
    assert '<path class="qrline"' in page or "<svg" in page
    body = {"code": code, "locale": "mr", "consent": {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "mr"}}
    enrolled = officer.client.post("/api/v1/enrol", data=json.dumps(body | {"app": "0.1.0"}))
    assert enrolled.status_code == 201
    assert enrolled.json["region"] == REGION
    assert "मराठी" in officer.read(f"/regions/{REGION}/phones")


def test_a_stopped_phone_is_kept_aside_until_an_officer_believes_it(officer: Officer, phone: Phone) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 60}))
    where = f"/regions/{REGION}/phones/{phone.row.id}"
    officer.post(f"{where}/stop")
    assert phone.sync(observation_fact(3))["items"][0]["status"] == "quarantined"
    officer.post(f"{where}/believe")
    assert "Everything that phones sent could be used." in officer.read(f"/regions/{REGION}/phones")


def test_a_phone_of_another_region_cannot_be_stopped(officer: Officer, engine: Engine) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
        other = factories.device(session, region="IN-TG-501")
    assert officer.post(f"/regions/{REGION}/phones/{other.id}/stop").status_code == 404
    assert officer.post(f"/regions/IN-TG-501/phones/{other.id}/stop").status_code == 403


# --- model


def test_retrain_now_inserts_one_run_however_often_it_is_pressed(officer: Officer, engine: Engine) -> None:
    for _ in range(2):
        assert officer.post(f"/regions/{REGION}/model/retrain").status_code == 302
    with session_scope(engine, read_only=True) as session:
        (run,) = work.runs_of(session, REGION)
        assert run.requested_by is not None
    assert "It starts within a minute." in officer.read(f"/regions/{REGION}/model")
    with session_scope(engine) as session:
        work.note_waiting(session, run.id, f"{INSTALLING}: Collecting keras")
    assert f"{INSTALLING}: Collecting keras." in officer.read(f"/regions/{REGION}/model")
    officer.client.get("/?lang=hi")
    translated = i18n.translate("hi", "dashboard", INSTALLING)
    assert translated.locale == "hi"
    assert f"{translated}: Collecting keras" in officer.read(f"/regions/{REGION}/model")


def test_a_run_shows_progress_then_its_verdict_with_every_gate(officer: Officer, engine: Engine) -> None:
    with session_scope(engine) as session:
        work.request_run(session, REGION, NOW)
        run = work.claim_due_run(session, NOW, "w", timedelta(minutes=5))
        assert run is not None
        claim = work.claim_of(run)
        work.extend_lease(session, claim, NOW + timedelta(minutes=5), 0.35, "training")
    assert "35 %" in officer.read(f"/regions/{REGION}/model")
    size = {
        "message": "The file has %(size_bytes)s bytes; %(limit_bytes)s are allowed.",
        "params": {"size_bytes": 9, "limit_bytes": 8},
    }
    with session_scope(engine) as session:
        gates = [{"name": "size", "passed": False, "detail": "-", **size}]
        work.finish_run(session, claim, "refused", NOW, reason=size, gates=gates)
    page = officer.read(f"/regions/{REGION}/model")
    assert page.count("The file has 9 bytes; 8 are allowed.") == 2
    assert "small enough for phones" in page


def test_the_current_model_and_its_measured_errors_are_shown(
    officer: Officer, settings: Settings, tmp_path: Path
) -> None:
    settings.models_dir.mkdir()
    (settings.models_dir / "releases").symlink_to(REPOSITORY / "mobile_models" / "releases")
    page = officer.read(f"/regions/{REGION}/model")
    assert re.search(r"base-\d{8}-\d", page)
    assert "Error per photo" in page


# --- advice


def test_advice_is_shown_in_the_words_of_the_farmer(officer: Officer, phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1))
    advice = {
        "pest": "HELIAR",
        "crop": "cotton",
        "level": "orange",
        "catch_rate": 12.0,
        "threshold": None,
        "messages": [{"id": "inspect_today", "params": {}}, {"id": "of_a_newer_version", "params": {}}],
    }
    with session_scope(engine) as session:
        work.record_advisory(session, REGION, pest="HELIAR", advice=advice, now=NOW, trap=(phone.row.id, "t1"))
    page = officer.read(f"/regions/{REGION}/advice")
    assert "Look at your plants today." in page
    assert "By the well" in page
    assert "of_a_newer_version" not in page


def test_officers_see_which_of_the_farmers_languages_nobody_has_checked(officer: Officer, phone: Phone) -> None:
    note = "no native speaker has checked yet"
    phone.sync(trap_fact(1), locale="en")
    assert note not in officer.read(f"/regions/{REGION}/advice")
    phone.sync(observation_fact(2), locale="or")
    assert f"{note}: ଓଡ଼ିଆ." in officer.read(f"/regions/{REGION}/advice")
