"""GET /releases: manifest, signature and files of a model, with ETag and Range.

Station 9 of 9, the server's side. Needs no token: what is signed may be read by anyone, and a phone checks it itself.
"""

import base64
from contextlib import suppress
from pathlib import Path

import msgspec
from flask import Blueprint, Response, request

from pestwatch.errors import Problem
from pestwatch.release.manifest import BASE_REGION
from pestwatch.release.registry import Release, find_current, find_release
from pestwatch.release.signing import Signature
from server.api.answers import PREFIX
from server.config import current_settings
from server.files import serve_file

SAME_FOR_EVER = "public, max-age=31536000, immutable"
blueprint = Blueprint("releases", __name__, url_prefix=PREFIX)


class Offer(msgspec.Struct, frozen=True):
    """A release as phones take it: the manifest's exact bytes in base64, and who signed them."""

    manifest: str
    signature: Signature


class Offers(Offer, frozen=True, omit_defaults=True):
    """A region's release, and the base where the region has one of its own."""

    base: Offer | None = None


@blueprint.get("/releases/<region>/current")
def current(region: str) -> Response:
    """The manifest's exact bytes and their signature; the base's for a region without a model of its own.

    A region's own release comes with the base beside it, in one answer: phones take from there what it lacks.
    """
    release = find_current(region, *_shelves())
    base: Offer | None = None
    if release.manifest.region != BASE_REGION:
        with suppress(Problem):
            base = Offer(*_parts(find_current(BASE_REGION, *_shelves())))
    response = Response(msgspec.json.encode(Offers(*_parts(release), base)), content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/releases/<region>/<version>/<name>")
def release_file(region: str, version: str, name: str) -> Response:
    """One file of a release; the rest of it when a broken download asks for a Range."""
    release = find_release(region, version, *_shelves())
    entry = release.manifest.file(name)
    media_type = "image/png" if name.endswith(".png") else "application/octet-stream"
    return serve_file(release.folder / entry.name, media_type, SAME_FOR_EVER, etag=entry.sha256)


def _parts(release: Release) -> tuple[str, Signature]:
    return base64.b64encode(release.content).decode(), release.signature


def _shelves() -> tuple[Path, Path]:
    settings = current_settings()
    return settings.releases_dir, settings.models_dir / "releases"
