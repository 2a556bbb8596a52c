"""A one-time code becomes a phone, once."""

import base64
import threading
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from pestwatch.release.signing import key_id_of
from server import auth
from server.db import devices, tables
from server.db.session import session_scope
from tests.factories import NOW, REGION, instant, push, trap_fact
from tests.server.conftest import Clock


@pytest.fixture
def code(engine: Engine) -> str:
    with session_scope(engine) as session:
        return auth.make_code(session, REGION, NOW)


def wanted(code: str, **fields: object) -> dict:
    consent = {"version": 1, "at": instant(NOW), "locale": "mr"}
    return {"code": code, "locale": "mr", "consent": consent, "app": "0.1.0"} | fields


def test_a_code_enrols_a_phone_that_can_sync_at_once(client: FlaskClient, code: str, engine: Engine) -> None:
    response = client.post("/api/v1/enrol", json=wanted(code))
    assert response.status_code == 201
    enrolled = response.json
    assert (enrolled["region"], enrolled["server_time"]) == (REGION, "2026-11-25T06:00:00Z")
    assert len(base64.urlsafe_b64decode(enrolled["token"] + "=")) == 32
    assert response.headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {enrolled['token']}"}
    pushed = client.post("/api/v1/sync", json=push(trap_fact(1), locale="mr"), headers=headers)
    assert pushed.json["items"][0]["status"] == "stored"
    with session_scope(engine, read_only=True) as session:
        row = session.get(tables.Device, enrolled["device"])
    assert (row.locale, row.consent["version"], row.app_version) == ("mr", 1, "0.1.0")


def test_the_phone_learns_the_root_that_signs_its_models(client: FlaskClient, code: str) -> None:
    root = client.post("/api/v1/enrol", json=wanted(code)).json["root"]
    public = base64.b64decode(root["public_key"])
    assert (len(public), root["key_id"]) == (32, key_id_of(public))


def test_neither_code_nor_token_is_stored_plain(client: FlaskClient, code: str, engine: Engine) -> None:
    token = client.post("/api/v1/enrol", json=wanted(code)).json["token"]
    with session_scope(engine, read_only=True) as session:
        assert session.scalars(select(tables.EnrolmentCode.code_hash)).one() == auth.hash_secret(code)
        assert session.scalars(select(tables.Device.token_hash)).one() == auth.hash_secret(token)


def test_a_code_works_once(client: FlaskClient, code: str) -> None:
    assert client.post("/api/v1/enrol", json=wanted(code)).status_code == 201
    again = client.post("/api/v1/enrol", json=wanted(code))
    assert (again.status_code, again.json["problem"]["number"]) == (410, "410.1")


def test_of_two_phones_with_one_code_the_first_wins(app: Flask, code: str, engine: Engine) -> None:
    statuses, start = [], threading.Barrier(4)

    def enrol() -> None:
        client = app.test_client()
        start.wait()
        statuses.append(client.post("/api/v1/enrol", json=wanted(code)).status_code)

    threads = [threading.Thread(target=enrol) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 410, 410, 410]
    with session_scope(engine, read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(tables.Device)) == 1


def test_a_code_is_too_old_after_a_day(client: FlaskClient, code: str, clock: Clock) -> None:
    clock.now = NOW + timedelta(hours=24)
    assert client.post("/api/v1/enrol", json=wanted(code)).status_code == 410


def test_a_code_has_65_bits_and_typing_it_is_forgiven(client: FlaskClient, code: str) -> None:
    assert len(code) == 13
    assert set(code) <= set(auth.CODE_ALPHABET)
    typed = f"{code[:5]}-{code[5:9]} {code[9:]}".lower().replace("o", "0").replace("i", "1").replace("b", "8")
    assert client.post("/api/v1/enrol", json=wanted(typed)).status_code == 201


def test_an_unknown_locale_enrols_in_english_and_says_so(client: FlaskClient, code: str, engine: Engine) -> None:
    enrolled = client.post("/api/v1/enrol", json=wanted(code, locale="tlh")).json
    assert [notice["number"] for notice in enrolled["notices"]] == ["422.7"]
    with session_scope(engine, read_only=True) as session:
        assert devices.device_by_id(session, enrolled["device"]).locale == "en"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"code": 5}', b"\xff" * 10, b"[" * 3000])
def test_an_enrolment_that_is_no_message_gets_a_clear_answer(client: FlaskClient, body: bytes) -> None:
    response = client.post("/api/v1/enrol", data=body)
    assert (response.status_code, response.json["problem"]["number"]) == (400, "400.1")


def test_a_wrong_code_is_answered_in_the_language_asked_for(client: FlaskClient) -> None:
    response = client.post("/api/v1/enrol", json=wanted("AAAAAAAAAAAAA"), headers={"Accept-Language": "hi,en;q=0.5"})
    problem = response.json["problem"]
    assert (response.status_code, problem["number"]) == (410, "410.1")
    assert problem["message"].startswith("This enrolment code was used already")
    assert problem["text"].startswith("यह पंजीकरण कोड")
