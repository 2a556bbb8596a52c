"""What the store promises to the dashboard and to the workers."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from server.db import catches, devices, people, store, tables, work
from server.db.photos import record_photo
from server.db.session import session_scope
from server.pictures import PhotoHeader
from tests import factories
from tests.factories import NOW, REGION, correction_fact, observation_fact, trap_fact
from tests.server.conftest import Phone

SINCE = NOW - timedelta(days=1)
LEASE = timedelta(minutes=5)
SHA256 = "a" * 64


def send_photo(engine: Engine, phone: Phone, sha256: str = SHA256) -> None:
    with session_scope(engine) as session:
        assert record_photo(session, phone.row, sha256, PhotoHeader("image/png", 4, 3, 99), NOW)
        assert not record_photo(session, phone.row, sha256, PhotoHeader("image/png", 4, 3, 99), NOW)


def recount(session: Session, phone: Phone, seq: int, counts: dict[str, int], **given: Any) -> tables.Correction:
    observation = catches.ObservationId(phone.row.id, seq)
    officer = people.staff_by_name(session, "asha") or factories.staff(session)
    given = {"marks": None, "staff": officer, "now": NOW} | given
    return catches.record_officer_recount(session, observation, counts, **given)


# --- catches and recounts


def test_the_officers_number_counts_before_the_farmers_before_the_phones(phone: Phone, engine: Engine) -> None:
    def standing() -> tuple[int | None, str]:
        with session_scope(engine, read_only=True) as session:
            (catch,) = catches.catch_rows(session, REGION, SINCE)
        return catch.count, catch.counted_by

    phone.sync(trap_fact(1), observation_fact(2))
    assert standing() == (12, "phone")
    phone.sync(correction_fact(3, observation=2, counts={"HELIAR": 14}))
    assert standing() == (14, "farmer")
    with session_scope(engine) as session:
        recount(session, phone, 2, {"HELIAR": 9})
    assert standing() == (9, "officer")
    phone.sync(correction_fact(4, observation=2, at=NOW + timedelta(hours=1), counts={"HELIAR": 20}))
    assert standing() == (9, "officer")
    with session_scope(engine) as session:
        recount(session, phone, 2, {"HELIAR": 10}, now=NOW + timedelta(minutes=1))
    assert standing() == (10, "officer")


def test_a_pest_that_nobody_counted_has_no_number(phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1, pest="DACUDO"), observation_fact(2))
    with session_scope(engine, read_only=True) as session:
        assert [c.count for c in catches.catch_rows(session, REGION, SINCE)] == [None]


def test_a_region_sees_its_own_catches_in_order_of_time(phone: Phone, engine: Engine) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
        factories.device(session, token="elsewhere", region="IN-TG-501")
    other = Phone(phone.row, "elsewhere", phone.client)
    other.sync(trap_fact(1), observation_fact(2, counts={"HELIAR": 99}))
    phone.sync(
        observation_fact(3, at=NOW - timedelta(hours=1), counts={"HELIAR": 2}),
        observation_fact(2, at=NOW - timedelta(hours=2), counts={"HELIAR": 1}),
        observation_fact(5, at=NOW - timedelta(days=2), counts={"HELIAR": 0}),
        trap_fact(1),
    )
    with session_scope(engine, read_only=True) as session:
        assert [c.count for c in catches.catch_rows(session, REGION, SINCE)] == [1, 2]
        assert [c.count for c in catches.catch_rows(session, "IN-TG-501", SINCE)] == [99]


def test_the_review_queue_shows_photos_that_arrived_doubtful_ones_first(phone: Phone, engine: Engine) -> None:
    phone.sync(
        trap_fact(1),
        observation_fact(2, at=NOW - timedelta(hours=3), photo="a" * 64, photo_consent=True),
        observation_fact(3, at=NOW - timedelta(hours=2), photo="b" * 64, photo_consent=True),
        observation_fact(
            4,
            at=NOW - timedelta(hours=4),
            photo="c" * 64,
            photo_consent=True,
            gate={"verdict": "doubtful", "reason": "too_dark"},
        ),
        observation_fact(5, photo="d" * 64, photo_consent=True),
        observation_fact(6),
    )
    for sha256 in ("a" * 64, "b" * 64, "c" * 64):
        send_photo(engine, phone, sha256)
    with session_scope(engine, read_only=True) as session:
        assert [c.observation.seq for c in catches.review_queue(session, REGION)] == [4, 3, 2]
    with session_scope(engine) as session:
        recount(session, phone, 3, {"HELIAR": 1})
    with session_scope(engine, read_only=True) as session:
        assert [c.observation.seq for c in catches.review_queue(session, REGION)] == [4, 2]


def test_a_model_learns_from_photos_that_people_recounted_and_from_nothing_else(phone: Phone, engine: Engine) -> None:
    phone.sync(
        trap_fact(1),
        observation_fact(2, photo="a" * 64, photo_consent=True),
        observation_fact(3, photo="b" * 64, photo_consent=True),
        correction_fact(4, observation=3, marks=[{"x": 0.5, "y": 0.25, "species": "HELIAR"}]),
    )
    for sha256 in ("a" * 64, "b" * 64):
        send_photo(engine, phone, sha256)
    with session_scope(engine, read_only=True) as session:
        (photo,) = catches.photos_for_training(session, REGION)
    assert (photo.photo.sha256, str(photo.trap), photo.counts) == ("b" * 64, f"{phone.row.id}/t1", {"HELIAR": 14})
    assert (photo.recount.by, photo.recount.marks) == ("farmer", [{"x": 0.5, "y": 0.25, "species": "HELIAR"}])


def test_an_observation_is_found_by_its_written_name(phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1), observation_fact(2))
    with session_scope(engine, read_only=True) as session:
        found = catches.observation_with_photo(session, catches.ObservationId.parse(f"{phone.row.id}-2"))
        assert (str(found.observation), found.photo, found.region) == (f"{phone.row.id}-2", None, REGION)
        with pytest.raises(Problem, match=r"404\.1"):
            catches.observation_with_photo(session, catches.ObservationId(phone.row.id, 99))


@pytest.mark.parametrize("written", ["", "1", "-", "1-", "a-b", "1-2-3", "-1-2", "1-" + "9" * 40, "²-1"])
def test_a_name_that_is_no_observation_is_not_found(written: str) -> None:
    with pytest.raises(Problem, match=r"404\.1"):
        catches.ObservationId.parse(written)


# --- server_seq


def test_a_slow_transaction_is_not_overtaken(engine: Engine) -> None:
    """The second taker waits, so whoever sees its number has already seen every smaller one."""
    took_first, order = threading.Event(), []

    def slow() -> None:
        with session_scope(engine) as session:
            number = store.next_server_seq(session)
            took_first.set()
            session.connection().exec_driver_sql("SELECT 1")
            threading.Event().wait(0.2)
            order.append(number)

    def quick() -> None:
        took_first.wait()
        with session_scope(engine) as session:
            order.append(store.next_server_seq(session))

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == [1, 2]


# --- training runs


def run_of(engine: Engine) -> tables.TrainingRun:
    with session_scope(engine, read_only=True) as session:
        return work.runs_of(session, REGION)[0]


def claim(engine: Engine, worker: str = "w1", at: Any = NOW) -> work.Claim | None:
    with session_scope(engine) as session:
        run = work.claim_due_run(session, at, worker, LEASE)
        return run and work.claim_of(run)


@pytest.fixture
def queued(engine: Engine) -> int:
    with session_scope(engine) as session:
        return work.request_run(session, REGION, NOW).id


def test_asking_twice_for_a_retraining_queues_one_run(engine: Engine, queued: int) -> None:
    with session_scope(engine) as session:
        assert work.request_run(session, REGION, NOW).id == queued
    assert claim(engine)
    with session_scope(engine) as session:
        assert work.request_run(session, REGION, NOW).id == queued
        assert len(work.runs_of(session, REGION)) == 1


def test_of_many_workers_one_claims_the_run(engine: Engine, queued: int) -> None:
    claims, start = [], threading.Barrier(6)

    def try_to_claim(name: str) -> None:
        start.wait()
        claims.append(claim(engine, name))

    threads = [threading.Thread(target=try_to_claim, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [c.run for c in claims if c] == [queued]


def test_a_run_whose_worker_died_is_claimed_anew_and_the_dead_one_writes_nothing(engine: Engine, queued: int) -> None:
    dead = claim(engine, "dead")
    assert claim(engine, "eager") is None
    later = NOW + LEASE + timedelta(seconds=1)
    heir = claim(engine, "heir", later)
    assert (heir.run, heir.attempt) == (queued, 2)
    with session_scope(engine) as session:
        assert not work.finish_run(session, dead, "promoted", later)
        assert not work.extend_lease(session, dead, later + LEASE, 0.9)
        assert work.finish_run(session, heir, "refused", later, reason={"message": "Too few photos.", "params": {}})
    run = run_of(engine)
    assert (run.state, run.reason["message"], run.finished_at) == ("refused", "Too few photos.", later)


def test_a_worker_that_says_it_is_alive_keeps_its_run(engine: Engine, queued: int) -> None:
    mine = claim(engine)
    with session_scope(engine) as session:
        assert work.extend_lease(session, mine, NOW + 3 * LEASE, 0.35, "training")
    assert claim(engine, "eager", NOW + 2 * LEASE) is None
    run = run_of(engine)
    assert (run.progress, run.stage) == (0.35, "training")


def test_a_run_that_keeps_killing_its_workers_fails_with_a_reason(engine: Engine, queued: int) -> None:
    at = NOW
    for _ in range(work.MAX_ATTEMPTS):
        assert claim(engine, at=at)
        at += LEASE + timedelta(seconds=1)
    assert claim(engine, at=at) is None
    run = run_of(engine)
    assert (run.state, run.reason["params"]) == ("failed", {"attempts": 3})
    with session_scope(engine) as session:
        assert work.request_run(session, REGION, at).id != queued, "the region may be retrained again"


def test_a_queued_run_says_what_it_waits_for(engine: Engine, queued: int) -> None:
    with session_scope(engine) as session:
        work.note_waiting(session, queued, "the training packages are being installed")
        assert [run.waits_for for run in work.queued_runs(session)] == ["the training packages are being installed"]
    claim(engine)
    assert run_of(engine).waits_for is None


# --- advice, beats, people


def test_the_latest_advice_of_each_trap_and_pest_is_shown(phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1))
    with session_scope(engine) as session:
        for level, trap in (("green", None), ("red", None), ("orange", (phone.row.id, "t1"))):
            work.record_advisory(session, REGION, pest="HELIAR", advice={"level": level}, now=NOW, trap=trap)
    with session_scope(engine, read_only=True) as session:
        assert [a.advice["level"] for a in work.latest_advisories(session, REGION)] == ["orange", "red"]


def test_a_beat_says_when_a_process_was_last_alive(engine: Engine) -> None:
    for minutes in (0, 1):
        with session_scope(engine) as session:
            work.record_beat(session, "worker", NOW + timedelta(minutes=minutes), {"pid": minutes})
    with session_scope(engine, read_only=True) as session:
        assert [(b.name, b.at, b.detail) for b in work.beats(session)] == [
            ("worker", NOW + timedelta(minutes=1), {"pid": 1})
        ]


def test_an_officer_sees_own_regions_and_an_admin_every_region(engine: Engine) -> None:
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
        officer, admin = factories.staff(session), factories.staff(session, "Meera", "admin", ())
        assert [r.id for r in people.regions_for(session, officer)] == [REGION]
        assert [r.id for r in people.regions_for(session, admin)] == [REGION, "IN-TG-501"]
        assert people.staff_by_name(session, " MEERA ").id == admin.id


def test_a_revoked_phone_stays_revoked_since_the_first_time(phone: Phone, engine: Engine) -> None:
    for day in (0, 1):
        with session_scope(engine) as session:
            devices.revoke_device(session, phone.row.id, NOW + timedelta(days=day))
    phone.sync(trap_fact(1))
    with session_scope(engine, read_only=True) as session:
        assert [d.revoked_at for d in devices.devices_of(session, REGION)] == [NOW]
        assert devices.facts_by_status(session, phone.row.id) == {"quarantined": 1}


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    def fail() -> None:
        with session_scope(engine) as session:
            factories.region(session, "IN-TG-501", "Warangal")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with session_scope(engine, read_only=True) as session:
        assert [r.id for r in people.all_regions(session)] == [REGION]


def test_an_instant_without_a_time_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(Exception, match="has no time zone"), session_scope(engine) as session:
        work.record_beat(session, "web", NOW.replace(tzinfo=None))


def test_sqlite_keeps_what_it_acknowledged_through_a_power_cut(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL does so by itself")
    with engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert settings == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
