"""`python -m server.supervisor`: pestwatch on embedded defaults, one command, three processes.

Starts web, worker and scheduler, each in a process group of its own, restarts one that dies, and stops
everything that it started on Ctrl-C or SIGTERM. What training needs is heavy, so it is installed
behind the running server.
"""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType
from typing import IO

import segno

from server.config import REPOSITORY, Settings
from server.db.session import open_engine
from server.first_start import FirstStart, new_code, prepare
from server.turnstile import THREADS

STOP_SECONDS = 10
START_SECONDS = 60
LONGEST_PAUSE_SECONDS = 30
INSTALLING = "the training packages are being installed (about 1.5 GB)"
"""Translated by the dashboard, which lists it in training.py; pip's own step may follow after a colon."""


class Child:
    """One process that is kept running, with its output under its name.

    Args:
      name: as shown to people.
      command: what to run.
      is_kept: whether to start it again when it ends by itself.
      relay: what becomes of a line of its output; None shows it under the child's name.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, is_kept: bool = True, relay: Callable[[str], None] | None = None
    ) -> None:
        self.name = name
        self.relay = relay or self._show
        self.command = list(command)
        self.is_kept = is_kept
        self.failures = 0
        self.start_again_at: float | None = None
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[str]":
        self.start_again_at = None
        process = subprocess.Popen(
            self.command,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        self.reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self.reader.start()
        return process

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self.relay(line.rstrip())

    def _show(self, line: str) -> None:
        say(f"{self.name:>9} | {line}")

    def look(self) -> None:
        """Starts it again, later each time, if it died."""
        code = self.process.poll()
        if code is None or not self.is_kept:
            return
        if self.start_again_at is None:
            self.failures += 1
            pause = min(2**self.failures, LONGEST_PAUSE_SECONDS)
            self.start_again_at = time.monotonic() + pause
            say(f"{self.name} ended with code {code}; starting it again in {pause} s")
        elif time.monotonic() >= self.start_again_at:
            self.process = self._started()

    def send(self, number: signal.Signals) -> None:
        """Signals the whole group: gunicorn and the trainer have children of their own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def say(line: str) -> None:
    """One line for the person at the terminal."""
    print(line, flush=True)


def web_command(settings: Settings) -> list[str]:
    """Gunicorn with threads; HTTPS when a certificate is configured."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "server.wsgi:app",
        "--worker-class",
        "server.patience.PatientWorker",
        "--workers",
        "1",
    ]
    command += ["--threads", str(THREADS), "--bind", f"{settings.host}:{settings.port}", "--log-level", "warning"]
    # gunicorn keeps its control socket and heartbeat files out of the checkout.
    command += ["--worker-tmp-dir", str(settings.data), "--no-control-socket"]
    if settings.tls_cert and settings.tls_key:
        command += ["--certfile", str(settings.tls_cert), "--keyfile", str(settings.tls_key)]
    return command


def is_port_free(settings: Settings) -> bool:
    """Whether nobody listens there yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            return False
    return True


def wait_for_web(settings: Settings, web: Child) -> bool:
    """Waits until the web process answers; False when it does not."""
    deadline = time.monotonic() + START_SECONDS
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not bound
    while time.monotonic() < deadline and web.process.poll() is None:
        if settings.tls_cert:
            with suppress(OSError), socket.create_connection((host, settings.port), timeout=1):
                return True
        else:
            with suppress(OSError), urllib.request.urlopen(f"http://{host}:{settings.port}/api/v1/health", timeout=2):
                return True
        time.sleep(0.2)
    return False


def greet(settings: Settings, first: FirstStart, code: str, address: str) -> None:
    """Tells the addresses, the login and the enrolment code."""
    say("")
    say(f"  field app   {settings.public_url}/app/")
    say(f"  dashboard   {settings.public_url}/   ({first.region})")
    if first.password:
        say(f"  login       {first.officer}   password {first.password}   (shown this once; note it down)")
    else:
        say(f"  login       {first.officer}   (forgotten? add another: flask --app server first-officer --name NAME)")
    say(f"  enrol       {code}   (one phone, 24 hours): {address}")
    say("")
    segno.make(address).terminal(compact=True)
    if not settings.tls_cert:
        say("  Phones on the network need HTTPS: set PESTWATCH_TLS_CERT, PESTWATCH_TLS_KEY and PESTWATCH_HOST=0.0.0.0.")
    say("  Ctrl-C stops everything.")
    say("")


