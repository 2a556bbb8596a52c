"""How sure a count is: an interval that holds the truth in nine photos of ten, if photos are like those it was set on.

Split-conformal: the score of a measured photo is |true - counted| / (1 + sqrt(counted)), and the interval reaches as far
as the score that nine of ten measured photos did not exceed. Ten crops of one shot share its light and its faults and say
hardly more than one, so what is ranked is one photo of each shot, drawn again and again. Shots of one trap are alike as
well: the promise holds for that trap's likes; bench/counter.py measures what is left of it on a trap that took no part.

Source: Lei et al. 2018, arXiv 1604.04173 (split-conformal with a scaled residual; the scale is a guess, Poisson's);
Dunn et al. 2022, arXiv 1809.07441 (groups, by repeated subsampling).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.9
DRAWS = 400
SEED = 1


class Covered(NamedTuple):
    """How an interval did on photos that it was not set on."""

    share: float
    mean_width: float
    n: int


def score(true: int, counted: int) -> float:
    """How far off a count was, in units of what is usual at that count."""
    return abs(true - counted) / (1 + math.sqrt(counted))


def quantile(scores: Sequence[float], groups: Sequence[str] | None = None, level: float = LEVEL) -> float | None:
    """The score that a share of photos does not exceed, with the correction for few photos.

    Args:
      scores: of the photos that the interval is set on.
      groups: the shot of each photo; every photo stands for itself when None.
      level: share of new photos whose truth the interval is to hold.

    Returns:
      The quantile, rounded up to three decimals; None when there are too few groups to say.
    """
    names = groups or [str(place) for place in range(len(scores))]
    grouped = [[score for score, name in zip(scores, names, strict=True) if name == own] for own in sorted(set(names))]
    rank = math.ceil((len(grouped) + 1) * level)
    if rank > len(grouped):
        return None
    rng = np.random.default_rng(SEED)
    drawn = np.stack([rng.choice(np.asarray(group), DRAWS) for group in grouped])  # (groups, draws)
    return math.ceil(float(np.sort(drawn, axis=0)[rank - 1].mean()) * 1000) / 1000


def interval(counted: int, q: float) -> tuple[int, int]:
    """The least and the greatest true count that go with a count.

    Args:
      counted: by the model.
      q: of the sidecar's interval_q90.
    """
    reach = q * (1 + math.sqrt(counted))
    return max(0, math.ceil(counted - reach)), math.floor(counted + reach)


def coverage(true: Sequence[int], counted: Sequence[int], q: float) -> Covered:
    """How often the interval held the truth, and how wide it was."""
    spans = [interval(count, q) for count in counted]
    held = sum(low <= count <= high for count, (low, high) in zip(true, spans, strict=True))
    return Covered(held / len(true), sum(high - low for low, high in spans) / len(true), len(true))
