"""Two web machines with folders of their own, one PostgreSQL and one bucket: phones and officers notice nothing of it."""

import hashlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import Engine

from pestwatch.errors import Problem
from server.config import REPOSITORY, Settings
from server.db.photo_files import open_photo_files
from server.db.session import open_engine, session_scope
from server.db.tables import Release
from server.first_start import prepare
from tests.factories import NOW, REGION, observation_fact, png, trap_fact
from tests.server.bucket import KEY_ID, SECRET, Bucket
from tests.server.conftest import Phone
from tests.server.officer import PASSWORD, hire
from tests.soak.installation import Web, ask

PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()
URL = f"/api/v1/photos/{SHA256}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machine:
    """One machine: a data folder of its own, and a web process when it is started."""

    def __init__(self, folder: Path, settings: Settings, bucket: Bucket, **changed: str) -> None:
        here = {
            "DATA": str(folder),
            "DATABASE_URL": settings.database_url,
            "OWNER_DATABASE_URL": settings.owner_database_url or "",
            "SECRET_KEY": "of-the-installation",
            "SMS_KEY": "of-the-installation, too",
            "S3_BUCKET": "photos",
            "S3_ENDPOINT": f"http://127.0.0.1:{bucket.port}",
            "S3_KEY_ID": KEY_ID,
            "S3_SECRET": SECRET,
        } | changed
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PESTWATCH_")}
        self.env |= {f"PESTWATCH_{name}": value for name, value in here.items()}

    def prepare(self) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "server.prepare"]
        return subprocess.run(command, env=self.env, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """Machines share PostgreSQL; SQLite is one machine's."""
    return postgres_url


@pytest.fixture
def first(tmp_path: Path, settings: Settings, bucket: Bucket) -> Machine:
    machine = Machine(tmp_path / "first", settings, bucket)
    done = machine.prepare()
    assert done.returncode == 0, done.stderr
    return machine


@pytest.fixture
def webs(first: Machine, tmp_path: Path, settings: Settings, bucket: Bucket) -> Iterator[tuple[Web, Web]]:
    second = Machine(tmp_path / "second", settings, bucket)
    shutil.copytree(first.folder / "keys", second.folder / "keys")
    done = second.prepare()
    assert (done.returncode, done.stdout) == (0, ""), "the second machine makes no officer, and lacks nothing"
    with ExitStack() as stack:
        started = []
        for machine in (first, second):
            web = Web(free_port(), machine.env)
            stack.callback(web.kill)
            started.append(web)
        yield started[0], started[1]


def test_phones_and_officers_may_reach_another_machine_each_time(
    phone: Phone, webs: tuple[Web, Web], first: Machine, bucket: Bucket, engine: Engine
) -> None:
    a_photo_arrives_part_by_part(phone, webs, bucket)
    assert not (first.folder / "uploads").exists()
    hire(engine)
    an_officer_stays_logged_in_and_a_guesser_is_shut_out(webs)


def a_photo_arrives_part_by_part(phone: Phone, webs: tuple[Web, Web], bucket: Bucket) -> None:
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))
    one, other = webs

    def state(web: Web) -> tuple[int, bool]:
        _, told = ask(web.port, "GET", URL, **phone.headers) or (0, {})
        return told["offset"], told["complete"]

    def send(web: Web, begin: int, end: int) -> int:
        headers = {**phone.headers, "Upload-Offset": str(begin), "Upload-Length": str(len(PHOTO))}
        status, told = ask(web.port, "PATCH", URL, PHOTO[begin:end], **headers) or (0, {})
        if status == 409:
            assert told["problem"]["number"] == "409.2"
            return -int(told["problem"]["params"]["offset"])
        return status

    assert send(one, 0, 100) == 200
    assert state(other) == (100, False)
    assert send(other, 0, 100) == send(other, 99, 150) == -100, (
        "told where to go on, by the machine that did not hear it"
    )
    assert send(other, 100, 200) == 200

    # A link breaks in the middle of a part: what came of it is kept, and the other machine goes on behind it.
    with socket.create_connection(("127.0.0.1", one.port)) as link:
        named = {**phone.headers, "Upload-Offset": "200", "Upload-Length": str(len(PHOTO)), "Content-Length": "100"}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        link.sendall(f"PATCH {URL} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + PHOTO[200:250])
        link.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + 60
        while state(other)[0] == 200:
            assert time.monotonic() < deadline, "the broken part was not kept"
            time.sleep(0.1)
    assert state(other) == (250, False)
    assert send(other, 250, len(PHOTO)) == 201
    assert state(one) == state(other) == (len(PHOTO), True)
    assert (bucket.folder / "photos" / SHA256[:2] / SHA256[2:]).read_bytes() == PHOTO
    assert not [path for path in (bucket.folder / "photos").rglob("uploads/**/*-*") if path.is_file()], (
        "no part is left"
    )


def an_officer_stays_logged_in_and_a_guesser_is_shut_out(webs: tuple[Web, Web]) -> None:
    def log_in(web: Web, password: str) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
        link.request("GET", "/login")
        page = link.getresponse()
        token = re.search(r'name="csrf" value="([^"]+)"', page.read().decode())
        assert token
        cookie = str(page.headers["Set-Cookie"]).partition(";")[0]
        form = urlencode({"csrf": token[1], "name": "asha", "password": password})
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        link.request("POST", "/login", form, kind)
        answer = link.getresponse()
        answer.read()
        link.close()
        return answer.status, str(answer.headers["Set-Cookie"]).partition(";")[0]

    one, other = webs
    status, cookie = log_in(one, PASSWORD)
    assert status == 302
    link = http.client.HTTPConnection("127.0.0.1", other.port, timeout=60)
    link.request("GET", f"/regions/{REGION}", headers={"Cookie": cookie})
    assert link.getresponse().status == 200
    link.close()
    assert [log_in(web, "guess")[0] for web in (one, other, one, other, one)] == [401] * 5
    assert log_in(other, PASSWORD)[0] == 429


def test_a_machine_with_keys_of_its_own_does_not_start_and_says_which(
    first: Machine, tmp_path: Path, settings: Settings, bucket: Bucket
) -> None:
    stranger = Machine(tmp_path / "second", settings, bucket)
    refused = stranger.prepare()
    assert refused.returncode == 1
    assert "DATA/keys" in refused.stderr
    assert not (stranger.folder / "keys" / "root.json").exists(), "it makes none: a copy shall find an empty place"
    shutil.copytree(first.folder / "keys", stranger.folder / "keys")
    assert "Traceback" not in refused.stderr
    web = open_engine(settings.database_url)
    for name in ("SECRET_KEY", "SMS_KEY"):
        own = Machine(stranger.folder, settings, bucket, **{name: "of its own"})
        with pytest.raises(Problem, match=f"PESTWATCH_{name}"):
            prepare(web, Settings.from_env(own.env))
    assert prepare(web, Settings.from_env(stranger.env)).lacking is None
    web.dispose()


def test_new_keys_are_taken_when_an_operator_says_so(
    tmp_path: Path, engine: Engine, settings: Settings, app: Flask
) -> None:
    prepare(engine, replace(settings, secret_key="the former one"))
    with pytest.raises(Problem, match="PESTWATCH_SECRET_KEY"):
        prepare(engine, settings)
    assert app.test_cli_runner().invoke(args=["new-keys"]).exit_code == 0
    assert prepare(engine, settings).lacking is None


def test_what_another_machine_made_and_this_one_lacks_is_told_at_its_start(
    engine: Engine, settings: Settings, phone: Phone, tmp_path: Path
) -> None:
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))
    assert phone.send_photo(SHA256, PHOTO).status_code == 201
    with session_scope(engine) as session:
        for seq in (1, 2):
            version = f"{REGION}-{seq}"
            session.add(Release(version=version, region_id=REGION, seq=seq, manifest_sha256="0" * 64, published_at=NOW))
    (settings.releases_dir / REGION / f"{REGION}-2").mkdir(parents=True)
    assert prepare(engine, settings).lacking is None
    elsewhere = replace(settings, data=tmp_path / "second", photos_dir=tmp_path / "second" / "photos")
    shutil.copytree(settings.keys_dir, elsewhere.keys_dir)
    told = prepare(engine, elsewhere).lacking or ""
    assert f"the release {REGION}-2, the photo {SHA256[:12]}" in told
    assert open_photo_files(settings).read(SHA256) == PHOTO
