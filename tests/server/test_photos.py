"""Photos that a farmer agreed to send, and everything that is not one."""

import hashlib
import struct
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pestwatch.errors import Problem
from server.config import Settings
from server.db import photos, tables
from server.db.photo_files import keep_photo, photo_path, read_header
from server.db.session import session_scope
from tests.factories import NOW, observation_fact, png, trap_fact
from tests.server.conftest import Phone

PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()


def jpeg_head(width_px: int, height_px: int, before: bytes = b"") -> bytes:
    """The start of a JPEG: EXIF, whatever stands before the frame, the frame's size."""
    exif = b"\xff\xe1" + struct.pack(">H", 2 + 600) + b"E" * 600
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height_px, width_px, 3) + b"\0" * 9
    return b"\xff\xd8" + exif + before + frame


@pytest.fixture
def agreed(phone: Phone) -> Phone:
    """A phone whose farmer agreed to send PHOTO."""
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))
    return phone


def test_a_photo_is_stored_under_its_hash(agreed: Phone, settings: Settings, engine: Engine) -> None:
    response = agreed.put_photo(SHA256, PHOTO)
    assert (response.status_code, response.json) == (201, {"sha256": SHA256})
    assert photo_path(settings.photos_dir, SHA256).read_bytes() == PHOTO
    with session_scope(engine, read_only=True) as session:
        row = photos.photo_by_sha256(session, SHA256)
    assert (row.media_type, row.width_px, row.height_px, row.size_bytes) == ("image/png", 320, 240, len(PHOTO))
    assert row.received_at == NOW


def test_sending_a_photo_again_is_harmless(agreed: Phone) -> None:
    agreed.put_photo(SHA256, PHOTO)
    assert agreed.put_photo(SHA256, PHOTO).status_code == 200


@pytest.mark.parametrize("body", [{"photo_consent": False}, {"photo": "b" * 64}])
def test_a_photo_without_consent_is_not_stored(phone: Phone, settings: Settings, body: dict) -> None:
    phone.sync(trap_fact(1), observation_fact(2, **{"photo": SHA256, "photo_consent": True} | body))
    response = phone.put_photo(SHA256, PHOTO)
    assert (response.status_code, response.json["problem"]["number"]) == (403, "403.2")
    assert not settings.photos_dir.exists()


def test_a_revoked_phone_sends_no_photos(agreed: Phone, engine: Engine) -> None:
    with session_scope(engine) as session:
        session.get(tables.Device, agreed.row.id).revoked_at = NOW
    assert agreed.put_photo(SHA256, PHOTO).status_code == 403


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"this is no photo", "422.1"),
        (b"", "422.2"),
        (png(1, 1)[:20], "422.1"),
        (jpeg_head(10_000, 10_000), "422.4"),
        (b"\xff\xd8\xff\xe1\x00\x00", "422.1"),
        (b"\xff\xd8" + b"\xff" * 100, "422.1"),
    ],
    ids=["text", "0 bytes", "cut short", "100 megapixels", "segment without length", "only padding"],
)
def test_what_is_not_a_photo_is_refused_with_its_reason(
    phone: Phone, settings: Settings, content: bytes, number: str
) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    phone.sync(observation_fact(2, photo=sha256, photo_consent=True))
    response = phone.put_photo(sha256, content)
    assert (response.status_code, response.json["problem"]["number"]) == (422, number)
    assert not [path for path in settings.photos_dir.rglob("*") if path.is_file()], "nothing stays behind"


def test_a_photo_that_is_not_the_announced_one_is_refused(agreed: Phone, settings: Settings) -> None:
    flipped = bytes([*PHOTO[:-1], PHOTO[-1] ^ 1])
    response = agreed.put_photo(SHA256, flipped)
    assert (response.status_code, response.json["problem"]["number"]) == (422, "422.6")
    assert not photo_path(settings.photos_dir, SHA256).exists()


def test_a_photo_that_is_too_large_is_refused_with_the_limit(agreed: Phone) -> None:
    response = agreed.put_photo(SHA256, b"\xff" * 12_000_001)
    assert (response.status_code, response.json["problem"]["params"]["limit_bytes"]) == (413, 12_000_000)


def test_a_photo_without_a_stated_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"413\.1"):
        keep_photo(tmp_path, SHA256, (b"\xff" * 1_000_000 for _ in range(13)))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["abc", "A" * 64, "..%2f..%2fetc", "g" * 64])
def test_a_name_that_is_no_hash_names_nothing(agreed: Phone, name: str) -> None:
    assert agreed.put_photo(name, PHOTO).status_code == 404


def test_an_unknown_device_sends_no_photos(agreed: Phone) -> None:
    assert agreed.client.put(f"/api/v1/photos/{SHA256}", data=PHOTO).status_code == 401


def test_a_jpegs_size_is_found_behind_its_exif() -> None:
    header = read_header(jpeg_head(4000, 3000, before=b"\xff\xff\xd0"), "p")
    assert (header.media_type, header.width_px, header.height_px) == ("image/jpeg", 4000, 3000)
