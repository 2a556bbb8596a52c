"""At which size to count a photo: the counter looks, sees how long the moths are, and steps nearer or back.

A photo says nothing about its scale: moths are 17 to 100 and more pixels long. The network tells the length of each moth
that it finds, roughly even where it would count badly; what it answers for moths of the wanted length (MOTH_PX) was measured
once and travels in the sidecar. So the first look is at a long side of 512 px; from the usual length there follows the
size at which moths would be as long as they are counted at; then it looks again, until the lengths agree with the size.
What was found at that last look is the count. Sizes lie a quarter of an octave apart, so that a phone's and a server's
small differences do not lead to different sizes.

A look that shows (almost) no moth says nothing about the scale: the next of FIRST_LOOKS is taken.

Twin: field/src/count/look.ts, held by tests/golden/count.json.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from pestwatch.vision.preprocess import MAX_SIDE_PX

SIDES_PX = (
    128,
    152,
    181,
    215,
    256,
    304,
    362,
    431,
    512,
    609,
    724,
    861,
    1024,
    1218,
    1448,
    1722,
    2048,
    2435,
    2896,
    3444,
    4096,
)
"""512 * 2^(n / 4), rounded: the sizes at which a photo may be looked at."""
FIRST_LOOKS = (8, 12, 16, 4)
"""Places in SIDES_PX: 512, then 1024, 2048 and 256."""
STEP_CODE = 16
"""Codes of the length channel in one step of SIDES_PX: 256 for four octaves."""
SEEN_Q = 48
"""Fainter peaks are not looked at: neither for the scale nor for the count."""
EVIDENCE_Q = 400
"""Least sum of heat that is believed about the scale: two sure moths."""
MOST_LOOKS = 7
ENLARGED = 2
"""A photo is enlarged to at most this factor: beyond it there is nothing more to see."""


@dataclass(frozen=True)
class Seen:
    """One moth of one look.

    Args:
      x: of its centre, as a fraction of the photo's width.
      y: as a fraction of its height.
      species: index.
      value: heat, 1 to 255.
      code: of its length, 0 to 255.
    """

    x: float
    y: float
    species: int
    value: int
    code: int


@dataclass(frozen=True)
class Looked:
    """Where the looking ended.

    Args:
      side_px: long side of the photo at the last look.
      seen: what was found there, also what is too faint to count.
      steps_off: how many sizes too near the last look was, less than nothing when too far; None when too little was seen
        to say.
      looks: how many there were.
    """

    side_px: int
    seen: tuple[Seen, ...]
    steps_off: int | None
    looks: int


def look(long_px: int, moth_codes: Sequence[int], see: Callable[[int], Sequence[Seen]]) -> Looked:
    """Looks at a photo until size and lengths agree.

    Args:
      long_px: the photo's long side.
      moth_codes: per species, the length code that this network answers where moths are as long as they are counted at.
      see: finds the moths at a long side, down to a heat of SEEN_Q.
    """

    def off(place: int) -> int | None:
        return steps_off(at(place), moth_codes)

    allowed = [place for place, side in enumerate(SIDES_PX) if side <= min(ENLARGED * long_px, MAX_SIDE_PX)] or [0]
    found: dict[int, tuple[Seen, ...]] = {}

    def at(place: int) -> tuple[Seen, ...]:
        if place not in found:
            found[place] = tuple(see(SIDES_PX[place]))
        return found[place]

    def ended(place: int) -> Looked:
        return Looked(SIDES_PX[place], at(place), off(place), len(found))

    firsts = list(dict.fromkeys(min(max(place, allowed[0]), allowed[-1]) for place in FIRST_LOOKS))
    place = next((first for first in firsts if off(first) is not None), None)
    if place is None:
        return ended(firsts[min(1, len(firsts) - 1)])
    while len(found) < MOST_LOOKS:
        wanted = min(max(place - (off(place) or 0), allowed[0]), allowed[-1])
        # With nothing to believe there, what was seen before is the better answer.
        if wanted in found or off(wanted) is None:
            break
        place = wanted
    return ended(place)


def steps_off(seen: Sequence[Seen], moth_codes: Sequence[int]) -> int | None:
    """How many sizes too near a look was; less than nothing when it was too far.

    Every moth says by how much it is longer than its species is counted at; the median, each weighing as much as its heat,
    decides. Halves of steps are rounded up. None when there is too little heat to believe.
    """
    if sum(moth.value for moth in seen) < EVIDENCE_Q:
        return None
    longer = _median([(moth.code - moth_codes[moth.species], moth.value) for moth in seen])
    return (2 * longer + STEP_CODE) // (2 * STEP_CODE)


def middle_code(seen: Sequence[Seen]) -> int | None:
    """The median of the length codes, each weighing as much as its heat; None without any."""
    return _median([(moth.code, moth.value) for moth in seen]) if seen else None


def _median(weighed: Sequence[tuple[int, int]]) -> int:
    """The least number with half of the weight at or below it; of (number, weight), at least one."""
    ordered = sorted(weighed)
    below = list(accumulate(weight for _, weight in ordered))
    return ordered[bisect_left(below, below[-1] / 2)][0]
