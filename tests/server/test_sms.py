"""A phone without data: its SMS comes through a gateway, and what it said is completed when the phone is online again."""

import base64
import json
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from pestwatch.sync.sms import from_text, to_text, write_sms
from server import auth, create_app
from server.config import Settings
from server.db import catches, devices, store, tables
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, REGION, correction_fact, instant, observation_fact, trap_fact
from tests.golden.sms_cases import by_hand, told
from tests.server.conftest import Clock, Phone
from tests.server.officer import Officer, hire

TRAP = trap_fact(1)
PHOTO = observation_fact(
    2, NOW - timedelta(seconds=85), intervals={"HELIAR": [5, 19]}, photo="ab" * 32, photo_consent=True
)
RECOUNT = correction_fact(3, observation=2, at=NOW - timedelta(seconds=85))
HAND = by_hand(4, NOW - timedelta(hours=1))


@dataclass
class Gateway:
    """Brings texts to the server, as the simulator does, without a network between."""

    client: FlaskClient

    def bring(self, text: str, sender: str = "+911111111111", secret: str = "the gateway's word") -> TestResponse:
        headers = {"Authorization": f"Bearer {secret}"}
        return self.client.post("/api/v1/sms", data={"text": text, "from": sender}, headers=headers)

    def items(self, text: str) -> list[tuple[int, str]]:
        response = self.bring(text)
        assert (response.status_code, response.json["status"]) == (200, "read"), response.text
        return [(item["seq"], item["status"]) for item in response.json["items"]]

    def refusal(self, text: str, **how: Any) -> str:
        response = self.bring(text, **how)
        assert (response.status_code, response.json["status"]) == (200, "rejected"), response.text
        return response.json["problem"]["number"]


@pytest.fixture
def gateway(client: FlaskClient) -> Gateway:
    return Gateway(client)


@dataclass
class SmsPhone(Phone):
    """A phone that was given an SMS key when it was enrolled."""

    sms_key: bytes

    def text(self, *facts: dict[str, Any], **key: bytes) -> str:
        """The SMS that tells these facts, all of them."""
        waiting = told(list(facts))
        message, fitted = write_sms(self.row.id, key.get("key", self.sms_key), waiting)
        assert fitted == len(waiting)
        return to_text(message)


@pytest.fixture
def phone(client: FlaskClient, engine: Engine) -> SmsPhone:
    with session_scope(engine) as session:
        code = auth.make_code(session, REGION, NOW)
    consent = {"version": 1, "at": instant(NOW), "locale": "mr"}
    enrolled = client.post("/api/v1/enrol", json={"code": code, "locale": "mr", "consent": consent}).json
    assert enrolled["sms"]["number"] == "+919876543210"
    with session_scope(engine, read_only=True) as session:
        row = devices.device_by_id(session, enrolled["device"])
    return SmsPhone(row, enrolled["token"], client, base64.b64decode(enrolled["sms"]["key"]))


def observation(engine: Engine, seq: int = 2) -> tables.Observation:
    with session_scope(engine, read_only=True) as session:
        return session.scalars(select(tables.Observation).where(tables.Observation.seq == seq)).one()


def ledger(engine: Engine) -> list[tuple[int | None, str, bool]]:
    with session_scope(engine, read_only=True) as session:
        rows = session.scalars(select(tables.Fact)).all()
    return sorted(((row.seq, row.status, row.sms_id is not None) for row in rows), key=lambda said: said[0] or 0)


def texts(engine: Engine) -> list[tables.Sms]:
    with session_scope(engine, read_only=True) as session:
        return list(session.scalars(select(tables.Sms).order_by(tables.Sms.id)))


def test_what_an_sms_says_counts_at_once(phone: SmsPhone, gateway: Gateway, engine: Engine) -> None:
    phone.sync(TRAP)
    assert gateway.items(phone.text(TRAP, PHOTO, RECOUNT, HAND)) == [(2, "stored"), (3, "stored"), (4, "stored")]
    with session_scope(engine, read_only=True) as session:
        hand, photo = catches.catch_rows(session, REGION, NOW - timedelta(days=1))
    assert (hand.count, photo.count, photo.counted_by) == (12, 14, "farmer")
    assert (photo.intervals, photo.gate_verdict, photo.lure_age_days) == ({"HELIAR": [5, 19]}, "good", 9)
    assert photo.taken_at == NOW - timedelta(minutes=2), "an SMS tells the minute"


