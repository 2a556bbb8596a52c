"""Two phones, an officer and a flaky server, against a plain model of the protocol: dictionaries.

Phones lose answers, repeat, reorder, send SMS, go back to an old backup, jump in time, are revoked and believed again,
and are moved between two regions; the server fails before it commits, or after, and comes back from a backup of its own.
The officer recounts and advises meanwhile. Hypothesis invents the story; whatever it is, the server ends up with what a
dictionary would hold, each phone learns what it should, and nothing else.
"""

import copy
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from flask import Response
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import convert
from sqlalchemy import Engine, delete, event, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from pestwatch.sync.protocol import ObservationFact, Table, canonical
from pestwatch.sync.sms import TEXT_BYTES, Told, read_sms, to_text, write_sms
from pestwatch.sync.spelling import CBOR, JSON, to_json, write
from pestwatch.sync.table import FACTS, ITEMS, from_table, to_table
from server import auth
from server.db import catches, devices, eras, store, tables, work
from server.db.catches import ObservationId
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, inspection_fact, observation_fact, push, trap_fact

number = itertools.count(1)
turns = itertools.cycle(itertools.product([False, True], [JSON, CBOR]))
"""Whether the facts are a table, and how the message is spelled."""
STEPS = 25
SHORT, LONG = 20, 420
"""Stories of STEPS steps on each engine: a thousand steps, or more than twenty thousand."""
PHONES = st.sampled_from([0, 1])
TABLES = tables.Fact.metadata.sorted_tables


class ModelPhone:
    """What one phone has, and what the server must hold of it."""

    def __init__(self, engine: Engine, region: str) -> None:
        self.token = f"story-{next(number)}"
        with session_scope(engine) as session:
            row = factories.device(session, token=self.token, region=region, sms_key=auth.make_sms_key())
            self.device, self.sms_key = row.id, auth.sms_key_of(row)
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.outbox: dict[int, dict] = {}
        self.told_region = self.region = region
        self.answered: dict[int, tuple[dict, str]] = {}
        self.seq, self.skew, self.revoked = 0, timedelta(0), False
        self.ledger: dict[int, tuple[dict, str]] = {}
        self.short: dict[int, dict] = {}
        self.aside: list[dict] = []
        self.cursor: str | None = None
        self.learned: dict[tuple[str, int], dict] = {}
        self.recounts: dict[tuple[str, int], dict] = {}
        self.unlearned: set[tuple[str, int]] = set()
        self.back_up()

    def back_up(self) -> None:
        """All that the phone itself keeps, as it stands."""
        kept = self.seq, self.cursor, self.told_region, self.outbox, self.answered, self.learned
        self.backup = copy.deepcopy(kept)

    def restore(self) -> None:
        """Back to the backup."""
        kept = copy.deepcopy(self.backup)
        self.seq, self.cursor, self.told_region, self.outbox, self.answered, self.learned = kept

    def append(self, make: Any, **body: Any) -> None:
        """A new fact waits in the outbox."""
        self.seq += 1
        self.outbox[self.seq] = make(self.seq, at=NOW + self.skew, **body)

    def receive(self, fact: dict[str, Any], short: dict[str, Any] | None = None) -> tuple[int, str]:
        """What a dictionary would do with a fact, or with what an SMS said of it."""
        seq = fact["seq"]
        if seq not in self.ledger:
            status = "quarantined" if self.revoked else "stored"
            if fact["kind"] == "observation" and fact["body"]["counts"]["HELIAR"] < 0:
                status = "rejected"
            self.ledger[seq] = (fact, status)
            if short:
                self.short[seq] = short
            return seq, status
        standing, status = self.ledger[seq]
        if standing == fact:
            if not short:
                self.short.pop(seq, None)
            return seq, "duplicate" if status == "stored" else status
        if (said := short or fact) not in self.aside:
            self.aside.append(said)
        return seq, "conflict"

    def learn(self, answer: dict[str, Any]) -> None:
        """Takes what an answer brought, as a phone does: what it knows already is simply written again."""
        if "held" in answer and answer["cursor"] != self.cursor:
            here = {seq for first, last in answer["held"] for seq in range(first, last + 1)}
            for seq, (fact, status) in list(self.answered.items()):
                if seq not in here or status == "conflict":
                    self.outbox[seq] = fact
                    del self.answered[seq]
        for item in answer["items"]:
            if item["seq"] in self.outbox:
                self.answered[item["seq"]] = (self.outbox.pop(item["seq"]), item["status"])
        self.cursor = answer["cursor"]
        for change in answer["changes"]:
            match change["kind"]:
                case "drop":
                    self.told_region = change["keep"]
                    stays = {
                        name: what for name, what in self.learned.items() if what.get("of") in {None, change["keep"]}
                    }
                    self.learned = stays
                case "advisory":
                    self.learned["advisory", change["id"]] = change["advice"] | {"of": change["region"]}
                case "recount":
                    self.learned["recount", change["observation"]] = change["counts"]

    def on_the_server(self) -> tuple[Any, ...]:
        """What a backup of the server has of this phone."""
        return copy.deepcopy((self.ledger, self.short, self.aside, self.recounts, self.revoked, self.region))

    def counted(self) -> list[int]:
        """The observations that stand, by number."""
        facts = self.ledger.items()
        return sorted(s for s, (fact, status) in facts if fact["kind"] == "observation" and status == "stored")


