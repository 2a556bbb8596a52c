"""The database goes away, the disk is full, the broker is silent: phones are told to come again, and nothing is lost or doubled."""

import hashlib
import http.client
import json
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select

from server import create_app
from server.config import Settings
from server.db import tables
from server.db.migrate import upgrade_to_head
from server.db.session import open_engine, session_scope
from tests import factories
from tests.factories import observation_fact, push
from tests.server.conftest import Clock
from tests.soak.installation import Web
from tests.soak.postgres import Postgres

FACTS = 20
TOKEN = {"Authorization": "Bearer the-phone"}


class TellingWeb(Web):
    """gunicorn whose answers a test wants to see, well or not; its files can be limited in size."""

    most_bytes: int | None = None
    patience_s = 120

    def start(self) -> None:
        begin = (
            f"import server; server.LINK_PATIENCE_S = {self.patience_s}; from gunicorn.app.wsgiapp import run; run()"
        )
        command = [sys.executable, "-c", begin, "server.wsgi:app", "--threads", "4"]
        command += ["--worker-class", "server.patience.PatientWorker"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--log-level", "critical", "--no-control-socket"]
        most = self.most_bytes

        def limit() -> None:
            if most is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        self.process = subprocess.Popen(command, env=self.env, start_new_session=True, preexec_fn=limit)  # noqa: PLW1509
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError):
                self.tell("GET", "/api/v1/health")
                return
            assert time.monotonic() < deadline, "gunicorn did not start"
            time.sleep(0.05)

    def tell(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request(method, path, body, TOKEN | headers)
            answer = link.getresponse()
            return answer.status, json.loads(answer.read()), dict(answer.headers)
        finally:
            link.close()

    def push(self, *seqs: int) -> tuple[int, Any, dict[str, str]]:
        return self.tell("POST", "/api/v1/sync", json.dumps(push(*(observation_fact(seq) for seq in seqs))).encode())


def web_on(database_url: str, folder: Path, port: int) -> TellingWeb:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PESTWATCH_")}
    return TellingWeb(port, env | {"PESTWATCH_DATA": str(folder), "PESTWATCH_DATABASE_URL": database_url})


def enrolled(engine: Engine) -> int:
    with session_scope(engine) as session:
        return factories.device(session, token="the-phone").id


def stored(engine: Engine) -> list[int]:
    with session_scope(engine, read_only=True) as session:
        seqs = list(session.scalars(select(tables.Fact.seq).order_by(tables.Fact.seq)))
        assert session.scalar(select(func.count()).select_from(tables.Observation)) == len(seqs)
    return seqs


def is_told_to_come_again(told: tuple[int, Any, dict[str, str]]) -> bool:
    status, said, headers = told
    return (status, said["problem"]["number"], headers["Retry-After"]) == (503, "503.4", "30")


@pytest.fixture
def own_postgres(postgres_server: str) -> Iterator[Postgres]:  # which has prepared the folder for locks
    postgres = Postgres(tempfile.mkdtemp(prefix="pestwatch-pg-"))
    yield postgres
    postgres.start()
    postgres.server.cleanup()


def test_phones_wait_while_the_database_is_down_and_nothing_is_lost(
    own_postgres: Postgres, tmp_path: Path, free_port: int
) -> None:
    engine = open_engine(own_postgres.url)
    upgrade_to_head(engine)
    with session_scope(engine) as session:
        factories.region(session)
    enrolled(engine)
    web = web_on(own_postgres.url, tmp_path, free_port)
    try:
        assert web.push(1, 2)[0] == 200
        own_postgres.stop()
        for _ in range(6):  # each thread with its broken connection
            assert is_told_to_come_again(web.push(2, 3))
        assert is_told_to_come_again(web.tell("GET", "/api/v1/photos/" + "a" * 64))
        assert is_told_to_come_again(web.tell("GET", "/api/v1/ready"))
        assert web.tell("GET", "/api/v1/health")[0] == 200
        own_postgres.start()
        status, said, _ = web.push(2, 3)
        assert (status, [item["status"] for item in said["items"]]) == (200, ["duplicate", "stored"])
        assert web.tell("GET", "/api/v1/ready")[0] == 200
    finally:
        web.kill()
    engine.dispose()
    assert stored(engine) == [1, 2, 3]
    engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_phones_wait_while_the_disk_is_full_and_nothing_is_lost(
    engine: Engine, database_url: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine)
    photo = b"\xff\xd8\xff" + random.Random(1).randbytes(900_000)
    sha256 = hashlib.sha256(photo).hexdigest()
    engine.dispose()  # the last connection empties the journal
    monkeypatch.setattr(TellingWeb, "most_bytes", 600_000)
    web = web_on(database_url, tmp_path / "installation", free_port)
    acknowledged: set[int] = set()
    try:
        announced = observation_fact(1, photo=sha256, photo_consent=True)
        assert web.tell("POST", "/api/v1/sync", json.dumps(push(announced)).encode())[0] == 200
        acknowledged.add(1)
        for begin in range(0, len(photo), 100_000):
            part = {"Upload-Offset": str(begin), "Upload-Length": str(len(photo))}
            told = web.tell("PATCH", f"/api/v1/photos/{sha256}", photo[begin : begin + 100_000], **part)
            if told[0] != 200:
                break
        assert is_told_to_come_again(told)
        here = web.tell("GET", f"/api/v1/photos/{sha256}")[1]["offset"]
        assert begin <= here < len(photo)

        first, told = 2, (200, None, {})
        while told[0] == 200:
            told = web.push(*range(first, first + FACTS))
            if told[0] == 200:
                acknowledged |= {item["seq"] for item in told[1]["items"]}
            first += FACTS
            assert first < 20_000, "the disk never filled"
        assert is_told_to_come_again(told)
        assert web.tell("GET", "/api/v1/health")[0] == 200
    finally:
        web.kill()

    # Somebody makes room; the phone sends what was not acknowledged.
    monkeypatch.setattr(TellingWeb, "most_bytes", None)
    web.start()
    try:
        waiting = set(range(1, first)) - acknowledged
        told = web.push(*sorted(waiting))
        assert told[0] == 200
        assert {item["status"] for item in told[1]["items"]} <= {"stored", "duplicate"}
    finally:
        web.kill()
    assert stored(engine) == list(range(1, first))


def a_part_that_stops(web: TellingWeb, sha256: str, content: bytes, token: str) -> socket.socket:
    """A phone begins to send and says no more."""
    head = f"PATCH /api/v1/photos/{sha256} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    head += "Upload-Offset: 0\r\nUpload-Length: 50000\r\nContent-Length: 50000\r\n\r\n"
    link = socket.create_connection(("127.0.0.1", web.port), timeout=30)
    link.sendall(head.encode() + content)
    return link


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_dead_links_keep_no_thread_and_what_came_over_them_is_kept(
    engine: Engine, database_url: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = {f"phone-{number}": f"{number}" * 64 for number in range(1, 6)}
    with session_scope(engine) as session:
        for token in photos:
            factories.device(session, token=token)
    monkeypatch.setattr(TellingWeb, "patience_s", 1)
    web = web_on(database_url, tmp_path / "installation", free_port)
    came = b"\xff\xd8\xff" + bytes(20_000)
    links = []
    try:
        for token, sha256 in photos.items():
            announced = json.dumps(push(observation_fact(1, photo=sha256, photo_consent=True))).encode()
            assert web.tell("POST", "/api/v1/sync", announced, Authorization=f"Bearer {token}")[0] == 200
        # One link breaks with a reset; then four fall silent, as many as there are threads.
        links = [a_part_that_stops(web, photos["phone-5"], came, "phone-5")]
        time.sleep(0.5)
        links[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        links[0].close()
        links += [a_part_that_stops(web, photos[token], came, token) for token in list(photos)[:4]]
        assert web.tell("GET", "/api/v1/health")[0] == 200
        for token, sha256 in photos.items():
            here = web.tell("GET", f"/api/v1/photos/{sha256}", Authorization=f"Bearer {token}")[1]["offset"]
            assert len(came) - 4_096 <= here <= len(came), token
    finally:
        for link in links:
            link.close()
        web.kill()


def ready(settings: Settings, engine: Engine, clock: Clock) -> Any:
    app: Flask = create_app(settings, clock)
    response = app.test_client().get("/api/v1/ready")
    app.extensions["pestwatch.engine"].dispose()
    return response.status_code, response.json


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_silent_broker_is_told_and_keeps_no_phone_out(
    settings: Settings, engine: Engine, clock: Clock, valkey_url: str, free_port: int
) -> None:
    away = f"redis://127.0.0.1:{free_port}/0"
    for url, said in ((None, "none"), (valkey_url, "here"), (away, "away")):
        assert ready(replace(settings, broker_url=url), engine, clock) == (200, {"status": "ready", "broker": said})
