"""Insects of one training photo on the ground of another: moths on liners that they were never on, flies beside moths.

An insect is darker than the paper under it. So its patch is not copied but multiplied in, divided by its own paper
first: it takes the light and the colour of where it comes to lie, and the border of the patch does not show.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from pestwatch.vision.dataset import Example, Point, UInt8Image

FloatImage = npt.NDArray[np.float32]
# A patch is this much wider than its box, so that legs and shadow come along.
ROOM = 1.15


@dataclass(frozen=True)
class Patch:
    """An insect, ready to be multiplied in.

    Args:
      cover: (h, w, 3) float32, 1 where its paper shows.
      species: index of a counted species, None for by-catch.
      length_px: long side of its box.
      grow: how long it is beside the moths that the photo's scale follows.
    """

    cover: FloatImage
    species: int | None
    length_px: float
    grow: float


def patches(examples: Sequence[Example], *, large: frozenset[int] = frozenset()) -> list[Patch]:
    """Cuts the insects out of photos of paper.

    Args:
      examples: with points, or by-catch; points near the border and those of others' boxes stay out.
      large: species that are about twice as long as the others.
    """
    found = []
    for example in examples:
        everything = [*example.points, *example.by_catch]
        for point in everything:
            half = point.length_px * ROOM / 2
            x1, y1, x2, y2 = (
                round(v) for v in (point.x_px - half, point.y_px - half, point.x_px + half, point.y_px + half)
            )
            height, width, _ = example.image.shape
            alone = all(
                other is point
                or np.hypot(other.x_px - point.x_px, other.y_px - point.y_px)
                > 0.55 * (point.length_px + other.length_px)
                for other in everything
            )
            if not alone or x1 < 0 or y1 < 0 or x2 > width or y2 > height:
                continue
            species = None if point.species < 0 else point.species
            grow = 1.9 if species in large or species is None else 1.0
            found.append(Patch(_cover(example.image[y1:y2, x1:x2]), species, point.length_px, grow))
    return found


def _cover(patch: UInt8Image) -> FloatImage:
    light = patch.astype(np.float32) + 1
    rim = np.concatenate(
        [light[:2].reshape(-1, 3), light[-2:].reshape(-1, 3), light[:, :2].reshape(-1, 3), light[:, -2:].reshape(-1, 3)]
    )
    paper = np.percentile(rim, 60, axis=0).astype(np.float32)
    share = np.clip(light / paper, 0, 1.25)
    side_y, side_x = patch.shape[:2]
    down, right = np.mgrid[-1 : 1 : side_y * 1j, -1 : 1 : side_x * 1j]
    inside = np.clip((1.05 - np.hypot(down, right)) / 0.25, 0, 1).astype(np.float32)[:, :, None]
    covered: FloatImage = 1 + (share - 1) * inside
    return covered


def paste(crop: Example, choice: Sequence[Patch], rng: np.random.Generator, length_px: float) -> Example:
    """Puts patches onto a crop, away from the moths that it has (now and then touching one).

    Args:
      crop: (h, w, 3); its points tell where moths are.
      choice: the patches to put.
      rng: of places, turns and sizes.
      length_px: of the crop's usual moth.

    Returns:
      The crop with what was put, as points and as by-catch.
    """
    light = crop.image.astype(np.float32)
    points, by_catch = list(crop.points), list(crop.by_catch)
    taken = [(p.x_px, p.y_px, p.length_px) for p in (*points, *by_catch)]
    for patch in choice:
        length = length_px * patch.grow * float(np.exp(rng.normal(0, 0.12)))
        ratio = length / patch.length_px
        tall, wide = (max(4, round(side * ratio)) for side in patch.cover.shape[:2])
        height, width = light.shape[:2]
        if tall >= height or wide >= width:
            continue
        place = _free(rng, (width, height), (wide, tall), taken, length)
        if place is None:
            continue
        left, top = place
        cover = _turned(patch.cover, rng, (wide, tall))
        light[top : top + tall, left : left + wide] *= cover
        centre = (left + wide / 2, top + tall / 2)
        taken.append((*centre, length))
        put = Point(*centre, -1 if patch.species is None else patch.species, length)
        (by_catch if patch.species is None else points).append(put)
    pixels = np.clip(light + 0.5, 0, 255).astype(np.uint8)
    return replace(crop, image=pixels, points=tuple(points), by_catch=tuple(by_catch))


def _turned(cover: FloatImage, rng: np.random.Generator, size: tuple[int, int]) -> FloatImage:
    turned = np.rot90(cover, int(rng.integers(4)))
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(turned[:, :, channel])).resize(size, Image.Resampling.BILINEAR))
        for channel in range(3)
    ]
    return np.stack(planes, axis=2)


def _free(
    rng: np.random.Generator,
    room: tuple[int, int],
    size: tuple[int, int],
    taken: Sequence[tuple[float, float, float]],
    length: float,
) -> tuple[int, int] | None:
    nearness = 0.5 if rng.random() < 0.7 else 0.36  # touching, or beginning to overlap
    for _ in range(12):
        left, top = (int(rng.integers(0, whole - part)) for whole, part in zip(room, size, strict=True))
        x, y = left + size[0] / 2, top + size[1] / 2
        if all(np.hypot(x - a, y - b) > nearness * (length + other) for a, b, other in taken):
            return left, top
    return None
