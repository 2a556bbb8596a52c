"""Push and pull over HTTP: every offline story that can go wrong, by name."""

import gzip
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select

from pestwatch.sync.cursor import Cursor
from server.db import catches, store, tables, work
from server.db.session import session_scope
from tests.factories import NOW, REGION, correction_fact, instant, observation_fact, push, staff, trap_fact
from tests.server.conftest import Phone


def statuses(answer: dict) -> list[tuple[int, str]]:
    return [(item["seq"], item["status"]) for item in answer["items"]]


def rows(engine: Engine, table: type) -> int:
    with session_scope(engine, read_only=True) as session:
        return session.scalar(select(func.count()).select_from(table))


def test_what_a_phone_pushes_is_stored_and_acknowledged(phone: Phone, engine: Engine) -> None:
    answer = phone.sync(trap_fact(1), observation_fact(2), correction_fact(3, observation=2))
    assert statuses(answer) == [(1, "stored"), (2, "stored"), (3, "stored")]
    assert answer["device"] == "active"
    assert answer["server_time"] == "2026-11-25T06:00:00Z"
    with session_scope(engine, read_only=True) as session:
        (catch,) = catches.catch_rows(session, REGION, NOW - timedelta(days=1))
    assert (catch.count, catch.counted_by, catch.counted_by_phone["HELIAR"]) == (14, "farmer", 12)


def test_pushing_the_same_fact_twice_stores_it_once(phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1), observation_fact(2))
    assert statuses(phone.sync(trap_fact(1), observation_fact(2))) == [(1, "duplicate"), (2, "duplicate")]
    assert (rows(engine, tables.Fact), rows(engine, tables.Observation)) == (2, 1)


def test_a_fact_twice_in_one_message_is_stored_once(phone: Phone, engine: Engine) -> None:
    assert statuses(phone.sync(trap_fact(1), trap_fact(1))) == [(1, "stored"), (1, "duplicate")]
    assert rows(engine, tables.Fact) == 1


def test_eight_identical_messages_at_once_all_succeed_and_store_one_row(
    app: Flask, phone: Phone, engine: Engine
) -> None:
    body = json.dumps(push(trap_fact(1), observation_fact(2))).encode()
    answers = []
    start = threading.Barrier(8)

    def send() -> None:
        client = app.test_client()
        start.wait()
        answers.append(client.post("/api/v1/sync", data=body, headers=phone.headers))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status_code for a in answers] == [200] * 8
    assert sorted(a.json["items"][1]["status"] for a in answers) == ["duplicate"] * 7 + ["stored"]
    assert (rows(engine, tables.Fact), rows(engine, tables.Observation)) == (2, 1)


def test_the_same_number_with_other_content_is_a_conflict_and_both_are_kept(phone: Phone, engine: Engine) -> None:
    phone.sync(trap_fact(1, name="By the well"))
    assert statuses(phone.sync(trap_fact(1, name="By the road"))) == [(1, "conflict")]
    assert statuses(phone.sync(trap_fact(1, name="By the road"))) == [(1, "conflict")]
    assert rows(engine, tables.Fact) == 2
    with session_scope(engine, read_only=True) as session:
        assert [trap.name for trap in catches.traps_of(session, REGION)] == ["By the well"]
        (aside,) = store.facts_with_problems(session, REGION)
    assert (aside.status, json.loads(aside.content)["body"]["name"]) == ("conflict", "By the road")


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (observation_fact(2, counts={"HELIAR": 2**31}), "body.counts[...]"),
        (observation_fact(2, counts={"HELIAR": -1}), "body.counts[...]"),
        (observation_fact(2, nights=0), "body.nights"),
        (observation_fact(2, taken_at="yesterday"), "body.taken_at"),
        (trap_fact(2, name="a\u0000b"), "body.name"),
        (trap_fact(2, trap="t1\n"), "body.trap"),
        ({"seq": 2, "kind": "poem", "at": instant(NOW), "body": {}}, "kind"),
        ({"seq": 2}, "fact"),
    ],
)
def test_one_bad_fact_is_answered_by_itself_and_never_blocks_the_rest(
    phone: Phone, engine: Engine, bad: dict, field: str
) -> None:
    answer = phone.sync(trap_fact(1), bad, observation_fact(3))
    assert statuses(answer) == [(1, "stored"), (2, "rejected"), (3, "stored")]
    problem = answer["items"][1]["problem"]
    assert (problem["number"], problem["params"]["field"]) == ("422.5", field)
    assert problem["text"]
    with session_scope(engine, read_only=True) as session:
        (kept,) = store.facts_with_problems(session, REGION)
    assert json.loads(kept.content) == bad
    assert kept.problem["params"]["field"] == field
    assert statuses(phone.sync(bad)) == [(2, "rejected")], "the answer stays the same"


