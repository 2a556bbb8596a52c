"""What a browser is told, and what a form must bring along: the office's pages cannot be framed, scripted or submitted from elsewhere."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine

from server import create_app
from server.config import Settings
from tests.server.conftest import Clock
from tests.server.officer import Officer
from tests.server.test_every_endpoint import World, table

FORMS = [endpoint.split()[1] for endpoint in table() if endpoint.startswith("POST ") and "/api/" not in endpoint]


@pytest.fixture
def https(settings: Settings, engine: Engine, clock: Clock) -> Iterator[Flask]:
    """The same installation behind a certificate."""
    app = create_app(replace(settings, public_url="https://traps.example"), clock)
    yield app
    app.extensions["pestwatch.engine"].dispose()


def directives(policy: str) -> dict[str, str]:
    return dict(directive.strip().partition(" ")[::2] for directive in policy.split(";"))


def test_behind_a_certificate_the_cookie_and_every_answer_insist_on_it(https: Flask) -> None:
    login = https.test_client()
    form = login.get("/login", base_url="https://traps.example")
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(form.headers["Set-Cookie"].split("; "))
    for address in ("/login", "/api/v1/health", "/nowhere"):
        answer = login.get(address, base_url="https://traps.example")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_without_one_nobody_is_locked_out(app: Flask) -> None:
    answer = app.test_client().get("/login")
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in answer.headers


def test_every_page_of_the_office_says_what_a_browser_may_do_with_it(
    app: Flask, engine: Engine, settings: Settings
) -> None:
    world = World(app, engine, settings)
    _, staff = world.officers["admin"]
    officer = Officer(app).enter(staff)
    pages = [
        "/",
        "/office",
        "/office/log",
        "/review/1-2",
        "/review/9-9",
        *(f"/regions/IN-MH-500{room}" for room in ("", "/phones", "/data")),
    ]
    for page in pages:
        answer = officer.client.get(page)
        policy = directives(answer.headers["Content-Security-Policy"])
        wanted = {
            "default-src": "'none'",
            "script-src": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
            "form-action": "'self'",
        }
        assert wanted.items() <= policy.items(), page
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_app_on_the_phone_cannot_be_framed_either(app: Flask, engine: Engine, settings: Settings) -> None:
    World(app, engine, settings)
    policy = directives(app.test_client().get("/app/").headers["Content-Security-Policy"])
    assert {"frame-ancestors": "'none'", "object-src": "'none'", "base-uri": "'none'"}.items() <= policy.items()


def test_no_form_of_the_office_is_taken_without_the_token_of_its_session(
    app: Flask, engine: Engine, settings: Settings
) -> None:
    world = World(app, engine, settings)
    _, staff = world.officers["admin"]
    officer = Officer(app).enter(staff)
    assert len(FORMS) > 15
    for rule in FORMS:
        address = rule
        for placeholder, value in world.named.items():
            address = address.replace(placeholder, value)
        for token in ({}, {"csrf": "of-another-page"}):
            assert officer.client.post(address, data=token).status_code == 403, rule


def test_no_address_carries_a_token_or_a_number(app: Flask) -> None:
    names = {name for rule in app.url_map.iter_rules() for name in rule.arguments}
    assert names <= {"region", "device", "observation", "sha256", "opening", "staff", "version", "name", "filename"}
