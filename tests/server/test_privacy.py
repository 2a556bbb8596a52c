"""What a farmer may ask for: to have it written down what was agreed to, a copy of everything, and to be forgotten."""

import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from server import auth
from server.config import Settings
from server.db import catches, devices, openings, sms, tables
from server.db.access_tables import AuditEntry, Consent
from server.db.photo_parts import open_parts
from server.db.session import Table, session_scope
from server.tasks.erase import GRACE, erase_withdrawn
from tests import factories
from tests.factories import NOW, REGION, correction_fact, instant, observation_fact, png, trap_fact
from tests.server.conftest import Clock, Phone
from tests.server.officer import Officer, hire

PHOTO = png(200, 150)
SHA256 = hashlib.sha256(PHOTO).hexdigest()
NUMBER = "+91 98765-43210"
PERSONAL = ("Sunita", "By the well", "Shirur", SHA256, "secret text", "9876543210", "43210", "0.123")


@pytest.fixture
def officer(app: Flask, engine: Engine) -> Officer:
    return Officer(app).enter(hire(engine))


@pytest.fixture
def sunita(app: Flask, phone: Phone, engine: Engine) -> Phone:
    """A phone about whose owner there is something in every table that can have it."""
    marks = [{"x": 0.123, "y": 0.5, "species": "HELIAR"}]
    phone.sync(
        trap_fact(1, village="Shirur"),
        observation_fact(2, photo=SHA256, photo_consent=True),
        correction_fact(3, 2, marks=marks),
        {"seq": 4, "kind": "trap", "at": "never", "body": {"name": "Sunita"}},
    )
    assert phone.send_photo(SHA256, PHOTO).status_code == 201
    with app.app_context(), session_scope(engine) as session:
        row = session.get_one(tables.Device, phone.row.id)
        row.name = "Sunita"
        number = sms.Sender(auth.number_hash(NUMBER), NUMBER[-3:])
        sms.settle(session, sms.keep_text(session, "secret text", NOW, number), row, None)
    return phone


def everything(engine: Engine) -> str:
    """Every cell of every table, as text."""
    with session_scope(engine, read_only=True) as session:
        found = [session.execute(text(f"SELECT * FROM {table.name}")).all() for table in Table.metadata.sorted_tables]
    return repr(found)


def stored(settings: Settings) -> Path:
    """Where the photo lies, or did."""
    return settings.photos_dir / SHA256[:2] / SHA256[2:]


def answer(phone: Phone, agreed: bool, **said: Any) -> Any:
    consent = {"version": 2, "at": instant(NOW), "locale": "mr"}
    body = {"consent": consent, "agreed": agreed} | said
    return phone.client.post("/api/v1/consent", json=body, headers=phone.headers)


def answers(engine: Engine) -> list[tuple[bool, int, str]]:
    with session_scope(engine, read_only=True) as session:
        rows = session.scalars(select(Consent).order_by(Consent.id))
        return [(row.agreed, row.version, row.locale) for row in rows]


# --- consent


def test_every_answer_is_kept_with_version_language_and_time(
    client: FlaskClient, engine: Engine, officer: Officer, app: Flask
) -> None:
    with session_scope(engine) as session:
        code = auth.make_code(session, REGION, NOW)
    said = {"code": code, "locale": "hi", "consent": {"version": 1, "at": instant(NOW), "locale": "hi"}}
    enrolled = client.post("/api/v1/enrol", json=said).json
    with session_scope(engine, read_only=True) as session:
        phone = Phone(devices.device_by_id(session, enrolled["device"]), enrolled["token"], client)
    assert answer(phone, agreed=False).json == {"agreed": False, "erased": False}
    assert "took the consent back on 25 Nov" in officer.read(f"/regions/{REGION}/phones")
    assert answer(phone, agreed=True).status_code == 200
    assert "took the consent back" not in officer.read(f"/regions/{REGION}/phones")
    assert answers(engine) == [(True, 1, "hi"), (False, 2, "mr"), (True, 2, "mr")]
    page = officer.read(f"/regions/{REGION}/phones/{phone.row.id}/rights")
    assert re.findall(r'25 Nov, 11:30: (yes|no) <span class="soft">version (\d), ([^<]+)<', page) == [
        ("yes", "1", "हिन्दी"),
        ("no", "2", "मराठी"),
        ("yes", "2", "मराठी"),
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"agreed": "yes"}', b"[" * 3000, b"\xff"])
def test_an_answer_that_is_no_message_gets_a_clear_one(phone: Phone, body: bytes) -> None:
    response = phone.client.post("/api/v1/consent", data=body, headers=phone.headers)
    assert response.status_code in {400, 413}


