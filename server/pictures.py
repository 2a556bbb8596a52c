"""What a photo's bytes say, and what of them is kept: the picture, without what cameras write beside it.

Promises: every pixel and the way up stay as they were sent; place, owner, maker, comments, previews and whatever hangs
behind the picture's end are gone. Refuses what is no whole picture, and what would cost a decoder too much. Nothing is
decoded and no imaging library is used: this runs in the web process. Source: ADR 0020.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pestwatch.errors import Problem

MAX_PHOTO_BYTES = 12_000_000
MAX_MEGAPIXELS = 50
MAX_SEGMENTS = 500
"""More than any camera writes; field/src/photo/header.ts says the same."""
MAX_CHUNKS = 20_000
"""A PNG of 12 MB in the smallest pieces that libpng writes by itself has 1,500."""
MAX_SCANS = 100
"""A progressive JPEG has about ten; each costs a decoder one pass over the whole picture."""

_FRAMES = {0xC0, 0xC1, 0xC2}
"""Baseline, extended and progressive: the kinds that browsers read. The arithmetic and lossless ones they do not."""
_TABLES = {0xC4, 0xDB, 0xDD}
_LEFT_OUT = {*range(0xE0, 0xFF)}
"""APPn, JPGn and comments."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PADDING = re.compile(rb"\xff+(?=\xff)")
_NEEDED_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class PhotoHeader:
    """What a photo says of itself."""

    media_type: str
    width_px: int
    height_px: int
    size_bytes: int = 0


@dataclass(frozen=True)
class Picture:
    """A photo as it is kept."""

    header: PhotoHeader
    content: bytes


def read_picture(content: bytes, name: str) -> Picture:
    """Reads a photo and takes out what is not the picture.

    Args:
      content: the whole file.
      name: what to call the photo in a Problem.

    Raises:
      Problem 422.1: neither JPEG nor PNG, or damaged, or cut short.
      Problem 422.2: empty.
      Problem 422.4: too many megapixels.
    """
    if not content:
        raise Problem("422.2", name=name)
    try:
        picture = _read_png(content) if content.startswith(_PNG) else _read_jpeg(content)
    except (_Damaged, struct.error, IndexError) as error:
        raise Problem("422.1", name=name) from error
    header = picture.header
    if header.width_px == 0 or header.height_px == 0:
        raise Problem("422.1", name=name)
    megapixels = header.width_px * header.height_px / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise Problem("422.4", name=name, megapixels=round(megapixels), limit=MAX_MEGAPIXELS)
    return replace(picture, header=replace(header, size_bytes=len(picture.content)))


def read_announced(content: bytes, sha256: str) -> Picture:
    """Reads the photo that was announced under a hash.

    Raises:
      Problem 422.1, 422.2, 422.4: as `read_picture`.
      Problem 422.6: another one.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem("422.6")
    return read_picture(content, sha256[:12])


def may_be_picture(head: bytes) -> bool:
    """False when the first bytes rule it out: a farmer should not pay for sending the rest."""
    return any(head[: len(start)] == start[: len(head)] for start in (b"\xff\xd8\xff", _PNG))


class _Damaged(Exception):
    """Not a whole picture."""


def _read_jpeg(content: bytes) -> Picture:
    header: PhotoHeader | None = None
    kept, scans = bytearray(b"\xff\xd8"), 0
    for marker, segment in _segments(content):
        if marker == 0xD9 and header and scans:
            return Picture(header, bytes(kept + segment))
        if marker in _FRAMES and header is None:
            height_px, width_px = struct.unpack_from(">HH", segment, 5)
            header = PhotoHeader("image/jpeg", width_px, height_px)
            kept += segment
        elif marker == 0xDA and header and scans < MAX_SCANS:
            scans += 1
            kept += segment
        else:
            kept += _needed(marker, segment)
    raise _Damaged


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment, a scan's with the pixels that follow it. Source: ITU-T T.81, B.1.1 to B.2.3."""
    if content[:3] != b"\xff\xd8\xff":
        raise _Damaged
    at = 2
    for _ in range(MAX_SEGMENTS):
        if padding := _PADDING.match(content, at):
            at = padding.end()
        if content[at] != 0xFF:
            return
        marker = content[at + 1]
        if marker == 0xD9:
            yield marker, b"\xff\xd9"
            return
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if end < at + 4 or end > len(content):
            return
        if marker == 0xDA:
            following = _MARKER.search(content, end)
            if following is None:  # cut short
                return
            end = following.start()
        yield marker, content[at:end]
        at = end


def _needed(marker: int, segment: bytes) -> bytes:
    """What a decoder needs of a segment: nothing of a note that a camera made, but for the way up."""
    said = segment[4:]
    if marker in _TABLES:
        return segment
    if marker == 0xE0 and said.startswith(b"JFIF\0") and len(said) >= 14:
        return b"\xff\xe0\0\x10" + said[:12] + b"\0\0"  # without its preview
    if marker == 0xE1 and said.startswith(b"Exif\0\0"):
        return _upright_note(_turned(said[6:]))
    if marker == 0xEE and said.startswith(b"Adobe") and len(said) >= 12:
        return b"\xff\xee\0\x0e" + said[:12]  # says how colours are meant
    if marker in _LEFT_OUT:
        return b""
    raise _Damaged


def _turned(tiff: bytes) -> int:
    """Which way the camera was held: 1 to 8, 1 if it is not said. Source: Exif 2.32, 4.6.4."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, at)
        for entry in range(min(entries, 200)):
            tag, kind, number, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * entry)
            if (tag, kind, number) == (0x0112, 3, 1):
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _upright_note(turned: int) -> bytes:
    """An Exif segment that says which way is up, and nothing else; none for a picture that is upright."""
    if turned == 1:
        return b""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, turned, 0, 0)
    note = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", 2 + len(note)) + note


def _read_png(content: bytes) -> Picture:
    """Walks the chunks to the end of the image. Source: PNG, third edition, 5.3 to 5.6."""
    header: PhotoHeader | None = None
    kept, at, has_pixels = bytearray(_PNG), len(_PNG), False
    for _ in range(MAX_CHUNKS):
        length, kind = struct.unpack_from(">I4s", content, at)
        chunk = content[at : at + 12 + length]
        if len(chunk) < 12 + length or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            break
        at += len(chunk)
        if (kind == b"IHDR") != (header is None):  # it stands first, and once
            break
        if kind == b"IHDR":
            width_px, height_px = struct.unpack_from(">II", chunk, 8)
            if length != 13:
                break
            header = PhotoHeader("image/png", width_px, height_px)
        is_needed = kind in _NEEDED_CHUNKS
        if not is_needed and not kind[0] & 0x20:  # critical, and unknown to us
            break
        if is_needed:
            kept += chunk
        has_pixels = has_pixels or kind == b"IDAT"
        if kind == b"IEND" and header and has_pixels:
            return Picture(header, bytes(kept))
    raise _Damaged
