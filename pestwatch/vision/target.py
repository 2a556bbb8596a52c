"""What the network should answer for one crop, and where nobody can say."""

import numpy as np
import numpy.typing as npt

from pestwatch.vision.dataset import Example
from pestwatch.vision.model import length_code
from pestwatch.vision.preprocess import STRIDE_PX

FloatArray = npt.NDArray[np.float32]
# Shorter moths are no moths to this network, so that a photo seen from too far shows nothing instead of something
# wrong; between the two, and above the longest, nothing is asked.
UNSEEN_PX, SHORTEST_PX, LONGEST_PX = 7.5, 10.5, 72.0
# Flies look much like moths, and are few beside them.
BY_CATCH_CARE = 4.0
NO_MOTH = -1.0


def target_maps(crop: Example, grid: int, species: int) -> tuple[FloatArray, FloatArray]:
    """Draws what the network should answer for one crop.

    Args:
      crop: its points are drawn as Gaussians of 0.14 lengths, overlaps take the greater value.
      grid: cells per side, g.
      species: counted species, s.

    Returns:
      Targets (g, g, s + 1) in [0, 1] and cares (g, g, s + 1). The last channel is the length of the nearest moth
      (length_code), cared for near its centre only. Cares are 0 for silent species and where a moth is too long or too
      short to ask about.
    """
    targets = np.zeros((grid, grid, species + 1), np.float32)
    cares = np.ones_like(targets)
    cares[:, :, -1] = 0
    for index in crop.silent:
        cares[:, :, index] = 0
    cells = np.arange(grid, dtype=np.float32)
    for point in crop.points:
        if point.length_px < UNSEEN_PX:
            continue
        column, row = (min(grid - 1, int(side // STRIDE_PX)) for side in (point.x_px, point.y_px))
        spread = max(0.14 * point.length_px / STRIDE_PX, 0.55)
        across = np.exp(-((cells - column) ** 2) / (2 * spread**2))
        down = np.exp(-((cells - row) ** 2) / (2 * spread**2))
        bump = np.outer(down, across).astype(np.float32)
        channel = targets[:, :, point.species]
        if not SHORTEST_PX <= point.length_px <= LONGEST_PX:
            cares[:, :, point.species][bump > 0.1] = 0
            bump = np.minimum(bump, np.float32(0.999))
        nearer = bump > np.maximum(targets[:, :, :-1].max(axis=2), 0.45)
        targets[:, :, -1][nearer] = length_code(point.length_px)
        cares[:, :, -1][nearer] = bump[nearer]
        np.maximum(channel, bump, out=channel)
    return targets, cares


def gap_map(crop: Example, cares: FloatArray) -> FloatArray:
    """Where a moth may lie without a mark: nowhere in photos with all marks, and never on by-catch, which counts more.

    Args:
      crop: with the by-catch that lies in it.
      cares: (g, g, s + 1) as of target_maps; raised around by-catch.

    Returns:
      (g, g) float32: 1 where a moth may lie, 0 where the marks are complete, -1 on by-catch.
    """
    grid = cares.shape[0]
    gaps = np.full((grid, grid), float(crop.is_gappy), np.float32)
    down, right = (np.arange(grid, dtype=np.float32) * STRIDE_PX + STRIDE_PX / 2,) * 2
    for insect in crop.by_catch:
        near = np.hypot(down[:, None] - insect.y_px, right[None, :] - insect.x_px) < 0.4 * insect.length_px
        gaps[near] = NO_MOTH
        raised = cares[:, :, :-1][near]
        cares[:, :, :-1][near] = np.where(raised > 0, BY_CATCH_CARE, 0)
    return gaps


def with_gaps_silenced(whole: Example, cares: FloatArray, targets: FloatArray) -> FloatArray:
    """Takes no stand on the unmarked area of species of which a moth has no place yet."""
    if whole.counts is None:
        return cares
    for species, count in enumerate(whole.counts):
        if sum(point.species == species for point in whole.points) < count:
            cares[:, :, species] *= targets[:, :, species] > 0.01
    return cares