def test_the_whole_fact_completes_what_an_sms_said(phone: SmsPhone, gateway: Gateway, engine: Engine) -> None:
    gateway.items(phone.text(TRAP, PHOTO, RECOUNT))
    assert ledger(engine) == [(2, "stored", True), (3, "stored", True)]
    answer = phone.sync(TRAP, PHOTO, RECOUNT)
    assert [item["status"] for item in answer["items"]] == ["stored", "duplicate", "duplicate"]
    assert ledger(engine) == [(1, "stored", False), (2, "stored", False), (3, "stored", False)]
    whole = observation(engine)
    assert whole.counts == {"GNORAB": 0, "HELIAR": 12, "NOCTUID_LARGE": 1}
    assert (whole.photo, whole.model, whole.decoded_scale) == ("ab" * 32, "base-20261125-1", 1.0)
    assert whole.taken_at == NOW - timedelta(seconds=85)
    with session_scope(engine, read_only=True) as session:
        (recount,) = session.scalars(select(tables.Correction))
        (catch,) = catches.catch_rows(session, REGION, NOW - timedelta(days=1))
        fact = session.scalars(select(tables.Fact).where(tables.Fact.seq == 2)).one()
    assert (recount.made_at, catch.count) == (NOW - timedelta(seconds=85), 14)
    assert json.loads(fact.content) == PHOTO
    again = phone.sync(PHOTO, RECOUNT)
    assert [item["status"] for item in again["items"]] == ["duplicate", "duplicate"]
    assert phone.send_photo("ab" * 32, b"").status_code != 403, "the photo is agreed to by the whole fact"


def test_an_sms_that_arrives_after_the_whole_fact_changes_nothing(
    phone: SmsPhone, gateway: Gateway, engine: Engine
) -> None:
    phone.sync(TRAP, PHOTO, RECOUNT)
    assert gateway.items(phone.text(TRAP, PHOTO, RECOUNT)) == [(2, "duplicate"), (3, "duplicate")]
    assert ledger(engine) == [(1, "stored", False), (2, "stored", False), (3, "stored", False)]
    assert observation(engine).photo == "ab" * 32


def test_the_same_text_again_and_again_changes_nothing(phone: SmsPhone, gateway: Gateway, engine: Engine) -> None:
    text = phone.text(TRAP, PHOTO, RECOUNT)
    assert gateway.items(text) == [(2, "stored"), (3, "stored")]
    phone.sync(TRAP, PHOTO, RECOUNT)
    for _ in range(auth.SMS_TRIES + 1):
        assert gateway.items(text) == [(2, "duplicate"), (3, "duplicate")]
    (kept,) = texts(engine)
    assert (kept.text, kept.problem, kept.device_id) == (text, None, phone.row.id)
    assert observation(engine).taken_at == NOW - timedelta(seconds=85)


def test_overlapping_texts_store_each_observation_once(phone: SmsPhone, gateway: Gateway, engine: Engine) -> None:
    gateway.items(phone.text(TRAP, PHOTO, RECOUNT))
    assert gateway.items(phone.text(TRAP, PHOTO, RECOUNT, HAND)) == [(2, "duplicate"), (3, "duplicate"), (4, "stored")]
    assert len(texts(engine)) == 2


def test_eight_copies_of_a_text_at_once_store_one(app: Flask, phone: SmsPhone, engine: Engine) -> None:
    text, answers, start = phone.text(TRAP, PHOTO), [], threading.Barrier(8)

    def bring() -> None:
        gateway = Gateway(app.test_client())
        start.wait()
        answers.append(gateway.items(text))

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [[(2, "duplicate")]] * 7 + [[(2, "stored")]]
    assert (len(texts(engine)), ledger(engine)) == (1, [(2, "stored", True)])


def test_another_whole_fact_under_the_number_is_a_conflict_and_both_are_kept(
    phone: SmsPhone, gateway: Gateway, engine: Engine
) -> None:
    gateway.items(phone.text(TRAP, PHOTO))
    other = observation_fact(2, counts={"HELIAR": 99})
    assert [item["status"] for item in phone.sync(other)["items"]] == ["conflict"]
    assert ledger(engine) == [(None, "conflict", False), (2, "stored", True)]
    assert [item["status"] for item in phone.sync(PHOTO)["items"]] == ["duplicate"]
    assert observation(engine).photo == "ab" * 32


