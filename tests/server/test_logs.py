"""What a real web process writes down: every request, nothing about a person; what it counts for Prometheus; how it stops."""

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from server import auth, first_start, utc_now
from server.config import Settings
from server.db.session import session_scope
from tests import factories
from tests.factories import REGION, observation_fact, png, push, trap_fact
from tests.soak.installation import Web

NUMBER, WORD, READER = "+919812345678", "the gateway's word", "a word for Prometheus"
PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()


class WrittenWeb(Web):
    """gunicorn as docker-compose.yml runs it, with what it writes in a file."""

    def __init__(self, port: int, env: dict[str, str], folder: Path) -> None:
        self.written, self.counted = folder / "web.log", folder / "counted"
        self.counted.mkdir()
        super().__init__(port, env | {"PROMETHEUS_MULTIPROC_DIR": str(self.counted)})

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "server.wsgi:app", "--threads", "4"]
        command += ["--worker-class", "server.patience.PatientWorker"]
        command += ["--workers", "2", "--bind", f"127.0.0.1:{self.port}", "--log-level", "warning"]
        command += ["--no-control-socket", "--graceful-timeout", "30"]
        with self.written.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.env, start_new_session=True, stderr=log, stdout=log)
        deadline = time.monotonic() + 60
        while self.ask("GET", "/api/v1/health") is None:
            assert time.monotonic() < deadline, self.written.read_text()
            time.sleep(0.05)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        link.request(method, path, content, kind | headers)
        answer = link.getresponse()
        told = answer.status, dict(answer.headers), answer.read()
        link.close()
        return told

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.read_text().splitlines()]


@pytest.fixture
def web(engine: Engine, database_url: str, tmp_path: Path, free_port: int) -> Iterator[WrittenWeb]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PESTWATCH_")}
    told = {"DATA": str(tmp_path / "installation"), "DATABASE_URL": database_url, "METRICS_TOKEN": READER}
    told |= {"SMS_NUMBER": "+911234512345", "SMS_SECRET": WORD}
    env |= {f"PESTWATCH_{name}": value for name, value in told.items()}
    web = WrittenWeb(free_port, env, tmp_path)
    yield web
    if web.process.poll() is None:
        web.kill()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_log_has_every_request_and_nothing_about_a_person(web: WrittenWeb, engine: Engine) -> None:
    settings = Settings.from_env({name: value for name, value in web.env.items() if name.startswith("PESTWATCH_")})
    password = first_start.prepare(engine, settings).password or ""
    with session_scope(engine) as session:
        code = auth.make_code(session, REGION, utc_now())
    consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "te"}
    enrolled = json.loads(web.send("POST", "/api/v1/enrol", {"code": code, "locale": "te", "consent": consent})[2])
    token = {"Authorization": f"Bearer {enrolled['token']}"}
    facts = [
        trap_fact(1, name="Sukhdev's by the well", village="Wadgaon"),
        observation_fact(2, photo=SHA256, photo_consent=True),
        {"seq": 3, "kind": "trap", "at": "2026-11-25T06:00:00Z", "body": {"trap": "Sukhdev"}},
    ]
    assert web.send("POST", "/api/v1/sync", push(*facts), **token)[0] == 200
    place = {"Upload-Offset": "0", "Upload-Length": str(len(PHOTO))}
    assert web.send("PATCH", f"/api/v1/photos/{SHA256}", PHOTO, **token, **place)[0] == 201
    gateway = {"Authorization": f"Bearer {WORD}"}
    assert web.send("POST", "/api/v1/sms", {"text": "PW1:SUKHDEV", "from": NUMBER}, **gateway)[0] == 200
    assert web.send("POST", "/api/v1/sms", {"text": "x", "from": NUMBER}, Authorization="Bearer wrong")[0] == 401
    page = web.send("GET", "/login")
    csrf = re.search(rb'name="csrf" value="([^"]+)"', page[2])
    assert csrf
    cookie = page[1]["Set-Cookie"].split(";")[0]
    form = f"name=officer&password={password}&csrf={csrf[1].decode()}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    assert web.send("POST", "/login", form, **kind)[0] in {302, 303}
    assert web.send("GET", f"/api/v1/releases/Sukhdev/{NUMBER}/Wadgaon?name=Sukhdev")[0] == 404
    # A fault whose message holds what a person wrote: the ledger that it goes into is gone.
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE facts RENAME TO lost")
    service = factories.service_fact(9)
    told = web.send(
        "POST", "/api/v1/sync", push(trap_fact(8, name="Sukhdev"), service), **token, **{"X-Request-Id": "asked-by-me"}
    )
    assert told[0] == 500
    assert told[1]["X-Request-Id"] == "asked-by-me"

    text = web.written.read_text()
    for secret in (
        code,
        enrolled["token"],
        password,
        NUMBER[3:],
        "Sukhdev",
        "SUKHDEV",
        "Wadgaon",
        WORD,
        READER,
        SHA256,
    ):
        assert secret not in text
    said = [line for line in web.lines() if line["said"] == "request"]
    assert {"at", "level", "of", "request", "method", "route", "status", "ms", "bytes_in", "bytes_out"} <= said[
        -1
    ].keys()
    seen = [(line["method"], line["route"], line["status"], line.get("device")) for line in said]
    device = enrolled["device"]
    assert ("POST", "/api/v1/enrol", 201, None) in seen
    assert ("POST", "/api/v1/sync", 200, device) in seen
    assert ("PATCH", "/api/v1/photos/<sha256>", 201, device) in seen
    assert ("GET", "/api/v1/releases/<region>/<version>/<name>", 404, None) in seen
    refused = next(line for line in said if line["status"] == 401)
    assert refused["problem"] == "401.3"
    assert said[-1]["request"] == "asked-by-me"
    assert any("fault" in line for line in web.lines()), "what broke is written down"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_metrics_are_for_whoever_has_the_word_and_add_up_over_processes(web: WrittenWeb) -> None:
    for _ in range(20):  # to whichever of the two processes takes it
        assert web.send("GET", "/api/v1/health")[0] == 200
    for wrong in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {READER}"},
    ):
        assert web.send("GET", "/metrics", **wrong)[0] == 404
    status, _, text = web.send("GET", "/metrics", Authorization=f"Bearer {READER}")
    assert status == 200
    found = {family.name: family for family in text_string_to_metric_families(text.decode())}
    healths = [s.value for s in found["pestwatch_requests"].samples if s.labels.get("route") == "/api/v1/health"]
    assert sum(healths) >= 20
    assert found["pestwatch_database_up"].samples[0].value == 1
    assert found["pestwatch_training_runs_waiting"].samples[0].value == 0
    assert "pestwatch_request_seconds" in found


def test_without_a_word_there_are_no_metrics(client: Any) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_on_a_slow_link_is_finished_before_the_server_stops(web: WrittenWeb, engine: Engine) -> None:
    with session_scope(engine) as session:
        factories.device(session, token="slow")
    body = json.dumps(push(trap_fact(1), observation_fact(2))).encode()
    head = "POST /api/v1/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slow\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as link:
        link.sendall(head.encode() + body[:100])
        time.sleep(0.5)
        web.process.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        link.sendall(body[100:])
        answer = b"".join(iter(lambda: link.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b'"stored"') == 2
    assert web.process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", web.port), timeout=5)
