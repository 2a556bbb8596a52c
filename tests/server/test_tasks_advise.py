"""Advice is issued once, when it changes, to the trap's phone."""

from datetime import timedelta

from sqlalchemy import Engine

from server.config import Settings
from server.db import devices
from server.db.session import session_scope
from server.db.work import latest_advisories
from server.tasks.advise import issue_advisories
from tests.factories import NOW, REGION, correction_fact, observation_fact, trap_fact
from tests.server.conftest import Phone


def levels(engine: Engine) -> list[str]:
    with session_scope(engine, read_only=True) as session:
        return [row.advice["level"] for row in latest_advisories(session, REGION)]


def test_a_catch_above_the_threshold_is_told_once(phone: Phone, engine: Engine, settings: Settings) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 40}, nights=2.0))
    assert issue_advisories(settings, NOW) == 1
    assert levels(engine) == ["orange"]
    assert issue_advisories(settings, NOW + timedelta(hours=1)) == 0


def test_new_advice_follows_new_readings(phone: Phone, engine: Engine, settings: Settings) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 40}, nights=2.0))
    issue_advisories(settings, NOW)
    later = NOW + timedelta(days=2)
    phone.sync(observation_fact(3, at=later, counts={"HELIAR": 1}, nights=2.0), sent_at=later)
    assert issue_advisories(settings, later) == 1
    assert levels(engine) == ["green"]


def test_a_catch_that_may_have_reached_the_threshold_is_not_low_until_a_person_has_counted(
    phone: Phone, engine: Engine, settings: Settings
) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 8}, nights=2.0, intervals={"HELIAR": [1, 20]}))
    issue_advisories(settings, NOW)
    assert levels(engine) == ["yellow"]
    later = NOW + timedelta(hours=1)
    phone.sync(correction_fact(3, observation=2, at=later, counts={"HELIAR": 8}), sent_at=later)
    issue_advisories(settings, later)
    assert levels(engine) == ["green"]


def test_days_that_pass_change_advice_once_and_not_every_day(phone: Phone, settings: Settings) -> None:
    phone.sync(trap_fact(1), observation_fact(2))
    issue_advisories(settings, NOW)
    assert issue_advisories(settings, NOW + timedelta(days=15)) == 1
    assert issue_advisories(settings, NOW + timedelta(days=16)) == 0


def test_a_trap_that_nobody_has_counted_gets_none(phone: Phone, settings: Settings) -> None:
    phone.sync(trap_fact(1))
    assert issue_advisories(settings, NOW) == 0


def test_the_phone_fetches_it_at_its_next_sync(phone: Phone, settings: Settings) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 40}))
    issue_advisories(settings, NOW)
    (change,) = phone.sync()["changes"]
    assert change["kind"] == "advisory"
    assert change["trap"] == "t1"
    assert change["advice"]["level"] == "orange"


def test_a_revoked_phone_is_told_nothing(phone: Phone, engine: Engine, settings: Settings) -> None:
    phone.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 40}))
    with session_scope(engine) as session:
        devices.revoke_device(session, phone.row.id, NOW)
    assert issue_advisories(settings, NOW) == 0
