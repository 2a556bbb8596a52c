"""Staff: logging in, staying logged in, seeing one's own regions, and nobody else's forms."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from pestwatch.errors import Problem
from server import auth
from server.db import people
from server.db.session import request_scope, session_scope
from server.db.tables import Staff
from tests import factories
from tests.factories import NOW, REGION

PASSWORD = "rain on the fields"


@pytest.fixture(autouse=True)
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same algorithm at its lowest price: dozens of logins at 64 MB each would be most of the tests' time."""
    auth._nobodys_hash.cache_clear()
    monkeypatch.setattr(auth, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield
    auth._nobodys_hash.cache_clear()


@pytest.fixture
def asha(engine: Engine) -> Staff:
    hashed = auth.hash_password(PASSWORD)
    with session_scope(engine) as session:
        return people.record_staff(session, "Asha", password_hash=hashed, role="officer", regions=[REGION], now=NOW)


@pytest.fixture
def pages(app: Flask) -> FlaskClient:
    """The app with two pages that stand for the dashboard's."""

    @app.get("/test/who")
    def who() -> dict:
        with request_scope(read_only=True) as session:
            staff = auth.current_staff(session)
            return {"name": staff and staff.name, "csrf": auth.csrf_token()}

    @app.post("/test/in/<int:number>")
    def log_in(number: int) -> str:
        with request_scope(read_only=True) as session:
            auth.remember(people.staff_by_id(session, number))
        return "in"

    @app.post("/test/change")
    def change() -> str:
        auth.check_csrf()
        return "changed"

    return app.test_client()


def test_the_right_password_logs_in_whatever_the_names_letter_case(engine: Engine, asha: Staff) -> None:
    assert auth.log_in(engine, " ASHA ", PASSWORD, "10.0.0.1", NOW).id == asha.id


@pytest.mark.parametrize(("name", "password"), [("asha", "rain"), ("nobody", PASSWORD), ("", ""), ("a\0b", "c\0d")])
def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    engine: Engine, asha: Staff, name: str, password: str
) -> None:
    with pytest.raises(Problem, match=r"401\.2"):
        auth.log_in(engine, name, password, "10.0.0.1", NOW)


def test_after_five_failures_a_name_is_closed_for_a_quarter_of_an_hour(engine: Engine, asha: Staff) -> None:
    for second in range(5):
        with pytest.raises(Problem, match=r"401\.2"):
            auth.log_in(engine, "asha", "guess", f"10.0.0.{second}", NOW + timedelta(seconds=second))
    with pytest.raises(Problem, match=r"429\.1") as closed:
        auth.log_in(engine, "asha", PASSWORD, "10.0.0.9", NOW + timedelta(seconds=60))
    assert closed.value.params["seconds"] == 14 * 60
    assert auth.log_in(engine, "asha", PASSWORD, "10.0.0.9", NOW + timedelta(minutes=15, seconds=5)).id == asha.id


def test_after_five_failures_an_address_is_closed_too(engine: Engine, asha: Staff) -> None:
    for name in "abcde":
        with pytest.raises(Problem, match=r"401\.2"):
            auth.log_in(engine, name, "guess", "10.0.0.1", NOW)
    with pytest.raises(Problem, match=r"429\.1"):
        auth.log_in(engine, "asha", PASSWORD, "10.0.0.1", NOW)
    assert auth.log_in(engine, "asha", PASSWORD, "10.0.0.2", NOW).id == asha.id


def test_a_login_that_succeeds_forgets_the_names_failures(engine: Engine, asha: Staff) -> None:
    for attempt in range(8):
        if attempt == 4:
            auth.log_in(engine, "asha", PASSWORD, "10.0.0.99", NOW)
        with pytest.raises(Problem, match=r"401\.2"):
            auth.log_in(engine, "asha", "guess", f"10.0.0.{attempt}", NOW)


def test_somebody_who_left_can_no_longer_log_in(engine: Engine, asha: Staff) -> None:
    with session_scope(engine) as session:
        session.get(Staff, asha.id).left_at = NOW
    with pytest.raises(Problem, match=r"401\.2"):
        auth.log_in(engine, "asha", PASSWORD, "10.0.0.1", NOW)


def test_a_short_password_is_refused() -> None:
    with pytest.raises(Problem, match=r"422\.5"):
        auth.hash_password("short")


def test_an_officer_sees_own_regions_only(engine: Engine, asha: Staff) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
        assert auth.allowed_region(session, asha, REGION).id == REGION
        for other in ("IN-TG-501", "nowhere"):
            with pytest.raises(Problem, match=r"403\.1"):
                auth.allowed_region(session, asha, other)


def test_a_session_is_a_signed_cookie_that_scripts_cannot_read(pages: FlaskClient, asha: Staff) -> None:
    assert pages.get("/test/who").json["name"] is None
    response = pages.post(f"/test/in/{asha.id}")
    assert {"HttpOnly", "SameSite=Lax"} <= set(response.headers["Set-Cookie"].split("; "))
    assert pages.get("/test/who").json["name"] == "asha"
    value = pages.get_cookie("pestwatch").value
    pages.set_cookie("pestwatch", value[:-2] + ("AA" if value[-2:] != "AA" else "BB"))
    assert pages.get("/test/who").json["name"] is None


def test_a_session_ends_when_somebody_leaves(pages: FlaskClient, asha: Staff, engine: Engine) -> None:
    pages.post(f"/test/in/{asha.id}")
    with session_scope(engine) as session:
        session.get(Staff, asha.id).left_at = NOW
    assert pages.get("/test/who").json["name"] is None


def test_a_form_that_was_not_filled_in_on_our_page_changes_nothing(pages: FlaskClient, asha: Staff) -> None:
    assert pages.post("/test/change", data={"csrf": ""}).status_code == 403
    pages.post(f"/test/in/{asha.id}")
    token = pages.get("/test/who").json["csrf"]
    assert pages.post("/test/change", data={"csrf": token}).text == "changed"
    for wrong in ({}, {"csrf": "x"}, {"csrf": "é"}):
        assert pages.post("/test/change", data=wrong).status_code == 403
    pages.post(f"/test/in/{asha.id}")
    assert pages.post("/test/change", data={"csrf": token}).status_code == 403, "a new session has a new token"
