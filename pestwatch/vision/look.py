"""At which size to count a photo: the counter looks, sees how long the moths are, and steps nearer or back.

A photo says nothing about its scale: moths are 17 to 100 and more pixels long. The network tells the length of each moth that
it finds, roughly even where it would count badly. So the first look is at a long side of 512 px; from the usual length there
follows the size at which moths would be MOTH_PX long; then it looks again, until the lengths agree with the size. What was found at
that last look is the count. Sizes lie a quarter of an octave apart, so that a phone's and a server's small differences
do not lead to different sizes.

A look that shows (almost) no moth says nothing about the scale: the next of FIRST_LOOKS is taken.

Twin: field/src/count/look.ts, held by tests/golden/count.json.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pestwatch.vision.preprocess import MAX_SIDE_PX, MOTH_PX

SIDES_PX = (128, 152, 181, 215, 256, 304, 362, 431, 512, 609, 724, 861, 1024, 1218, 1448, 1722, 2048, 2435, 2896, 3444, 4096)
"""512 * 2^(n / 4), rounded: the sizes at which a photo may be looked at."""
FIRST_LOOKS = (8, 12, 16, 4)
"""Places in SIDES_PX: 512, then 1024, 2048 and 256."""
STEP_CODE = 16
"""Codes of the length channel in one step of SIDES_PX: 256 for four octaves."""
MOTH_CODE = 142
"""Code of MOTH_PX: 256 * log2(28 / 6) / 4."""
SEEN_Q = 64
"""Least heat of a moth that is believed about its length."""
EVIDENCE_Q = 400
"""Least sum of heat that is believed about the scale: two sure moths."""
NEAR_STEPS = 1
"""So far from the wanted size a look is good enough."""
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
      moth_px: length of the usual moth at that look; None when too little was seen to say.
      looks: how many there were.
    """

    side_px: int
    seen: tuple[Seen, ...]
    moth_px: float | None
    looks: int


def look(long_px: int, see: Callable[[int], Sequence[Seen]]) -> Looked:
    """Looks at a photo until size and lengths agree.

    Args:
      long_px: the photo's long side.
      see: finds the moths at a long side, down to a heat of SEEN_Q at least.
    """
    allowed = [place for place, side in enumerate(SIDES_PX) if side <= min(ENLARGED * long_px, MAX_SIDE_PX)] or [0]
    found: dict[int, tuple[Seen, ...]] = {}

    def at(place: int) -> tuple[Seen, ...]:
        if place not in found:
            found[place] = tuple(see(SIDES_PX[place]))
        return found[place]

    def ended(place: int) -> Looked:
        code = usual_code(at(place))
        return Looked(SIDES_PX[place], at(place), None if code is None else length_px(code), len(found))

    firsts = list(dict.fromkeys(min(max(place, allowed[0]), allowed[-1]) for place in FIRST_LOOKS))
    place = next((first for first in firsts if usual_code(at(first)) is not None), None)
    if place is None:
        return ended(firsts[min(1, len(firsts) - 1)])
    while len(found) < MOST_LOOKS:
        code = usual_code(at(place))
        if code is None:
            break
        wanted = min(max(place - steps_off(code), allowed[0]), allowed[-1])
        if abs(wanted - place) <= NEAR_STEPS or wanted in found:
            break
        place = wanted
    return ended(place)


def usual_code(seen: Sequence[Seen]) -> int | None:
    """The median of the length codes, each weighing as much as its heat; None when there is too little heat."""
    believed = [moth for moth in seen if moth.value >= SEEN_Q]
    total = sum(moth.value for moth in believed)
    if total < EVIDENCE_Q:
        return None
    below = 0
    for moth in sorted(believed, key=lambda moth: moth.code):
        below += moth.value
        if 2 * below >= total:
            return moth.code
    return None


def steps_off(code: int) -> int:
    """How many sizes too near a look was; less than nothing when it was too far. Halves are rounded up."""
    return (2 * (code - MOTH_CODE) + STEP_CODE) // (2 * STEP_CODE)


def length_px(code: int) -> float:
    """A length code in pixels of the look."""
    return float(MOTH_PX * 2 ** ((code - MOTH_CODE) / (4 * STEP_CODE)))
