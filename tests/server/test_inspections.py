"""What farmers find on the plants reaches the officers, and moves the advice as it does on the phone."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import Engine, select

from server.config import Settings
from server.db.session import session_scope
from server.db.tables import Inspection, Trap
from server.db.work import latest_advisories
from server.tasks.advise import issue_advisories
from tests.factories import NOW, REGION, inspection_fact, observation_fact, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import Officer, classes_of, hire
from tests.server.test_export import export, table

PINK = {"pest": "PECTGO"}
BOLLS = {"rule": "PECTGO-8", "part": "boll", "looked": 20, "found": 3}


def told(engine: Engine) -> list[tuple[str, list[str]]]:
    with session_scope(engine, read_only=True) as session:
        advice = [row.advice for row in latest_advisories(session, REGION)]
        return [(one["level"], [message["id"] for message in one["messages"]]) for one in advice]


def test_a_look_at_the_plants_is_stored_once_and_with_the_clock_corrected(phone: Phone, engine: Engine) -> None:
    ahead = timedelta(days=3)
    for _ in range(2):
        phone.sync(inspection_fact(5, at=NOW + ahead), sent_at=NOW + ahead)
    with session_scope(engine, read_only=True) as session:
        (row,) = session.scalars(select(Inspection))
        assert (row.trap, row.rule, row.part, row.looked, row.found) == ("t1", "HELIAR-4", "plant", 20, 23)
        assert row.inspected_at == NOW


def test_damaged_bolls_turn_an_inspection_into_a_call(phone: Phone, engine: Engine, settings: Settings) -> None:
    phone.sync(trap_fact(1, **PINK), observation_fact(2, counts={"PECTGO": 9}, nights=1))
    issue_advisories(settings, NOW)
    assert told(engine)[0][1][0] == "inspect_today"
    phone.sync(inspection_fact(3, **BOLLS))
    assert issue_advisories(settings, NOW) == 1
    level, said = told(engine)[0]
    assert (level, said[:2]) == ("orange", ["sample_confirmed", "found_damage"])


def test_damage_found_without_any_count_is_told_too(phone: Phone, engine: Engine, settings: Settings) -> None:
    phone.sync(trap_fact(1, **PINK), inspection_fact(2, **BOLLS))
    assert issue_advisories(settings, NOW) == 1
    assert told(engine)[0][0] == "orange"


def test_the_officer_sees_what_was_found_and_sees_it_first(app: Flask, engine: Engine, phone: Phone) -> None:
    phone.sync(trap_fact(1, **PINK), observation_fact(2, counts={"PECTGO": 0}, nights=2.0), inspection_fact(3, **BOLLS))
    page = Officer(app).enter(hire(engine)).read(f"/regions/{REGION}")
    assert "Damaged: 3 of 20 (bolls)" in page
    assert "inspect" in classes_of(page, "Damaged: 3 of 20 (bolls)").split()


def test_a_part_and_a_rule_of_a_newer_phone_are_shown_as_they_came(app: Flask, engine: Engine, phone: Phone) -> None:
    phone.sync(
        trap_fact(1, **PINK),
        observation_fact(2, counts={"PECTGO": 0}, nights=2.0),
        inspection_fact(3, rule="PECTGO-99", part="square", looked=20, found=1),
    )
    assert "Damaged: 1 of 20 (square)" in Officer(app).enter(hire(engine)).read(f"/regions/{REGION}")


def test_a_count_written_down_late_shortens_the_nights_of_the_next(
    phone: Phone, engine: Engine, settings: Settings
) -> None:
    phone.sync(trap_fact(1, **PINK), observation_fact(2, counts={"PECTGO": 27}, nights=7.0))
    issue_advisories(settings, NOW)
    assert told(engine)[0][0] == "green"
    phone.sync(observation_fact(3, taken_at="2026-11-22T06:00:00Z", counts={"PECTGO": 4}, nights=4.0, source="hand"))
    issue_advisories(settings, NOW)
    assert told(engine)[0][0] == "orange"


def test_the_lures_life_by_its_packet_is_kept_with_the_trap(phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1, lure_life_days=60))
    with session_scope(engine, read_only=True) as session:
        assert session.scalars(select(Trap.lure_life_days)).all() == [60]


def test_looks_at_the_plants_can_be_exported_with_what_they_say(
    phone: Phone, engine: Engine, settings: Settings
) -> None:
    phone.sync(
        trap_fact(1, **PINK, subdistrict=4088),
        inspection_fact(2, **BOLLS),
        inspection_fact(3, NOW - timedelta(days=40), **BOLLS),
    )
    assert len(table(export(engine, settings, "plants"))) == 1
    (row,) = table(export(engine, settings, "plants"))
    assert (row["taluka_code"], row["part"], row["looked"], row["found"]) == ("4088", "boll", "20", "3")
    assert (row["rule"], row["outcome"]) == ("PECTGO-8", "serious")
