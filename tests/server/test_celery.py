"""The same jobs behind a real broker and real workers; and the embedded loops that need neither."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from server import embedded
from server.celery_app import make_celery
from server.config import REPOSITORY, Settings
from server.db import work
from server.db.session import session_scope
from server.db.tables import TrainingRun
from server.tasks.schedule import DEFAULT, JOBS, PROCESS_OF, TRAINING
from tests.factories import REGION, observation_fact, trap_fact
from tests.server.conftest import Clock, Phone

START_S = 90
STOP_S = 90
"""A loaded machine takes its time; what hangs, hangs for longer."""


@pytest.fixture
def clock() -> Clock:
    """Workers live in processes of their own, by the real clock; so does the server of these tests."""
    return Clock(datetime.now(UTC))


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """What a process of this installation is started with."""
    here = {
        "PESTWATCH_DATA": str(settings.data),
        "PESTWATCH_DATABASE_URL": settings.database_url,
        "PESTWATCH_MODELS_DIR": str(settings.models_dir),
        "PESTWATCH_SECRET_KEY": settings.secret_key,
    }
    return {**os.environ, **here, **more}


@contextmanager
def running(command: list[str], env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is told to end, and has to; one that does not says what it is at."""
    with subprocess.Popen([sys.executable, "-m", *command], env=env, cwd=REPOSITORY) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGUSR1)  # Celery writes down where each of its threads is
            time.sleep(2)
            raise
        finally:
            process.kill()


def until(condition: Callable[[], Any], seconds: float = START_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def advised(engine: Engine) -> bool:
    with session_scope(engine, read_only=True) as session:
        return bool(work.latest_advisories(session, REGION))


def run_row(engine: Engine, run: int) -> TrainingRun:
    with session_scope(engine, read_only=True) as session:
        row = work.run_by_id(session, run)
    assert row is not None
    return row


def alive(engine: Engine) -> set[str]:
    with session_scope(engine, read_only=True) as session:
        return {beat.name for beat in work.beats(session)}


def give_work(phone: Phone, engine: Engine) -> int:
    """Something to advise on, and a run. No base release is on these tests' shelf: the claimed run fails at once."""
    now = datetime.now(UTC)
    at = now - timedelta(hours=1)
    phone.sync(trap_fact(1, at), observation_fact(2, at, counts={"HELIAR": 40}), sent_at=now)
    with session_scope(engine) as session:
        return work.request_run(session, REGION, now).id


def test_a_real_worker_advises_and_claims_a_run(
    phone: Phone, engine: Engine, settings: Settings, valkey_url: str
) -> None:
    run = give_work(phone, engine)
    env = environment(settings, PESTWATCH_BROKER_URL=valkey_url)
    command = ["celery", "--app", "server.worker", "worker", "--queues", f"{DEFAULT},{TRAINING}", "--concurrency", "1"]
    app = make_celery(Settings.from_env(env))
    with running([*command, "--without-gossip", "--without-mingle", "--loglevel", "WARNING"], env):
        for job in JOBS:
            app.send_task(job.name, queue=job.queue)
        until(lambda: advised(engine))
        until(lambda: run_row(engine, run).state == "failed")
    assert run_row(engine, run).attempt == 1
    assert {"scheduler", "worker"} <= alive(engine)
    app.close()


def test_beat_sends_each_job_to_its_queue(settings: Settings, valkey_url: str) -> None:
    app = make_celery(Settings.from_env(environment(settings, PESTWATCH_BROKER_URL=valkey_url)))
    queues = {name: beat["options"]["queue"] for name, beat in app.conf.beat_schedule.items()}
    assert queues == {job.name: job.queue for job in JOBS}
    assert queues["retrain_due"] == TRAINING
    assert app.conf.accept_content == ["json"]
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.tasks["issue_advisories"].acks_late
    assert not app.tasks["retrain_due"].acks_late
    app.close()


def test_the_embedded_loops_do_the_same_without_a_broker(phone: Phone, engine: Engine, settings: Settings) -> None:
    run = give_work(phone, engine)
    env = environment(settings)
    with running(["server.embedded", "worker"], env) as worker, running(["server.embedded", "scheduler"], env) as other:
        until(lambda: advised(engine) and run_row(engine, run).state == "failed")
        until(lambda: {"scheduler", "worker"} <= alive(engine))
    assert (worker.returncode, other.returncode) == (0, 0)


def test_a_job_that_breaks_stops_no_loop(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stopping, calls = threading.Event(), []

    def break_it(name: str, *_: Any) -> int:
        calls.append(name)
        if len(calls) == 2:
            stopping.set()
        raise OSError("the disk is full")

    monkeypatch.setattr(embedded, "run_job", break_it)
    monkeypatch.setattr(embedded, "TICK_S", 0.01)
    embedded.run_loop(settings, PROCESS_OF[DEFAULT], stopping)
    assert len(calls) == 2
    assert "the disk is full" in caplog.text


def test_only_known_processes_can_be_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert embedded.main(["cook"]) == 2
    assert "scheduler|worker" in capsys.readouterr().err
