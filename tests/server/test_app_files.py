"""The field app's own files: packed where possible, cached where harmless, and fenced in."""

import gzip
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server.config import Settings


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Files are served without a look at the database: one engine is enough."""
    return f"sqlite:///{tmp_path / 'pestwatch.db'}"


@pytest.fixture
def built(settings: Settings, client: FlaskClient) -> FlaskClient:
    files = {
        "index.html": b"<!doctype html>",
        "service-worker.js": b"self",
        "assets/main-4f2a.js": b"the app",
        "assets/main-4f2a.js.br": b"packed by brotli",
        "assets/main-4f2a.js.gz": gzip.compress(b"the app", mtime=0),
        "assets/engine-77.wasm": b"\0asm",
        "manifest.webmanifest": b"{}",
    }
    for name, content in files.items():
        path = settings.app_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (settings.app_dir.parent / "secret.txt").write_text("not for strangers")
    return client


@pytest.mark.parametrize(
    ("accepts", "encoding", "body"),
    [
        ("gzip, br", "br", b"packed by brotli"),
        ("gzip", "gzip", gzip.compress(b"the app", mtime=0)),
        ("br;q=0, gzip;q=0", None, b"the app"),
        ("", None, b"the app"),
    ],
)
def test_a_packed_sibling_is_served_to_browsers_that_take_it(
    built: FlaskClient, accepts: str, encoding: str | None, body: bytes
) -> None:
    response = built.get("/app/assets/main-4f2a.js", headers={"Accept-Encoding": accepts})
    assert (response.headers.get("Content-Encoding"), response.headers["Vary"]) == (encoding, "Accept-Encoding")
    assert (response.data, response.mimetype) == (body, "text/javascript")


@pytest.mark.parametrize(
    ("path", "cache"),
    [
        ("assets/main-4f2a.js", "public, max-age=31536000, immutable"),
        ("", "no-cache"),
        ("index.html", "no-cache"),
        ("service-worker.js", "no-cache"),
    ],
)
def test_only_what_never_changes_is_cached(built: FlaskClient, path: str, cache: str) -> None:
    response = built.get(f"/app/{path}")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, cache)
    again = built.get(f"/app/{path}", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_may_run_its_own_scripts_only(built: FlaskClient) -> None:
    policy = built.get("/app/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "unsafe-inline" not in policy


def test_files_have_the_types_that_browsers_insist_on(built: FlaskClient) -> None:
    types = [built.get(f"/app/{name}").mimetype for name in ("", "assets/engine-77.wasm", "manifest.webmanifest")]
    assert types == ["text/html", "application/wasm", "application/manifest+json"]


@pytest.mark.parametrize(
    "path", ["../secret.txt", "%2e%2e/secret.txt", "assets", "nothing.js", "assets/..%2f..%2fsecret.txt"]
)
def test_nothing_else_of_the_disk_is_served(built: FlaskClient, path: str) -> None:
    response = built.get(f"/app/{path}")
    assert response.status_code == 404
    assert b"strangers" not in response.data


def test_the_address_without_a_slash_leads_to_the_app(built: FlaskClient) -> None:
    response = built.get("/app")
    assert (response.status_code, response.headers["Location"]) == (308, "/app/")


def test_an_app_that_is_not_built_yet_says_what_it_waits_for(client: FlaskClient) -> None:
    response = client.get("/app/")
    assert response.status_code == 503
    assert response.text == "The app is not ready yet: `make app`. It starts by itself when that is done."
