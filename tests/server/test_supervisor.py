"""`python -m server.supervisor`: one command serves everything, says what a person needs, and leaves nothing behind."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import ROOT
from tests.journey.installation import Installation, OtherPhone, running_installation

PATIENCE_SECONDS = 120


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A field app that is built as far as the supervisor looks."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html>", encoding="utf-8")
    return folder


@pytest.fixture
def environment(tmp_path: Path, app: Path, free_port: int) -> dict[str, str]:
    return {
        **os.environ,
        "PESTWATCH_DATA": str(tmp_path / "data"),
        "PESTWATCH_APP_DIR": str(app),
        "PESTWATCH_PORT": str(free_port),
    }


@contextmanager
def family(data: Path, port: int, app: Path) -> Iterator[tuple[Installation, Callable[[], list[psutil.Process]]]]:
    """A running supervisor, and a look at the processes that it started."""
    with running_installation(data, port, app) as running:
        own = psutil.Process()

        def members() -> list[psutil.Process]:
            supervisor = next(p for p in own.children() if "server.supervisor" in words(p))
            return supervisor.children(recursive=True)

        yield running, members


def words(process: psutil.Process) -> list[str]:
    """What a process was started with; one that has just ended has no command line any more."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def does(process: psutil.Process, word: str) -> bool:
    """Whether a process was started for this."""
    return words(process)[-1:] == [word]


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def run_to_its_end(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.supervisor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_command_serves_and_leaves_no_process_behind(tmp_path: Path, app: Path, free_port: int) -> None:
    with family(tmp_path / "data", free_port, app) as (running, members):
        with urllib.request.urlopen(f"{running.url}/api/v1/health", timeout=10) as answer:
            assert answer.status == 200
        assert all(any(does(p, word) for p in members()) for word in ("worker", "scheduler"))
        assert any("gunicorn" in words(p) for p in members())

        assert "Today" in logged_in(running)
        assert OtherPhone.enrolled(running.url, running.code).token

        worker = next(p for p in members() if does(p, "worker"))
        worker.kill()
        wait_until(lambda: any(does(p, "worker") and p.pid != worker.pid for p in members()))
        left = members()
    wait_until(lambda: not any(map(lives, left)))
    assert (tmp_path / "data" / "keys" / "root.json").stat().st_mode & 0o077 == 0


def logged_in(running: Installation) -> str:
    """The first page behind the login form, as a browser gets it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = opener.open(f"{running.url}/login", timeout=10).read().decode()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    sent = urlencode({**hidden, "name": running.officer, "password": running.password}).encode()
    page: str = opener.open(f"{running.url}/login", sent, timeout=30).read().decode()
    return page


def test_a_port_in_use_is_said_in_one_line(environment: dict[str, str], free_port: int) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", free_port))
        listening.listen()
        ended = run_to_its_end(environment)
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        f"Port {free_port} is in use: stop what listens there, or set PESTWATCH_PORT to another one."
    ]


def test_an_app_that_is_not_built_is_said_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    ended = run_to_its_end({**environment, "PESTWATCH_APP_DIR": str(tmp_path / "nowhere")})
    assert ended.returncode == 1
    assert "make app" in ended.stdout
    assert len(ended.stdout.splitlines()) == 1


def test_the_password_is_shown_once_and_another_officer_can_be_added(
    environment: dict[str, str], tmp_path: Path, app: Path, free_port: int
) -> None:
    with running_installation(tmp_path / "data", free_port, app):
        pass
    process = subprocess.Popen(
        [sys.executable, "-m", "server.supervisor"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    told = ""
    for line in process.stdout or ():
        told += line
        if "Ctrl-C" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert "password" not in told
    command = re.search(r"flask --app server (.*)\)", told)
    assert command
    added = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "server", *command[1].replace("NAME", "second").split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "second may log in with the password" in added.stdout, added.stderr


def test_with_a_certificate_it_serves_https(environment: dict[str, str], tmp_path: Path, free_port: int) -> None:
    certificate, key = self_signed(tmp_path)
    environment |= {"PESTWATCH_TLS_CERT": str(certificate), "PESTWATCH_TLS_KEY": str(key)}
    process = subprocess.Popen(
        [sys.executable, "-m", "server.supervisor"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    told = ""
    try:
        for line in process.stdout or ():
            told += line
            if "Ctrl-C" in line:
                break
        trusted = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(
            f"https://localhost:{free_port}/api/v1/health", timeout=10, context=trusted
        ) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert f"https://localhost:{free_port}/app/" in told
    assert "need HTTPS" not in told


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, made for this test alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private
