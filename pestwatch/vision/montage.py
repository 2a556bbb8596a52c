"""Whole liners made of crops: large photos with a known count, for measuring what no photo set holds.

A montage is easier than a photo (no perspective, the crops' own sharpness) and harder (borders, another light per crop).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from pestwatch.vision.dataset import Example

UInt8Image = npt.NDArray[np.uint8]

# Share of a crop's side along which it fades into the liner: less than half a moth.
FADE_SHARE = 0.02


def whole_liner(crops: Sequence[Example], megapixels: float, magnification: float, seed: int) -> Example:
    """Lays magnified crops in rows onto a plain liner of 4 to 3 until it is full.

    Args:
      crops: photos of one liner, or of one light; used again, mirrored, when there are too few.
      megapixels: size of the whole, 1e6 px.
      magnification: of the crops.
      seed: of their order and mirroring.

    Returns:
      The liner with its count per species; where the moths lie is not said.
    """
    rng = np.random.default_rng(seed)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    paper = np.median(np.concatenate([crop.image.reshape(-1, 3) for crop in crops]), axis=0)
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = paper.astype(np.uint8)
    counts = np.zeros(len(crops[0].true_counts), np.int64)
    left = top = row_height = 0
    for number in _endless(len(crops), rng):
        crop = crops[number]
        tile = _magnified(crop.image, magnification, is_mirrored=bool(rng.integers(2)))
        tall, wide, _ = tile.shape
        if left + wide > width:
            left, top, row_height = 0, top + row_height, 0
        if top + tall > height or wide > width:
            break
        place = canvas[top : top + tall, left : left + wide]
        alpha = _fade(tall, wide)
        place[:] = (tile * alpha + place * (1 - alpha) + 0.5).astype(np.uint8)
        counts += crop.true_counts
        left, row_height = left + wide, max(row_height, tall)
    return Example(
        canvas, counts=tuple(int(count) for count in counts), taken_at=crops[0].taken_at, silent=crops[0].silent
    )


def _endless(crops: int, rng: np.random.Generator) -> "npt.NDArray[np.int64]":
    """Numbers of crops, every one before any comes again; more than the largest liner takes."""
    return np.concatenate([rng.permutation(crops) for _ in range(1 + 2000 // crops)])


def _magnified(image: UInt8Image, magnification: float, *, is_mirrored: bool) -> UInt8Image:
    size = (round(image.shape[1] * magnification), round(image.shape[0] * magnification))
    large = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    return large[:, ::-1] if is_mirrored else large


def _fade(height: int, width: int) -> npt.NDArray[np.float32]:
    """1 inside, falling to 0 at the border -> (h, w, 1)."""
    ramps = []
    for length in (height, width):
        reach = max(2.0, FADE_SHARE * length)
        from_border = np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5)
        ramps.append(np.minimum(1, from_border / reach).astype(np.float32))
    return np.minimum.outer(ramps[0], ramps[1])[:, :, None]