def test_once_it_is_taken_back_photos_teach_nobody_and_are_looked_at_no_more(
    officer: Officer, sunita: Phone, engine: Engine
) -> None:
    with session_scope(engine, read_only=True) as session:
        assert len(catches.photos_for_training(session, REGION)) == len(catches.review_queue(session, REGION)) == 1
    answer(sunita, agreed=False)
    with session_scope(engine, read_only=True) as session:
        assert catches.photos_for_training(session, REGION) == catches.review_queue(session, REGION) == []


def test_the_name_of_a_phone_that_nobody_let_in_is_forgotten(
    engine: Engine, officer: Officer, settings: Settings
) -> None:
    with session_scope(engine) as session:
        opening = openings.open_enrolment(session, REGION, factories.staff(session, "ravi").id, NOW)
        asked = {"name": "Sunita", "phone": {"locale": "hi"}, "now": NOW}
        assert openings.ask_with_code(session, opening.code or "", "0" * 64, **asked) is not None
    erase_withdrawn(settings, NOW + openings.LIFE - timedelta(seconds=1))
    assert "Sunita" in everything(engine)
    erase_withdrawn(settings, NOW + openings.LIFE)
    assert "Sunita" not in everything(engine)


# --- erasure


def test_an_officer_erases_a_farmer_and_the_counts_stay_of_nobody(
    officer: Officer, sunita: Phone, engine: Engine, settings: Settings
) -> None:
    before = everything(engine)
    assert all(said in before for said in PERSONAL if said not in {"9876543210", "43210"})
    path = stored(settings)
    assert path.exists()
    where = f"/regions/{REGION}/phones/{sunita.row.id}/erase"
    assert officer.post(where, number="").status_code == 422, "the number has to be written"
    assert officer.post(where, number=sunita.row.id).status_code == 302
    after = everything(engine)
    assert [said for said in PERSONAL if said in after] == []
    assert not path.exists()
    with session_scope(engine, read_only=True) as session:
        (catch,) = catches.catch_rows(session, REGION, NOW - timedelta(days=1))
        assert (catch.count, catch.photo, catch.pest) == (14, None, "HELIAR")
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "erase"))
        assert (entry.subject, entry.detail, entry.staff_id is None) == (
            f"device {sunita.row.id}",
            {"photos": 1},
            False,
        )
    page = officer.read(f"/regions/{REGION}/phones")
    assert "Names, photos and texts are gone" in page
    for word in ("Sunita", "Shirur", "By the well", "Stop this phone", "Let it count"):
        assert word not in page
    for room in ("", "/review", "/advice", "/data", "/model"):
        officer.read(f"/regions/{REGION}{room}")


def test_a_phone_that_is_erased_does_not_come_back_by_replay(
    officer: Officer, sunita: Phone, engine: Engine, client: FlaskClient
) -> None:
    officer.post(f"/regions/{REGION}/phones/{sunita.row.id}/erase", number=sunita.row.id)
    after = everything(engine)
    assert sunita.send(json.dumps(factories.push(trap_fact(1, village="Shirur"))).encode()).status_code == 401
    assert sunita.send_photo(SHA256, PHOTO).status_code == 401
    assert answer(sunita, agreed=True).status_code == 401
    said = {"text": "secret text", "from": NUMBER}
    brought = client.post("/api/v1/sms", data=said, headers={"Authorization": "Bearer the gateway's word"})
    assert brought.json["status"] == "rejected"
    assert everything(engine).count("Shirur") == after.count("Shirur") == 0
    officer.post(f"/regions/{REGION}/phones/{sunita.row.id}/believe")
    officer.post(f"/regions/{REGION}/phones/{sunita.row.id}/lead", lead="yes")
    assert "By the well" not in everything(engine)


