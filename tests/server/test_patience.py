"""Requests that trickle in keep no thread that somebody waits for; real sockets, real gunicorn."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from server.config import REPOSITORY
from server.db.session import session_scope
from tests import factories
from tests.factories import push, trap_fact
from tests.soak.installation import Web, ask

THREADS = 3
EDGE = b"POST /api/v1/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slow\r\nContent-Length: 400000\r\n"
BEGINNINGS = [b"P", EDGE, EDGE + b"\r\n"]
"""The first byte, within the head, within the body."""
SLOW_APP = """
import sys, time, types
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
sys.modules["slow"] = types.ModuleType("slow")
sys.modules["slow"].app = app
"""


class ShortWeb(Web):
    """gunicorn with few threads that loses its patience soon."""

    app, before = "server.wsgi:app", ""

    def start(self) -> None:
        run = "from server import patience; patience.ARRIVAL_S = 0.5; from gunicorn.app.wsgiapp import run; run()"
        command = [sys.executable, "-c", f"{self.before}\n{run}", self.app, "--bind", f"127.0.0.1:{self.port}"]
        command += ["--worker-class", "server.patience.PatientWorker", "--threads", str(THREADS)]
        command += ["--log-level", "critical", "--no-control-socket"]
        self.process = subprocess.Popen(
            command, env=self.env, cwd=REPOSITORY, start_new_session=True, stderr=subprocess.DEVNULL
        )
        self.wait_until_healthy()


class SlowWeb(ShortWeb):
    """An app that works for long, and says what it heard."""

    app, before = "slow:app", SLOW_APP

    def wait_until_healthy(self) -> None:
        # What it answers is no JSON: that the port is open must do.
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            threading.Event().wait(0.1)
        pytest.fail("gunicorn did not start")


@contextlib.contextmanager
def trickle(port: int, beginnings: list[bytes]) -> Iterator[list[socket.socket]]:
    """Connections that begin a request and go on with a byte now and then."""
    links = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in beginnings]
    stopping = threading.Event()

    def go_on() -> None:
        while not stopping.wait(0.1):
            for link in links:
                with contextlib.suppress(OSError):
                    link.sendall(b"x")

    for link, beginning in zip(links, beginnings, strict=True):
        link.sendall(beginning)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield links
    finally:
        stopping.set()
        thread.join()
        for link in links:
            link.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_sends_a_byte_now_and_then_keeps_nobody_out(
    engine: Engine, database_url: str, tmp_path: Path, free_port: int
) -> None:
    with session_scope(engine) as session:
        for token in ("slow", "quick"):
            factories.device(session, token=token)
    env = os.environ | {"PESTWATCH_DATA": str(tmp_path / "here"), "PESTWATCH_DATABASE_URL": database_url}
    web = ShortWeb(free_port, env)
    try:
        with trickle(free_port, BEGINNINGS * 3):
            for seq in range(1, 4):
                body = json.dumps(push(trap_fact(seq))).encode()
                answer = None
                for _ in range(3):  # whoever comes in the same moment as the tricklers waits for them in turn
                    answer = answer or ask(free_port, "POST", "/api/v1/sync", body, Authorization="Bearer quick")
                assert answer is not None
                assert answer[0] == 200, answer
    finally:
        web.kill()


def test_what_is_here_whole_gets_its_answer_however_long_that_takes(free_port: int) -> None:
    web = SlowWeb(free_port, dict(os.environ))
    told: list[bytes] = []

    def ask_for(path: str) -> None:
        with socket.create_connection(("127.0.0.1", free_port), timeout=60) as link:
            link.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello".encode()
            )
            told.append(b"".join(iter(lambda: link.recv(4096), b"")))

    # Twice as many as there are threads: the first are at work, and too long by the clock, while the others wait.
    threads = [threading.Thread(target=ask_for, args=("/slow",)) for _ in range(2 * THREADS)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        web.kill()
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in told] == [b"hello"] * 2 * THREADS


def test_who_is_slow_while_threads_are_free_is_let_be(free_port: int) -> None:
    web = SlowWeb(free_port, dict(os.environ))
    try:
        with trickle(free_port, [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"]) as (link,):
            assert link.recv(4096).startswith(b"HTTP/1.1 200")  # two seconds, four times its patience
    finally:
        web.kill()
