"""How long to go on, and the server that the faults are for: all of it as the tests of the server have it."""

import os
import tempfile
from collections.abc import Iterator

import pytest

from tests.server.conftest import address, app, client, clock, engine, phone, settings
from tests.soak.postgres import Postgres

__all__ = ["address", "app", "client", "clock", "engine", "phone", "settings"]


@pytest.fixture(scope="session")
def is_long() -> bool:
    """Whether this is the long form: `make soak` sets PESTWATCH_SOAK."""
    return bool(os.environ.get("PESTWATCH_SOAK"))


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Postgres]:  # which has prepared the folder for locks
    postgres = Postgres(tempfile.mkdtemp(prefix="pestwatch-killed-pg-"))
    yield postgres
    postgres.start()
    postgres.server.cleanup()
