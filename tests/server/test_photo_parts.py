"""Half photos keep the same promises on disk and in a bucket: they only grow, and nobody spoils somebody else's."""

import os
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pestwatch.errors import Problem
from server.config import Settings
from server.db import photo_parts
from server.db.photo_parts import KEPT_FOR, BucketParts, DiskParts, PhotoParts, open_parts
from tests.server.bucket import Bucket

PHOTO = os.urandom(5_000)
SHA256, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return Settings.from_env({"PESTWATCH_DATA": str(tmp_path / "installation"), "PESTWATCH_SECRET_KEY": "of-the-tests"})


@pytest.fixture(params=["disk", "bucket"])
def parts(request: pytest.FixtureRequest, plain: Settings) -> PhotoParts:
    is_bucket = request.param == "bucket"
    parts = open_parts(request.getfixturevalue("bucket").settings(plain) if is_bucket else plain)
    assert isinstance(parts, BucketParts if is_bucket else DiskParts)
    return parts


def test_a_half_photo_only_grows_and_says_where_it_ends(parts: PhotoParts) -> None:
    assert parts.arrived_bytes(1, SHA256) == 0
    assert parts.append(1, SHA256, 0, PHOTO[:2000]) == 2000
    for offset in (0, 1999, 2001):
        with pytest.raises(Problem, match=r"409\.2") as refused:
            parts.append(1, SHA256, offset, b"x" * 9)
        assert refused.value.params == {"offset": 2000}
    assert parts.append(1, SHA256, 2000, b"") == 2000
    assert parts.append(1, SHA256, 2000, PHOTO[2000:]) == len(PHOTO) == parts.arrived_bytes(1, SHA256)
    assert parts.whole(1, SHA256) == PHOTO
    parts.forget(1, SHA256)
    parts.forget(1, SHA256)
    assert (parts.arrived_bytes(1, SHA256), parts.whole(1, SHA256)) == (0, b"")


def test_a_phone_has_one_half_photo_and_may_be_forgotten_alone(parts: PhotoParts) -> None:
    for device in (1, 11):
        parts.append(device, SHA256, 0, PHOTO[:100])
    parts.append(1, OTHER, 0, PHOTO[:50])
    assert (parts.arrived_bytes(1, SHA256), parts.arrived_bytes(1, OTHER)) == (0, 50)
    assert parts.arrived_bytes(11, SHA256) == 100
    parts.forget_phone(1)
    assert (parts.arrived_bytes(1, OTHER), parts.arrived_bytes(11, SHA256)) == (0, 100)


def test_what_no_phone_goes_on_with_is_let_go_of_after_a_week(parts: PhotoParts) -> None:
    parts.append(1, SHA256, 0, PHOTO[:100])
    parts.append(1, SHA256, 100, PHOTO[100:200])
    begun = datetime.now(UTC)
    assert parts.forget_old(begun + KEPT_FOR - timedelta(hours=1)) == 0
    assert parts.arrived_bytes(1, SHA256) == 200
    assert parts.forget_old(begun + KEPT_FOR + timedelta(hours=1)) == 1
    assert parts.arrived_bytes(1, SHA256) == 0


def test_connections_at_once_never_spoil_a_photo_nor_make_it_shrink(parts: PhotoParts) -> None:
    """Several bring the same photo, each in parts of its own length; what is here is always the photo's beginning."""
    begin, seen = threading.Barrier(4), []

    def send(step: int) -> None:
        begin.wait()
        reached = 0
        while reached < len(PHOTO):
            before = reached
            try:
                reached = parts.append(1, SHA256, reached, PHOTO[reached : reached + step])
            except Problem as problem:
                reached = problem.params["offset"]
            seen.append(reached >= before)
            seen.append(PHOTO.startswith(parts.whole(1, SHA256)))

    threads = [threading.Thread(target=send, args=(step,)) for step in (300, 470, 811, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parts.whole(1, SHA256) == PHOTO
    assert len(seen) >= 10
    assert all(seen)


def test_in_a_bucket_many_small_parts_are_made_one(
    bucket: Bucket, plain: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_parts, "MOST_SLICES", 10)
    parts = open_parts(bucket.settings(plain))
    for offset in range(0, 1000, 20):
        assert parts.append(1, SHA256, offset, PHOTO[offset : offset + 20]) == offset + 20
        pieces = [path.name for path in (bucket.folder / "photos").rglob("*") if re.fullmatch(r"\d+-\d+", path.name)]
        assert len(pieces) <= 10
    assert parts.whole(1, SHA256) == PHOTO[:1000]


def test_a_bucket_that_is_away_is_told_in_words(bucket: Bucket, plain: Settings) -> None:
    parts = open_parts(bucket.settings(plain))
    parts.append(1, SHA256, 0, PHOTO[:100])
    bucket.stop()
    for use in (
        lambda: parts.arrived_bytes(1, SHA256),
        lambda: parts.append(1, SHA256, 100, b"x"),
        lambda: parts.whole(1, SHA256),
        lambda: parts.forget_phone(1),
    ):
        with pytest.raises(Problem, match=r"503\.4"):
            use()
    bucket.start()
    assert parts.arrived_bytes(1, SHA256) == 100
