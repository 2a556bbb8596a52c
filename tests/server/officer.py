"""An officer at a browser: logs in, reads pages, fills in forms."""

import re
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from server import auth
from server.db import people
from server.db.session import session_scope
from tests.factories import NOW, REGION

PASSWORD = "a-password-of-the-tests"
# argon2 is slow on purpose: one hash serves every test.
HASH = auth.hash_password(PASSWORD)


def hire(engine: Engine, name: str = "asha", role: str = "officer", regions: tuple[str, ...] = (REGION,)) -> int:
    """Gives somebody a login; their number."""
    with session_scope(engine) as session:
        return people.record_staff(session, name, password_hash=HASH, role=role, regions=regions, now=NOW).id


@dataclass
class Officer:
    """A session of the dashboard."""

    app: Flask
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def log_in(self, name: str = "asha", password: str = PASSWORD, **how: Any) -> TestResponse:
        self.client.get("/login")
        answer = self.post("/login", name=name, password=password, **how)
        self.client.get("/")  # a new session has a new token
        return answer

    def enter(self, staff: int) -> "Officer":
        """Is logged in already: argon2 is slow, and a test of a page is not about it."""
        with self.client.session_transaction() as cookie:
            cookie["staff"], cookie["of"] = staff, auth.hash_secret(HASH)[:16]
        self.client.get("/")
        return self

    def read(self, address: str, status: int = 200) -> str:
        """A page's HTML."""
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, address: str, **form: Any) -> TestResponse:
        """Sends a form with the token of this session."""
        with self.client.session_transaction() as cookie:
            token = cookie.get("csrf", "")
        return self.client.post(address, data={"csrf": token} | form)


def classes_of(page: str, text: str) -> str:
    """The classes of the list item in which a text stands."""
    item = page[: page.index(text)].rpartition("<li")[2]
    found = re.search(r'class="([^"]*)"', item)
    return found[1] if found else ""
