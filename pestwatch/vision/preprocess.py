"""The one definition of how a photo becomes tiles; the phone and the trainer agree here byte for byte.

Decode upright, shrink by exact integer area to 960 px on the long side (never enlarge), cut into tiles
of 512 px that overlap. Nothing else is done to the pixels: the bytes go into the network.

Twin: field/src/count/preprocess.ts, held by tests/golden/preprocess.json.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from pestwatch.errors import Problem

UInt8Image = npt.NDArray[np.uint8]

MAX_SIDE_PX = 960
MIN_SIDE_PX = 96
TILE_PX = 512
OVERLAP_PX = 64
# One cell of the heat map spans this many pixels of the tile.
STRIDE_PX = 4
OUTSIDE = 128
MAX_PIXELS = 50_000_000
# Rows of the source that are shrunk at a time: bounds the memory of a 50 megapixel photo.
STRIPE_ROWS = 128
FORMATS = ("JPEG", "PNG", "WEBP")
# What Pillow raises on damaged files.
DAMAGE = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, ArithmeticError, struct.error)
ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Tile(NamedTuple):
    """A (512, 512, 3) uint8 window of the shrunk photo, and where its corner lies in it."""

    x_px: int
    y_px: int
    pixels: UInt8Image


def decode_photo(source: Path | bytes, name: str) -> UInt8Image:
    """Decodes a photo upright.

    Args:
      source: a file, or its bytes.
      name: what to call it to a person.

    Returns:
      (h, w, 3) uint8 RGB, EXIF orientation applied, without colour conversion.

    Raises:
      Problem 422.1: not a JPEG, PNG or WebP picture, or a damaged one.
      Problem 422.2: no bytes.
      Problem 422.3: the long side is under 96 px.
      Problem 422.4: more than 50 megapixels; refused by the header, before decoding.
    """
    content = source if isinstance(source, bytes) else source.read_bytes()
    if not content:
        raise Problem("422.2", name=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata of a camera, and Pillow's own size limit: ours is lower
        try:
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
            _refuse_odd_sizes(picture.width, picture.height, name)
            return np.asarray(_upright(picture).convert("RGB"))
        except Image.DecompressionBombError as error:
            pixels = int("".join(re.findall(r"(\d+) pixels", str(error))[:1]) or 0)
            raise _too_many_pixels(pixels, name) from error
        except DAMAGE as error:
            raise Problem("422.1", name=name) from error


def _upright(picture: Image.Image) -> Image.Image:
    """Turns a picture as its EXIF orientation says; with unreadable EXIF it is left as it is, as browsers do."""
    try:
        orientation = picture.getexif().get(ORIENTATION_TAG)
    except DAMAGE:
        return picture
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)


def _refuse_odd_sizes(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(width * height, name)
    if max(width, height) < MIN_SIDE_PX:
        raise Problem("422.3", name=name, side_px=max(width, height), limit_px=MIN_SIDE_PX)


def _too_many_pixels(pixels: int, name: str) -> Problem:
    return Problem("422.4", name=name, megapixels=pixels // 1_000_000, limit=MAX_PIXELS // 1_000_000)


def shrunk_size(width: int, height: int) -> tuple[int, int]:
    """Width and height after shrinking: the long side 960, the other rounded half up, at least 1."""
    long, short = max(width, height), min(width, height)
    if long <= MAX_SIDE_PX:
        return width, height
    other = max(1, (short * MAX_SIDE_PX * 2 + long) // (2 * long))
    return (MAX_SIDE_PX, other) if width >= height else (other, MAX_SIDE_PX)


def shrink(image: UInt8Image) -> UInt8Image:
    """Shrinks by exact area in integers: every output byte is floor((2 * sum + T) / (2 * T)).

    The sum weighs each source pixel by the area it shares with the output pixel, in units of 1/w by 1/h source pixels;
    T is the number of source pixels. All values stay below 2^53, so JavaScript's numbers give the same bytes.

    Args:
      image: (h, w, 3) uint8.

    Returns:
      (h', w', 3) uint8 of shrunk_size; the image itself when it is small enough.
    """
    height, width, _ = image.shape
    new_width, new_height = shrunk_size(width, height)
    if (new_width, new_height) == (width, height):
        return image
    across = np.empty((height, new_width, 3), np.int64)
    for top in range(0, height, STRIPE_ROWS):
        stripe = image[top : top + STRIPE_ROWS].transpose(1, 0, 2)
        across[top : top + STRIPE_ROWS] = _area_sums(stripe, new_width).transpose(1, 0, 2)
    total = width * height
    shrunk = np.empty((new_height, new_width, 3), np.uint8)
    for left in range(0, new_width, STRIPE_ROWS):
        sums = _area_sums(across[:, left : left + STRIPE_ROWS], new_height)
        shrunk[:, left : left + STRIPE_ROWS] = (2 * sums + total) // (2 * total)
    return shrunk


def _area_sums(lines: npt.NDArray[np.uint8] | npt.NDArray[np.int64], parts: int) -> npt.NDArray[np.int64]:
    """Splits the first axis, n lines of weight `parts` each, into `parts` equal shares and sums each share."""
    count = lines.shape[0]
    whole = np.zeros((count + 1, *lines.shape[1:]), np.int64)
    np.cumsum(lines, axis=0, dtype=np.int64, out=whole[1:])
    border = np.arange(parts + 1, dtype=np.int64) * count
    line, rest = np.divmod(border, parts)
    partial = rest.reshape(-1, *[1] * (lines.ndim - 1)) * lines[np.minimum(line, count - 1)]
    return np.diff(whole[line] * parts + partial, axis=0)


def tile_offsets(length: int) -> list[int]:
    """Where tiles start along an axis of at most 960 px: one tile, or two that touch both ends."""
    return [0] if length <= TILE_PX else [0, length - TILE_PX]


def tiles(image: UInt8Image) -> Iterator[Tile]:
    """Cuts a shrunk photo into tiles, row by row; what lies outside the photo is 128 grey."""
    height, width, _ = image.shape
    for y_px in tile_offsets(height):
        for x_px in tile_offsets(width):
            inside = image[y_px : y_px + TILE_PX, x_px : x_px + TILE_PX]
            pixels = np.full((TILE_PX, TILE_PX, 3), OUTSIDE, np.uint8)
            pixels[: inside.shape[0], : inside.shape[1]] = inside
            yield Tile(x_px, y_px, pixels)


def owns(length: int, offset: int, centre: float) -> bool:
    """True when the tile at `offset` is the one that counts a moth centred at `centre` on this axis.

    With two tiles the border is the middle of the photo; what lies outside the photo belongs to no tile.
    """
    if centre >= length:
        return False
    if length <= TILE_PX:
        return True
    return centre < length / 2 if offset == 0 else centre >= length / 2
