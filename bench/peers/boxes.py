"""Anchors, what they should answer, and back from answers to boxes. Plain numpy.

Boxes are squares: the data room keeps an insect's centre and the long side of its box, and insects lie at any angle.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pestwatch.vision.dataset import Point

FloatArray = npt.NDArray[np.float32]


class Level(NamedTuple):
    """One stride of the detector and the lengths of the squares that each of its cells answers for."""

    stride_px: int
    lengths_px: tuple[float, ...]


# Moths are 24 to 40 px long where they are counted, and half to twice that in training.
LEVELS = (Level(8, (20.0, 28.0, 40.0)), Level(16, (56.0, 80.0)))
MATCHED_FROM, BACKGROUND_BELOW = 0.5, 0.4
# Box answers are divided by these, so that they are about as large as the scores' gradients; SSD's variances.
CENTRE_UNIT, LENGTH_UNIT = 0.1, 0.2


class Box(NamedTuple):
    """One find: a square in whole pixels of the tile, and its score in 1/256."""

    x1: int
    y1: int
    x2: int
    y2: int
    species: int
    value: int


def anchors(side_px: int) -> FloatArray:
    """(n, 3) centres x, y and lengths in pixels, in the order of the network's answers put one after the other."""
    found = []
    for level in LEVELS:
        centres = (np.arange(side_px // level.stride_px, dtype=np.float32) + 0.5) * level.stride_px
        grid = np.stack(np.meshgrid(centres, centres), axis=-1)  # (g, g, 2): x, y
        for_lengths = np.repeat(grid[:, :, None], len(level.lengths_px), axis=2)
        lengths = np.broadcast_to(np.float32(level.lengths_px), for_lengths.shape[:3])
        found.append(np.concatenate([for_lengths, lengths[..., None]], axis=3).reshape(-1, 3))
    return np.concatenate(found).astype(np.float32)


def overlaps(squares: FloatArray, others: FloatArray) -> FloatArray:
    """(n, 3) and (m, 3) squares -> (n, m) intersection over union."""
    shared = np.ones((len(squares), len(others)), np.float32)
    for axis in (0, 1):
        low, high = (
            edge(
                squares[:, None, axis] + sign * squares[:, None, 2] / 2,
                others[None, :, axis] + sign * others[None, :, 2] / 2,
            )
            for edge, sign in ((np.maximum, -1), (np.minimum, 1))
        )
        shared *= np.maximum(high - low, 0)
    both: FloatArray = squares[:, None, 2] ** 2 + others[None, :, 2] ** 2 - shared
    return shared / both


def targets(points: Sequence[Point], grid: FloatArray, species: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What the anchors should answer for one crop.

    Args:
      points: its insects.
      grid: as of anchors.
      species: counted species, s.

    Returns:
      Scores (n, s), 1 for an anchor's insect; cares (n, s), 0 where an anchor half covers one; boxes (n, 3), meant where a
      score is 1.
    """
    scores = np.zeros((len(grid), species), np.float32)
    cares = np.ones_like(scores)
    boxes = np.zeros((len(grid), 3), np.float32)
    if not points:
        return scores, cares, boxes
    squares = np.float32([(point.x_px, point.y_px, point.length_px) for point in points])
    overlap = overlaps(grid, squares)
    best = overlap.argmax(axis=1)
    cover = overlap[np.arange(len(grid)), best]
    own = overlap.argmax(axis=0)  # every insect has one anchor, however badly it fits
    best[own], cover[own] = np.arange(len(points)), 1.0
    kinds = np.array([point.species for point in points])[best]
    matched = cover >= MATCHED_FROM
    scores[matched, kinds[matched]] = 1
    between = ~matched & (cover >= BACKGROUND_BELOW)
    cares[between, kinds[between]] = 0
    meant = squares[best]
    boxes[:, :2] = (meant[:, :2] - grid[:, :2]) / grid[:, 2:] / CENTRE_UNIT
    boxes[:, 2] = np.log(meant[:, 2] / grid[:, 2]) / LENGTH_UNIT
    return scores, cares, boxes


def decoded(boxes: FloatArray, grid: FloatArray) -> FloatArray:
    """Answers (n, 3) -> squares (n, 3) in pixels."""
    centres = grid[:, :2] + boxes[:, :2] * CENTRE_UNIT * grid[:, 2:]
    lengths = grid[:, 2:] * np.exp(np.clip(boxes[:, 2:] * LENGTH_UNIT, -2, 2))
    squares: FloatArray = np.concatenate([centres, lengths], axis=1)
    return squares


def suppressed(scores_q: npt.NDArray[np.uint8], squares: FloatArray, least_q: int, most_overlap: int) -> list[Box]:
    """Non-maximum suppression in whole numbers, species by species, the surest first.

    Args:
      scores_q: (n, s) uint8 in 1/256.
      squares: (n, 3) in pixels.
      least_q: least score that is looked at.
      most_overlap: greatest intersection over union of two boxes that are both kept, in percent.
    """
    corners = np.rint(
        np.concatenate([squares[:, :2] - squares[:, 2:] / 2, squares[:, :2] + squares[:, 2:] / 2], axis=1)
    )
    corners = corners.astype(np.int64)
    kept = []
    for species in range(scores_q.shape[1]):
        values = scores_q[:, species]
        left = [place for place in np.argsort(-values.astype(np.int16), kind="stable") if values[place] >= least_q]
        waiting = np.array(left, np.int64)
        while len(waiting):
            first, waiting = waiting[0], waiting[1:]
            kept.append(Box(*(int(edge) for edge in corners[first]), species, int(values[first])))
            waiting = waiting[~_covers(corners[first], corners[waiting], most_overlap)]
    return kept


def _covers(box: npt.NDArray[np.int64], others: npt.NDArray[np.int64], percent: int) -> npt.NDArray[np.bool_]:
    wide = np.maximum(np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0]), 0)
    high = np.maximum(np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1]), 0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    union = areas + (box[2] - box[0]) * (box[3] - box[1]) - wide * high
    over: npt.NDArray[np.bool_] = wide * high * 100 > union * percent
    return over
