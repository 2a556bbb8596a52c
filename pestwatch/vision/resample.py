"""How far a figure would move on other photos: 95 % intervals, resampled by what photos have in common."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
SEED = 1


class Figure(NamedTuple):
    """A figure and its 95 % interval; the interval is the figure itself when there is one group only."""

    value: float
    low: float
    high: float


def wape(true: Sequence[int], counted: Sequence[int], groups: Sequence[str]) -> Figure:
    """Sum of absolute errors / sum of true counts, with whole groups drawn again.

    Args:
      true: insects per photo, not all 0.
      counted: by the model.
      groups: what photos have in common: the shot that they were cut from.
    """
    return _ratio([abs(a - b) for a, b in zip(true, counted, strict=True)], list(true), groups)


def mae(true: Sequence[int], counted: Sequence[int], groups: Sequence[str]) -> Figure:
    """Mean absolute error per photo, insects, with whole groups drawn again."""
    return _ratio([abs(a - b) for a, b in zip(true, counted, strict=True)], [1] * len(true), groups)


def _ratio(above: Sequence[int], below: Sequence[int], groups: Sequence[str]) -> Figure:
    """Percentile bootstrap of a ratio of sums; groups without insects leave a draw undefined, and it is dropped."""
    names = sorted(set(groups))
    place = np.array([names.index(group) for group in groups])
    sums = np.stack([np.bincount(place, np.asarray(part, np.float64), len(names)) for part in (above, below)])
    drawn = np.random.default_rng(SEED).integers(len(names), size=(RESAMPLES, len(names)))
    errors, insects = sums[0][drawn].sum(axis=1), sums[1][drawn].sum(axis=1)
    ratios = errors[insects > 0] / insects[insects > 0]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Figure(float(sums[0].sum() / sums[1].sum()), float(low), float(high))