@pytest.mark.parametrize("stray", ['"a poem"', "null", "17", '{"seq": 0}', '{"seq": "2"}', '{"seq": 1e999}', "{}"])
def test_a_fact_without_a_readable_number_is_kept_and_blocks_nothing(phone: Phone, engine: Engine, stray: str) -> None:
    body = json.dumps(push(trap_fact(1), "STRAY")).replace('"STRAY"', stray).encode()
    for first in ("stored", "duplicate"):
        assert [(i["seq"], i["status"]) for i in phone.send(body).json["items"]] == [(1, first), (None, "rejected")]
    assert rows(engine, tables.Fact) == 2


def test_half_a_character_in_a_name_keeps_no_phone_from_syncing(phone: Phone) -> None:
    """JavaScript makes it when it cuts a text inside an emoji, and JSON.stringify writes it as a lone surrogate."""
    body = json.dumps(push(trap_fact(1, name="well \ud83d"), observation_fact(2))).encode()
    assert statuses(phone.send(body).json) == [(1, "stored"), (2, "stored")]


def test_fields_of_a_newer_app_are_kept(phone: Phone, engine: Engine) -> None:
    newer = observation_fact(1, humidity=0.8) | {"mood": "good"}
    assert statuses(phone.sync(newer, outlook="sunny")) == [(1, "stored")]
    with session_scope(engine, read_only=True) as session:
        content = json.loads(session.scalars(select(tables.Fact.content)).one())
    assert (content["body"]["humidity"], content["mood"]) == (0.8, "good")


def test_an_observation_that_overtakes_its_trap_is_kept_and_shown_when_the_trap_arrives(
    phone: Phone, engine: Engine
) -> None:
    assert statuses(phone.sync(correction_fact(3, observation=2), observation_fact(2))) == [
        (3, "stored"),
        (2, "stored"),
    ]
    since = NOW - timedelta(days=1)
    with session_scope(engine, read_only=True) as session:
        assert catches.catch_rows(session, REGION, since) == []
    phone.sync(trap_fact(1))
    with session_scope(engine, read_only=True) as session:
        assert [c.count for c in catches.catch_rows(session, REGION, since)] == [14]


def test_the_newest_description_of_a_trap_wins_in_whatever_order_they_arrive(phone: Phone, engine: Engine) -> None:
    old, new = trap_fact(1, at=NOW - timedelta(hours=2), name="old"), trap_fact(2, at=NOW, name="new")
    for fact in (new, old):
        phone.sync(fact)
    with session_scope(engine, read_only=True) as session:
        assert [trap.name for trap in catches.traps_of(session, REGION)] == ["new"]


@pytest.mark.parametrize(
    "body", [b"", b"\xff\x00", b"[]", b'"hello"', b'{"v":1}', b'{"v":1,"sent_at":"now","facts":[]}', b"[" * 50_000]
)
def test_a_message_that_is_no_message_gets_a_clear_answer(phone: Phone, body: bytes) -> None:
    response = phone.send(body)
    assert response.status_code == 400
    assert response.json["problem"]["number"] == "400.1"
    assert response.json["problem"]["text"].startswith("This is not a message that pestwatch understands")


