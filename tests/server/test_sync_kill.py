"""A real web process is killed with SIGKILL in the middle of pushes: what it acknowledged is there, and nothing is there twice."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from server.db import tables
from server.db.session import session_scope
from tests import factories
from tests.factories import observation_fact, push

KILLS, PHONES, FACTS = 2, 2, 20


class Web:
    """gunicorn as production runs it, on a port of its own."""

    def __init__(self, port: int, env: dict[str, str]) -> None:
        self.port, self.env = port, env
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "server.wsgi:app", "--worker-class", "gthread", "--threads", "4"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--log-level", "critical", "--no-control-socket"]
        self.process = subprocess.Popen(command, env=self.env, start_new_session=True)
        deadline = time.monotonic() + 60
        while self.ask("GET", "/api/v1/health") is None:
            assert time.monotonic() < deadline, "gunicorn did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> dict | None:
        """The answer's JSON; None if the connection broke before there was one."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            link.close()


class PushingPhone(threading.Thread):
    """Pushes one batch after the other, each again until it is acknowledged."""

    def __init__(self, web: Web, token: str) -> None:
        super().__init__()
        self.web, self.token = web, token
        self.acknowledged: set[int] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        first = 1
        while not self.stopping.is_set():
            facts = [observation_fact(seq) for seq in range(first, first + FACTS)]
            body = json.dumps(push(*facts)).encode()
            answer = self.web.ask("POST", "/api/v1/sync", body, Authorization=f"Bearer {self.token}")
            if answer is None:
                time.sleep(0.05)
                continue
            assert {item["status"] for item in answer["items"]} <= {"stored", "duplicate"}
            self.acknowledged |= {item["seq"] for item in answer["items"]}
            first += FACTS


@pytest.mark.timeout(180)
def test_a_killed_server_has_lost_nothing_that_it_acknowledged(
    engine: Engine, database_url: str, tmp_path: Path, free_port: int
) -> None:
    with session_scope(engine) as session:
        devices = [factories.device(session, token=f"phone-{n}").id for n in range(PHONES)]
    env = os.environ | {"PESTWATCH_DATA": str(tmp_path / "installation"), "PESTWATCH_DATABASE_URL": database_url}
    web = Web(free_port, env)
    phones = [PushingPhone(web, f"phone-{n}") for n in range(PHONES)]
    for phone in phones:
        phone.start()
    try:
        for _ in range(KILLS):
            time.sleep(0.7)
            web.kill()
            web.start()
        time.sleep(0.3)
    finally:
        for phone in phones:
            phone.stopping.set()
        for phone in phones:
            phone.join()
        web.kill()
    for device, phone in zip(devices, phones, strict=True):
        with session_scope(engine, read_only=True) as session:
            stored = session.scalars(select(tables.Fact.seq).where(tables.Fact.device_id == device)).all()
            counted = select(func.count()).where(tables.Observation.device_id == device)
            observations = session.scalar(counted)
        assert phone.acknowledged, "the phone was heard"
        assert phone.acknowledged <= set(stored), "nothing acknowledged is lost"
        assert len(stored) == len(set(stored)) == observations, "nothing is there twice"
