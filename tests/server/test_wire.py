"""What travels: CBOR and JSON, lists and tables, packed and signed; and what is stored though it cannot be counted yet."""

import json
import zlib
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from pestwatch.sync.signature import HEADER, public_half, sign
from pestwatch.sync.table import FACTS, to_table
from server import auth
from server.config import Settings
from server.db import catches, devices, read_models, store, tables
from server.db import session as session_module
from server.db.session import session_scope
from server.tasks.count_waiting import count_waiting_facts
from tests.factories import NOW, REGION, correction_fact, observation_fact, push, service_fact, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import Officer, hire

KEY = derive_private_key(17, SECP256R1())
PUBLIC_KEY = public_half(KEY)
OTHER_KEY = derive_private_key(18, SECP256R1())


def facts_held(engine: Engine) -> int:
    with session_scope(engine, read_only=True) as session:
        return session.scalar(select(func.count()).select_from(tables.Fact))


def in_cbor(phone: Phone, message: dict[str, Any], **headers: str) -> TestResponse:
    body = zlib.compress(cbor2.dumps(message))
    return phone.send(body, Content_Type="application/cbor", Content_Encoding="deflate", **headers)


def as_table(*facts: dict[str, Any]) -> dict[str, Any]:
    table = to_table(facts, FACTS)
    assert table is not None
    return table


# --- spellings


@pytest.mark.parametrize("is_table", [False, True])
def test_cbor_is_answered_in_cbor_and_says_the_same(phone: Phone, is_table: bool) -> None:
    facts = [trap_fact(1), service_fact(2), observation_fact(3), correction_fact(4)]
    response = in_cbor(phone, push() | {"facts": as_table(*facts) if is_table else facts})
    assert (response.status_code, response.content_type) == (200, "application/cbor")
    answer = cbor2.loads(response.data)
    items = {"rows": 4, "usual": [[1, 2, 3, 4]]} if is_table else [
        {"seq": seq, "status": "stored", "problem": None} for seq in range(1, 5)
    ]  # fmt: skip
    assert (answer["items"], answer["device"], answer["server_time"]) == (items, "active", "2026-11-25T06:00:00Z")
    again = phone.sync(*facts)
    assert [item["status"] for item in again["items"]] == ["duplicate"] * 4, (
        "whatever the spelling, it is the same content"
    )


def test_an_answer_to_a_table_is_a_table_and_leaves_out_what_is_empty(phone: Phone) -> None:
    facts = as_table(*[observation_fact(seq) for seq in range(1, 51)])
    response = phone.send(json.dumps(push() | {"facts": facts}).encode())
    assert sorted(response.json) == ["clock_offset_ms", "cursor", "device", "items", "server_time", "v"]
    assert response.json["items"] == {"rows": 50, "usual": [{"+": [1]}]}
    again = phone.send(json.dumps(push() | {"facts": facts}).encode())
    assert again.json["items"] == {"rows": 50, "usual": [{"+": [1]}, ["duplicate"]]}


def test_a_table_with_a_bad_row_in_it_still_gives_the_others(phone: Phone, engine: Engine) -> None:
    table = as_table(trap_fact(1), observation_fact(2, counts={"HELIAR": -1}), observation_fact(3))
    answer = phone.send(json.dumps(push() | {"facts": table}).encode()).json
    assert answer["items"]["usual"][1] == ["stored", "rejected", "stored"]
    assert answer["items"]["columns"]["problem.number"] == [[], "422.5", []]
    assert facts_held(engine) == 3


@pytest.mark.parametrize("body", [b"no cbor", cbor2.dumps([1]), cbor2.dumps(push() | {"facts": {"rows": 1}}), b""])
def test_what_calls_itself_cbor_and_is_none_gets_a_clear_answer_in_json(phone: Phone, body: bytes) -> None:
    response = phone.send(body, Content_Type="application/cbor")
    assert (response.status_code, response.json["problem"]["number"]) == (400, "400.1")


def test_a_deflate_bomb_is_refused_before_it_unfolds(phone: Phone) -> None:
    response = phone.send(zlib.compress(b" " * 200_000_000)[:400_000], Content_Encoding="deflate")
    assert (response.status_code, response.json["problem"]["number"]) == (413, "413.1")


# --- signatures


def signed(phone: Phone, message: dict[str, Any], key: EllipticCurvePrivateKey = KEY, **change: str) -> TestResponse:
    body = json.dumps(message).encode()
    return phone.client.post("/api/v1/sync", data=body, headers=phone.headers | {HEADER: sign(key, body)} | change)


