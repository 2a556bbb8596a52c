"""A Celery worker that is told to stop finishes the task in its hands."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from billiard.pool import Worker

from server.celery_app import make_celery
from server.config import REPOSITORY, Settings
from server.tasks.schedule import DEFAULT
from tests.server.test_celery import STOP_S, environment, until

SLOW = """
import pathlib, sys, time
from server import celery_app
def run_job(name, settings, now):
    (settings.data / "begun").touch()
    time.sleep(3)
    (settings.data / "done").touch()
celery_app.run_job = run_job
from celery.__main__ import main
sys.argv = ["celery", "--app", "server.worker", "worker", "--queues", "default", "--concurrency", "1", "--without-gossip"]
main()
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_finishes_its_task_before_it_stops(settings: Settings, valkey_url: str) -> None:
    env = environment(settings, PESTWATCH_BROKER_URL=valkey_url.replace("/0", "/7"))
    here = Settings.from_env(env)
    app = make_celery(here)
    worker = subprocess.Popen([sys.executable, "-c", SLOW], env=env, cwd=REPOSITORY)
    try:
        app.send_task("issue_advisories", queue=DEFAULT)
        until((here.data / "begun").exists)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(STOP_S) == 0
    finally:
        worker.kill()
        worker.wait()
    assert Path(here.data / "done").exists()
    app.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_child_that_ends_does_not_wait_for_half_a_minute(settings: Settings) -> None:
    told = "import server.worker; from billiard.pool import Worker; print(Worker._ensure_messages_consumed.__globals__['GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT'])"
    ask = subprocess.run(
        [sys.executable, "-c", told], env=environment(settings), cwd=REPOSITORY, capture_output=True, check=True
    )
    assert int(ask.stdout) <= 20
    assert "GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT" in Worker._ensure_messages_consumed.__code__.co_names, (
        "billiard still reads it"
    )
