"""What a browser is told, and what a form must bring along: the office's pages cannot be framed, scripted or submitted from elsewhere."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine

from server import auth, create_app
from server.auth import LOGIN_TRIES
from server.config import Settings
from server.dashboard import login
from tests.factories import REGION
from tests.server.conftest import Clock
from tests.server.officer import HASH, PASSWORD, Officer, hire
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
    visitor = https.test_client()
    form = visitor.get("/login", base_url="https://traps.example")
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(form.headers["Set-Cookie"].split("; "))
    for address in ("/login", "/api/v1/health", "/nowhere"):
        answer = visitor.get(address, base_url="https://traps.example")
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


EVIL = "evil.example"
FORGED = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-For": "6.6.6.6",
    "Forwarded": f"host={EVIL}",
}


@pytest.mark.parametrize("proxies", [0, 1])
def test_a_forged_host_gets_into_no_page_code_or_redirect(
    settings: Settings, engine: Engine, clock: Clock, proxies: int
) -> None:
    """The address in the QR is the one of the settings, whoever asks; redirects name no host."""
    app = create_app(replace(settings, public_url="https://traps.example", proxies=proxies), clock)
    staff, browser = hire(engine), app.test_client()
    with browser.session_transaction() as cookie:
        cookie.update(staff=staff, of=auth.hash_secret(HASH)[:16], csrf="of-this-page")
    value = browser.get_cookie("pestwatch").value
    sender = app.test_client(use_cookies=False)
    named = {"headers": FORGED | {"Cookie": f"pestwatch={value}"}}
    code = sender.post(f"/regions/{REGION}/phones", data={"csrf": "of-this-page"}, **named)
    assert code.status_code == 200
    assert "https://traps.example/app/#enrol=" in code.text
    pages = [code, *(sender.get(page, **named) for page in ("/", f"/regions/{REGION}", "/app", "/nowhere"))]
    pages += [app.test_client().get("/", headers=FORGED), app.test_client().get("/login", headers=FORGED)]
    for page in pages:
        assert EVIL not in page.text
        assert EVIL not in str(page.headers)
    app.extensions["pestwatch.engine"].dispose()


def test_without_a_proxy_of_ours_nobody_chooses_the_address_that_is_counted(app: Flask, engine: Engine) -> None:
    """Else every guess would come from somewhere else, and five would be as good as five million."""
    guesses = []
    for n in range(LOGIN_TRIES + 1):
        guesser = Officer(app)
        forged = {"X-Forwarded-For": f"10.9.{n}.1", "Forwarded": f"for=10.9.{n}.1", "X-Real-IP": f"10.9.{n}.1"}
        guesses.append(guesser.log_in(f"nobody{n}", "guess", headers=forged).status_code)
    assert guesses == [401] * LOGIN_TRIES + [429]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
    ],
)
def test_a_login_leads_nowhere_else(address: str) -> None:
    with Flask("nowhere").test_request_context():
        assert login.is_ours(address) is False
    assert login.is_ours("/regions/IN-MH-500/phones?page=2")


def test_a_session_that_somebody_else_planted_is_not_the_one_that_is_logged_in(app: Flask, engine: Engine) -> None:
    hire(engine)
    victim, planter = Officer(app), Officer(app)
    planter.client.get("/login")
    planted = planter.client.get_cookie("pestwatch").value
    with planter.client.session_transaction() as cookie:
        token = cookie["csrf"]
    victim.client.set_cookie("pestwatch", planted)
    answer = victim.client.post("/login", data={"csrf": token, "name": "asha", "password": PASSWORD})
    assert answer.status_code == 302
    assert victim.client.get("/").status_code == 200
    assert planter.client.get("/").status_code == 302, "who planted it is not in"
    with victim.client.session_transaction() as cookie:
        assert cookie.get("csrf") != token, "nor has the form's token"