def test_a_message_of_another_version_is_refused(phone: Phone) -> None:
    response = phone.send(json.dumps(push() | {"v": 2}).encode())
    assert (response.status_code, response.json["problem"]["params"]) == (400, {"detail": "version 2"})


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic abc"}])
def test_an_unknown_device_is_told_to_enrol_and_nothing_is_stored(phone: Phone, engine: Engine, header: dict) -> None:
    response = phone.client.post("/api/v1/sync", json=push(trap_fact(1)), headers=header)
    assert (response.status_code, response.json["problem"]["number"]) == (401, "401.1")
    assert rows(engine, tables.Fact) == 0


def test_what_a_revoked_device_sends_is_kept_in_quarantine_until_an_officer_accepts_it(
    phone: Phone, engine: Engine
) -> None:
    with session_scope(engine) as session:
        session.get(tables.Device, phone.row.id).revoked_at = NOW
    answer = phone.sync(trap_fact(1), observation_fact(2))
    assert (answer["device"], statuses(answer)) == ("revoked", [(1, "quarantined"), (2, "quarantined")])
    assert statuses(phone.sync(trap_fact(1))) == [(1, "quarantined")]
    since = NOW - timedelta(days=1)
    with session_scope(engine, read_only=True) as session:
        assert catches.catch_rows(session, REGION, since) == []
        assert len(store.facts_with_problems(session, REGION)) == 2
    with session_scope(engine) as session:
        assert store.accept_quarantined(session, phone.row.id) == 2
    with session_scope(engine, read_only=True) as session:
        assert [c.count for c in catches.catch_rows(session, REGION, since)] == [12]
    assert statuses(phone.sync(trap_fact(1))) == [(1, "duplicate")]


@pytest.mark.parametrize("years", [-46, -2, 3, 70])
def test_a_clock_years_off_is_corrected_flagged_and_never_refused(phone: Phone, engine: Engine, years: int) -> None:
    phones_now = NOW.replace(year=NOW.year + years)
    taken = phones_now - timedelta(hours=5)
    answer = phone.sync(trap_fact(1, at=taken), observation_fact(2, at=taken), sent_at=phones_now)
    assert statuses(answer) == [(1, "stored"), (2, "stored")]
    assert answer["clock_offset_ms"] == (NOW - phones_now) // timedelta(milliseconds=1)
    assert [notice["number"] for notice in answer["notices"]] == ["422.8"]
    with session_scope(engine, read_only=True) as session:
        (catch,) = catches.catch_rows(session, REGION, datetime(1970, 1, 1, tzinfo=UTC))
        fact = session.scalars(select(tables.Fact).where(tables.Fact.seq == 2)).one()
    assert (catch.taken_at, catch.taken_at_doubtful) == (NOW - timedelta(hours=5), True)
    assert (fact.at_phone, fact.at_corrected) == (taken, NOW - timedelta(hours=5))


def test_an_unknown_locale_is_answered_in_english_and_says_so(phone: Phone) -> None:
    answer = phone.sync(trap_fact(1), locale="tlh")
    assert statuses(answer) == [(1, "stored")]
    (notice,) = answer["notices"]
    assert (notice["number"], notice["params"]) == ("422.7", {"locale": "tlh"})


def test_a_message_may_be_packed_with_gzip(phone: Phone) -> None:
    body = gzip.compress(json.dumps(push(trap_fact(1))).encode())
    assert statuses(phone.send(body, Content_Encoding="gzip").json) == [(1, "stored")]


def test_a_gzip_bomb_is_refused_before_it_unfolds(phone: Phone) -> None:
    response = phone.send(gzip.compress(b" " * 200_000_000, 1)[:900_000], Content_Encoding="gzip")
    assert (response.status_code, response.json["problem"]["number"]) == (413, "413.1")