def test_a_photo_that_another_phone_shows_too_stays_for_that_one(
    officer: Officer, sunita: Phone, engine: Engine, settings: Settings
) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
        row = factories.device(session, token="other", region="IN-TG-501")
    other = Phone(row, "other", sunita.client)
    other.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))
    officer.post(f"/regions/{REGION}/phones/{sunita.row.id}/erase", number=sunita.row.id)
    assert stored(settings).exists()
    with session_scope(engine, read_only=True) as session:
        assert session.get_one(tables.Photo, SHA256).device_id == other.row.id


def test_the_farmer_erases_what_was_sent_from_the_phone(sunita: Phone, engine: Engine, settings: Settings) -> None:
    parts = open_parts(settings)
    assert parts.append(sunita.row.id, "c" * 64, 0, PHOTO[:100]) == 100, "half of another photo"
    assert answer(sunita, agreed=False, erase=True).json == {"agreed": False, "erased": True}
    assert [said for said in PERSONAL if said in everything(engine)] == []
    assert not stored(settings).exists()
    assert parts.arrived_bytes(sunita.row.id, "c" * 64) == 0
    assert answers(engine)[-1] == (False, 2, "mr"), "the proof of the answers stays"
    assert answer(sunita, agreed=True).status_code == 401


def test_who_took_the_consent_back_is_erased_after_a_month_and_not_before(
    sunita: Phone, engine: Engine, settings: Settings, clock: Clock
) -> None:
    answer(sunita, agreed=False)
    assert erase_withdrawn(settings, NOW + GRACE - timedelta(seconds=1)) == 0
    assert erase_withdrawn(settings, NOW + GRACE) == 1
    assert erase_withdrawn(settings, NOW + GRACE) == 0
    assert [said for said in PERSONAL if said in everything(engine)] == []


# --- a copy, and telephone numbers


def test_a_copy_holds_everything_about_one_farmer_and_no_key(officer: Officer, sunita: Phone, engine: Engine) -> None:
    with session_scope(engine) as session:
        neighbour = factories.device(session, token="neighbour", name="Ramesh")
    Phone(neighbour, "neighbour", sunita.client).sync(trap_fact(1, name="By the road"))
    with officer.post(f"/regions/{REGION}/phones/{sunita.row.id}/copy") as sent:
        content = io.BytesIO(sent.data)
    with zipfile.ZipFile(content) as archive:
        said = archive.read("everything.json").decode()
        assert archive.read(f"photos/{SHA256}.png") == PHOTO
    document = json.loads(said)
    assert {"devices", "consents", "traps", "observations", "corrections", "facts", "sms", "photos"} <= set(document)
    assert all(word in said for word in ("Sunita", "By the well", "Shirur", "secret text"))
    for other in ("Ramesh", "By the road", sunita.token, sunita.row.token_hash):
        assert other not in said
    with session_scope(engine, read_only=True) as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["copy"]


def test_a_number_is_masked_and_found_only_by_whoever_knows_it(
    officer: Officer, sunita: Phone, engine: Engine, client: FlaskClient, app: Flask
) -> None:
    gateway = {"Authorization": "Bearer the gateway's word"}
    client.post("/api/v1/sms", data={"text": "none of ours", "from": NUMBER}, headers=gateway)
    assert "98765" not in everything(engine)
    admin = Officer(app).enter(hire(engine, "meera", "admin", ()))
    assert "•••210" in admin.read(f"/regions/{REGION}/phones")
    for written in ("098765 43210", "+919876543210", "9876543210"):
        page = officer.post(f"/regions/{REGION}/senders", number=written).text
        assert "•••210" in page
        assert "43210" not in page
    assert "No phone of this region" in officer.post(f"/regions/{REGION}/senders", number="9876543211").text
    assert officer.post(f"/regions/{REGION}/senders", number="210").status_code == 422
