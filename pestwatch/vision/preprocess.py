"""The one definition of how a photo becomes tiles; the phone and the trainer agree here byte for byte.

Decode upright, halve as long as it stays large enough, bring to the size of a look by exact integer arithmetic, cut
into tiles that overlap. Nothing else is done to the pixels: the bytes go into the network. At which size to look, look.py
decides.

Twin: field/src/count/preprocess.ts, held by tests/golden/preprocess.json.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from pestwatch.errors import Problem

UInt8Image = npt.NDArray[np.uint8]

MIN_SIDE_PX = 96
# A larger photo is shrunk to this before anything else: what a phone's memory bears.
MAX_SIDE_PX = 4096
# Length at which each species is counted, in label order: pinworms are told from flies and dirt best when small,
# bollworms in heaps from one another when large (docs/counting.md).
MOTH_PX = (24, 40, 32)
# One cell of the heat map spans this many pixels of the tile.
STRIDE_PX = 4
OUTSIDE = 128
MAX_PIXELS = 50_000_000
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
    """A square (t, t, 3) uint8 window of a sized photo, and where its corner lies in it."""

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


def other_side(long: int, short: int, side_px: int) -> int:
    """The short side when the long one becomes side_px: rounded half up, at least 1."""
    return max(1, (short * side_px * 2 + long) // (2 * long))


def halved(image: UInt8Image) -> UInt8Image:
    """Half the width and height, each byte the mean of four, rounded half up; an odd last row or column is dropped."""
    height, width = (side // 2 * 2 for side in image.shape[:2])
    rows = image[0:height:2, :width].astype(np.uint16)
    rows += image[1:height:2, :width]
    pairs = rows[:, 0::2] + rows[:, 1::2]
    pairs += 2
    pairs >>= 2
    small: UInt8Image = pairs.astype(np.uint8)
    return small


class Sizes:
    """A photo at any size; halves of it are made once and kept.

    Args:
      image: (h, w, 3) uint8 RGB, upright; shrunk at once when its long side is over 4096.
    """

    def __init__(self, image: UInt8Image) -> None:
        while max(image.shape[:2]) >= 2 * MAX_SIDE_PX and min(image.shape[:2]) > 1:
            image = halved(image)
        if max(image.shape[:2]) > MAX_SIDE_PX:
            image = _resized(image, MAX_SIDE_PX)
        self._halves = [image]
        self._last: UInt8Image | None = None

    @property
    def long_px(self) -> int:
        """The long side of the photo as it is kept."""
        return int(max(self._halves[0].shape[:2]))

    def at(self, side_px: int) -> UInt8Image:
        """The photo with a long side of side_px, from the smallest half that is not smaller.

        The last one is kept: the gate and the first look ask for the same.
        """
        if self._last is not None and max(self._last.shape[:2]) == side_px:
            return self._last
        while max(self._halves[-1].shape[:2]) // 2 >= side_px and min(self._halves[-1].shape[:2]) > 1:
            self._halves.append(halved(self._halves[-1]))
        large = [half for half in self._halves if max(half.shape[:2]) >= side_px]
        self._last = _resized(large[-1] if large else self._halves[0], side_px)
        return self._last


def _resized(image: UInt8Image, side_px: int) -> UInt8Image:
    """Shrinks by exact area or enlarges between centres, in integers: every byte is the mean, rounded half up.

    Both sums weigh source pixels by whole numbers: areas in units of 1/w by 1/h source pixels, or distances of centres
    in halves of those. All values stay below 2^53, so JavaScript's numbers give the same bytes.
    """
    height, width, _ = image.shape
    long, short = max(height, width), min(height, width)
    if long == side_px:
        return image
    other = other_side(long, short, side_px)
    to_height, to_width = (side_px, other) if height >= width else (other, side_px)
    down, right = _weights(height, to_height), _weights(width, to_width)
    total = down.total * right.total
    whole = np.uint32 if 256 * total < 2**32 else np.uint64
    narrow = _summed(image, down, np.uint32).transpose(1, 0, 2)
    sums = _summed(np.ascontiguousarray(narrow), right, whole).transpose(1, 0, 2)
    return np.ascontiguousarray((sums + whole(total // 2)) // whole(total), np.uint8)


def _summed(lines: npt.NDArray[Any], weights: "_Weights", whole: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    """Weighted sums along the first axis, as whole numbers of a type that holds them."""
    sums = np.zeros((len(weights.lines[0][0]), *lines.shape[1:]), whole)
    for line, weight in weights.lines:
        sums += lines[line] * weight.astype(whole)[:, None, None]
    return sums


class _Weights(NamedTuple):
    """For each line of the result: source lines with whole weights, which always sum up to `total`."""

    lines: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]]
    total: int


def _weights(count: int, parts: int) -> _Weights:
    """How `parts` lines are made of `count`: by area when fewer (at least half as many), else between centres."""
    place = np.arange(parts, dtype=np.int64)
    if parts <= count:
        begin, end = place * count, (place + 1) * count  # in units of 1 / parts of a source line
        first = begin // parts
        lines = []
        for step in range(count // parts + 2):
            line = first + step
            weight = np.minimum(end, (line + 1) * parts) - np.maximum(begin, line * parts)
            lines.append((np.minimum(line, count - 1), np.maximum(weight, 0).astype(np.int32)))
        return _Weights(lines, count)
    centre = (
        2 * place + 1
    ) * count - parts  # of the line's centre, in units of 1 / (2 * parts), from the first source centre
    first, rest = np.divmod(centre, 2 * parts)
    return _Weights(
        [
            (np.clip(first, 0, count - 1), (2 * parts - rest).astype(np.int32)),
            (np.clip(first + 1, 0, count - 1), rest.astype(np.int32)),
        ],
        2 * parts,
    )


def tile_offsets(length: int, tile_px: int, overlap_px: int) -> list[int]:
    """Where tiles start along an axis: as few as cover it with at least the overlap, evenly spread, touching the ends."""
    if length <= tile_px:
        return [0]
    count = -((overlap_px - length) // (tile_px - overlap_px))
    return [place * (length - tile_px) // (count - 1) for place in range(count)]


def tiles(image: UInt8Image, tile_px: int, overlap_px: int) -> Iterator[Tile]:
    """Cuts a sized photo into tiles, row by row; what lies outside the photo is 128 grey."""
    height, width, _ = image.shape
    for y_px in tile_offsets(height, tile_px, overlap_px):
        for x_px in tile_offsets(width, tile_px, overlap_px):
            inside = image[y_px : y_px + tile_px, x_px : x_px + tile_px]
            pixels = np.full((tile_px, tile_px, 3), OUTSIDE, np.uint8)
            pixels[: inside.shape[0], : inside.shape[1]] = inside
            yield Tile(x_px, y_px, pixels)


def owned(length: int, offset: int, tile_px: int, overlap_px: int) -> tuple[float, float]:
    """The part of an axis in which the tile at `offset` counts: from, and up to but not at; halves of pixels.

    The border of two tiles is the middle of what they share; what lies outside the photo belongs to no tile.
    """
    offsets = tile_offsets(length, tile_px, overlap_px)
    place = offsets.index(offset)
    middles = ((left + tile_px + right) / 2 for left, right in pairwise(offsets))
    borders = [0.0, *middles, float(length)]
    return borders[place], borders[place + 1]
