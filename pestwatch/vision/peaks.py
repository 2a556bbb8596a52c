"""Heat map to moths: which cells are centres. One rule, for float and int8, Python and TypeScript.

A cell is a centre when its value reaches the threshold, is greater than its four earlier
neighbours (the row above, and left) and not smaller than its four later ones (right, and the row
below). Outside never wins. Of two equal neighbours exactly one counts; 256 levels make such ties common.

Where tiles overlap, both may find one moth, a cell apart: of peaks of one species nearer to one another than two cells, which
no heat map alone can show, the hottest is the moth.

Twin: field/src/count/peaks.ts, held by tests/golden/count.json.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

EARLIER = ((-1, -1), (-1, 0), (-1, 1), (0, -1))
LATER = ((0, 1), (1, -1), (1, 0), (1, 1))
APART_CELLS = 2
"""Peaks of one heat map lie at least so far apart, down or across."""


class Peak(NamedTuple):
    """One centre on a heat map of g by g cells."""

    row: int
    column: int
    species: int
    value: int


class Placed(NamedTuple):
    """One centre on a sized photo, and the code of its length."""

    x_px: int
    y_px: int
    species: int
    value: int
    code: int


def find_peaks(heat: npt.NDArray[np.uint8], threshold_q: Sequence[int]) -> list[Peak]:
    """Finds the centres of one tile.

    Args:
      heat: (g, g, s) uint8, 256 x probability.
      threshold_q: least value that counts, per species, in [1, 255].

    Returns:
      Peaks by species, then row, then column.
    """
    rows, columns, _species = heat.shape
    framed = np.full((rows + 2, columns + 2, heat.shape[2]), -1, np.int16)
    framed[1:-1, 1:-1] = heat
    centre = framed[1:-1, 1:-1]
    wins = centre >= np.asarray(threshold_q, np.int16)
    for down, right in EARLIER:
        wins &= centre > framed[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
    for down, right in LATER:
        wins &= centre >= framed[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
    return [
        Peak(int(row), int(column), int(species), int(heat[row, column, species]))
        for species, row, column in np.argwhere(wins.transpose(2, 0, 1))
    ]


def each_once(found: Sequence[Placed], apart_px: int) -> list[Placed]:
    """Takes out what two tiles saw both.

    Args:
      found: peaks of all tiles.
      apart_px: peaks of one species nearer than this, down and across, are one moth.

    Returns:
      Of each moth the hottest peak, of equally hot ones that which was found first; hottest first.
    """
    kept: list[Placed] = []
    for one in sorted(found, key=lambda placed: -placed.value):
        if not any(
            one.species == other.species
            and abs(one.x_px - other.x_px) < apart_px
            and abs(one.y_px - other.y_px) < apart_px
            for other in kept
        ):
            kept.append(one)
    return kept