@pytest.fixture
def signing(phone: Phone, engine: Engine) -> Phone:
    """A phone whose key the server has known since it enrolled."""
    with session_scope(engine) as session:
        session.get_one(tables.Device, phone.row.id).public_key = PUBLIC_KEY
    return phone


def test_a_phone_enrols_with_a_key_and_from_then_on_signs(client: FlaskClient, engine: Engine) -> None:
    with session_scope(engine) as session:
        code = auth.make_code(session, REGION, NOW)
    consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "hi"}
    wanted = {"code": code, "locale": "hi", "consent": consent, "public_key": PUBLIC_KEY}
    enrolled = client.post("/api/v1/enrol", json=wanted).json
    with session_scope(engine, read_only=True) as session:
        phone = Phone(devices.device_by_id(session, enrolled["device"]), enrolled["token"], client)
    assert phone.row.public_key == PUBLIC_KEY
    assert signed(phone, push(trap_fact(1))).status_code == 200
    assert phone.send(json.dumps(push(trap_fact(2))).encode()).json["problem"]["number"] == "401.6"


@pytest.mark.parametrize("key", ["AAAA", "A" * 88, "no key", 7])
def test_nobody_enrols_with_a_key_that_is_none(client: FlaskClient, key: Any) -> None:
    consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "hi"}
    response = client.post("/api/v1/enrol", json={"code": "X", "locale": "hi", "consent": consent, "public_key": key})
    assert (response.status_code, response.json["problem"]["number"]) == (400, "400.1")


def test_a_phone_that_enrolled_before_tells_its_key_with_a_sync_and_then_nobody_else_may(
    phone: Phone, engine: Engine
) -> None:
    assert phone.sync(trap_fact(1))["items"][0]["status"] == "stored", "before it had a key, its token was enough"
    assert signed(phone, push(trap_fact(2), public_key=PUBLIC_KEY)).status_code == 200
    with session_scope(engine, read_only=True) as session:
        assert devices.device_by_id(session, phone.row.id).public_key == PUBLIC_KEY
    assert signed(phone, push(trap_fact(3))).status_code == 200
    others = public_half(OTHER_KEY)
    assert signed(phone, push(trap_fact(4), public_key=others), OTHER_KEY).status_code == 401
    assert facts_held(engine) == 3


def test_a_key_that_did_not_sign_the_message_that_tells_it_is_not_taken(phone: Phone, engine: Engine) -> None:
    assert signed(phone, push(trap_fact(1), public_key=PUBLIC_KEY), OTHER_KEY).status_code == 401
    assert phone.send(json.dumps(push(trap_fact(1), public_key=PUBLIC_KEY)).encode()).status_code == 401
    with session_scope(engine, read_only=True) as session:
        assert devices.device_by_id(session, phone.row.id).public_key is None
    assert facts_held(engine) == 0


@pytest.mark.parametrize("change", [{HEADER: ""}, {HEADER: "AAAA"}, {HEADER: sign(KEY, b"another message")}])
def test_a_tampered_signature_is_refused_and_nothing_is_stored(signing: Phone, engine: Engine, change: dict) -> None:
    response = signed(signing, push(trap_fact(1)), **change)
    assert (response.status_code, response.json["problem"]["number"]) == (401, "401.6")
    assert facts_held(engine) == 0


def test_a_stolen_token_alone_writes_nothing(signing: Phone, engine: Engine) -> None:
    assert signing.send(json.dumps(push(trap_fact(1))).encode()).status_code == 401
    assert signed(signing, push(trap_fact(1)), OTHER_KEY).status_code == 401
    assert facts_held(engine) == 0


def test_a_whole_signed_message_that_is_sent_again_changes_nothing(signing: Phone, engine: Engine) -> None:
    statuses = [signed(signing, push(trap_fact(1), observation_fact(2))).json["items"][1]["status"] for _ in range(3)]
    assert statuses == ["stored", "duplicate", "duplicate"]
    assert facts_held(engine) == 2


def test_a_revoked_phones_signed_facts_are_quarantined_and_unsigned_ones_refused(
    signing: Phone, engine: Engine
) -> None:
    with session_scope(engine) as session:
        devices.revoke_device(session, signing.row.id, NOW)
    assert signed(signing, push(trap_fact(1))).json["items"][0]["status"] == "quarantined"
    assert signed(signing, push(trap_fact(2)), OTHER_KEY).status_code == 401
    with session_scope(engine, read_only=True) as session:
        assert devices.facts_by_status(session, signing.row.id) == {"quarantined": 1}


