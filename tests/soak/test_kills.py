"""Processes are killed with SIGKILL in the middle of pushes: what was acknowledged is there, and nothing is there twice."""

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, select, text

from server.celery_app import make_celery
from server.config import REPOSITORY, Settings
from server.db import tables
from server.db.migrate import upgrade_to_head
from server.db.session import open_engine, session_scope
from server.standing import standings
from server.tasks.advise import gist, issue_advisories
from tests import factories
from tests.server.conftest import Clock
from tests.soak.installation import PushingPhone, Web, check_nothing_lost_or_doubled
from tests.soak.postgres import Postgres

PHONES = 3
SHORT, LONG = 3, 60
"""Kills of each kind; four kinds of them."""
LONGEST_WAIT_S = 0.5


@pytest.fixture
def clock() -> Clock:
    """Workers live in processes of their own, by the real clock; so does the server of these tests."""
    return Clock(datetime.now(UTC))


def kill_at_random_moments(
    engine: Engine, data: Path, port: int, kills: int, kill: Callable[[Web], None]
) -> tuple[int, list[PushingPhone]]:
    """Phones push while `kill` strikes; says how many facts were acknowledged."""
    with session_scope(engine) as session:
        devices = [factories.device(session, token=f"phone-{n}").id for n in range(PHONES)]
    url = engine.url.render_as_string(hide_password=False)
    web = Web(port, os.environ | {"PESTWATCH_DATA": str(data), "PESTWATCH_DATABASE_URL": url})
    phones = [PushingPhone(port, device, f"phone-{n}") for n, device in enumerate(devices)]
    for phone in phones:
        phone.start()
    random = Random(20261126)
    try:
        for _ in range(kills):
            time.sleep(random.uniform(0, LONGEST_WAIT_S))
            kill(web)
        time.sleep(LONGEST_WAIT_S)
    finally:
        for phone in phones:
            phone.stop()
        web.kill()
    return check_nothing_lost_or_doubled(engine, phones), phones


def kill_web(web: Web) -> None:
    web.kill()
    web.start()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("strike", [kill_web, Web.kill_worker], ids=["everything", "the-worker"])
def test_a_killed_web_server_has_lost_nothing_that_it_acknowledged(
    engine: Engine, tmp_path: Path, free_port: int, is_long: bool, strike: Callable[[Web], None]
) -> None:
    kill_at_random_moments(engine, tmp_path / "installation", free_port, LONG if is_long else SHORT, strike)
    if engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(str(engine.url.database))) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("strike", [Postgres.kill, Postgres.stop_at_once], ids=["killed", "immediate"])
def test_a_killed_database_has_lost_nothing_that_was_acknowledged(
    postgres: Postgres, tmp_path: Path, free_port: int, is_long: bool, strike: Callable[[Postgres], None]
) -> None:
    admin = create_engine(postgres.url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.execute(text("SHOW fsync")).scalar() == "on"
        connection.execute(text("CREATE DATABASE pestwatch"))
    engine = open_engine(admin.url.set(database="pestwatch").render_as_string(hide_password=False))
    admin.dispose()
    upgrade_to_head(engine)
    with session_scope(engine) as session:
        factories.region(session)

    def kill(_web: Web) -> None:
        strike(postgres)
        postgres.start()

    kills = LONG if is_long else SHORT
    _, phones = kill_at_random_moments(engine, tmp_path / "installation", free_port, kills, kill)
    answers = sum((phone.answers for phone in phones), start=type(phones[0].answers)())
    assert set(answers) <= {200, 503}, f"a database that is away is said as such: {answers}"
    engine.dispose()


@pytest.mark.timeout(1200)
def test_a_killed_celery_worker_neither_forgets_advice_nor_gives_it_twice(
    app: Flask, engine: Engine, settings: Settings, valkey_url: str, is_long: bool
) -> None:
    """The worker dies at random moments while new counts keep changing the advice; at the end a whole one catches up."""
    with session_scope(engine) as session:
        device = factories.device(session, token="counted")
    celery = make_celery(replace(settings, broker_url=valkey_url))
    env = os.environ | {
        "PESTWATCH_DATA": str(settings.data),
        "PESTWATCH_DATABASE_URL": settings.database_url,
        "PESTWATCH_BROKER_URL": valkey_url,
        "PESTWATCH_MODELS_DIR": str(settings.models_dir),
    }
    command = [sys.executable, "-m", "celery", "--app", "server.worker", "worker", "--queues", "default"]
    command += ["--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "CRITICAL"]
    random, client, seq = Random(20261126), app.test_client(), 0
    headers = {"Authorization": "Bearer counted"}
    client.post("/api/v1/sync", json=factories.push(factories.trap_fact(1)), headers=headers)

    def count_and_ask() -> None:
        nonlocal seq
        seq += 1
        # High and low by turns: the advice is another one each time.
        at = datetime.now(UTC) - timedelta(days=2) + timedelta(minutes=seq)
        fact = factories.observation_fact(seq + 1, at=at, counts={"HELIAR": 60 * (seq % 2)}, nights=1.0)
        assert client.post("/api/v1/sync", json=factories.push(fact), headers=headers).status_code == 200
        for _ in range(random.randrange(1, 4)):  # a message may come twice
            celery.send_task("issue_advisories", queue="default")

    def given() -> list[tuple[Any, ...]]:
        with session_scope(engine, read_only=True) as session:
            wanted = select(tables.Advisory).where(tables.Advisory.device_id == device.id)
            return [gist(row.advice) for row in session.scalars(wanted.order_by(tables.Advisory.id))]

    for _ in range(LONG // 3 if is_long else SHORT - 1):
        worker = subprocess.Popen(command, env=env, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        before, deadline = len(given()), time.monotonic() + 60
        while len(given()) == before and time.monotonic() < deadline:
            count_and_ask()
            time.sleep(0.2)
        time.sleep(random.uniform(0, 0.3))
        worker.kill()
        worker.wait()
    issue_advisories(settings, datetime.now(UTC))
    advice = given()
    assert len(advice) > 1, "the worker was at work before it died"
    assert all(one != next_one for one, next_one in itertools.pairwise(advice)), (
        "the same advice was given twice running"
    )
    with session_scope(engine, read_only=True) as session:
        (standing,) = standings(session, factories.REGION, datetime.now(UTC))
    assert gist(standing.advice.to_json()) == advice[-1], "the last count has its advice"
