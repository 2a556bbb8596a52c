"""A photo that a farmer agreed to send arrives part by part, whatever the link does to it; and everything that is not one."""

import hashlib
import http.client
import os
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from pestwatch.errors import Problem
from server.config import Settings
from server.db import photos, tables
from server.db.photo_files import open_photo_files
from server.db.photo_parts import KEPT_FOR, DiskParts
from server.db.session import session_scope
from server.tasks.schedule import run_job
from tests.factories import NOW, observation_fact, png, trap_fact
from tests.server.conftest import Phone
from tests.server.test_pictures import jpeg, pixels

PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()
URL = f"/api/v1/photos/{SHA256}"
HALF = len(PHOTO) // 2


@pytest.fixture
def agreed(phone: Phone) -> Phone:
    """A phone whose farmer agreed to send PHOTO."""
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))
    return phone


def state(phone: Phone) -> tuple[int, bool]:
    told = phone.client.get(URL, headers=phone.headers).json
    return told["offset"], told["complete"]


def halves(settings: Settings) -> list[Path]:
    return list(settings.uploads_dir.glob("*"))


def problem_of(response: object) -> tuple[int, str]:
    return response.status_code, response.json["problem"]["number"]


def test_a_photo_arrives_in_parts_and_is_stored_under_its_hash(
    agreed: Phone, settings: Settings, engine: Engine
) -> None:
    assert state(agreed) == (0, False)
    assert agreed.send_part(SHA256, PHOTO, 0, HALF).json == {"sha256": SHA256, "offset": HALF, "complete": False}
    assert state(agreed) == (HALF, False)
    last = agreed.send_part(SHA256, PHOTO, HALF, len(PHOTO))
    assert (last.status_code, last.json) == (201, {"sha256": SHA256, "offset": len(PHOTO), "complete": True})
    assert state(agreed) == (len(PHOTO), True)
    assert open_photo_files(settings).read(SHA256) == PHOTO
    assert halves(settings) == []
    with session_scope(engine, read_only=True) as session:
        row = photos.photo_by_sha256(session, SHA256)
    assert (row.media_type, row.width_px, row.height_px, row.size_bytes) == ("image/png", 320, 240, len(PHOTO))
    assert (row.received_at, row.stored_sha256) == (NOW, SHA256)


def test_sending_a_photo_again_is_harmless(agreed: Phone) -> None:
    agreed.send_photo(SHA256, PHOTO)
    again = agreed.send_photo(SHA256, PHOTO)
    assert (again.status_code, again.json["complete"]) == (200, True)


def test_a_part_that_does_not_fit_on_is_told_where_to_go_on(agreed: Phone) -> None:
    agreed.send_part(SHA256, PHOTO, 0, HALF)
    for begin in (0, HALF - 1, HALF + 1):
        response = agreed.send_part(SHA256, PHOTO, begin, begin + 9)
        assert problem_of(response) == (409, "409.2")
        assert response.json["problem"]["params"] == {"offset": HALF}
    assert agreed.send_part(SHA256, PHOTO, HALF, len(PHOTO)).status_code == 201


def test_of_parts_sent_twice_at_once_one_fits(agreed: Phone, app: Flask, settings: Settings) -> None:
    parts = DiskParts(settings.uploads_dir)
    begin, fitted, refused = threading.Barrier(8), [], []

    def send() -> None:
        for offset in range(0, 400, 20):
            begin.wait()
            try:
                fitted.append(parts.append(1, SHA256, offset, b"x" * 20))
            except Problem as problem:
                refused.append(problem.number)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fitted) == list(range(20, 420, 20))
    assert refused == ["409.2"] * 140


def test_a_photo_completed_twice_at_once_is_stored_once(agreed: Phone, address: str, engine: Engine) -> None:
    agreed.send_part(SHA256, PHOTO, 0, HALF)
    host, port = address.removeprefix("http://").split(":")
    begin, told = threading.Barrier(4), []

    def send() -> None:
        link = http.client.HTTPConnection(host, int(port), timeout=20)
        headers = {**agreed.headers, "Upload-Offset": str(HALF), "Upload-Length": str(len(PHOTO))}
        begin.wait()
        link.request("PATCH", URL, PHOTO[HALF:], headers)
        told.append(link.getresponse().status)
        link.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 201 in told
    assert set(told) <= {200, 201, 409}
    assert state(agreed) == (len(PHOTO), True)


def test_what_came_of_a_part_before_the_link_broke_is_kept(agreed: Phone, address: str, settings: Settings) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as link:
        head = f"PATCH {URL} HTTP/1.1\r\nHost: x\r\nAuthorization: {agreed.headers['Authorization']}\r\n"
        head += f"Upload-Offset: 0\r\nUpload-Length: {len(PHOTO)}\r\nContent-Length: {len(PHOTO)}\r\n\r\n"
        link.sendall(head.encode() + PHOTO[:HALF])
        link.shutdown(socket.SHUT_WR)
        while link.recv(4096):
            pass
    assert state(agreed) == (HALF, False)
    assert agreed.send_part(SHA256, PHOTO, HALF, len(PHOTO)).status_code == 201


def test_a_server_that_died_before_it_noted_the_photo_is_told_with_an_empty_part(
    agreed: Phone, settings: Settings
) -> None:
    DiskParts(settings.uploads_dir).append(agreed.row.id, SHA256, 0, PHOTO)
    open_photo_files(settings).keep(SHA256, PHOTO)
    assert state(agreed) == (len(PHOTO), False)
    assert agreed.send_part(SHA256, PHOTO, len(PHOTO), len(PHOTO)).status_code == 201


