"""A server that came back from a backup tells phones what it has, and they bring the rest again."""

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Engine, delete, func, select

from server import auth
from server.db import devices, eras, tables
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, REGION, correction_fact, observation_fact, service_fact, trap_fact
from tests.server.conftest import Clock, Phone
from tests.server.officer import Officer, hire
from tests.server.test_wire import KEY, PUBLIC_KEY, signed

FACTS = [trap_fact(1), *[observation_fact(seq) for seq in range(2, 8)], correction_fact(8, 7), service_fact(9)]


def lose(engine: Engine, device: int, after: int) -> None:
    """What a restored server lacks of a phone."""
    with session_scope(engine) as session:
        for row, number in ((tables.Observation, tables.Observation.seq), (tables.Fact, tables.Fact.seq)):
            session.execute(delete(row).where(row.device_id == device, number > after))


def restored(engine: Engine, days: int = 0) -> None:
    with engine.begin() as connection:
        eras.begin_era(connection, NOW + timedelta(days=days))


def statuses(answer: dict[str, Any]) -> list[str]:
    return [item["status"] for item in answer["items"]]


def counted(engine: Engine) -> int:
    with session_scope(engine, read_only=True) as session:
        return session.scalar(select(func.count()).select_from(tables.Observation)) or 0


def test_a_phone_of_another_era_is_told_what_is_here_and_each_only_once(phone: Phone, engine: Engine) -> None:
    first = phone.sync(*FACTS, cursor=None)
    assert "held" not in first
    assert "held" not in phone.sync(cursor=first["cursor"])
    lose(engine, phone.row.id, 5)
    restored(engine)
    told = phone.sync(observation_fact(10), cursor=first["cursor"])
    assert (told["held"], statuses(told)) == ([[1, 5]], ["stored"])
    again = phone.sync(*FACTS[5:], cursor=told["cursor"])
    assert (statuses(again), "held" in again) == (["stored"] * 4, False)
    assert again["cursor"] == told["cursor"]
    assert counted(engine) == 7


def test_the_gaps_are_told_as_well(phone: Phone, engine: Engine) -> None:
    phone.sync(*[observation_fact(seq) for seq in (2, 3, 5, 8, 9)])
    restored(engine)
    assert phone.sync(cursor="1.5")["held"] == [[2, 3], [5, 5], [8, 9]]


def test_a_server_that_has_nothing_says_so(phone: Phone, engine: Engine) -> None:
    restored(engine)
    facts = {"rows": 1, "usual": [[1], ["service"], {"t": [1795586400]}, ["t1"]], "columns": {}}
    assert phone.sync(cursor="1.5")["held"] == []
    assert phone.sync(cursor="1.5", facts=facts)["held"] == [], "though a table's answer leaves out what is empty"


def test_any_cursor_that_this_era_did_not_give_out_begins_anew(phone: Phone, engine: Engine) -> None:
    assert phone.sync(cursor="1.ffff")["held"] == [], "it betrays a database that nobody said was restored"
    restored(engine)
    for cursor in ("1.5", "1.5.1", "1.ffffffffff", "nonsense"):
        answer = phone.sync(cursor=cursor)
        assert (answer["held"], answer["cursor"]) == ([], f"1.0.{int(NOW.timestamp()):x}")


def test_each_restore_of_one_backup_is_an_era_of_its_own(phone: Phone, engine: Engine) -> None:
    """The second one does not know of the first: a phone that has seen it must be told again."""
    restored(engine, days=1)
    seen = phone.sync(cursor="1.0")["cursor"]
    with session_scope(engine) as session:
        session.execute(delete(tables.Counter).where(tables.Counter.name == eras.ERA))
    restored(engine, days=2)
    assert "held" in phone.sync(cursor=seen)
    with engine.begin() as connection:
        given = eras.begin_era(connection, NOW - timedelta(days=400))
    assert given == (NOW + timedelta(days=2)).timestamp() + 1, "nor does a clock that was put back give one out twice"


def test_what_only_an_sms_told_is_not_here_as_a_whole(phone: Phone, engine: Engine) -> None:
    phone.sync(*FACTS)
    with session_scope(engine) as session:
        sms = tables.Sms(received_at=NOW, text_hash="0" * 64, text="", device_id=phone.row.id)
        session.add(sms)
        session.flush()
        session.scalars(select(tables.Fact).where(tables.Fact.seq == 4)).one().sms_id = sms.id
        assert eras.held_of_device(session, phone.row.id) == [(1, 3), (5, 9)]


def test_a_stopped_phone_brings_again_what_is_lost_into_quarantine(phone: Phone, engine: Engine) -> None:
    phone.sync(*FACTS)
    lose(engine, phone.row.id, 5)
    restored(engine)
    with session_scope(engine) as session:
        devices.revoke_device(session, phone.row.id, NOW)
    assert phone.sync(cursor="1.0")["held"] == [[1, 5]]
    assert set(statuses(phone.sync(*FACTS[5:]))) == {"quarantined"}


def enrolled(phone: Phone, engine: Engine, **said: Any) -> dict[str, Any]:
    with session_scope(engine) as session:
        code = auth.make_code(
            session, said.pop("region", REGION), phone.client.application.extensions["pestwatch.clock"]()
        )
    consent = {"version": 1, "at": "2026-11-25T05:00:00Z", "locale": "hi"}
    asked = {"code": code, "locale": "hi", "consent": consent, "public_key": PUBLIC_KEY} | said
    response = phone.client.post("/api/v1/enrol", json=asked)
    assert response.status_code == 201
    answer: dict[str, Any] = response.json
    return answer


def test_at_enrolment_a_phone_learns_what_its_key_brought_under_any_number_and_in_any_region(
    phone: Phone, engine: Engine
) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-MH-501")
        strange = factories.device(session, token="a stranger")
    Phone(strange, "a stranger", phone.client).sync(observation_fact(40))
    first = enrolled(phone, engine)
    assert first["held"] == []
    mine = Phone(phone.row, first["token"], phone.client)
    message = factories.push(*FACTS)
    assert signed(mine, message).status_code == 200
    lose(engine, first["device"], 5)
    moved = enrolled(phone, engine, region="IN-MH-501")
    assert moved["held"] == [[1, 5]]
    signed(Phone(phone.row, moved["token"], phone.client), factories.push(*FACTS[5:7]), KEY)
    assert enrolled(phone, engine)["held"] == [[1, 7]]
    assert enrolled(phone, engine, public_key=None)["held"] == []


def test_the_office_sees_how_many_phones_have_come_again(
    app: Flask, phone: Phone, engine: Engine, clock: Clock
) -> None:
    phone.sync(*FACTS)
    with session_scope(engine) as session:
        factories.device(session, token="another")
    officer, page = Officer(app).enter(hire(engine)), f"/regions/{REGION}/phones"
    assert 'id="restored"' not in officer.read(page)
    clock.now = NOW + timedelta(days=1)
    assert app.test_cli_runner().invoke(args=["restored"]).exit_code == 0
    assert "0 of 2" in officer.read(page)
    clock.now = NOW + timedelta(days=2)
    phone.sync()
    enrolled(phone, engine)
    assert "26 Nov 2026" in (text := officer.read(page))
    assert "1 of 2" in text, "who enrolled since has nothing to send again"
    Phone(phone.row, "another", phone.client).sync()
    assert 'id="restored"' not in officer.read(page)