class TrainExtra:
    """Installs what training needs behind the running server, and writes down how far it is."""

    def __init__(self, settings: Settings) -> None:
        self.status = settings.data / "train-extra.json"
        self.child: Child | None = None
        if importlib.util.find_spec("tensorflow") is not None and not self._was_cut_off():
            self._note("ready", "installed")
            return
        say("training is not installed yet: fetching it in the background (about 1.5 GB on disk)")
        self._note("installing", INSTALLING)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--progress-bar",
            "off",
            "-c",
            "constraints.txt",
            "-e",
            ".[train]",
        ]
        self.child = Child("training", pip, is_kept=False, relay=self._follow)

    def look(self) -> None:
        """Notes the end of the installation, once."""
        if self.child is None or (code := self.child.process.poll()) is None:
            return
        self.child.reader.join(STOP_SECONDS)  # its last line must not be noted after its end
        if code == 0:
            self._note("ready", "installed")
            say("training is installed; retraining can start")
        else:
            self._note("failed", "installing the training packages failed; it is tried again at the next start")
            say(
                f"installing training failed with code {code}; everything else works, it is tried again at the next start"
            )
        self.child = None

    def _was_cut_off(self) -> bool:
        """Whether an installation was begun and not finished: TensorFlow may be there, and what it needs not."""
        try:
            return bool(json.loads(self.status.read_text(encoding="utf-8"))["state"] != "ready")
        except (OSError, ValueError, KeyError):
            return False

    def _follow(self, line: str) -> None:
        """Shows and notes the steps of the installation, and leaves out what was there already."""
        if line.strip().startswith(("Collecting", "Downloading", "Installing collected", "Successfully", "ERROR")):
            step = line.strip().split(" (from ")[0][:100]
            say(f" training | {step}")
            if not step.startswith("Successfully"):
                self._note("installing", f"{INSTALLING}: {step}")

    def _note(self, state: str, detail: str) -> None:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # Put in place whole: a worker that read half of it would think that nothing is being installed.
        draft = self.status.with_suffix(".new")
        draft.write_text(json.dumps({"state": state, "detail": detail, "at": at}), encoding="utf-8")
        draft.replace(self.status)


def stop(children: Sequence[Child]) -> None:
    """Asks every child to end, and ends those that do not."""
    for child in children:
        child.is_kept = False
        child.send(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{child.name} did not stop in time and is ended")
            child.send(signal.SIGKILL)
            child.process.wait()


def main() -> int:
    """Serves until told to stop; the exit code is 0 after a stop that was asked for."""
    os.environ.setdefault("PESTWATCH_LOG_REQUESTS", "0")  # this terminal is a person's
    settings = Settings.from_env()
    if not (settings.app_dir / "index.html").exists():
        say(f"The field app is not built in {settings.app_dir}: run `make app`.")
        return 1
    if not is_port_free(settings):
        say(f"Port {settings.port} is in use: stop what listens there, or set PESTWATCH_PORT to another one.")
        return 1
    engine = open_engine(settings.database_url)
    first = prepare(engine, settings)
    code, address = new_code(engine, settings)
    engine.dispose()

    is_stopping = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        is_stopping.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)

    embedded = [sys.executable, "-m", "server.embedded"]
    web = Child("web", web_command(settings))
    children = [web, Child("worker", [*embedded, "worker"]), Child("scheduler", [*embedded, "scheduler"])]
    training: TrainExtra | None = None
    try:
        if not wait_for_web(settings, web):
            say("The web process did not start; its last lines above say why.")
            return 1
        greet(settings, first, code, address)
        training = TrainExtra(settings)
        while not is_stopping.wait(0.5):
            for child in children:
                child.look()
            training.look()
    finally:
        say("stopping")
        stop([*children, *([training.child] if training and training.child else [])])
    return 0


if __name__ == "__main__":
    sys.exit(main())
