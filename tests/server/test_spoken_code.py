"""Six digits over the telephone: bound to one officer's opening, few tries, and nobody gets in without the officer's yes."""

import re
import secrets
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from server import auth
from server.db import openings, tables
from server.db.access_tables import EnrolmentOpening
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, REGION, instant, push, trap_fact
from tests.server.conftest import Clock
from tests.server.officer import Officer, hire

TOKEN = "t" * 43


@pytest.fixture
def officer(app: Flask, engine: Engine) -> Officer:
    return Officer(app).enter(hire(engine))


def opened(officer: Officer) -> tuple[str, str]:
    """Opens an enrolment; the address of its page and the code on it."""
    where = officer.post(f"/regions/{REGION}/openings").location
    (code,) = re.findall(r'class="spoken-code"[^>]*>(\d{3} \d{3})<', officer.read(where))
    return where, code.replace(" ", "")


def ask(client: FlaskClient, code: str, token: str = TOKEN, name: str = "Sunita Jadhav", **how: Any) -> Any:
    consent = {"version": 2, "at": instant(NOW), "locale": "mr"}
    said = {"code": code, "locale": "mr", "consent": consent, "app": "0.1.0", "token": token, "name": name}
    return client.post("/api/v1/enrol", json=said, **how)


def outcome(client: FlaskClient, token: str = TOKEN) -> Any:
    return client.get("/api/v1/enrol", headers={"Authorization": f"Bearer {token}"})


def another(code: str, keep: int = openings.ADDRESSED_BY) -> str:
    """A wrong code that begins with the same digits."""
    return code[:keep] + f"{(int(code[keep:]) + 1) % 10 ** (6 - keep):0{6 - keep}}"


def test_the_officer_sees_the_name_says_yes_and_then_the_phone_may_sync(
    officer: Officer, client: FlaskClient, engine: Engine
) -> None:
    where, code = opened(officer)
    assert ask(client, f"{code[:3]} {code[3:]}").json == {"state": "waiting", "seconds": 600}
    page = officer.read(where)
    assert "Sunita Jadhav" in page
    assert code[:3] + " " + code[3:] not in page, "the code is spent"
    assert outcome(client).status_code == 202
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/api/v1/sync", json=push(trap_fact(1)), headers=headers).status_code == 401, "nobody said yes"
    officer.post(f"{where}/answer", known="yes")
    enrolled = outcome(client)
    assert (enrolled.status_code, enrolled.json["region"], enrolled.json["token"]) == (201, REGION, TOKEN)
    assert enrolled.json["sms"]["number"] == "+919876543210"
    pushed = client.post("/api/v1/sync", json=push(trap_fact(1), locale="mr"), headers=headers)
    assert pushed.json["items"][0]["status"] == "stored"
    with session_scope(engine, read_only=True) as session:
        row = session.get(tables.Device, enrolled.json["device"])
    assert (row.name, row.locale, row.consent["version"]) == ("Sunita Jadhav", "mr", 2)
    assert "Sunita Jadhav" in officer.read(f"/regions/{REGION}/phones")
    assert outcome(client).json["problem"]["number"] == "410.1", "its keys are not told again once it was here"


def test_an_answer_that_was_lost_can_be_asked_for_again(officer: Officer, client: FlaskClient, engine: Engine) -> None:
    where, code = opened(officer)
    assert [ask(client, code).status_code for _ in range(3)] == [202] * 3
    officer.post(f"{where}/answer", known="yes")
    answers = [ask(client, code), outcome(client), outcome(client)]
    assert {(answer.status_code, answer.json["device"]) for answer in answers} == {(201, answers[0].json["device"])}
    with session_scope(engine, read_only=True) as session:
        assert len(session.scalars(select(tables.Device)).all()) == 1


def test_the_officers_no_is_told_and_final(officer: Officer, client: FlaskClient, engine: Engine) -> None:
    where, code = opened(officer)
    ask(client, code)
    officer.post(f"{where}/answer", known="no")
    assert outcome(client).json["problem"]["number"] == "410.3"
    assert officer.post(f"{where}/answer", known="yes").status_code == 410
    assert ask(client, code, "u" * 43).json["problem"]["number"] == "410.2"
    with session_scope(engine, read_only=True) as session:
        assert session.scalars(select(tables.Device)).all() == []