class Stories(RuleBasedStateMachine):
    """The story itself; every step is somebody's deed or the world's."""

    engine: Engine
    client: FlaskClient

    @initialize()
    def begin(self) -> None:
        self.regions = [f"STORY-{next(number)}", f"STORY-{next(number)}"]
        self.advice: list[tuple[int, str, int | None, dict[str, int]]] = []
        _put_back(self.engine, {}, None)
        with session_scope(self.engine) as session:
            for region in self.regions:
                factories.region(session, region)
            self.officer = factories.staff(session, f"officer-{next(number)}", regions=tuple(self.regions))
        with self.client.application.app_context():
            self.phones = [ModelPhone(self.engine, self.regions[0]) for _ in range(2)]
        self.back_up_the_server()

    @rule(phone=PHONES, count=st.integers(0, 5000), trap=st.sampled_from(["t1", "t2"]))
    def count_insects(self, phone: int, count: int, trap: str) -> None:
        self.phones[phone].append(observation_fact, trap=trap, counts={"HELIAR": count})

    @rule(phone=PHONES, name=st.text("abc", min_size=1, max_size=3))
    def describe_a_trap(self, phone: int, name: str) -> None:
        self.phones[phone].append(trap_fact, name=name)

    @rule(phone=PHONES, found=st.integers(0, 40))
    def look_at_the_plants(self, phone: int, found: int) -> None:
        self.phones[phone].append(inspection_fact, found=found)

    @rule(phone=PHONES)
    def save_nonsense(self, phone: int) -> None:
        self.phones[phone].append(observation_fact, counts={"HELIAR": -1})

    @rule(phone=PHONES, data=st.data(), answer_arrives=st.booleans(), times=st.integers(1, 2))
    def sync(self, phone: int, data: st.DataObject, answer_arrives: bool, times: int) -> None:
        who = self.phones[phone]
        facts = data.draw(st.permutations(list(who.outbox.values())))
        for _ in range(times):
            expected = [who.receive(fact) for fact in facts]
            answer = self._push(who, facts)
            assert [(i["seq"], i["status"]) for i in answer["items"]] == expected
        if answer_arrives:
            who.learn(answer)

    @rule(phone=PHONES)
    def sync_with_a_server_that_fails_before_it_commits(self, phone: int) -> None:
        """Nothing is stored and nothing acknowledged, so nothing changes for the phone either."""
        who = self.phones[phone]
        with _commits_fail():
            response = self._post(who, list(who.outbox.values()))
        assert response.status_code >= 500

    @rule(phone=PHONES, limit=st.sampled_from([60, TEXT_BYTES]), times=st.integers(1, 2))
    def send_an_sms(self, phone: int, limit: int, times: int) -> None:
        """The farmer never learns whether it arrived, so the outbox stays as it is."""
        who = self.phones[phone]
        waiting = [
            fact
            for _, fact in sorted(who.outbox.items())
            if fact["kind"] == "observation" and fact["body"]["counts"]["HELIAR"] >= 0
        ]
        if not waiting:
            return
        told = [Told(convert(fact, ObservationFact), "HELIAR") for fact in waiting]
        message, fitted = write_sms(who.device, who.sms_key, told, limit)
        shortened = [json.loads(fact.content) for fact in read_sms(message, who.sms_key)]
        for _ in range(times):
            expected = [who.receive(fact, short) for fact, short in zip(waiting[:fitted], shortened, strict=True)]
            headers = {"Authorization": "Bearer the gateway's word"}
            response = self.client.post("/api/v1/sms", data={"text": to_text(message)}, headers=headers)
            assert response.json["status"] == "read"
            assert [(i["seq"], i["status"]) for i in response.json["items"]] == expected

    @rule(phone=PHONES)
    def back_up(self, phone: int) -> None:
        self.phones[phone].back_up()

    @rule(phone=PHONES)
    def restore_the_backup(self, phone: int) -> None:
        self.phones[phone].restore()

    @rule()
    def back_up_the_server(self) -> None:
        knew = [who.on_the_server() for who in self.phones]
        self.server_backup = (_rows(self.engine), knew, list(self.advice))

    @rule()
    def restore_the_server(self) -> None:
        """As often as somebody likes, the same backup twice as well; what the office said since is gone."""
        rows, knew, advice = self.server_backup
        _put_back(self.engine, rows, NOW + timedelta(seconds=next(number)))
        self.advice = list(advice)
        for who, known in zip(self.phones, knew, strict=True):
            who.unlearned |= who.learned.keys() | who.backup[-1].keys()
            who.ledger, who.short, who.aside, who.recounts, who.revoked, who.region = copy.deepcopy(known)

    @rule()
    def each_phone_syncs_again(self) -> None:
        """Every fact that a phone holds as acknowledged is on the server after that, whole, whatever became of the server."""
        for who in self.phones:
            while True:
                facts = list(who.outbox.values())
                expected = [who.receive(fact) for fact in facts]
                answer = self._push(who, facts)
                assert [(i["seq"], i["status"]) for i in answer["items"]] == expected
                who.learn(answer)
                if not (who.outbox or answer["more"]):
                    break
            for seq, (fact, status) in who.answered.items():
                if status == "conflict":
                    assert fact in who.aside
                else:
                    assert who.ledger[seq][0] == fact
                    assert seq not in who.short

    @rule(phone=PHONES, cursor=st.sampled_from([None, "", "1.", "7.ff", "1.fffffff", "nonsense"]))
    def lose_the_cursor(self, phone: int, cursor: str | None) -> None:
        self.phones[phone].cursor = cursor

    @rule(phone=PHONES, days=st.sampled_from([-17_000, -400, -2, 0, 3, 9000]))
    def set_the_clock(self, phone: int, days: int) -> None:
        self.phones[phone].skew = timedelta(days=days)

    @rule(phone=PHONES)
    def be_moved(self, phone: int) -> None:
        """To the other region, with all that it sent."""
        who = self.phones[phone]
        who.region = next(region for region in self.regions if region != who.region)
        with session_scope(self.engine) as session:
            devices.move_device(session, devices.device_by_id(session, who.device), who.region)

    @rule(phone=PHONES)
    def be_revoked(self, phone: int) -> None:
        with session_scope(self.engine) as session:
            devices.revoke_device(session, self.phones[phone].device, NOW)
        self.phones[phone].revoked = True

    @precondition(lambda self: any(phone.revoked for phone in self.phones))
    @rule()
    def the_officer_believes_the_revoked(self) -> None:
        for who in self.phones:
            with session_scope(self.engine) as session:
                store.accept_quarantined(session, who.device)
            for seq, (fact, status) in who.ledger.items():
                who.ledger[seq] = (fact, "stored" if status == "quarantined" else status)

    @rule(phone=PHONES, data=st.data(), count=st.integers(0, 5000))
    def the_officer_recounts(self, phone: int, data: st.DataObject, count: int) -> None:
        who = self.phones[phone]
        if not who.counted():
            return
        seq, counts = data.draw(st.sampled_from(who.counted())), {"HELIAR": count}
        with session_scope(self.engine) as session:
            catches.record_officer_recount(
                session, ObservationId(who.device, seq), counts, marks=None, staff=self.officer, now=NOW
            )
        who.recounts["recount", seq] = counts

    @rule(region=st.sampled_from([0, 1]), count=st.integers(0, 99))
    def the_officer_advises_a_region(self, region: int, count: int) -> None:
        self._advise(self.regions[region], count, trap=None)

    @rule(phone=PHONES, count=st.integers(0, 99))
    def the_officer_advises_a_trap(self, phone: int, count: int) -> None:
        who = self.phones[phone]
        facts = who.ledger.values()
        if any((fact["kind"], status) == ("trap", "stored") for fact, status in facts):
            self._advise(who.region, count, trap=(who.device, "t1"))

    @rule(phone=PHONES)
    def pull_until_nothing_is_new(self, phone: int) -> None:
        """After this a phone knows all that was meant for it, and nothing that was not."""
        who, answer = self.phones[phone], {"more": True}
        while answer["more"]:
            answer = self._push(who, [])
            who.learn(answer)
        to_learn = who.recounts | {
            ("advisory", id_): advice | {"of": region}
            for id_, region, device, advice in self.advice
            if region == who.region and device in {None, who.device}
        }
        assert {name: said for name, said in who.learned.items() if name in to_learn} == to_learn
        assert who.learned.keys() - to_learn.keys() <= who.unlearned
        assert who.told_region == who.region

    def teardown(self) -> None:
        """However the story went: even the machine being lost at its end loses no fact."""
        if hasattr(self, "server_backup"):
            self.restore_the_server()
            self.each_phone_syncs_again()
            self.the_server_holds_what_dictionaries_hold()

    @invariant()
    def the_server_holds_what_dictionaries_hold(self) -> None:
        for who in getattr(self, "phones", []):
            with session_scope(self.engine, read_only=True) as session:
                rows = session.scalars(select(tables.Fact).where(tables.Fact.device_id == who.device)).all()
                counted = select(tables.Observation.seq).where(tables.Observation.device_id == who.device)
                observations = sorted(session.scalars(counted))
            held = {seq: (who.short.get(seq, fact), status) for seq, (fact, status) in who.ledger.items()}
            assert {r.seq: (json.loads(r.content), r.status) for r in rows if r.seq} == held
            aside = [row.content for row in rows if row.seq is None]
            assert sorted(aside) == sorted(canonical(fact).decode() for fact in who.aside)
            assert observations == who.counted()

    def _post(self, who: ModelPhone, facts: list[dict[str, Any]]) -> Response:
        """In each spelling and each form in turn: none may make a difference."""
        message = push(*facts, sent_at=NOW + who.skew, cursor=who.cursor, region=who.told_region)
        is_table, spelling = next(turns)
        if is_table:
            message["facts"] = to_table(facts, FACTS)
        headers = who.headers | {"Content-Type": spelling}
        return self.client.post("/api/v1/sync", data=write(message, spelling), headers=headers)

    def _push(self, who: ModelPhone, facts: list[dict[str, Any]]) -> dict[str, Any]:
        response = self._post(who, facts)
        assert response.status_code == 200
        answer: dict[str, Any] = json.loads(to_json(response.data, response.mimetype))
        if isinstance(answer["items"], dict):
            answer["items"] = from_table(convert(answer["items"], Table), ITEMS)
        return {"more": False, "changes": [], "notices": []} | answer

    def _advise(self, region: str, count: int, trap: tuple[int, str] | None) -> None:
        with session_scope(self.engine) as session:
            row = work.record_advisory(session, region, pest="HELIAR", advice={"n": count}, now=NOW, trap=trap)
        self.advice.append((row.id, region, trap and trap[0], {"n": count}))


