"""Heat map to moths: which cells are centres. One rule, for float and int8, Python and TypeScript.

A cell is a centre when its value reaches the threshold, is greater than its four earlier
neighbours (the row above, and left) and not smaller than its four later ones (right, and the row
below). Outside never wins. Of two equal neighbours exactly one counts; 256 levels make such ties common.

Where tiles overlap, two may find one moth a cell apart: peaks of one species nearer to one another than two cells, which no
heat map alone can show, are one moth.

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


def each_once(own: Sequence[Placed], beyond: Sequence[Placed], apart_px: int) -> list[Placed]:
    """Counts once what two tiles saw near their border.

    Whose heat is greater does not matter: the hotter of two would pass a threshold more often than a moth elsewhere.

    Args:
      own: peaks that lie where the tile that found them counts; two tiles may both have put a moth on their own side.
      beyond: peaks that lie a little farther; two tiles may both have put a moth on the other's side.
      apart_px: peaks of one species nearer than this, down and across, are one moth.

    Returns:
      In the order of finding.
    """
    kept: list[Placed] = []
    for one in own:
        if not _has_near(kept, one, apart_px):
            kept.append(one)
    disowned: list[Placed] = []
    for one in beyond:
        if _has_near(kept, one, apart_px):
            continue
        if _has_near(disowned, one, apart_px):
            kept.append(one)
        disowned.append(one)
    return kept


def _has_near(found: Sequence[Placed], one: Placed, apart_px: int) -> bool:
    return any(
        one.species == other.species and abs(one.x_px - other.x_px) < apart_px and abs(one.y_px - other.y_px) < apart_px
        for other in found
    )