def test_a_camera_photo_is_stored_without_what_the_camera_wrote(
    phone: Phone, settings: Settings, engine: Engine
) -> None:
    sent = jpeg(6)
    sha256 = hashlib.sha256(sent).hexdigest()
    phone.sync(trap_fact(1), observation_fact(2, photo=sha256, photo_consent=True))
    assert phone.send_photo(sha256, sent).status_code == 201
    kept = open_photo_files(settings).read(sha256)
    assert b"Sukhdev" in sent
    assert b"Sukhdev" not in kept
    assert pixels(kept) == pixels(sent)
    with session_scope(engine, read_only=True) as session:
        row = photos.photo_by_sha256(session, sha256)
    assert (row.stored_sha256, row.size_bytes) == (hashlib.sha256(kept).hexdigest(), len(kept))


@pytest.mark.parametrize("body", [{"photo_consent": False}, {"photo": "b" * 64}])
def test_a_photo_without_consent_is_not_stored(phone: Phone, settings: Settings, body: dict) -> None:
    phone.sync(trap_fact(1), observation_fact(2, **{"photo": SHA256, "photo_consent": True} | body))
    assert problem_of(phone.send_photo(SHA256, PHOTO)) == (403, "403.2")
    assert problem_of(phone.client.get(URL, headers=phone.headers)) == (403, "403.2")
    assert not settings.photos_dir.exists()
    assert halves(settings) == []


def test_a_revoked_phone_sends_no_photos(agreed: Phone, engine: Engine) -> None:
    with session_scope(engine) as session:
        session.get(tables.Device, agreed.row.id).revoked_at = NOW
    assert agreed.send_photo(SHA256, PHOTO).status_code == 403


def test_an_unknown_device_sends_no_photos(agreed: Phone) -> None:
    assert agreed.client.patch(URL, data=PHOTO).status_code == 401
    assert agreed.client.get(URL).status_code == 401


@pytest.mark.parametrize("content", [b"this is no photo", b""], ids=["text", "0 bytes"])
def test_what_is_no_photo_leaves_nothing_behind(phone: Phone, settings: Settings, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    phone.sync(observation_fact(2, photo=sha256, photo_consent=True))
    assert phone.send_photo(sha256, content).status_code == 422
    assert halves(settings) == []
    assert not settings.photos_dir.exists()


def test_a_photo_that_is_not_the_announced_one_is_refused_and_begun_again(agreed: Phone, settings: Settings) -> None:
    flipped = bytes([*PHOTO[:-1], PHOTO[-1] ^ 1])
    assert problem_of(agreed.send_photo(SHA256, flipped)) == (422, "422.6")
    assert state(agreed) == (0, False)
    assert agreed.send_photo(SHA256, PHOTO).status_code == 201


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"Upload-Offset": "0", "Upload-Length": "12000001"}, "413.1"),
        ({"Upload-Offset": "0", "Upload-Length": "5"}, "413.1"),
        ({"Upload-Offset": "0"}, "400.1"),
        ({"Upload-Offset": "-1", "Upload-Length": "9"}, "400.1"),
        ({"Upload-Offset": "٣", "Upload-Length": "9"}, "400.1"),
        ({"Upload-Length": "9"}, "400.1"),
    ],
)
def test_a_part_that_makes_no_sense_is_refused(agreed: Phone, headers: dict[str, str], number: str) -> None:
    raw = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    response = agreed.client.patch(URL, data=PHOTO, headers=agreed.headers | raw)
    assert response.json["problem"]["number"] == number


def test_a_part_that_is_too_large_is_refused_with_the_limit(agreed: Phone) -> None:
    headers = {**agreed.headers, "Upload-Offset": "0", "Upload-Length": "12000000"}
    response = agreed.client.patch(URL, data=PHOTO.ljust(300_000, b"\0"), headers=headers)
    assert (response.status_code, response.json["problem"]["params"]["limit_bytes"]) == (413, 256_000)


def test_a_phone_has_one_half_photo_and_spoils_no_other_phones(agreed: Phone, settings: Settings) -> None:
    parts = DiskParts(settings.uploads_dir)
    parts.append(agreed.row.id + 1, SHA256, 0, b"\x89PNG of somebody else")
    parts.append(agreed.row.id, "c" * 64, 0, b"given up")
    agreed.send_part(SHA256, PHOTO, 0, HALF)
    assert {path.name for path in halves(settings)} == {f"{agreed.row.id + 1}.{SHA256}", f"{agreed.row.id}.{SHA256}"}
    assert agreed.send_part(SHA256, PHOTO, HALF, len(PHOTO)).status_code == 201


def test_half_photos_are_let_go_of_after_a_week(agreed: Phone, settings: Settings) -> None:
    agreed.send_part(SHA256, PHOTO, 0, HALF)
    [path] = halves(settings)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    run_job("forget_half_photos", settings, NOW + KEPT_FOR - timedelta(minutes=1))
    assert state(agreed) == (HALF, False)
    run_job("forget_half_photos", settings, NOW + KEPT_FOR + timedelta(minutes=1))
    assert state(agreed) == (0, False)


@pytest.mark.parametrize("name", ["abc", "A" * 64, "..%2f..%2fetc", "g" * 64])
def test_a_name_that_is_no_hash_names_nothing(agreed: Phone, name: str) -> None:
    assert agreed.send_photo(name, PHOTO).status_code == 404
