"""Photos on disk, addressed by their SHA-256: <photos>/ab/cdef….

Promises: a photo appears complete or not at all, and is on disk before its row is; the same bytes lie here once. The
picture's header is read, not its pixels: no imaging library runs in the web process.
"""

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pestwatch.errors import Problem

MAX_PHOTO_BYTES = 12_000_000
MAX_MEGAPIXELS = 50
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_HEADER_BYTES = 1_000_000
"""A JPEG's size stands behind its EXIF and colour profile, which may be long."""


@dataclass(frozen=True)
class PhotoHeader:
    """What the first bytes of a photo say."""

    media_type: str
    width_px: int
    height_px: int
    size_bytes: int = 0


def photo_path(photos_dir: Path, sha256: str) -> Path:
    """Where a photo lies, or would."""
    return photos_dir / sha256[:2] / sha256[2:]


def keep_photo(photos_dir: Path, sha256: str, chunks: Iterable[bytes]) -> PhotoHeader:
    """Writes a photo that is what it was announced to be.

    Args:
      photos_dir: the folder of all photos.
      sha256: what its bytes must hash to, hex.
      chunks: its bytes.

    Raises:
      Problem 413.1: larger than MAX_PHOTO_BYTES.
      Problem 422.1, 422.2, 422.4: not a photo, empty, or of too many megapixels.
      Problem 422.6: other bytes than announced.
    """
    place = photo_path(photos_dir, sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size_bytes, head = hashlib.sha256(), 0, bytearray()
    handle, draft = tempfile.mkstemp(dir=place.parent, prefix=".draft")
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > MAX_PHOTO_BYTES:
                    raise Problem("413.1", size_bytes=size_bytes, limit_bytes=MAX_PHOTO_BYTES)
                digest.update(chunk)
                head += chunk[: max(0, _HEADER_BYTES - len(head))]
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if size_bytes == 0:
            raise Problem("422.2", name=sha256[:12])
        if digest.hexdigest() != sha256:
            raise Problem("422.6")
        header = read_header(bytes(head), sha256[:12])
        Path(draft).replace(place)
    finally:
        Path(draft).unlink(missing_ok=True)
    _sync_folder(place.parent)
    return replace(header, size_bytes=size_bytes)


def read_header(head: bytes, name: str) -> PhotoHeader:
    """Reads kind and size of a picture from its first bytes.

    Args:
      head: the start of the file.
      name: what to call the photo in a Problem.

    Raises:
      Problem 422.1: neither JPEG nor PNG.
      Problem 422.4: too many megapixels.
    """
    header = _png_header(head) or _jpeg_header(head)
    if header is None or header.width_px == 0 or header.height_px == 0:
        raise Problem("422.1", name=name)
    megapixels = header.width_px * header.height_px / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise Problem("422.4", name=name, megapixels=round(megapixels), limit=MAX_MEGAPIXELS)
    return header


def _png_header(head: bytes) -> PhotoHeader | None:
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        return None
    return PhotoHeader("image/png", *struct.unpack(">II", head[16:24]))


def _jpeg_header(head: bytes) -> PhotoHeader | None:
    """Walks the segments until the one that starts a frame. Source: ITU-T T.81, B.1.1 and B.2.2."""
    if head[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _START_OF_FRAME:
            height_px, width_px = struct.unpack(">HH", head[at + 5 : at + 9])
            return PhotoHeader("image/jpeg", width_px, height_px)
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a length
            at += 2
        else:
            at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
