"""Phones that lose answers, repeat, reorder, send SMS, go back to an old backup, jump in time and are revoked, against a dictionary.

Hypothesis invents the story; whatever it is, the server ends up with what a dictionary would hold, and every answer is 200.
"""

import itertools
import json
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec import convert
from sqlalchemy import Engine, select

from pestwatch.sync.protocol import ObservationFact, Table
from pestwatch.sync.sms import TEXT_BYTES, Told, read_sms, to_text, write_sms
from pestwatch.sync.spelling import CBOR, JSON, to_json, write
from pestwatch.sync.table import FACTS, ITEMS, from_table, to_table
from server import auth
from server.db import tables
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, observation_fact, push, trap_fact

number = itertools.count(1)


class Stories(RuleBasedStateMachine):
    """One phone, its outbox and its backup; `ledger` is what the server must hold."""

    engine: Engine
    client: FlaskClient

    @initialize()
    def enrol(self) -> None:
        token = f"story-{next(number)}"
        with self.client.application.app_context(), session_scope(self.engine) as session:
            row = factories.device(session, token=token, sms_key=auth.make_sms_key())
            self.device, self.sms_key = row.id, auth.sms_key_of(row)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.outbox: dict[int, dict] = {}
        self.backup: tuple[int, dict[int, dict]] = (0, {})
        self.seq, self.skew, self.revoked = 0, timedelta(0), False
        self.ledger: dict[int, tuple[dict, str]] = {}
        self.short: dict[int, dict] = {}
        self.aside: list[dict] = []

    @rule(count=st.integers(0, 5000), trap=st.sampled_from(["t1", "t2"]))
    def count_insects(self, count: int, trap: str) -> None:
        self.seq += 1
        self.outbox[self.seq] = observation_fact(self.seq, at=NOW + self.skew, trap=trap, counts={"HELIAR": count})

    @rule(name=st.text("abc", min_size=1, max_size=3))
    def describe_trap(self, name: str) -> None:
        self.seq += 1
        self.outbox[self.seq] = trap_fact(self.seq, at=NOW + self.skew, name=name)

    @rule()
    def save_nonsense(self) -> None:
        self.seq += 1
        self.outbox[self.seq] = observation_fact(self.seq, at=NOW + self.skew, counts={"HELIAR": -1})

    @rule(data=st.data(), answer_arrives=st.booleans(), times=st.integers(1, 2))
    def sync(self, data: st.DataObject, answer_arrives: bool, times: int) -> None:
        facts = data.draw(st.permutations(list(self.outbox.values())))
        for _ in range(times):
            expected = [self._receive(fact) for fact in facts]
            message = push(*facts, sent_at=NOW + self.skew)
            if data.draw(st.booleans(), "a table"):
                message["facts"] = to_table(facts, FACTS)
            spelling = data.draw(st.sampled_from([JSON, CBOR]))
            headers = self.headers | {"Content-Type": spelling}
            response = self.client.post("/api/v1/sync", data=write(message, spelling), headers=headers)
            assert response.status_code == 200
            items = json.loads(to_json(response.data, response.mimetype))["items"]
            if isinstance(items, dict):
                items = from_table(convert(items, Table), ITEMS)
            assert [(i["seq"], i["status"]) for i in items] == expected
        if answer_arrives:
            self.outbox.clear()

    @rule(limit=st.sampled_from([60, TEXT_BYTES]), times=st.integers(1, 2))
    def send_an_sms(self, limit: int, times: int) -> None:
        """The farmer never learns whether it arrived, so the outbox stays as it is."""
        waiting = [
            f
            for _, f in sorted(self.outbox.items())
            if f["kind"] == "observation" and f["body"]["counts"]["HELIAR"] >= 0
        ]
        if not waiting:
            return
        message, fitted = write_sms(
            self.device, self.sms_key, [Told(convert(fact, ObservationFact), "HELIAR") for fact in waiting], limit
        )
        shortened = [json.loads(fact.content) for fact in read_sms(message, self.sms_key)]
        for _ in range(times):
            expected = [self._receive(fact, short) for fact, short in zip(waiting[:fitted], shortened, strict=True)]
            headers = {"Authorization": "Bearer the gateway's word"}
            response = self.client.post("/api/v1/sms", data={"text": to_text(message)}, headers=headers)
            assert response.json["status"] == "read"
            assert [(i["seq"], i["status"]) for i in response.json["items"]] == expected

    @rule()
    def back_up(self) -> None:
        self.backup = (self.seq, dict(self.outbox))

    @rule()
    def restore_the_backup(self) -> None:
        self.seq, self.outbox = self.backup[0], dict(self.backup[1])

    @rule(days=st.sampled_from([-17_000, -400, -2, 0, 3, 9000]))
    def set_the_clock(self, days: int) -> None:
        self.skew = timedelta(days=days)

    @rule()
    def be_revoked(self) -> None:
        with session_scope(self.engine) as session:
            session.get(tables.Device, self.device).revoked_at = NOW
        self.revoked = True

    def _receive(self, fact: dict[str, Any], short: dict[str, Any] | None = None) -> tuple[int, str]:
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

    @invariant()
    def the_server_holds_what_a_dictionary_holds(self) -> None:
        if not hasattr(self, "ledger"):
            return
        with session_scope(self.engine, read_only=True) as session:
            rows = session.scalars(select(tables.Fact).where(tables.Fact.device_id == self.device)).all()
            counted = select(tables.Observation.seq).where(tables.Observation.device_id == self.device)
            observations = sorted(session.scalars(counted))
        held = {seq: (self.short.get(seq, fact), status) for seq, (fact, status) in self.ledger.items()}
        assert {r.seq: (json.loads(r.content), r.status) for r in rows if r.seq} == held
        aside = [json.loads(row.content) for row in rows if row.seq is None]
        assert sorted(map(str, aside)) == sorted(map(str, self.aside))
        usable = [s for s, (f, status) in self.ledger.items() if f["kind"] == "observation" and status == "stored"]
        assert observations == sorted(usable)


@pytest.mark.timeout(120)
def test_whatever_happens_to_a_phone_nothing_is_lost_and_nothing_counts_twice(
    engine: Engine, client: FlaskClient
) -> None:
    story = type("Story", (Stories,), {"engine": engine, "client": client})
    run_state_machine_as_test(
        story,
        settings=settings(
            max_examples=12,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
