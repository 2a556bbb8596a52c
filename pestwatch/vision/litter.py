"""Dirt on the glue of training crops: what blows onto a liner and is no insect.

The photo sets hold next to no dirty liners without moths; a counter that never saw dirt takes it for small moths.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from pestwatch.vision.dataset import Example, Point

# The dirt is drawn larger and shrunk, which softens its edges.
FINER = 2
# Nothing falls onto a moth: how far from a moth's centre dirt keeps, in lengths of the moth.
CLEARANCE = 0.6


def littered(crop: Example, rng: np.random.Generator, length_px: float) -> Example:
    """Drops specks, twigs, bits of leaf and stains beside the insects of a crop.

    Args:
      crop: (h, w, 3); its points and by-catch tell where insects are.
      rng: of what falls and where.
      length_px: of the crop's usual moth.

    Returns:
      The crop with the dirt, which joins the by-catch: certainly no moths.
    """
    height, width, _ = crop.image.shape
    cover = Image.new("RGB", (width * FINER, height * FINER), (255, 255, 255))
    fallen: list[Point] = []
    taken = [*crop.points, *crop.by_catch]
    for drop, most, lengths, shades in KINDS:
        for _ in range(int(rng.integers(0, most + 1)) if rng.random() < 0.5 else 0):
            size_px = length_px * float(np.exp(rng.uniform(*np.log(lengths))))
            x_px, y_px = float(rng.uniform(0, width)), float(rng.uniform(0, height))
            if _is_free(x_px, y_px, size_px, taken):
                cover, spine = drop(cover, rng, x_px, y_px, size_px, shades)
                fallen += [Point(x, y, -1, max(length, length_px / 4)) for x, y, length in spine]
    share = np.asarray(cover.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    image = (crop.image * share + 0.5).astype(np.uint8)
    return replace(crop, image=image, by_catch=(*crop.by_catch, *fallen))


Spine = list[tuple[float, float, float]]
"""x_px, y_px and length_px of circles that hold the dirt's middle."""


def _is_free(x_px: float, y_px: float, size_px: float, taken: Sequence[Point]) -> bool:
    return all(
        np.hypot(x_px - insect.x_px, y_px - insect.y_px) > CLEARANCE * insect.length_px + size_px / 2
        for insect in taken
    )


def _shade(rng: np.random.Generator, shades: tuple[int, int]) -> tuple[int, int, int]:
    """How much light passes: earth and dead leaves take blue first."""
    red = int(rng.integers(*shades))
    green = int(red * rng.uniform(0.8, 1.05))
    return red, min(255, green), min(255, int(green * rng.uniform(0.65, 1.0)))


def _outline(rng: np.random.Generator, x_px: float, y_px: float, size_px: float) -> list[tuple[float, float]]:
    """A ragged oval."""
    corners = int(rng.integers(5, 11))
    turn, slim = rng.uniform(0, np.pi), rng.uniform(0.35, 1.0)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = size_px / 2 * rng.uniform(0.6, 1.0, corners)
    along, across = radius * np.cos(angles), radius * np.sin(angles) * slim
    xs = x_px + along * np.cos(turn) - across * np.sin(turn)
    ys = y_px + along * np.sin(turn) + across * np.cos(turn)
    return [(float(x) * FINER, float(y) * FINER) for x, y in zip(xs, ys, strict=True)]


def _scrap(
    cover: Image.Image, rng: np.random.Generator, x_px: float, y_px: float, size_px: float, shades: tuple[int, int]
) -> tuple[Image.Image, Spine]:
    ImageDraw.Draw(cover).polygon(_outline(rng, x_px, y_px, size_px), fill=_shade(rng, shades))
    return cover, [(x_px, y_px, size_px)]


def _twig(
    cover: Image.Image, rng: np.random.Generator, x_px: float, y_px: float, size_px: float, shades: tuple[int, int]
) -> tuple[Image.Image, Spine]:
    turn, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 0.6)
    places = np.linspace(-0.5, 0.5, 7)
    xs = x_px + size_px * (places * np.cos(turn) - bend * places**2 * np.sin(turn))
    ys = y_px + size_px * (places * np.sin(turn) + bend * places**2 * np.cos(turn))
    line = [(float(x) * FINER, float(y) * FINER) for x, y in zip(xs, ys, strict=True)]
    ImageDraw.Draw(cover).line(line, fill=_shade(rng, shades), width=int(rng.integers(1, 3 * FINER)), joint="curve")
    return cover, [(float(x), float(y), size_px / 3) for x, y in zip(xs, ys, strict=True)]


def _stain(
    cover: Image.Image, rng: np.random.Generator, x_px: float, y_px: float, size_px: float, shades: tuple[int, int]
) -> tuple[Image.Image, Spine]:
    """Wet or greasy paper: large, pale and soft."""
    layer = Image.new("RGB", cover.size, (255, 255, 255))
    ImageDraw.Draw(layer).polygon(_outline(rng, x_px, y_px, size_px), fill=_shade(rng, shades))
    soft = layer.filter(ImageFilter.GaussianBlur(size_px * FINER / 12))
    return ImageChops.multiply(cover, soft), [(x_px, y_px, size_px / 2)]


# How it is drawn, the most pieces, their length in lengths of the usual moth, and the light that passes: specks, twigs, bits of
# leaf, stains.
KINDS = (
    (_scrap, 30, (0.06, 0.45), (20, 170)),
    (_twig, 6, (0.4, 3.0), (30, 170)),
    (_scrap, 4, (0.5, 2.0), (60, 210)),
    (_stain, 3, (1.0, 4.0), (190, 250)),
)
