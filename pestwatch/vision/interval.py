"""How sure a count is: an interval that holds the truth in nine photos of ten, if photos are like those it was set on.

Split-conformal: the score of a measured photo is |true - counted| / (1 + sqrt(counted)), and the interval reaches as far
as the score that nine of ten measured photos did not exceed. Photos of one trap are alike, so the promise holds for that
trap's likes only; bench/counter.py measures what is left of it on a trap that took no part.

Source: Lei et al. 2018, arXiv 1604.04173 (split-conformal with a scaled residual); the scale is a guess, Poisson's.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

LEVEL = 0.9


class Covered(NamedTuple):
    """How an interval did on photos that it was not set on."""

    share: float
    mean_width: float
    n: int


def score(true: int, counted: int) -> float:
    """How far off a count was, in units of what is usual at that count."""
    return abs(true - counted) / (1 + math.sqrt(counted))


def quantile(scores: Sequence[float], level: float = LEVEL) -> float | None:
    """The score that a share of photos does not exceed, with the correction for few photos.

    Args:
      scores: of the photos that the interval is set on.
      level: share of new photos whose truth the interval is to hold.

    Returns:
      The quantile, rounded up to three decimals; None when there are too few photos to say.
    """
    rank = math.ceil((len(scores) + 1) * level)
    return math.ceil(sorted(scores)[rank - 1] * 1000) / 1000 if rank <= len(scores) else None


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
