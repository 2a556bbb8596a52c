"""GET and PATCH /photos/<sha256>: a photo that its farmer agreed to send arrives part by part.

Promises: only a photo that an observation of this phone names, with consent, is stored; what has arrived once is not asked
for again, even of a part that broke off; sending too much or twice is harmless. Nothing is stored that is no picture, nor
anything that a camera wrote beside the picture. Source: ADR 0020.
"""

import hashlib
import re
import threading
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta
from werkzeug.exceptions import ClientDisconnected

from pestwatch.errors import Problem
from server import auth
from server.api.answers import PREFIX, answer
from server.config import current_settings, current_time
from server.db import photos
from server.db.photo_files import open_photo_files
from server.db.photo_parts import PhotoParts, open_parts
from server.db.session import request_scope
from server.db.tables import Device
from server.pictures import MAX_PHOTO_BYTES, may_be_picture, read_announced

MAX_PART_BYTES = 256_000
"""Phones send 64,000 at a time: half a minute over 2G."""
READ_BYTES = 4_096
_completing = threading.BoundedSemaphore(2)
"""A whole photo may take 12 MB twice; most of them take half of one, and are here within milliseconds."""
blueprint = Blueprint("photos", __name__, url_prefix=PREFIX)


class PhotoState(msgspec.Struct, frozen=True):
    """How much of a photo is here."""

    sha256: str
    offset: Annotated[int, Meta(description="bytes that have arrived; the next part begins here")]
    complete: Annotated[bool, Meta(description="it is stored, and the phone may let go of it")]


@blueprint.get("/photos/<sha256>")
def photo_state(sha256: str) -> Response:
    """Says where the next part begins."""
    device, size_bytes = _announced(sha256)
    if size_bytes is not None:
        return answer(PhotoState(sha256, size_bytes, complete=True))
    return answer(PhotoState(sha256, _parts().arrived_bytes(device.id, sha256), complete=False))


@blueprint.patch("/photos/<sha256>")
def add_part(sha256: str) -> Response:
    """Adds a part that begins at `Upload-Offset`; the one that reaches `Upload-Length` completes the photo."""
    device, size_bytes = _announced(sha256)
    if size_bytes is not None:
        return answer(PhotoState(sha256, size_bytes, complete=True))
    offset, length = _whole_number("Upload-Offset"), _whole_number("Upload-Length")
    if length > MAX_PHOTO_BYTES:
        raise Problem("413.1", size_bytes=length, limit_bytes=MAX_PHOTO_BYTES)
    part = _received()
    name, parts = sha256[:12], _parts()
    if offset == 0 and not may_be_picture(part):
        raise Problem("422.1", name=name)
    if offset + len(part) > length:
        raise Problem("413.1", size_bytes=offset + len(part), limit_bytes=length)
    arrived = parts.append(device.id, sha256, offset, part)
    if arrived < length:
        return answer(PhotoState(sha256, arrived, complete=False))
    _complete(device, sha256, parts)
    return answer(PhotoState(sha256, arrived, complete=True), 201)


def _complete(device: Device, sha256: str, parts: PhotoParts) -> None:
    """Stores what has arrived; the half photo goes last, so that a crash in between costs nothing but one more request."""
    with _completing:
        _store(device, sha256, parts)


def _store(device: Device, sha256: str, parts: PhotoParts) -> None:
    try:
        picture = read_announced(parts.whole(device.id, sha256), sha256)
    except Problem:
        parts.forget(device.id, sha256)
        if _announced(sha256)[1] is not None:  # another connection completed it, and let go of the parts meanwhile
            return
        raise
    open_photo_files(current_settings()).keep(sha256, picture.content)
    stored_sha256 = hashlib.sha256(picture.content).hexdigest()
    with request_scope() as session:
        photos.record_photo(session, device, sha256, picture.header, current_time(), stored_sha256)
    parts.forget(device.id, sha256)


def _announced(sha256: str) -> tuple[Device, int | None]:
    """The phone that asks, and the size of the photo if it is stored.

    Raises:
      Problem 401.1: an unknown phone.
      Problem 403.2: none of its observations names the photo, or its farmer did not agree.
      Problem 404.1: this names no photo.
    """
    with request_scope(read_only=True) as session:
        device = auth.device_of_request(session)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise Problem("404.1", name=sha256[:80])
        if not photos.may_send_photo(session, device, sha256):
            raise Problem("403.2")
        kept = photos.photo_by_sha256(session, sha256)
        return device, kept.size_bytes if kept else None


def _received() -> bytes:
    """The part, or what came of it before the link broke: that is kept too."""
    request.max_content_length = MAX_PART_BYTES
    received = bytearray()
    try:
        while piece := request.stream.read(READ_BYTES):
            received += piece
    except (ClientDisconnected, ConnectionError, TimeoutError):
        pass
    return bytes(received)


def _whole_number(header: str) -> int:
    written = request.headers.get(header, "")
    if not re.fullmatch(r"[0-9]{1,9}", written):
        raise Problem("400.1", detail=f"the header {header} is not a number of bytes")
    return int(written)


def _parts() -> PhotoParts:
    return open_parts(current_settings())
