"""Serves the built field app under /app/: packed siblings where the browser takes them, and headers that keep it safe.

A file with a hash in its name never changes and is cached for ever; the page and the service worker are asked for anew
each time, or phones would keep an old app. In production the TLS front does the same.
"""

import mimetypes
from pathlib import Path

from flask import Blueprint, Response, redirect, request
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as AnyResponse

from pestwatch.errors import Problem
from server.config import current_settings
from server.files import serve_file

SAME_FOR_EVER = "public, max-age=31536000, immutable"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
NO_HINTS = "ch-ua=(), ch-ua-mobile=(), ch-ua-platform=()"
"""Else Chromium tells its make three times more in every request: nobody here wants to know, and over 2G it costs."""
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".tflite": "application/octet-stream",
}
PACKED = (("br", ".br"), ("gzip", ".gz"))
blueprint = Blueprint("app_files", __name__, url_prefix="/app")


@blueprint.get("")
def without_slash() -> AnyResponse:
    """The app's addresses are relative to its folder."""
    return redirect("/app/", 308)


@blueprint.get("/")
@blueprint.get("/<path:name>")
def app_file(name: str = "index.html") -> Response:
    """One file of the app, packed if a packed sibling lies beside it and the browser takes it."""
    folder = current_settings().app_dir
    if not (folder / "index.html").is_file():
        raise Problem("503.1", what="The app", waits_for="`make app`")
    path = safe_join(str(folder), name)
    if path is None:
        raise Problem("404.1", name=name[:80])
    encoding, suffix = _packed(path)
    cache = SAME_FOR_EVER if name.startswith("assets/") else "no-cache"
    response = serve_file(Path(path + suffix), _media_type(name), cache)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Permissions-Policy"] = NO_HINTS
    return response


def _packed(path: str) -> tuple[str | None, str]:
    for encoding, suffix in PACKED:
        if request.accept_encodings[encoding] > 0 and Path(path + suffix).is_file():
            return encoding, suffix
    return None, ""


def _media_type(name: str) -> str:
    suffix = f".{name.rpartition('.')[2]}"
    return MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
