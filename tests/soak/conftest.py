"""How long to go on, and the server that the faults are for: all of it as the tests of the server have it."""

import os

import pytest

from tests.server.conftest import address, app, client, clock, engine, settings

__all__ = ["address", "app", "client", "clock", "engine", "settings"]


@pytest.fixture(scope="session")
def is_long() -> bool:
    """Whether this is the long form: `make soak` sets PESTWATCH_SOAK."""
    return bool(os.environ.get("PESTWATCH_SOAK"))