def test_a_code_is_good_for_ten_minutes_and_then_so_is_the_question(
    officer: Officer, client: FlaskClient, clock: Clock
) -> None:
    _, code = opened(officer)
    clock.now = NOW + timedelta(minutes=10)
    assert ask(client, code).json["problem"]["number"] == "410.2"
    where, code = opened(officer)
    ask(client, code)
    clock.now += timedelta(minutes=10)
    assert outcome(client).json["problem"]["number"] == "410.4"
    assert officer.post(f"{where}/answer", known="yes").status_code == 410
    assert 'data-state="closed"' in officer.read(where)


def test_five_wrong_tries_close_an_opening_and_no_other(officer: Officer, app: Flask, engine: Engine) -> None:
    _, code = opened(officer)
    with session_scope(engine) as session:
        far = session.scalars(select(EnrolmentOpening)).one()
        other = EnrolmentOpening(
            region_id=REGION, staff_id=far.staff_id, code=_elsewhere(code),
            wrong_tries=0, opened_at=NOW, expires_at=NOW + timedelta(minutes=10),
        )  # fmt: skip
        session.add(other)
    client = app.test_client()
    for _ in range(4):
        assert ask(client, another(code)).json["problem"]["number"] == "410.2"
    assert ask(client, another(code), environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 410
    assert ask(client, code).status_code == 410, "the right one comes too late"
    assert ask(client, _elsewhere(code)).status_code == 202


def _elsewhere(code: str) -> str:
    return f"{(int(code[0]) + 5) % 10}{code[1:]}"


def test_an_address_has_ten_wrong_tries_and_everybody_together_fifty(
    officer: Officer, client: FlaskClient, clock: Clock
) -> None:
    _, code = opened(officer)

    def guess(network: int, host: int) -> int:
        where = {"REMOTE_ADDR": f"2001:db8:0:{network:x}::{host:x}"}
        return int(ask(client, _elsewhere(code), secrets.token_urlsafe(32), environ_base=where).status_code)

    assert [guess(1, host) for host in range(1, 12)] == [410] * 10 + [429], "one /64 is one caller"
    assert [guess(2 + n // 10, n) for n in range(40)] == [410] * 40
    assert guess(99, 1) == 429
    assert ask(client, code).status_code == 429, "whoever guesses closes the way for everybody, for a while"
    clock.now += auth.LOGIN_WINDOW
    _, code = opened(officer)
    assert ask(client, code).status_code == 202


def test_an_officer_has_one_opening_and_answers_no_other_officers(
    officer: Officer, app: Flask, client: FlaskClient, engine: Engine
) -> None:
    first, code = opened(officer)
    where, newer = opened(officer)
    assert 'data-state="closed"' in officer.read(first)
    assert ask(client, code).status_code == 410
    ask(client, newer)
    colleague = Officer(app).enter(hire(engine, "ravi"))
    colleague.read(where, status=404)
    assert colleague.post(f"{where}/answer", known="yes").status_code == 404
    assert outcome(client).status_code == 202


def test_only_so_many_codes_stand_at_a_time(officer: Officer, engine: Engine) -> None:
    with session_scope(engine) as session:
        staff = factories.staff(session, "many").id
        session.add_all(
            EnrolmentOpening(region_id=REGION, staff_id=staff, code=f"{n:06}", wrong_tries=0, opened_at=NOW,
                             expires_at=NOW + timedelta(minutes=5))
            for n in range(openings.MOST_OPEN)
        )  # fmt: skip
    assert officer.post(f"/regions/{REGION}/openings").status_code == 429


@pytest.mark.parametrize("said", [{"token": None}, {"token": "short"}, {"name": " \u200b\n "}, {"name": "x" * 61}])
def test_six_digits_need_a_token_and_a_name(officer: Officer, client: FlaskClient, said: dict[str, Any]) -> None:
    _, code = opened(officer)
    assert ask(client, code, **said).json["problem"]["number"] == "400.1"


def test_a_name_that_is_markup_stays_text(officer: Officer, client: FlaskClient) -> None:
    where, code = opened(officer)
    ask(client, code, name="<script>alert(1)</script>")
    page = officer.read(where)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_who_never_asked_is_told_nothing(client: FlaskClient) -> None:
    assert outcome(client).json["problem"]["number"] == "410.4"
    assert client.get("/api/v1/enrol").status_code == 401