def _rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row: a backup that takes no second. tests/server/test_backup.py makes and restores whole ones."""
    with engine.connect() as connection:
        every = {table.name: connection.execute(select(table)) for table in TABLES}
        return {name: [dict(row._mapping) for row in rows] for name, rows in every.items()}


def _put_back(engine: Engine, rows: dict[str, list[dict[str, Any]]], now: datetime | None) -> None:
    """Empties the database, fills it with these rows, and begins an era; no time: as if it were new."""
    with engine.begin() as connection:
        for table in reversed(TABLES):
            if table.name != "counters" or rows:
                connection.execute(table.delete())
        connection.execute(delete(tables.Counter).where(tables.Counter.name == eras.ERA))
        for table in TABLES:
            if rows.get(table.name):
                connection.execute(insert(table), rows[table.name])
        if now is not None:
            eras.begin_era(connection, now)


@contextmanager
def _commits_fail() -> Iterator[None]:
    """The database goes away in the moment of the commit, for every writing transaction."""

    def fail(session: Session) -> None:
        if session.get_bind().get_execution_options().get("pestwatch_read_only"):
            return
        message = "the database is gone"
        raise OperationalError(message, None, ConnectionError(message))

    event.listen(Session, "before_commit", fail)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", fail)


@pytest.mark.timeout(2400)
def test_whatever_happens_to_phones_nothing_is_lost_and_nothing_counts_twice(
    engine: Engine, client: FlaskClient, is_long: bool
) -> None:
    story = type("Story", (Stories,), {"engine": engine, "client": client})
    run_state_machine_as_test(
        story,
        settings=settings(
            max_examples=LONG if is_long else SHORT,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
