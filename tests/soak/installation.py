"""A web process as production runs it, and phones that push to it without rest and remember what was acknowledged."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

from sqlalchemy import Engine, select

from server.config import REPOSITORY
from server.db import tables
from server.db.session import session_scope
from tests.factories import observation_fact, push

FACTS = 20
START_S = 60
Answer = tuple[int, dict[str, Any]]


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer | None:
    """Status and JSON of an answer; None if the connection broke before all of it was there."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        link.request(method, path, body, headers)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        link.close()


class Web:
    """gunicorn, on a port of its own."""

    def __init__(self, port: int, env: dict[str, str]) -> None:
        self.port, self.env = port, env
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "server.wsgi:app", "--threads", "4"]
        command += ["--worker-class", "server.patience.PatientWorker"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--log-level", "critical", "--no-control-socket"]
        self.process = subprocess.Popen(
            command, env=self.env, cwd=REPOSITORY, start_new_session=True, stderr=subprocess.DEVNULL
        )
        self.wait_until_healthy()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any] | None:
        """The JSON of an answer that went well; None if the connection broke before all of it was there."""
        answer = ask(self.port, method, path, body, **headers)
        assert answer is None or answer[0] == 200, answer
        return answer and answer[1]

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_S
        while ask(self.port, "GET", "/api/v1/health") is None:
            assert time.monotonic() < deadline, "gunicorn did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the master and everything that it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_worker(self) -> None:
        """SIGKILL to the process that answers, which gunicorn's master replaces."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        for child in children.stdout.split():
            os.kill(int(child), signal.SIGKILL)
        self.wait_until_healthy()


class PushingPhone(threading.Thread):
    """Pushes one batch after the other, each again until it is acknowledged; each fact's count is its number."""

    def __init__(self, port: int, device: int, token: str) -> None:
        super().__init__()
        self.port, self.device, self.token = port, device, token
        self.acknowledged: set[int] = set()
        self.answers: Counter[int | None] = Counter()
        self.strange: list[dict[str, Any]] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        first = 1
        while not self.stopping.is_set():
            facts = [self.fact(seq) for seq in range(first, first + FACTS)]
            first += FACTS if self.push(facts) else 0

    @staticmethod
    def fact(seq: int) -> dict[str, Any]:
        """What a number stands for."""
        return observation_fact(seq, counts={"HELIAR": seq % 5000})

    def push(self, facts: list[dict[str, Any]]) -> bool:
        """One try; True if every fact of it was acknowledged."""
        body = json.dumps(push(*facts)).encode()
        answer = ask(self.port, "POST", "/api/v1/sync", body, Authorization=f"Bearer {self.token}")
        self.answers[answer and answer[0]] += 1
        if answer is None or answer[0] != 200:
            time.sleep(0.05)
            return False
        items = answer[1]["items"]
        self.strange += [item for item in items if item["status"] not in {"stored", "duplicate"}]
        self.acknowledged |= {item["seq"] for item in items}
        return True

    def stop(self) -> None:
        self.stopping.set()
        self.join()


def check_nothing_lost_or_doubled(engine: Engine, phones: list[PushingPhone]) -> int:
    """Compares the database with what each phone was told; gives the number of acknowledged facts."""
    for phone in phones:
        with session_scope(engine, read_only=True) as session:
            wanted = select(tables.Fact.seq, tables.Fact.status).where(tables.Fact.device_id == phone.device)
            stored = session.execute(wanted).all()
            counted = select(tables.Observation.seq, tables.Observation.counts)
            observations = session.execute(counted.where(tables.Observation.device_id == phone.device)).all()
        assert phone.acknowledged, f"the phone was heard: {phone.answers}"
        assert not phone.strange
        numbers = [seq for seq, _ in stored]
        assert phone.acknowledged <= set(numbers), "nothing acknowledged is lost"
        assert len(numbers) == len(set(numbers)), "nothing is there twice"
        assert {status for _, status in stored} == {"stored"}
        assert {seq: counts["HELIAR"] for seq, counts in observations} == {seq: seq % 5000 for seq in numbers}
        assert len(observations) == len(numbers)
    return sum(len(phone.acknowledged) for phone in phones)
