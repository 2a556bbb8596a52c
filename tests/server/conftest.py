"""A whole server on a fresh database of either engine, at a time that the test decides."""

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, make_url
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from server import create_app
from server.config import Settings
from server.db.logins import let_in
from server.db.migrate import upgrade_to_head
from server.db.session import open_engine, session_scope
from server.db.tables import Device
from tests import factories
from tests.server.bucket import Bucket


@dataclass
class Clock:
    """The server's clock, which a test may set."""

    now: datetime = factories.NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """An installation in a folder of its own; nothing of the developer's environment gets in."""
    env = {"DATA": str(tmp_path / "installation"), "SECRET_KEY": "of-the-tests"}
    env |= {"SMS_NUMBER": "+919876543210", "SMS_SECRET": "the gateway's word", "SMS_KEY": "of-the-tests-too"}
    here = Settings.from_env({f"PESTWATCH_{name}": value for name, value in env.items()})
    here = replace(here, models_dir=tmp_path / "models", app_dir=tmp_path / "app")
    if database_url.startswith("sqlite"):
        return replace(here, database_url=database_url)
    return replace(here, database_url=login_of(database_url), owner_database_url=database_url)


def login_of(database_url: str) -> str:
    """The server's login at a PostgreSQL database: one that does not own the tables, as in production."""
    login = make_url(database_url).set(username="pestwatch_of_the_tests", password="of-the-tests")
    return login.render_as_string(hide_password=False)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with the schema and one region, as its owner sees it; the app itself has the server's login."""
    engine = open_engine(database_url)
    upgrade_to_head(engine)
    if engine.dialect.name == "postgresql":
        let_in(engine, login_of(database_url))
    with session_scope(engine) as session:
        factories.region(session)
    yield engine
    engine.dispose()


@pytest.fixture
def app(settings: Settings, engine: Engine, clock: Clock) -> Iterator[Flask]:
    app = create_app(settings, clock)
    yield app
    app.extensions["pestwatch.engine"].dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@dataclass
class Phone:
    """An enrolled phone as tests play it."""

    row: Device
    token: str
    client: FlaskClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def sync(self, *facts: Any, **fields: Any) -> dict[str, Any]:
        """Pushes facts; the answer's JSON."""
        response = self.send(json.dumps(factories.push(*facts, **fields)).encode())
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json
        return answer

    def send(self, body: bytes, **headers: str) -> TestResponse:
        """Posts any bytes to /sync."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/api/v1/sync", data=body, headers=self.headers | named)

    def send_part(self, sha256: str, photo: bytes, begin: int, end: int) -> TestResponse:
        """Sends the photo's bytes from `begin` to before `end`."""
        headers = {**self.headers, "Upload-Offset": str(begin), "Upload-Length": str(len(photo))}
        return self.client.patch(f"/api/v1/photos/{sha256}", data=photo[begin:end], headers=headers)

    def send_photo(self, sha256: str, photo: bytes) -> TestResponse:
        """Sends a photo part by part; the last answer."""
        for begin in range(0, max(1, len(photo)), 64_000):
            response = self.send_part(sha256, photo, begin, begin + 64_000)
            if response.status_code != 200:
                break
        return response


@pytest.fixture
def phone(engine: Engine, client: FlaskClient) -> Phone:
    with session_scope(engine) as session:
        row = factories.device(session, token="the-phone's-token")
    return Phone(row, "the-phone's-token", client)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The server on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bucket(free_port: int) -> Iterator[Bucket]:
    """A bucket in an object store of its own."""
    bucket = Bucket(free_port, Path(tempfile.mkdtemp(prefix="pestwatch-s3-")))
    bucket.start()
    yield bucket
    bucket.stop()
    shutil.rmtree(bucket.folder)
