"""A phone is moved to another region: it hears so by an explicit drop, and all that it sent goes with it."""

import io
import json
import zipfile
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from pestwatch.errors import Problem
from pestwatch.sync.spelling import to_json
from pestwatch.sync.table import FACTS, to_table
from server.db import audit, catches, devices, store, tables, work
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, REGION, observation_fact, push, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import Officer, hire

ELSEWHERE = "IN-TG-501"
DROP = {"kind": "drop", "keep": ELSEWHERE}


@pytest.fixture(autouse=True)
def elsewhere(engine: Engine) -> None:
    with session_scope(engine) as session:
        factories.region(session, ELSEWHERE, "Warangal")


def move(engine: Engine, phone: Phone, to: str = ELSEWHERE) -> None:
    with session_scope(engine) as session:
        devices.move_device(session, devices.device_by_id(session, phone.row.id), to)


def advise(engine: Engine, region: str, level: str, trap: tuple[int, str] | None = None) -> None:
    with session_scope(engine) as session:
        work.record_advisory(
            session, region, pest="HELIAR", advice={"level": level, "messages": []}, now=NOW, trap=trap
        )


def told(answer: dict[str, Any]) -> list[str]:
    """The kinds of what is new; of advice its level."""
    return [change["advice"]["level"] if "advice" in change else change["kind"] for change in answer["changes"]]


def copied(archive: bytes) -> dict[str, Any]:
    """The document in a farmer's copy."""
    document: dict[str, Any] = json.loads(zipfile.ZipFile(io.BytesIO(archive)).read("everything.json"))
    return document


def test_a_moved_phone_hears_first_what_to_drop_and_then_what_stands_in_its_new_region(
    phone: Phone, engine: Engine
) -> None:
    advise(engine, REGION, "green")
    advise(engine, ELSEWHERE, "red")
    first = phone.sync(trap_fact(1), observation_fact(2), region=REGION)
    assert told(first) == ["green"]
    with session_scope(engine) as session:
        observation = catches.ObservationId(phone.row.id, 2)
        officer = factories.staff(session)
        catches.record_officer_recount(session, observation, {"HELIAR": 9}, marks=None, staff=officer, now=NOW)
    move(engine, phone)
    for _ in range(2):  # as long as it does not say that it knows: an answer may be lost
        answer = phone.sync(region=REGION, cursor=first["cursor"])
        assert (answer["changes"][0], told(answer)) == (DROP, ["drop", "red", "recount"])
    after = phone.sync(region=ELSEWHERE, cursor=answer["cursor"])
    assert (after["changes"], after["cursor"]) == ([], answer["cursor"])
    move(engine, phone, REGION)
    back = phone.sync(region=ELSEWHERE, cursor=after["cursor"])
    assert (back["changes"][0]["keep"], told(back)) == (REGION, ["drop", "green", "recount"])