# --- stored, and not counted yet


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A fault of ours: nobody can count 13 insects."""
    whole = read_models.observation_row

    def breaks(fact: Any, clock: Any) -> dict[str, Any]:
        if fact.body.counts.get("HELIAR") == 13:
            raise ArithmeticError
        return whole(fact, clock)

    monkeypatch.setattr(read_models, "observation_row", breaks)
    return monkeypatch


def test_what_cannot_be_counted_is_stored_told_to_the_officer_and_counted_when_it_can_be(
    phone: Phone, engine: Engine, settings: Settings, broken: pytest.MonkeyPatch
) -> None:
    odd = observation_fact(3, counts={"HELIAR": 13})
    answer = phone.sync(trap_fact(1), observation_fact(2), odd, correction_fact(4, observation=2))
    assert [item["status"] for item in answer["items"]] == ["stored"] * 4
    assert phone.sync(odd)["items"] == [{"seq": 3, "status": "duplicate", "problem": None}]
    since = NOW - timedelta(days=1)
    with session_scope(engine, read_only=True) as session:
        assert [catch.count for catch in catches.catch_rows(session, REGION, since)] == [14]
        (waiting,) = store.facts_with_problems(session, REGION)
    assert (waiting.seq, waiting.problem) == (3, {"number": "500.3", "params": {"detail": "ArithmeticError"}})
    assert count_waiting_facts(settings, NOW) == 0, "it is tried in vain, and waits on"
    broken.undo()
    assert count_waiting_facts(settings, NOW) == 1
    with session_scope(engine, read_only=True) as session:
        assert sorted(catch.count for catch in catches.catch_rows(session, REGION, since)) == [13, 14]
        assert store.facts_with_problems(session, REGION) == []
    assert count_waiting_facts(settings, NOW) == 0


def test_a_database_that_goes_away_is_no_fault_of_the_fact_that_was_being_counted(
    phone: Phone, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> dict[str, Any]:
        raise OperationalError("INSERT", None, ConnectionError("the server closed the connection"))

    monkeypatch.setattr(read_models, "observation_row", breaks)
    response = phone.send(json.dumps(push(trap_fact(1), observation_fact(2))).encode())
    assert (response.status_code, response.json["problem"]["number"]) == (503, "503.4")
    monkeypatch.undo()
    assert facts_held(engine) == 0
    assert [item["status"] for item in phone.sync(trap_fact(1), observation_fact(2))["items"]] == ["stored"] * 2


def test_a_quarantined_fact_that_cannot_be_counted_waits_as_well(
    phone: Phone, engine: Engine, settings: Settings, broken: pytest.MonkeyPatch
) -> None:
    with session_scope(engine) as session:
        devices.revoke_device(session, phone.row.id, NOW)
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 13}))
    with session_scope(engine) as session:
        assert store.accept_quarantined(session, phone.row.id) == 2
    with session_scope(engine, read_only=True) as session:
        assert [fact.seq for fact in store.facts_with_problems(session, REGION)] == [2]
    broken.undo()
    assert count_waiting_facts(settings, NOW) == 1


def test_the_phones_page_shows_what_waits(app: Flask, phone: Phone, engine: Engine, broken: pytest.MonkeyPatch) -> None:
    phone.sync(trap_fact(1), observation_fact(3, counts={"HELIAR": 13}))
    page = Officer(app).enter(hire(engine)).read(f"/regions/{REGION}/phones")
    assert "This is kept, but it could not be counted yet: ArithmeticError." in page


# --- a database that comes back


def end_every_connection(engine: Engine) -> None:
    with engine.connect() as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(ended)


@pytest.mark.parametrize("fresh_s", [0.0, 60.0])
def test_a_connection_that_the_database_has_ended_costs_no_phone_an_answer(
    phone: Phone, engine: Engine, monkeypatch: pytest.MonkeyPatch, fresh_s: float
) -> None:
    """Whether it is noticed before (the connection had rested) or while it is used."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connections to lose")
    monkeypatch.setattr(session_module, "FRESH_S", fresh_s)
    phone.sync(trap_fact(1))
    end_every_connection(engine)
    assert phone.sync(trap_fact(1), observation_fact(2))["items"][1]["status"] == "stored"