def test_a_whole_fact_that_is_refused_leaves_what_the_sms_said(
    phone: SmsPhone, gateway: Gateway, engine: Engine
) -> None:
    gateway.items(phone.text(TRAP, PHOTO))
    refused = phone.sync(observation_fact(2, decoded_scale=7))["items"][0]
    assert (refused["status"], refused["problem"]["number"]) == ("conflict", "422.5")
    assert observation(engine).counts == {"HELIAR": 12}


def test_what_a_stopped_phone_sends_is_kept_aside_until_somebody_believes_it(
    phone: SmsPhone, gateway: Gateway, engine: Engine
) -> None:
    with session_scope(engine) as session:
        devices.revoke_device(session, phone.row.id, NOW)
    assert gateway.items(phone.text(TRAP, PHOTO)) == [(2, "quarantined")]
    assert phone.sync(PHOTO)["items"][0]["status"] == "quarantined"
    assert ledger(engine) == [(2, "quarantined", False)]
    with session_scope(engine) as session:
        assert store.accept_quarantined(session, phone.row.id) == 1
    assert observation(engine).photo == "ab" * 32


def test_the_clock_of_an_sms_is_corrected_by_what_the_last_sync_showed(
    phone: SmsPhone, gateway: Gateway, engine: Engine
) -> None:
    phone.sync(TRAP, sent_at=NOW - timedelta(hours=5))
    gateway.items(phone.text(TRAP, by_hand(2, NOW - timedelta(hours=6))))
    assert observation(engine).taken_at == NOW - timedelta(hours=1)


def test_each_refused_text_is_kept_with_its_reason(phone: SmsPhone, gateway: Gateway, engine: Engine) -> None:
    good = phone.text(TRAP, PHOTO)
    with session_scope(engine) as session:
        without_key = factories.device(session)
    stranger = to_text(write_sms(without_key.id, phone.sms_key, told([TRAP, PHOTO]))[0])
    nobody = to_text(write_sms(4711, phone.sms_key, told([TRAP, PHOTO]))[0])
    changed = good[:-1] + ("0" if good[-1] != "0" else "1")
    refused = {
        phone.text(TRAP, PHOTO, key=bytes(32)): ("401.4", phone.row.id),
        changed: ("401.4", phone.row.id),
        stranger: ("401.5", without_key.id),
        nobody: ("401.5", None),
        to_text(from_text(good)[:-5]): ("401.4", phone.row.id),
        "You have won 1,000,000 rupees": ("422.50", None),
        "": ("422.50", None),
        "\0": ("422.50", None),
    }
    for text, (number, _) in refused.items():
        assert gateway.refusal(text) == number, text
    assert [(kept.problem["number"], kept.device_id) for kept in texts(engine)] == list(refused.values())
    assert ledger(engine) == []
    assert gateway.items(good) == [(2, "stored")]


def test_officers_see_refused_texts_of_their_phones_and_administrators_the_rest(
    app: Flask, phone: SmsPhone, gateway: Gateway, engine: Engine
) -> None:
    gateway.refusal(phone.text(TRAP, PHOTO, key=bytes(32)))
    gateway.refusal("You have won 1,000,000 rupees")
    seen = []
    for role in ("officer", "admin"):
        page = Officer(app).enter(hire(engine, role, role)).read(f"/regions/{REGION}/phones")
        seen.append(("not written by the phone" in page, "none that pestwatch understands" in page))
    assert seen == [(True, False), (True, True)]


def test_a_sender_of_nonsense_has_to_wait_and_others_do_not(
    phone: SmsPhone, gateway: Gateway, engine: Engine, clock: Clock
) -> None:
    for number in range(auth.SMS_TRIES):
        gateway.refusal(f"spam {number}", sender="+912222222222")
    held = gateway.bring("spam again", sender="+912222222222")
    assert (held.status_code, held.json["problem"]["number"], held.headers["Retry-After"]) == (429, "429.1", "900")
    assert len(texts(engine)) == auth.SMS_TRIES, "the gateway keeps it, and brings it again"
    assert gateway.items(phone.text(TRAP, PHOTO)) == [(2, "stored")]
    clock.now += auth.LOGIN_WINDOW
    assert gateway.refusal("spam again", sender="+912222222222") == "422.50"


