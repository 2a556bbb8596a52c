"""`make run`'s one process: three children, one login, and nothing left behind."""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.config import REPOSITORY
from server.db.session import open_engine, session_scope
from server.db.work import beats

PATIENCE_S = 60


class Supervisor:
    """`python -m server.supervisor` in a folder of its own, with what it printed."""

    def __init__(self, folder: Path, port: int) -> None:
        app = folder / "app"
        app.mkdir(exist_ok=True)
        (app / "index.html").write_text("<!doctype html><title>app</title>")
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PESTWATCH_")}
        self.data = folder / "data"
        self.address = f"http://127.0.0.1:{port}"
        ours = {"PESTWATCH_DATA": str(self.data), "PESTWATCH_APP_DIR": str(app), "PESTWATCH_PORT": str(port)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server.supervisor"],
            cwd=REPOSITORY,
            env=outside | ours,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def wait_for(self, what: str) -> None:
        until(lambda: what in self.said or self.process.poll() is not None)
        assert what in self.said, self.said

    def group(self) -> set[int]:
        """Every process that descends from it."""
        found, fresh = set(), {self.process.pid}
        while fresh:
            found |= fresh
            fresh = {pid for pid, parent in parents().items() if parent in fresh} - found
        return found - {self.process.pid}

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.reader.join()
        return code


def parents() -> dict[int, int]:
    """Process -> its parent, zombies left out."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if after_name[0] != "Z":
            found[int(stat.parent.name)] = int(after_name[1])
    return found


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.fixture
def supervisor(tmp_path: Path, free_port: int) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, free_port)
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGTERM)


def log_in(address: str, name: str, password: str) -> str:
    """The first page after a login, as a browser gets it."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with browser.open(f"{address}/login") as page:
        token = re.search(r'name="csrf" value="([^"]+)"', page.read().decode())
    assert token is not None
    form = {"csrf": token[1], "name": name, "password": password}
    with browser.open(f"{address}/login", urllib.parse.urlencode(form).encode()) as page:
        text: str = page.read().decode()
    return text


def test_one_command_serves_restarts_what_dies_and_leaves_nothing_behind(supervisor: Supervisor) -> None:
    supervisor.wait_for("Ctrl-C stops everything.")
    greeting = supervisor.said
    assert f":{supervisor.address.rpartition(':')[2]}/app/" in greeting
    assert "Phones on the network need HTTPS" in greeting

    with urllib.request.urlopen(f"{supervisor.address}/api/v1/health") as answer:
        assert json.load(answer)["status"] == "ok"
    login = re.search(r"login\s+(\S+)\s+password (\S+)", greeting)
    assert login is not None
    page = log_in(supervisor.address, login[1], login[2])
    assert "No trap reports from this region yet" in page

    code = re.search(r"enrol\s+([A-Z2-7]{13})", greeting)
    assert code is not None
    consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "hi"}
    phone = json.dumps({"code": code[1], "locale": "hi", "app": "0.1.0", "consent": consent}).encode()
    request = urllib.request.Request(f"{supervisor.address}/api/v1/enrol", phone, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201

    engine = open_engine(f"sqlite:///{supervisor.data / 'pestwatch.db'}")

    def alive() -> set[str]:
        with session_scope(engine, read_only=True) as session:
            return {beat.name for beat in beats(session)}

    until(lambda: {"worker", "scheduler"} <= alive())
    engine.dispose()

    before = supervisor.group()
    worker = next(pid for pid in before if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2:-1] == [b"worker"])
    os.kill(worker, signal.SIGKILL)
    supervisor.wait_for("worker ended with code -9; starting it again")
    until(lambda: len(supervisor.group()) >= len(before) and worker not in supervisor.group())

    everybody = supervisor.group()
    assert len(everybody) >= 4  # web's master and its worker, worker, scheduler
    assert supervisor.stop(signal.SIGINT) == 0, supervisor.said
    until(lambda: not everybody & set(parents()))


def test_a_second_start_keeps_login_and_keys(supervisor: Supervisor, tmp_path: Path, free_port: int) -> None:
    supervisor.wait_for("Ctrl-C stops everything.")
    root = (supervisor.data / "keys" / "root.json").read_bytes()
    assert supervisor.stop(signal.SIGTERM) == 0
    again = Supervisor(tmp_path, free_port)
    again.wait_for("Ctrl-C stops everything.")
    assert again.stop(signal.SIGINT) == 0
    assert "password" not in re.sub(r"forgotten.*|flask --app.*", "", again.said)
    assert (again.data / "keys" / "root.json").read_bytes() == root
    assert (again.data / "keys" / "online.json").stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = Supervisor(tmp_path, taken.getsockname()[1])
        assert refused.process.wait(PATIENCE_S) == 1
        refused.reader.join()
    (line,) = refused.lines
    assert "is in use" in line


def test_an_app_that_was_not_built_is_one_clear_line(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "server.supervisor"],
        cwd=REPOSITORY,
        env={**os.environ, "PESTWATCH_DATA": str(tmp_path), "PESTWATCH_APP_DIR": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (1, "")
    assert answer.stdout.count("\n") == 1
    assert "run `make app`" in answer.stdout
