"""The drill: a backup while phones are pushing, everything wiped, restored by one command, and the phones go on."""

import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, func, make_url, select, text

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from server import auth, backup, first_start
from server.config import Settings
from server.db import eras, tables
from server.db.session import Table, open_engine, session_scope
from tests import factories
from tests.conftest import ROOT
from tests.factories import NOW, REGION, correction_fact, observation_fact, png, push, trap_fact
from tests.server.conftest import Phone
from tests.soak.installation import PushingPhone, Web

PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()
PHONES = 2


def environment(settings: Settings) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PESTWATCH_")}
    return outside | {"PESTWATCH_DATA": str(settings.data), "PESTWATCH_DATABASE_URL": settings.database_url}


def run(settings: Settings, *words: str) -> "subprocess.CompletedProcess[str]":
    """One command, as an operator gives it."""
    command = [sys.executable, "-m", "flask", "--app", "server", *words]
    return subprocess.run(command, env=environment(settings), cwd=ROOT, capture_output=True, text=True, check=False)


def wipe(url: str) -> None:
    """The disk is gone."""
    if url.startswith("sqlite"):
        for path in Path(url.removeprefix("sqlite:///")).parent.glob("pestwatch.db*"):
            path.unlink()
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def stored(engine: Engine, device: int) -> set[int]:
    with session_scope(engine, read_only=True) as session:
        seqs = session.scalars(select(tables.Fact.seq).where(tables.Fact.device_id == device)).all()
        counted = session.scalar(select(func.count()).where(tables.Observation.device_id == device))
    assert len(seqs) == len(set(seqs)) == counted
    return set(seqs)


@pytest.mark.timeout(240)
def test_an_installation_comes_back_from_a_backup_made_under_load(
    engine: Engine, settings: Settings, tmp_path: Path, free_port: int
) -> None:
    settings = replace(settings, data=tmp_path / "first", photos_dir=tmp_path / "first" / "photos")
    first = first_start.prepare(engine, settings)
    with session_scope(engine) as session:
        devices = [factories.device(session, token=f"phone-{n}").id for n in range(PHONES)]
    web = Web(free_port, environment(settings))
    phones = [PushingPhone(web.port, device, f"phone-{n}") for n, device in enumerate(devices)]
    for phone in phones:
        phone.start()
    deadline = time.monotonic() + 60
    while not all(phone.acknowledged for phone in phones):
        assert time.monotonic() < deadline, "the phones were not heard"
        time.sleep(0.1)
    before = [set(phone.acknowledged) for phone in phones]
    made = run(settings, "backup", str(tmp_path))
    time.sleep(0.3)
    for phone in phones:
        phone.stopping.set()
    for phone in phones:
        phone.join()
    web.kill()
    assert made.returncode == 0, made.stderr
    [file] = tmp_path.glob("pestwatch-*.zip")
    assert (file.stat().st_mode & 0o077) == 0, "nobody else may read it"

    # Everything is lost; a new machine has another data folder and an empty database.
    root = open_installation(settings.keys_dir, NOW).root
    engine.dispose()
    wipe(settings.database_url)
    anew = replace(settings, data=tmp_path / "second", photos_dir=tmp_path / "second" / "photos")
    anew.data.mkdir()
    brought = run(anew, "restore", str(file))
    assert brought.returncode == 0, brought.stderr

    web = Web(free_port, environment(anew))
    for device, seen, phone in zip(devices, before, phones, strict=True):
        here = stored(engine, device)
        assert seen <= here, "nothing is lost that was acknowledged before the backup began"

        # The phone keeps all its facts: what the backup came too early for is asked for and arrives again, the rest is known.
        headers = {"Authorization": f"Bearer {phone.token}"}
        told = web.ask("POST", "/api/v1/sync", json.dumps(push(cursor="1.0")).encode(), **headers)
        assert {seq for first, last in told["held"] for seq in range(first, last + 1)} == here
        again = sorted(phone.acknowledged - here) + sorted(here)[:10]
        for begin in range(0, len(again), 100):
            facts = [phone.fact(seq) for seq in again[begin : begin + 100]]
            message = json.dumps(push(*facts, cursor=told["cursor"])).encode()
            answer = web.ask("POST", "/api/v1/sync", message, **headers)
            assert "held" not in answer
            statuses = {item["seq"]: item["status"] for item in answer["items"]}
            assert statuses == {fact["seq"]: "duplicate" if fact["seq"] in here else "stored" for fact in facts}
        assert stored(engine, device) >= phone.acknowledged
    web.kill()
    assert open_installation(anew.keys_dir, NOW).root == root, "phones trust this key"
    assert auth.log_in(engine, first.officer, first.password or "", "127.0.0.1", NOW).role == "admin"


