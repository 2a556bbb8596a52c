"""deploy/Caddyfile in a real Caddy, before the real server: it gives out the app as the server itself would, and hides what is nobody's.

Replaced are the public name, the app's folder and the server's address; so TLS is the one thing that is not tried.
"""

import gzip
import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask, request
from sqlalchemy import Engine

from server import create_app
from server.config import REPOSITORY, Settings
from tests.server.conftest import Clock

FILES = {
    "index.html": b"<!doctype html><p>" + b"pestwatch " * 200,
    "assets/app-1a2b3c.js": b"export const n = 1;\n" * 200,
    "assets/engine-4d5e6f.wasm": b"\0asm" + b"\0" * 2000,
    "service-worker.js": b"self.addEventListener('fetch', () => {});\n",
    "manifest.webmanifest": b"{}",
}
SAME = (
    "Cache-Control",
    "Content-Security-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "Strict-Transport-Security",
)


@pytest.fixture
def app(settings: Settings, engine: Engine, clock: Clock) -> Iterator[Flask]:
    """The server behind its front, with a page that says who it thinks is asking."""
    for name, content in FILES.items():
        path = settings.app_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    packed = settings.app_dir / "assets" / "app-1a2b3c.js.gz"
    packed.write_bytes(gzip.compress(FILES["assets/app-1a2b3c.js"]))
    here = replace(settings, proxies=1, public_url="https://pw.test", metrics_token="of-the-tests")
    app = create_app(here, clock)

    @app.get("/test/caller")
    def caller() -> dict[str, str | None]:
        return {"address": request.remote_addr, "host": request.host, "scheme": request.scheme}

    yield app
    app.extensions["pestwatch.engine"].dispose()


@dataclass
class Front:
    """Caddy, listening."""

    port: int

    def ask(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            link.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def answers(self) -> bool:
        try:
            self.ask("/api/v1/health")
        except OSError:
            return False
        return True


@pytest.fixture
def front(app: Flask, address: str, settings: Settings, free_port: int, tmp_path: Path) -> Iterator[Front]:
    written = (REPOSITORY / "deploy" / "Caddyfile").read_text()
    here = written.replace("/srv/app", str(settings.app_dir)).replace("web:8000", address.removeprefix("http://"))
    (tmp_path / "Caddyfile").write_text(here)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PESTWATCH_NAME": f"http://127.0.0.1:{free_port}"}
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent))
    assert caddy, "pip install -c constraints.txt -e .[dev]"
    command = [caddy, "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    front, deadline = Front(free_port), time.monotonic() + 60
    try:
        while not front.answers():
            assert process.poll() is None, "Caddy ended: its file is wrong"
            assert time.monotonic() < deadline, "Caddy did not start"
            time.sleep(0.1)
        yield front
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_front_gives_out_the_app_as_the_server_would_and_hides_the_rest(front: Front, app: Flask) -> None:
    own = app.test_client()
    for name, content in FILES.items():
        path = "/app/" if name == "index.html" else f"/app/{name}"
        status, headers, body = front.ask(path)
        expected = own.get(path)
        assert (status, body) == (200, content)
        assert {key: headers[key] for key in SAME} == {key: expected.headers[key] for key in SAME}, name
        assert headers.get_content_type() == expected.mimetype, name

    status, headers, body = front.ask("/app/assets/app-1a2b3c.js", Accept_Encoding="gzip")
    assert (headers["Content-Encoding"], gzip.decompress(body)) == ("gzip", FILES["assets/app-1a2b3c.js"])

    # A file that is gone is none: the page in its place would be kept as that file, for a year.
    status, headers, body = front.ask("/app/assets/app-0000.js")
    assert (status, body) == (404, b"")
    assert "immutable" not in (headers["Cache-Control"] or "")

    # Addresses of the office and of the phones go on to the server, which is told who asks and cannot be lied to.
    assert front.ask("/app")[0] == 308
    assert front.ask("/login")[0] == 200
    _, _, told = front.ask("/test/caller", X_Forwarded_For="6.6.6.6", X_Forwarded_Host="evil.example")
    assert told == b'{"address":"127.0.0.1","host":"127.0.0.1:%d","scheme":"http"}\n' % front.port

    assert own.get("/metrics", headers={"Authorization": "Bearer of-the-tests"}).status_code == 200
    assert front.ask("/metrics", Authorization="Bearer of-the-tests")[0] == 404