def test_what_stands_in_the_new_region_comes_page_by_page_behind_one_drop(
    phone: Phone, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.sync.MAX_CHANGES", 1)
    for level in ("red", "green"):
        advise(engine, ELSEWHERE, level)
    for _ in range(3):
        advise(engine, REGION, "orange")
    before = phone.sync(region=REGION, cursor="1.3")
    move(engine, phone)
    first = phone.sync(region=REGION, cursor=before["cursor"])
    assert (told(first), first["more"]) == (["drop", "red"], True)
    second = phone.sync(region=ELSEWHERE, cursor=first["cursor"])
    assert (told(second), second["more"]) == (["green"], False)


def test_a_phone_that_was_away_during_several_moves_misses_nothing(phone: Phone, engine: Engine) -> None:
    advise(engine, REGION, "green")
    before = phone.sync(region=REGION)
    move(engine, phone)
    advise(engine, REGION, "orange")
    advise(engine, ELSEWHERE, "red")
    move(engine, phone, REGION)
    assert told(phone.sync(region=REGION, cursor=before["cursor"])) == ["orange"]


def test_an_old_app_that_does_not_say_its_region_is_told_no_drop(phone: Phone, engine: Engine) -> None:
    advise(engine, REGION, "green")
    before = phone.sync()
    move(engine, phone)
    advise(engine, ELSEWHERE, "red")
    assert told(phone.sync(cursor=before["cursor"])) == ["red"]
    now_newer = phone.sync(region=REGION, cursor=before["cursor"])
    assert told(now_newer) == ["drop", "red"]


@pytest.mark.parametrize("region", ["", "nowhere", "\0", "x" * 5000, "IN-TG-501\n"])
def test_a_phone_that_says_any_other_region_starts_over(phone: Phone, engine: Engine, region: str) -> None:
    advise(engine, REGION, "green")
    before = phone.sync(region=REGION)
    assert told(phone.sync(region=region, cursor=before["cursor"])) == ["drop", "green"]


def test_a_short_answer_holds_the_drop_as_well(phone: Phone, engine: Engine) -> None:
    move(engine, phone)
    message = push(region=REGION) | {"facts": to_table([trap_fact(1), observation_fact(2)], FACTS)}
    response = phone.send(json.dumps(message).encode())
    assert json.loads(to_json(response.data, response.mimetype))["changes"] == [DROP]


def test_an_officer_of_both_regions_moves_a_phone_and_the_log_says_so(
    app: Flask, phone: Phone, engine: Engine, client: FlaskClient
) -> None:
    phone.sync(trap_fact(1), observation_fact(2))
    advise(engine, REGION, "red", (phone.row.id, "t1"))
    here, there = (
        Officer(app).enter(hire(engine, name, regions=(of,))) for name, of in (("a", REGION), ("b", ELSEWHERE))
    )
    both = Officer(app).enter(hire(engine, "c", regions=(REGION, ELSEWHERE)))
    address = f"/regions/{REGION}/phones/{phone.row.id}/move"
    assert "Move this phone" not in here.read(f"/regions/{REGION}/phones")
    assert f'<option value="{ELSEWHERE}">Warangal</option>' in both.read(f"/regions/{REGION}/phones")
    assert here.post(address, to=ELSEWHERE).status_code == 403
    assert there.post(address, to=ELSEWHERE).status_code == 403
    assert there.post(address.replace(REGION, ELSEWHERE), to=ELSEWHERE).status_code == 404
    assert both.post(address, to="IN-XX-999").status_code == 403
    assert both.post(address).status_code == 403
    assert both.post(address, to=REGION).location.endswith(f"/regions/{REGION}/phones")
    moved = both.post(address, to=ELSEWHERE)
    assert (moved.status_code, moved.location.endswith(f"/regions/{ELSEWHERE}/phones")) == (302, True)
    assert both.post(address, to=ELSEWHERE).status_code == 404, "it is no longer there"
    assert "By the well" in there.read(f"/regions/{ELSEWHERE}/phones")
    assert "By the well" not in here.read(f"/regions/{REGION}/phones")
    with session_scope(engine, read_only=True) as session:
        log = [
            (entry.subject, entry.region_id, entry.detail) for entry, _ in audit.entries(session, before=None, limit=9)
        ]
        assert log == [(f"device {phone.row.id}", REGION, {"to": ELSEWHERE})]
        assert catches.catch_rows(session, REGION, NOW) == []
        assert [row.count for row in catches.catch_rows(session, ELSEWHERE, NOW)] == [12]


def test_the_advice_of_the_former_region_stands_nowhere_and_is_in_the_farmers_copy(
    app: Flask, phone: Phone, engine: Engine
) -> None:
    phone.sync(trap_fact(1), observation_fact(2))
    advise(engine, REGION, "red", (phone.row.id, "t1"))
    here, there = (
        Officer(app).enter(hire(engine, name, regions=(of,))) for name, of in (("a", REGION), ("b", ELSEWHERE))
    )
    assert 'class="trap level-red"' in here.read(f"/regions/{REGION}/advice")
    move(engine, phone)
    for officer, region in ((here, REGION), (there, ELSEWHERE)):
        assert 'class="trap level' not in officer.read(f"/regions/{region}/advice")
    with there.post(f"/regions/{ELSEWHERE}/phones/{phone.row.id}/copy") as copy:
        document = copied(copy.data)
    assert document["advisories"][0]["advice"]["level"] == "red"


def test_what_was_imported_stays_in_its_region(app: Flask, engine: Engine) -> None:
    with session_scope(engine) as session:
        source = factories.device(session, source="survey").id
    both = Officer(app).enter(hire(engine, regions=(REGION, ELSEWHERE)))
    assert "Move this phone" not in both.read(f"/regions/{REGION}/phones")
    assert both.post(f"/regions/{REGION}/phones/{source}/move", to=ELSEWHERE).status_code == 404


def test_of_two_officers_who_move_a_phone_at_once_the_first_wins(phone: Phone, engine: Engine) -> None:
    with session_scope(engine) as session:
        seen_before = devices.device_by_id(session, phone.row.id)
        session.expunge(seen_before)
    move(engine, phone)
    with pytest.raises(Problem, match=r"404\.1"), session_scope(engine) as session:
        devices.move_device(session, seen_before, REGION)
    with session_scope(engine, read_only=True) as session:
        assert session.get_one(tables.Device, phone.row.id).region_id == ELSEWHERE
        assert store.facts_with_problems(session, ELSEWHERE) == []