def test_no_number_of_a_sender_is_kept(gateway: Gateway, engine: Engine) -> None:
    gateway.refusal("spam", sender="+912222222222")
    with session_scope(engine, read_only=True) as session:
        subjects = session.scalars(select(tables.LoginTry.subject)).all()
    assert len(subjects) == 1
    assert "2222" not in subjects[0]


def test_only_our_gateway_is_listened_to(phone: SmsPhone, gateway: Gateway, engine: Engine, clock: Clock) -> None:
    text = phone.text(TRAP, PHOTO)
    for _ in range(auth.LOGIN_TRIES):
        assert gateway.bring(text, secret="a guess").json["problem"]["number"] == "401.3"
    assert gateway.bring(text).status_code == 429
    assert texts(engine) == []
    clock.now += auth.LOGIN_WINDOW
    assert gateway.items(text) == [(2, "stored")]


def test_json_is_as_good_as_a_form_and_binary_as_text(phone: SmsPhone, client: FlaskClient) -> None:
    headers = {"Authorization": "Bearer the gateway's word"}
    message, _ = write_sms(phone.row.id, phone.sms_key, told([TRAP, PHOTO]))
    brought = client.post("/api/v1/sms", json={"text": message.hex(), "from": "+911111111111"}, headers=headers)
    assert brought.json["items"][0]["status"] == "stored"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"text": 5}', b"[" * 3000, b"\xff"])
def test_a_request_without_a_text_gets_a_clear_answer(client: FlaskClient, gateway: Gateway, body: bytes) -> None:
    headers = {"Authorization": "Bearer the gateway's word"}
    for media_type in ("application/json", "application/x-www-form-urlencoded"):
        response = client.post("/api/v1/sms", data=body, headers=headers, content_type=media_type)
        assert (response.status_code, response.json["problem"]["number"]) == (400, "400.1")


def test_a_text_that_broke_the_server_is_still_there(
    phone: SmsPhone, gateway: Gateway, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = phone.text(TRAP, PHOTO)
    with monkeypatch.context() as broken:
        broken.setattr(store, "record_facts", lambda *_: 1 / 0)
        assert gateway.bring(text).status_code == 500
    (kept,) = texts(engine)
    assert (kept.text, kept.problem["number"]) == (text, "500.1")
    assert gateway.items(text) == [(2, "stored")]
    assert texts(engine)[0].problem is None


def test_the_key_is_stored_encrypted_and_lost_with_the_setting_that_locks_it(
    phone: SmsPhone, gateway: Gateway, engine: Engine, settings: Settings
) -> None:
    with session_scope(engine, read_only=True) as session:
        stored = session.scalars(select(tables.Device.sms_key)).one()
    assert stored is not None
    assert base64.b64encode(phone.sms_key).decode().rstrip("=") not in stored
    assert phone.sms_key not in base64.urlsafe_b64decode(stored)
    other = create_app(replace(settings, sms_key="another"), lambda: NOW)
    assert Gateway(other.test_client()).refusal(phone.text(TRAP, PHOTO)) == "401.5"
    other.extensions["pestwatch.engine"].dispose()


def test_without_a_number_no_phone_gets_an_sms_path(settings: Settings, engine: Engine) -> None:
    app = create_app(replace(settings, sms_number=None), lambda: NOW)
    with session_scope(engine) as session:
        code = auth.make_code(session, REGION, NOW)
    consent = {"version": 1, "at": instant(NOW), "locale": "mr"}
    enrolled = app.test_client().post("/api/v1/enrol", json={"code": code, "locale": "mr", "consent": consent}).json
    assert enrolled["sms"] is None
    with session_scope(engine, read_only=True) as session:
        assert session.scalars(select(tables.Device.sms_key)).one() is None
    app.extensions["pestwatch.engine"].dispose()


def test_the_simulated_gateway_brings_a_text_over_http(
    app: Flask, phone: SmsPhone, engine: Engine, address: str, free_port: int
) -> None:
    run = app.test_cli_runner().invoke
    brought = run(args=["bring-sms", phone.text(TRAP, PHOTO), "--url", address])
    assert json.loads(brought.output)["items"] == [{"seq": 2, "status": "stored", "problem": None}]
    refused = run(args=["bring-sms", "spam", "--url", address])
    assert json.loads(refused.output)["problem"]["number"] == "422.50"
    nowhere = run(args=["bring-sms", "spam", "--url", f"http://127.0.0.1:{free_port}", "--tries", "1"])
    assert nowhere.exit_code == 1
    assert ledger(engine) == [(2, "stored", True)]