@pytest.mark.parametrize(("body", "encoding", "number"), [
    (b"no gzip", "gzip", "400.1"),
    (gzip.compress(b'{"v":1}')[:-4], "gzip", "400.1"),
    (b"{}", "br", "415.1"),
])  # fmt: skip
def test_a_badly_packed_message_gets_a_clear_answer(phone: Phone, body: bytes, encoding: str, number: str) -> None:
    assert phone.send(body, Content_Encoding=encoding).json["problem"]["number"] == number


def test_too_large_a_message_is_refused_with_the_limit(phone: Phone) -> None:
    response = phone.send(b" " * 600_000)
    assert (response.status_code, response.json["problem"]["params"]["limit_bytes"]) == (413, 512_000)
    response = phone.send(json.dumps(push(*[5] * 201)).encode())
    assert (response.status_code, response.json["problem"]["number"]) == (413, "413.1")


def test_a_phone_learns_advice_and_recounts_page_by_page_and_only_its_own(
    phone: Phone, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.sync.MAX_CHANGES", 2)
    phone.sync(trap_fact(1), observation_fact(2))
    from tests import factories

    with session_scope(engine) as session:
        other = factories.device(session)
        for region_wide in ({"level": "green"}, {"level": "red"}):
            work.record_advisory(session, REGION, pest="HELIAR", advice=region_wide, now=NOW)
        work.record_advisory(session, REGION, pest="HELIAR", advice={}, now=NOW, trap=(phone.row.id, "t1"))
        observation = catches.ObservationId(phone.row.id, 2)
        catches.record_officer_recount(session, observation, {"HELIAR": 9}, marks=None, staff=staff(session), now=NOW)
        others = store.changes_since(session, other, Cursor(0, None), 10)
    first = phone.sync()
    assert ([c["advice"]["level"] for c in first["changes"]], first["more"]) == (["green", "red"], True)
    second = phone.sync(cursor=first["cursor"])
    assert ([c["kind"] for c in second["changes"]], second["more"]) == (["advisory", "recount"], False)
    assert second["changes"][0]["trap"] == "t1"
    assert second["changes"][1] == {
        "kind": "recount", "observation": 2, "counts": {"HELIAR": 9}, "by": "officer", "at": "2026-11-25T06:00:00Z",
    }  # fmt: skip
    third = phone.sync(cursor=second["cursor"])
    assert (third["changes"], third["cursor"]) == ([], second["cursor"])
    assert len(others.changes) == 2


@pytest.mark.parametrize("cursor", ["", "nonsense", "1.zz", "9.1", "1.ffffffffff", "1.-5", "x" * 5000])
def test_a_cursor_that_cannot_be_read_starts_over(phone: Phone, engine: Engine, cursor: str) -> None:
    with session_scope(engine) as session:
        work.record_advisory(session, REGION, pest="HELIAR", advice={}, now=NOW)
    assert len(phone.sync(cursor=cursor)["changes"]) == 1


def test_the_server_knows_when_a_phone_was_last_here_and_what_it_runs(phone: Phone, engine: Engine) -> None:
    phone.sync(app="0.1.0" * 50, model="base-20261125-1", locale="mr", sent_at=NOW - timedelta(seconds=30))
    with session_scope(engine, read_only=True) as session:
        row = session.get(tables.Device, phone.row.id)
    assert (row.last_seen_at, row.locale, row.model_version) == (NOW, "mr", "base-20261125-1")
    assert (row.clock_offset_ms, len(row.app_version)) == (30_000, 40)


def test_a_sync_with_nothing_new_is_a_short_answer(phone: Phone) -> None:
    assert len(phone.send(json.dumps(push()).encode()).data) < 260


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v1/sync", 405), ("POST", "/api/v1/nothing", 404)])
def test_wrong_addresses_are_problems_too(phone: Phone, method: str, path: str, status: int) -> None:
    response = phone.client.open(path, method=method)
    assert (response.status_code, response.json["problem"]["number"]) == (status, f"{status}.1")