@pytest.fixture
def lived_in(phone: Phone, engine: Engine, settings: Settings) -> Settings:
    """An installation with something in every corner that a phone and an officer fill."""
    first_start.prepare(engine, settings)
    phone.sync(
        trap_fact(1, sown_on="2026-07-02", name="नीम के पास"),
        observation_fact(2, photo=SHA256, photo_consent=True),
        correction_fact(3, 2),
        {"seq": "none", "kind": "?"},
    )
    assert phone.send_photo(SHA256, PHOTO).status_code == 201
    (settings.releases_dir / REGION).mkdir(parents=True)
    (settings.releases_dir / REGION / "current.json").write_text("{}")
    return settings


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
            for table in Table.metadata.sorted_tables
            if table.name != "counters"
        }


@pytest.fixture
def another_postgres(postgres_server: str) -> Iterator[str]:
    """A second fresh database."""
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE another"))
    yield make_url(postgres_server).set(database="another").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE another WITH (FORCE)"))
    admin.dispose()


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_every_row_and_file_comes_back_on_either_engine(
    lived_in: Settings, engine: Engine, target: str, tmp_path: Path, another_postgres: str, phone: Phone
) -> None:
    made = backup.back_up(engine, lived_in, tmp_path / "b.zip", NOW)
    url = another_postgres if target == "postgresql" else f"sqlite:///{tmp_path / 'other.db'}"
    there = replace(lived_in, data=tmp_path / "there", photos_dir=tmp_path / "there" / "photos", database_url=url)
    there.data.mkdir()
    other = open_engine(url)
    first_start.prepare(other, there)  # as a container does before anybody can say `restore`
    assert backup.restore(other, there, tmp_path / "b.zip", NOW) == made
    assert rows(other) == rows(engine)
    mine, theirs = (
        {path.relative_to(data): path.read_bytes() for path in data.rglob("*") if path.is_file()}
        for data in (lived_in.data, there.data)
    )
    assert mine == theirs
    assert {Path("secret_key"), Path("sms_key")} >= {path for path in theirs if path.parent == Path()}

    # Numbers go on behind those of the backup, and an era has begun.
    with session_scope(other) as session:
        assert factories.device(session).id > phone.row.id
        assert eras.restored_at(session) == NOW
    with session_scope(engine) as session:
        assert eras.restored_at(session) is None
    other.dispose()


def test_whatever_a_first_start_makes_is_in_the_backup(engine: Engine, tmp_path: Path) -> None:
    data = tmp_path / "fresh"
    settings = Settings.from_env({"PESTWATCH_DATA": str(data)})
    first_start.prepare(engine, settings)
    backup.back_up(engine, settings, tmp_path / "b.zip", NOW)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        kept = {name.removeprefix("data/") for name in archive.namelist() if name.startswith("data/")}
        tables_kept = {name for name in archive.namelist() if name.startswith("tables/")}
    assert kept == {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    assert tables_kept == {f"tables/{table}.jsonl" for table in Table.metadata.tables}


def test_a_backup_replaces_no_installation_that_phones_know(lived_in: Settings, engine: Engine, tmp_path: Path) -> None:
    backup.back_up(engine, lived_in, tmp_path / "b.zip", NOW)
    before = rows(engine)
    with pytest.raises(Problem, match=r"409\.3"):
        backup.restore(engine, lived_in, tmp_path / "b.zip", NOW)
    assert rows(engine) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_damaged_or_foreign_file_changes_nothing(lived_in: Settings, engine: Engine, tmp_path: Path) -> None:
    backup.back_up(engine, lived_in, tmp_path / "b.zip", NOW)
    whole = (tmp_path / "b.zip").read_bytes()
    there = replace(lived_in, data=tmp_path / "there", database_url=f"sqlite:///{tmp_path / 'other.db'}")
    there.data.mkdir()
    other = open_engine(there.database_url)
    first_start.prepare(other, there)
    before = rows(other)
    at = whole.index(b"tables/facts.jsonl") + 60
    spoilt = {
        "cut": whole[:-200],
        "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        "text": b"this is no backup",
        "newer": _rewritten(
            tmp_path / "b.zip", "backup.json", lambda said: said.replace(b'"revision": "0', b'"revision": "9')
        ),
        "another": _rewritten(tmp_path / "b.zip", "backup.json", lambda _: b"{}"),
    }
    for name, content in spoilt.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Problem, match=r"422\.60"):
            backup.restore(other, there, tmp_path / name, NOW)
        assert rows(other) == before, name
    other.dispose()


def _rewritten(path: Path, name: str, change: object) -> bytes:
    out = path.with_suffix(".changed")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as written:
        for entry in archive.namelist():
            content = archive.read(entry)
            written.writestr(entry, change(content) if entry == name else content)
    return out.read_bytes()


def test_a_photo_that_is_noted_and_gone_stops_no_backup(lived_in: Settings, engine: Engine, tmp_path: Path) -> None:
    for path in lived_in.photos_dir.rglob("*"):
        if path.is_file():
            path.unlink()
    made = backup.back_up(engine, lived_in, tmp_path / "b.zip", NOW)
    assert (made.photos, made.missing_photos) == (0, 1)
