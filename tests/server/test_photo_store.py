"""Photos lie on disk or in an S3-compatible bucket, by the settings; everything that reads them does so through one room."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from pestwatch.errors import Problem
from server import create_app
from server.config import REPOSITORY, Settings
from server.db import catches
from server.db.photo_files import BucketPhotos, DiskPhotos, PhotoFiles, open_photo_files
from server.db.session import session_scope
from server.tasks.export import export_job
from tests import factories
from tests.factories import NOW, REGION, observation_fact, png, trap_fact
from tests.server.bucket import Bucket
from tests.server.conftest import Clock, Phone
from tests.server.officer import Officer, hire

PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return Settings.from_env({"PESTWATCH_DATA": str(tmp_path / "installation"), "PESTWATCH_SECRET_KEY": "of-the-tests"})


@pytest.fixture(params=["disk", "bucket"])
def files(request: pytest.FixtureRequest, plain: Settings) -> PhotoFiles:
    is_bucket = request.param == "bucket"
    files = open_photo_files(request.getfixturevalue("bucket").settings(plain) if is_bucket else plain)
    assert isinstance(files, BucketPhotos if is_bucket else DiskPhotos)
    return files


def test_a_photo_is_kept_read_placed_and_removed(files: PhotoFiles, tmp_path: Path) -> None:
    large = os.urandom(7_000_000)
    for content in (PHOTO, large):
        sha256 = hashlib.sha256(content).hexdigest()
        files.keep(sha256, content)
        files.keep(sha256, content)
        assert files.read(sha256) == content
        assert files.place(sha256, tmp_path / sha256)
        assert (tmp_path / sha256).read_bytes() == content
    files.remove(SHA256)
    files.remove(SHA256)
    with pytest.raises(Problem, match=r"404\.1"):
        files.read(SHA256)
    assert not files.place(SHA256, tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_a_store_that_is_away_or_refuses_us_is_told_in_words(bucket: Bucket, plain: Settings) -> None:
    for wrong in ({"s3_secret": "another"}, {"s3_key_id": "nobody"}, {"s3_bucket": "elsewhere"}):
        files = open_photo_files(bucket.settings(plain, **wrong))
        with pytest.raises(Problem, match=r"503\.4"):
            files.keep(SHA256, PHOTO)
    files = open_photo_files(bucket.settings(plain))
    files.keep(SHA256, PHOTO)
    bucket.stop()
    for use in (files.read, files.remove, lambda name: files.keep(name, PHOTO)):
        with pytest.raises(Problem, match=r"503\.4"):
            use(SHA256)
    bucket.start()
    assert files.read(SHA256) == PHOTO


@pytest.fixture
def app(settings: Settings, engine: Engine, clock: Clock, bucket: Bucket) -> Iterator[Flask]:
    """The server with its photos in the bucket."""
    app = create_app(bucket.settings(settings), clock)
    yield app
    app.extensions["pestwatch.engine"].dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_photo_goes_from_the_phone_through_the_bucket_to_officer_and_training(
    app: Flask, phone: Phone, engine: Engine, bucket: Bucket, tmp_path: Path
) -> None:
    phone.sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))

    # The store is away when the last part comes: the phone keeps its photo, and sends that part again later.
    phone.send_part(SHA256, PHOTO, 0, 100)
    bucket.stop()
    refused = phone.send_part(SHA256, PHOTO, 100, len(PHOTO))
    assert (refused.status_code, refused.json["problem"]["number"]) == (503, "503.4")
    assert refused.headers["Retry-After"] == "30"
    bucket.start()
    assert phone.send_part(SHA256, PHOTO, 100, len(PHOTO)).status_code == 201
    assert (bucket.folder / "photos" / SHA256[:2] / SHA256[2:]).exists()

    settings = app.extensions["pestwatch.settings"]
    assert not settings.photos_dir.exists()
    officer = Officer(app).enter(hire(engine))
    assert officer.client.get(f"/review/{phone.row.id}-2/photo").data == PHOTO

    with session_scope(engine) as session:
        observation = catches.ObservationId(phone.row.id, 2)
        staff = factories.staff(session, name="ravi")
        catches.record_officer_recount(session, observation, {"HELIAR": 1}, marks=None, staff=staff, now=NOW)
    settings.models_dir.mkdir(exist_ok=True)
    for name in ("releases", "recipes"):
        (settings.models_dir / name).symlink_to(REPOSITORY / "mobile_models" / name)
    export_job(settings, engine, tmp_path / "job", REGION, run=1, seed=7, now=NOW)
    assert (tmp_path / "job" / "photos" / f"{SHA256}.png").read_bytes() == PHOTO
